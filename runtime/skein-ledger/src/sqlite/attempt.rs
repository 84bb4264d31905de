//! Writing and reading rows of attempts.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_types::{AttemptId, CampaignId, Timestamp};

use super::cells::Cells;
use super::kept::ATTEMPTS;
use super::read::run::failure;
use super::read::{Query, number, text};
use crate::attempt::{Attempt, AttemptFilter, Ending};
use crate::page::{Limit, Page};
use crate::task::TaskKind;

const ATTEMPT: &str =
    "SELECT id, campaign, seq, task, kind, node, incarnation, began, ended, ending, class, code, message,
    notes, log, rejects, keep_until FROM attempt";
/// In the words of the index of failed ones.
const FAILED: &str = " AND ending = 'failed'";

/// An attempt ends once: there already, the first stays.
pub(super) fn put(db: &Connection, attempt: &Attempt) -> rusqlite::Result<()> {
    let sql = "INSERT INTO attempt (id, campaign, seq, task, kind, node, incarnation, began, ended, ending, class, code,
               message, notes, log, rejects, keep_until)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
               ON CONFLICT (id) DO NOTHING";
    let failure = attempt.failure.as_ref();
    let new = db.prepare_cached(sql)?.execute(params![
        attempt.id.to_string(),
        attempt.campaign.to_string(),
        attempt.seq,
        attempt.task.to_string(),
        attempt.kind.as_str(),
        attempt.node.to_string(),
        attempt.incarnation,
        attempt.began.map(|began| began.0),
        attempt.ended.0,
        attempt.ending.as_str(),
        failure.map(|failure| failure.class.as_str()),
        failure.map(|failure| failure.code.as_str()),
        attempt.message.as_str(),
        attempt.notes,
        attempt.log.map(|blob| blob.0),
        attempt.rejects.map(|blob| blob.0),
        attempt.keep_until.0
    ])?;
    if new > 0 { ATTEMPTS.holds_one_more(db) } else { Ok(()) }
}

pub(super) fn attempt(db: &Connection, id: AttemptId) -> rusqlite::Result<Option<Attempt>> {
    let mut find = db.prepare_cached(&format!("{ATTEMPT} WHERE id = ?1"))?;
    find.query_row([id.to_string()], attempt_of).optional()
}

pub(super) fn attempts(
    db: &Connection,
    filter: AttemptFilter,
    after: Option<AttemptId>,
    limit: Limit,
) -> rusqlite::Result<Page<Attempt, AttemptId>> {
    let mut query = of(filter);
    if let Some(after) = after {
        query.and("id > ?", text(after));
    }
    query.page(db, ("id", limit), attempt_of, |attempt| attempt.id)
}

pub(super) fn newest_attempts(
    db: &Connection,
    filter: AttemptFilter,
    before: Option<AttemptId>,
    limit: Limit,
) -> rusqlite::Result<Page<Attempt, AttemptId>> {
    let mut query = of(filter);
    if let Some(before) = before {
        query.and("id < ?", text(before));
    }
    query.page(db, ("id DESC", limit), attempt_of, |attempt| attempt.id)
}

pub(super) fn last_failed(
    db: &Connection,
    campaign: CampaignId,
    seq: u64,
) -> rusqlite::Result<Option<Attempt>> {
    let filter = AttemptFilter { campaign, seq: Some(seq), failed: true };
    Ok(newest_attempts(db, filter, None, Limit::new(1))?.items.into_iter().next())
}

fn of(filter: AttemptFilter) -> Query {
    let mut query = Query::new(ATTEMPT);
    query.and("campaign = ?", text(filter.campaign));
    if let Some(seq) = filter.seq {
        query.and("seq = ?", number(seq));
    }
    if filter.failed {
        query.sql.push_str(FAILED);
    }
    query
}

fn attempt_of(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let mut cells = Cells::of(row);
    Ok(Attempt {
        id: cells.parse()?,
        campaign: cells.parse()?,
        seq: cells.get()?,
        task: cells.parse()?,
        kind: cells.word(TaskKind::of)?,
        node: cells.parse()?,
        incarnation: cells.get()?,
        began: cells.get::<Option<u64>>()?.map(Timestamp),
        ended: Timestamp(cells.get()?),
        ending: cells.word(Ending::of)?,
        failure: failure(&mut cells)?,
        message: cells.parse()?,
        notes: cells.get()?,
        log: cells.digest_opt()?,
        rejects: cells.digest_opt()?,
        keep_until: Timestamp(cells.get()?),
    })
}
