//! Slices of plans, approvals and comments.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_types::{Bytes, CampaignId, Name, Rows, RunState, Timestamp};

use super::{Query, number, text};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{Approval, Comment, Run, Slice, WaveApproval};

const SLICE: &str =
    "SELECT team, risk, datasets, bytes, rows, state, until, person, reason, since FROM slice";
const APPROVAL: &str = "SELECT team, person, of_owner, glass, note, at FROM approval";
const WAVE: &str = "SELECT wave, person, note, at FROM wave_approval";
const COMMENT: &str =
    "SELECT number, team, question, text, person, at, resolved, resolved_by, resolution FROM comment";

pub(in crate::sqlite) fn slice(
    db: &Connection,
    campaign: CampaignId,
    team: &Name,
) -> rusqlite::Result<Option<Slice>> {
    let mut find = db.prepare_cached(&format!("{SLICE} WHERE campaign = ?1 AND team = ?2"))?;
    find.query_row(params![campaign.to_string(), team.as_str()], slice_of).optional()
}

pub(in crate::sqlite) fn slices(
    db: &Connection,
    campaign: CampaignId,
    after: Option<&Name>,
    limit: Limit,
) -> rusqlite::Result<Page<Slice, Name>> {
    let mut query = Query::new(SLICE);
    query.and("campaign = ?", text(campaign));
    if let Some(after) = after {
        query.and("team > ?", text(after));
    }
    query.page(db, ("team", limit), slice_of, |slice| slice.team.clone())
}

pub(in crate::sqlite) fn runs_of_slice(
    db: &Connection,
    (campaign, team, state): (CampaignId, &Name, RunState),
    after: Option<u64>,
    limit: Limit,
) -> rusqlite::Result<Page<Run, u64>> {
    let mut query = Query::new(super::run::RUN);
    query.and("campaign = ?", text(campaign));
    query.and("team = ?", text(team));
    query.and("state = ?", text(state));
    if let Some(after) = after {
        query.and("seq > ?", number(after));
    }
    query.page(db, ("seq", limit), super::run::run_of, |run| run.seq)
}

pub(in crate::sqlite) fn planned_of_slice(
    db: &Connection,
    campaign: CampaignId,
    team: &Name,
) -> rusqlite::Result<BTreeMap<u32, u64>> {
    let mut find = db.prepare_cached(
        "SELECT wave FROM run WHERE campaign = ?1 AND team = ?2 AND state = ?3 AND wave IS NOT NULL",
    )?;
    let mut rows = find.query(params![campaign.to_string(), team.as_str(), RunState::Planned.as_str()])?;
    let mut of_wave = BTreeMap::new();
    while let Some(row) = rows.next()? {
        *of_wave.entry(row.get(0)?).or_default() += 1;
    }
    Ok(of_wave)
}

/// The first that is found ends it; what is planned in waves that began before are a few that were put off.
pub(in crate::sqlite) fn is_planned_behind(
    db: &Connection,
    campaign: CampaignId,
    (team, wave): (&Name, u32),
) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM run WHERE campaign = ?1 AND team = ?2 AND state = ?3 AND wave > ?4 LIMIT 1";
    db.prepare_cached(sql)?.exists(params![
        campaign.to_string(),
        team.as_str(),
        RunState::Planned.as_str(),
        wave
    ])
}

pub(in crate::sqlite) fn approvals(
    db: &Connection,
    campaign: CampaignId,
    after: Option<&(Name, Name)>,
    limit: Limit,
) -> rusqlite::Result<Page<Approval, (Name, Name)>> {
    let mut query = Query::new(APPROVAL);
    query.and("campaign = ?", text(campaign));
    if let Some((team, person)) = after {
        query.and("(team, person) > (?", text(team));
        query.sql.push_str(", ?)");
        query.values.push(text(person));
    }
    let key = |approval: &Approval| (approval.team.clone(), approval.person.clone());
    query.page(db, ("team, person", limit), approval_of, key)
}

/// Waves are few.
pub(in crate::sqlite) fn wave_approvals(
    db: &Connection,
    campaign: CampaignId,
) -> rusqlite::Result<Vec<WaveApproval>> {
    let mut query = Query::new(WAVE);
    query.and("campaign = ?", text(campaign));
    Ok(query.page(db, ("wave", Limit::MAX), wave_of, |wave| wave.wave)?.items)
}

pub(in crate::sqlite) fn comments(
    db: &Connection,
    campaign: CampaignId,
    after: Option<u64>,
    limit: Limit,
) -> rusqlite::Result<Page<Comment, u64>> {
    let mut query = Query::new(COMMENT);
    query.and("campaign = ?", text(campaign));
    if let Some(after) = after {
        query.and("number > ?", number(after));
    }
    query.page(db, ("number", limit), comment_of, |comment| comment.number)
}

fn slice_of(row: &Row<'_>) -> rusqlite::Result<Slice> {
    let mut cells = Cells::of(row);
    Ok(Slice {
        team: cells.parse()?,
        risk: cells.parse()?,
        datasets: cells.get()?,
        bytes: Bytes(cells.get()?),
        rows: Rows(cells.get()?),
        state: cells.parse()?,
        until: cells.get::<Option<u64>>()?.map(Timestamp),
        person: cells.parse()?,
        reason: cells.parse()?,
        since: Timestamp(cells.get()?),
    })
}

fn approval_of(row: &Row<'_>) -> rusqlite::Result<Approval> {
    let mut cells = Cells::of(row);
    Ok(Approval {
        team: cells.parse()?,
        person: cells.parse()?,
        of_owner: cells.get()?,
        glass: cells.get()?,
        note: cells.parse()?,
        at: Timestamp(cells.get()?),
    })
}

fn wave_of(row: &Row<'_>) -> rusqlite::Result<WaveApproval> {
    let mut cells = Cells::of(row);
    Ok(WaveApproval {
        wave: cells.get()?,
        person: cells.parse()?,
        note: cells.parse()?,
        at: Timestamp(cells.get()?),
    })
}

fn comment_of(row: &Row<'_>) -> rusqlite::Result<Comment> {
    let mut cells = Cells::of(row);
    Ok(Comment {
        number: cells.get()?,
        team: cells.parse_opt()?,
        question: cells.get()?,
        text: cells.parse()?,
        person: cells.parse()?,
        at: Timestamp(cells.get()?),
        resolved: cells.get::<Option<u64>>()?.map(Timestamp),
        resolved_by: cells.parse()?,
        resolution: cells.parse()?,
    })
}
