//! Runs.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_types::{Bytes, CampaignId, DatasetId, ErrorClass, Rows, RunId, RunState, Timestamp};

use super::{Query, number, text};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{CourseStep, Door, Failure, Run, RunFilter};

pub(super) const RUN: &str = "SELECT campaign, seq, id, dataset, wave, verdict, schema, plan, bytes, rows, state, epoch, reason, since,
    publish, descriptor, base, attempt, version, class, code, meters, team,
    statement, alarms FROM run";

pub(in crate::sqlite) fn run(
    db: &Connection,
    campaign: CampaignId,
    seq: u64,
) -> rusqlite::Result<Option<Run>> {
    let mut find = db.prepare_cached(&format!("{RUN} WHERE campaign = ?1 AND seq = ?2"))?;
    find.query_row(params![campaign.to_string(), number(seq)], run_of).optional()
}

pub(in crate::sqlite) fn run_named(db: &Connection, run: RunId) -> rusqlite::Result<Option<Run>> {
    let mut find = db.prepare_cached(&format!("{RUN} WHERE id = ?1"))?;
    find.query_row([run.to_string()], run_of).optional()
}

/// Each combination of conditions has an index that ends with the number, so a page reads what it shows.
pub(in crate::sqlite) fn runs(
    db: &Connection,
    campaign: CampaignId,
    filter: RunFilter,
    after: Option<u64>,
    limit: Limit,
) -> rusqlite::Result<Page<Run, u64>> {
    let mut query = Query::new(RUN);
    query.and("campaign = ?", text(campaign));
    if let Some(wave) = filter.wave {
        query.and("wave = ?", number(wave.into()));
    }
    if let Some(state) = filter.state {
        query.and("state = ?", text(state));
    }
    if let Some(after) = after {
        query.and("seq > ?", number(after));
    }
    query.page(db, ("seq", limit), run_of, |run| run.seq)
}

/// The index by state ends with the number: it alone is read.
pub(in crate::sqlite) fn run_states(
    db: &Connection,
    campaign: CampaignId,
) -> rusqlite::Result<Vec<(RunState, Vec<u64>)>> {
    let sql = "SELECT seq FROM run WHERE campaign = ?1 AND state = ?2 ORDER BY seq";
    let (mut find, campaign) = (db.prepare_cached(sql)?, campaign.to_string());
    let mut states = Vec::new();
    for state in RunState::ALL {
        let seqs = find.query_map(params![campaign, state.as_str()], |row| row.get(0))?;
        let seqs = seqs.collect::<rusqlite::Result<Vec<u64>>>()?;
        if !seqs.is_empty() {
            states.push((*state, seqs));
        }
    }
    Ok(states)
}

/// Rows of one campaign, which its key leads through.
pub(in crate::sqlite) fn course(db: &Connection, campaign: CampaignId) -> rusqlite::Result<Vec<CourseStep>> {
    let sql = "SELECT second, rested, failed FROM course WHERE campaign = ?1 ORDER BY second";
    let mut find = db.prepare_cached(sql)?;
    let step = |row: &Row<'_>| {
        let mut cells = Cells::of(row);
        Ok(CourseStep { second: cells.get()?, rested: cells.get()?, failed: cells.get()? })
    };
    find.query_map([campaign.to_string()], step)?.collect()
}

pub(in crate::sqlite) fn runs_of_dataset(
    db: &Connection,
    dataset: DatasetId,
    after: Option<(CampaignId, u64)>,
    limit: Limit,
) -> rusqlite::Result<Page<Run, (CampaignId, u64)>> {
    let mut query = Query::new(RUN);
    query.and("dataset = ?", text(dataset));
    if let Some((campaign, seq)) = after {
        query.and("(campaign, seq) > (?", text(campaign));
        query.sql.push_str(", ?)");
        query.values.push(number(seq));
    }
    query.page(db, ("campaign, seq", limit), run_of, |run| (run.campaign, run.seq))
}

pub(in crate::sqlite) fn last_run_of(db: &Connection, dataset: DatasetId) -> rusqlite::Result<Option<Run>> {
    let mut query = Query::new(RUN);
    query.and("dataset = ?", text(dataset));
    let key = |run: &Run| (run.campaign, run.seq);
    let page = query.page(db, ("campaign DESC, seq DESC", Limit::new(1)), run_of, key)?;
    Ok(page.items.into_iter().next())
}

pub(super) fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    let mut cells = Cells::of(row);
    Ok(Run {
        campaign: cells.parse()?,
        seq: cells.get()?,
        id: cells.parse()?,
        dataset: cells.parse()?,
        wave: cells.get()?,
        verdict: cells.parse()?,
        schema: cells.digest_opt()?,
        plan: cells.digest_opt()?,
        bytes: Bytes(cells.get()?),
        rows: Rows(cells.get()?),
        state: cells.parse()?,
        epoch: cells.get()?,
        reason: cells.parse()?,
        since: Timestamp(cells.get()?),
        door: door(&mut cells)?,
        version: cells.get()?,
        failure: failure(&mut cells)?,
        meters: cells.json()?,
        team: cells.parse_opt()?,
        statement: cells.digest_opt()?,
        alarms: cells.get()?,
    })
}

fn door(cells: &mut Cells<'_, '_>) -> rusqlite::Result<Option<Door>> {
    let (publish, descriptor) = (cells.parse_opt()?, cells.digest_opt()?);
    let (base, attempt) = (cells.get()?, cells.parse_opt()?);
    // All four are set by one event and emptied by one.
    Ok(publish
        .zip(descriptor)
        .zip(Option::zip(base, attempt))
        .map(|((publish, descriptor), (base, attempt))| Door { publish, descriptor, base, attempt }))
}

pub(in crate::sqlite) fn failure(cells: &mut Cells<'_, '_>) -> rusqlite::Result<Option<Failure>> {
    let class = cells.get::<Option<String>>()?;
    let class = class.and_then(|word| ErrorClass::ALL.into_iter().find(|class| class.as_str() == word));
    Ok(class.zip(cells.parse_opt()?).map(|(class, code)| Failure { class, code }))
}
