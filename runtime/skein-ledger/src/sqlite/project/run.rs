//! Runs, and the counters of their waves and campaigns, which change with them and are never counted.

use rusqlite::{Connection, ToSql, params};
use skein_types::{CampaignId, ErrorClass, Name, RunState, Timestamp, Verdict};

use crate::event::health::{RunAlarmed, RunRehearsed};
use crate::event::run::{
    Meters, RunCancelled, RunFailed, RunFinalized, RunHeld, RunIntended, RunPlanned, RunPublished,
    RunReleased, RunRetried, RunRevertFailed, RunReverted, RunReverting, RunSkipped, RunStale,
};
use crate::guard::Found;
use crate::sqlite::apply::refuse_if;
use crate::sqlite::cells::Cells;
use crate::sqlite::fault::Stop;
use crate::sqlite::guard::{RunAt, campaign_at, run_at, wave_at};

pub(super) fn planned(db: &Connection, e: &RunPlanned, at: Timestamp) -> Result<(), Stop> {
    if campaign_at(db, e.campaign)?.is_none() {
        return Err(Stop::Refused(Found::Nothing));
    }
    if let Some(wave) = e.wave
        && wave_at(db, e.campaign, wave)?.is_none()
    {
        return Err(Stop::Refused(Found::Nothing));
    }
    refuse_if(run_at(db, e.campaign, e.seq)?, RunAt::found)?;
    refuse_if(run_named(db, e)?, RunAt::found)?;
    let state = match e.verdict {
        Verdict::Eligible => RunState::Planned,
        Verdict::AlreadyMigrated | Verdict::NotApplicable | Verdict::Refused => RunState::Ineligible,
    };
    let sql = "INSERT INTO run (campaign, seq, id, dataset, wave, verdict, schema, plan, bytes, rows, state, epoch, reason,
               since, meters, team) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12, ?13, ?14, ?15)";
    db.prepare_cached(sql)?.execute(params![
        e.campaign.to_string(),
        e.seq,
        e.run.to_string(),
        e.dataset.to_string(),
        e.wave,
        e.verdict.as_str(),
        e.schema.map(|digest| digest.0),
        e.plan.map(|digest| digest.0),
        e.bytes.0,
        e.rows.0,
        state.as_str(),
        e.reason.as_str(),
        at.0,
        spelled(&Meters::default()),
        e.team.as_ref().map(Name::as_str)
    ])?;
    count(db, e.campaign, e.wave, &format!("n_{state} = n_{state} + 1"))
}

pub(super) fn intended(db: &Connection, e: &RunIntended, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (RunState::Planned, RunState::Intended), "", at)?;
    let sql =
        "UPDATE run SET publish = ?3, descriptor = ?4, base = ?5, attempt = ?6, version = NULL, class = NULL,
               code = NULL WHERE campaign = ?1 AND seq = ?2";
    db.prepare_cached(sql)?.execute(params![
        e.campaign.to_string(),
        e.seq,
        e.publish.as_str(),
        e.descriptor.0,
        e.base,
        e.attempt.to_string()
    ])?;
    Ok(())
}

pub(super) fn held(db: &Connection, e: &RunHeld, at: Timestamp) -> Result<(), Stop> {
    let reason = e.reason.as_str();
    moves(db, (e.campaign, e.seq), (RunState::Planned, RunState::Held), reason, at).map(|_| ())
}

pub(super) fn released(db: &Connection, e: &RunReleased, at: Timestamp) -> Result<(), Stop> {
    let reason = e.reason.as_str();
    moves(db, (e.campaign, e.seq), (RunState::Held, RunState::Planned), reason, at).map(|_| ())
}

pub(super) fn published(db: &Connection, e: &RunPublished, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (RunState::Intended, RunState::Published), "", at)?;
    let statement = e.statement.map(|digest| digest.0);
    set(db, (e.campaign, e.seq), "version = ?3, statement = ?4", &[&e.version, &statement])?;
    keeps(db, (e.campaign, e.seq), '+')?;
    meter(db, (e.campaign, e.seq), e.meters)
}

pub(super) fn finalized(db: &Connection, e: &RunFinalized, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (RunState::Published, RunState::Finalized), "", at)?;
    keeps(db, (e.campaign, e.seq), '-')
}

pub(super) fn failed(db: &Connection, e: &RunFailed, at: Timestamp) -> Result<(), Stop> {
    let wave = moves(db, (e.campaign, e.seq), (e.from, RunState::Failed), e.message.as_str(), at)?;
    blame(db, (e.campaign, e.seq), e.class, e.code.as_str())?;
    meter(db, (e.campaign, e.seq), e.meters)?;
    if let Some(wave) = wave {
        let sql = "UPDATE wave SET failures = failures + 1 WHERE campaign = ?1 AND number = ?2";
        db.prepare_cached(sql)?.execute(params![e.campaign.to_string(), wave])?;
    }
    Ok(())
}

pub(super) fn skipped(db: &Connection, e: &RunSkipped, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (e.from, RunState::Skipped), e.reason.as_str(), at).map(|_| ())
}

pub(super) fn cancelled(db: &Connection, e: &RunCancelled, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (e.from, RunState::Cancelled), e.reason.as_str(), at).map(|_| ())
}

pub(super) fn stale(db: &Connection, e: &RunStale, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (e.from, RunState::Stale), e.reason.as_str(), at).map(|_| ())
}

pub(super) fn retried(db: &Connection, e: &RunRetried, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (e.from, RunState::Planned), e.reason.as_str(), at)?;
    let empty = "publish = NULL, descriptor = NULL, base = NULL, attempt = NULL, class = NULL, code = NULL";
    set(db, (e.campaign, e.seq), empty, &[])
}

pub(super) fn reverting(db: &Connection, e: &RunReverting, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (e.from, RunState::Reverting), e.reason.as_str(), at)?;
    set(db, (e.campaign, e.seq), "class = NULL, code = NULL", &[])
}

pub(super) fn reverted(db: &Connection, e: &RunReverted, at: Timestamp) -> Result<(), Stop> {
    moves(db, (e.campaign, e.seq), (RunState::Reverting, RunState::Reverted), "", at)?;
    keeps(db, (e.campaign, e.seq), '-')?;
    set(db, (e.campaign, e.seq), "version = ?3", &[&e.version])
}

pub(super) fn revert_failed(db: &Connection, e: &RunRevertFailed, at: Timestamp) -> Result<(), Stop> {
    let message = e.message.as_str();
    moves(db, (e.campaign, e.seq), (RunState::Reverting, RunState::RevertFailed), message, at)?;
    blame(db, (e.campaign, e.seq), e.class, e.code.as_str())
}

/// It is told, and moves nothing.
pub(super) fn rehearsed(db: &Connection, e: &RunRehearsed) -> Result<(), Stop> {
    there(db, (e.campaign, e.seq))
}

pub(super) fn alarmed(db: &Connection, e: &RunAlarmed) -> Result<(), Stop> {
    there(db, (e.campaign, e.seq))?;
    set(db, (e.campaign, e.seq), "alarms = alarms + 1", &[])?;
    db.prepare_cached("UPDATE campaign SET alarms = alarms + 1 WHERE id = ?1")?
        .execute([e.campaign.to_string()])?;
    Ok(())
}

fn there(db: &Connection, (campaign, seq): (CampaignId, u64)) -> Result<(), Stop> {
    match run_at(db, campaign, seq)? {
        Some(_) => Ok(()),
        None => Err(Stop::Refused(Found::Nothing)),
    }
}

/// The old version of a run, as large as the plan saw it, is kept for its campaign or not any more.
fn keeps(db: &Connection, (campaign, seq): (CampaignId, u64), sign: char) -> Result<(), Stop> {
    let sql = format!(
        "UPDATE campaign SET kept = MAX(0, kept {sign} (SELECT bytes FROM run WHERE campaign = ?1 AND seq = ?2)) WHERE id = ?1"
    );
    db.prepare_cached(&sql)?.execute(params![campaign.to_string(), seq])?;
    Ok(())
}

/// Another run that has the name already.
fn run_named(db: &Connection, e: &RunPlanned) -> rusqlite::Result<Option<RunAt>> {
    let mut find = db.prepare_cached("SELECT campaign, seq FROM run WHERE id = ?1")?;
    let mut rows = find.query([e.run.to_string()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut cells = Cells::of(row);
    run_at(db, cells.parse()?, cells.get()?)
}

/// Moves a run that is where it should be, and both counters with it. Says in which wave it is.
fn moves(
    db: &Connection,
    (campaign, seq): (CampaignId, u64),
    (from, to): (RunState, RunState),
    reason: &str,
    at: Timestamp,
) -> Result<Option<u32>, Stop> {
    let here = match run_at(db, campaign, seq)? {
        None => return Err(Stop::Refused(Found::Nothing)),
        Some(here) if here.state == from => here,
        Some(here) => return Err(Stop::Refused(here.found())),
    };
    let sql = "UPDATE run SET state = ?3, epoch = epoch + 1, reason = ?4, since = ?5 WHERE campaign = ?1 AND seq = ?2";
    db.prepare_cached(sql)?.execute(params![campaign.to_string(), seq, to.as_str(), reason, at.0])?;
    if from != to {
        let change = format!("n_{from} = n_{from} - 1, n_{to} = n_{to} + 1");
        count(db, campaign, here.wave, &change)?;
        course(db, campaign, (from, to), at)?;
    }
    Ok(here.wave)
}

/// Notes that a run came to rest or was taken up again. A second that had both keeps its row.
fn course(
    db: &Connection,
    campaign: CampaignId,
    (from, to): (RunState, RunState),
    at: Timestamp,
) -> Result<(), Stop> {
    let change = |is: fn(RunState) -> bool| i64::from(is(to)) - i64::from(is(from));
    let (rested, failed) = (change(RunState::is_at_rest), change(RunState::is_failed));
    if (rested, failed) != (0, 0) {
        let sql = "INSERT INTO course (campaign, second, rested, failed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (campaign, second)
                   DO UPDATE SET rested = rested + excluded.rested, failed = failed + excluded.failed";
        db.prepare_cached(sql)?.execute(params![campaign.to_string(), at.0 / 1_000, rested, failed])?;
    }
    Ok(())
}

fn count(db: &Connection, campaign: CampaignId, wave: Option<u32>, change: &str) -> Result<(), Stop> {
    let id = campaign.to_string();
    db.prepare_cached(&format!("UPDATE campaign SET {change} WHERE id = ?1"))?.execute([&id])?;
    if let Some(wave) = wave {
        let sql = format!("UPDATE wave SET {change} WHERE campaign = ?1 AND number = ?2");
        db.prepare_cached(&sql)?.execute(params![id, wave])?;
    }
    Ok(())
}

fn set(
    db: &Connection,
    (campaign, seq): (CampaignId, u64),
    columns: &str,
    values: &[&dyn ToSql],
) -> Result<(), Stop> {
    let sql = format!("UPDATE run SET {columns} WHERE campaign = ?1 AND seq = ?2");
    let id = campaign.to_string();
    let mut all: Vec<&dyn ToSql> = vec![&id, &seq];
    all.extend_from_slice(values);
    db.prepare_cached(&sql)?.execute(all.as_slice())?;
    Ok(())
}

fn blame(db: &Connection, run: (CampaignId, u64), class: ErrorClass, code: &str) -> Result<(), Stop> {
    set(db, run, "class = ?3, code = ?4", &[&class.as_str(), &code])
}

/// Adds to the sums of the run and of its campaign.
fn meter(db: &Connection, (campaign, seq): (CampaignId, u64), meters: Meters) -> Result<(), Stop> {
    if meters == Meters::default() {
        return Ok(());
    }
    let id = campaign.to_string();
    let mut of_run = db.prepare_cached("SELECT meters FROM run WHERE campaign = ?1 AND seq = ?2")?;
    let sum: Meters = of_run.query_row(params![id, seq], |row| Cells::of(row).json())?;
    set(db, (campaign, seq), "meters = ?3", &[&spelled(&sum.plus(meters))])?;
    let mut of_campaign = db.prepare_cached("SELECT meters FROM campaign WHERE id = ?1")?;
    let sum: Meters = of_campaign.query_row([&id], |row| Cells::of(row).json())?;
    let sql = "UPDATE campaign SET meters = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id, spelled(&sum.plus(meters))])?;
    Ok(())
}

/// Meters as a row has them: fields in the order of the struct.
pub(super) fn spelled(meters: &Meters) -> String {
    serde_json::to_string(meters).expect("a struct of numbers is JSON")
}
