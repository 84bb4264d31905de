//! Slices of plans, approvals and comments.

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_types::{Blake3, CampaignId, Name, SliceState, Timestamp, WaveState};

use super::one;
use crate::event::approval::{
    ApprovalBrokenGlass, ApprovalGiven, ApprovalRevoked, CommentAdded, CommentResolved, SliceDeclined,
    SliceDeferred, SlicePlanned, WaveApproved,
};
use crate::guard::Found;
use crate::sqlite::apply::refuse_if;
use crate::sqlite::cells::Cells;
use crate::sqlite::fault::Stop;
use crate::sqlite::guard::{campaign_at, wave_at};

pub(super) fn planned(db: &Connection, e: &SlicePlanned, at: Timestamp) -> Result<(), Stop> {
    there(db, e.campaign)?;
    refuse_if(slice_at(db, e.campaign, &e.team)?, |state| Found::Slice { state })?;
    let sql =
        "INSERT INTO slice (campaign, team, risk, datasets, bytes, rows, state, until, person, reason, since)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, '', '', ?8)";
    db.prepare_cached(sql)?.execute(params![
        e.campaign.to_string(),
        e.team.as_str(),
        e.risk.as_str(),
        e.datasets,
        e.bytes.0,
        e.rows.0,
        SliceState::Undecided.as_str(),
        at.0
    ])?;
    Ok(())
}

pub(super) fn given(db: &Connection, e: &ApprovalGiven, at: Timestamp) -> Result<(), Stop> {
    let plan = (e.campaign, e.plan);
    approves(db, (plan, &e.team, &e.person), (e.of_owner, false, e.note.as_str()), at)?;
    if e.completes {
        decided(db, (e.campaign, &e.team), (SliceState::Approved, &e.person, e.note.as_str()), at)?;
    }
    Ok(())
}

pub(super) fn broken_glass(db: &Connection, e: &ApprovalBrokenGlass, at: Timestamp) -> Result<(), Stop> {
    let plan = (e.campaign, e.plan);
    approves(db, (plan, &e.team, &e.person), (false, true, e.reason.as_str()), at)?;
    decided(db, (e.campaign, &e.team), (SliceState::Approved, &e.person, e.reason.as_str()), at)?;
    let sql = "UPDATE campaign SET broken_glass = 1 WHERE id = ?1";
    one(db.prepare_cached(sql)?.execute([e.campaign.to_string()])?)
}

pub(super) fn revoked(db: &Connection, e: &ApprovalRevoked, at: Timestamp) -> Result<(), Stop> {
    let sql = "DELETE FROM approval WHERE campaign = ?1 AND team = ?2 AND person = ?3";
    let key = params![e.campaign.to_string(), e.team.as_str(), e.person.as_str()];
    one(db.prepare_cached(sql)?.execute(key)?)?;
    if e.opens {
        decided(db, (e.campaign, &e.team), (SliceState::Undecided, &e.person, e.reason.as_str()), at)?;
    }
    Ok(())
}

pub(super) fn deferred(db: &Connection, e: &SliceDeferred) -> Result<(), Stop> {
    not_declined(db, e.campaign, &e.team)?;
    let sql = "UPDATE slice SET until = ?3, person = ?4, reason = ?5 WHERE campaign = ?1 AND team = ?2";
    one(db.prepare_cached(sql)?.execute(params![
        e.campaign.to_string(),
        e.team.as_str(),
        e.until.0,
        e.person.as_str(),
        e.reason.as_str()
    ])?)
}

pub(super) fn declined(db: &Connection, e: &SliceDeclined, at: Timestamp) -> Result<(), Stop> {
    not_declined(db, e.campaign, &e.team)?;
    decided(db, (e.campaign, &e.team), (SliceState::Declined, &e.person, e.reason.as_str()), at)
}

pub(super) fn commented(db: &Connection, e: &CommentAdded, at: Timestamp) -> Result<(), Stop> {
    there(db, e.campaign)?;
    let id = e.campaign.to_string();
    let mut find = db.prepare_cached("SELECT comments FROM campaign WHERE id = ?1")?;
    let before: u64 = find.query_row([&id], |row| row.get(0))?;
    if before + 1 != e.comment {
        return Err(Stop::Refused(Found::Comments { comments: before }));
    }
    let sql = "UPDATE campaign SET comments = ?2, open_questions = open_questions + ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id, e.comment, u64::from(e.question)])?;
    let sql = "INSERT INTO comment (campaign, number, team, question, text, person, at, resolved, resolved_by, resolution)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, '', '')";
    db.prepare_cached(sql)?.execute(params![
        id,
        e.comment,
        e.team.as_ref().map(Name::as_str),
        e.question,
        e.text.as_str(),
        e.person.as_str(),
        at.0
    ])?;
    Ok(())
}

pub(super) fn resolved(db: &Connection, e: &CommentResolved, at: Timestamp) -> Result<(), Stop> {
    let sql = "UPDATE comment SET resolved = ?3, resolved_by = ?4, resolution = ?5
               WHERE campaign = ?1 AND number = ?2 AND question = 1 AND resolved IS NULL";
    let id = e.campaign.to_string();
    let values = params![id, e.comment, at.0, e.person.as_str(), e.note.as_str()];
    one(db.prepare_cached(sql)?.execute(values)?)?;
    let sql = "UPDATE campaign SET open_questions = open_questions - 1 WHERE id = ?1";
    one(db.prepare_cached(sql)?.execute([id])?)
}

pub(super) fn wave_approved(db: &Connection, e: &WaveApproved, at: Timestamp) -> Result<(), Stop> {
    same_plan(db, (e.campaign, e.plan))?;
    match wave_at(db, e.campaign, e.wave)? {
        None => return Err(Stop::Refused(Found::Nothing)),
        Some(at) if at.state == WaveState::AwaitingApproval => {}
        Some(at) => return Err(Stop::Refused(Found::Wave { state: at.state })),
    }
    // One that was held since, and went on, waits for another approval.
    let sql = "INSERT INTO wave_approval (campaign, wave, person, note, at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (campaign, wave) DO UPDATE SET person = excluded.person, note = excluded.note, at = excluded.at";
    let values = params![e.campaign.to_string(), e.wave, e.person.as_str(), e.note.as_str(), at.0];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// A plan is void, and with it all that was said of it but for comments.
pub(super) fn void(db: &Connection, campaign: CampaignId) -> Result<(), Stop> {
    for table in ["slice", "approval", "wave_approval"] {
        let sql = format!("DELETE FROM {table} WHERE campaign = ?1");
        db.prepare_cached(&sql)?.execute([campaign.to_string()])?;
    }
    Ok(())
}

fn approves(
    db: &Connection,
    (plan, team, person): ((CampaignId, Blake3), &Name, &Name),
    (of_owner, glass, note): (bool, bool, &str),
    at: Timestamp,
) -> Result<(), Stop> {
    same_plan(db, plan)?;
    not_declined(db, plan.0, team)?;
    let (id, team, person) = (plan.0.to_string(), team.as_str(), person.as_str());
    let mut find = db.prepare_cached(
        "SELECT of_owner, glass FROM approval WHERE campaign = ?1 AND team = ?2 AND person = ?3",
    )?;
    let before = find
        .query_row(params![id, team, person], |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)))
        .optional()?;
    // Another kind of approval by the same person takes the place of the one before.
    if before == Some((of_owner, glass)) {
        return Err(Stop::Refused(Found::Approval));
    }
    let sql = "INSERT INTO approval (campaign, team, person, of_owner, glass, note, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (campaign, team, person) DO UPDATE SET of_owner = excluded.of_owner, glass = excluded.glass,
               note = excluded.note, at = excluded.at";
    db.prepare_cached(sql)?.execute(params![id, team, person, of_owner, glass, note, at.0])?;
    Ok(())
}

fn decided(
    db: &Connection,
    (campaign, team): (CampaignId, &Name),
    (state, person, reason): (SliceState, &Name, &str),
    at: Timestamp,
) -> Result<(), Stop> {
    let sql =
        "UPDATE slice SET state = ?3, person = ?4, reason = ?5, since = ?6 WHERE campaign = ?1 AND team = ?2";
    one(db.prepare_cached(sql)?.execute(params![
        campaign.to_string(),
        team.as_str(),
        state.as_str(),
        person.as_str(),
        reason,
        at.0
    ])?)
}

fn there(db: &Connection, campaign: CampaignId) -> Result<(), Stop> {
    campaign_at(db, campaign)?.map(|_| ()).ok_or(Stop::Refused(Found::Nothing))
}

fn same_plan(db: &Connection, (campaign, plan): (CampaignId, Blake3)) -> Result<(), Stop> {
    let mut find = db.prepare_cached("SELECT plan FROM campaign WHERE id = ?1")?;
    let at = find.query_row([campaign.to_string()], |row| Cells::of(row).digest_opt()).optional()?.flatten();
    match at {
        Some(at) if at == plan => Ok(()),
        Some(_) | None => Err(Stop::Refused(Found::Plan { plan: at })),
    }
}

fn not_declined(db: &Connection, campaign: CampaignId, team: &Name) -> Result<(), Stop> {
    match slice_at(db, campaign, team)? {
        None => Err(Stop::Refused(Found::Nothing)),
        Some(SliceState::Declined) => Err(Stop::Refused(Found::Slice { state: SliceState::Declined })),
        Some(SliceState::Undecided | SliceState::Approved) => Ok(()),
    }
}

fn slice_at(db: &Connection, campaign: CampaignId, team: &Name) -> rusqlite::Result<Option<SliceState>> {
    let mut find = db.prepare_cached("SELECT state FROM slice WHERE campaign = ?1 AND team = ?2")?;
    find.query_row(params![campaign.to_string(), team.as_str()], |row| Cells::of(row).parse()).optional()
}
