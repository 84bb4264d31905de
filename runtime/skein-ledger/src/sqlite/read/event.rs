//! The log and the blobs.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use skein_types::{Actor, Blake3};

use super::{Query, number, text};
use crate::bounds::EXAMINED_MAX;
use crate::chain::{Head, Recorded};
use crate::error::{Damage, LedgerError};
use crate::event::{Kind, Subject};
use crate::page::{Limit, Page};
use crate::record::Record;
use crate::sqlite::cells::Cells;
use crate::sqlite::project::HOUR;
use crate::sqlite::verify::{COLUMNS, Stored};
use crate::view::EventFilter;

pub(in crate::sqlite) fn head(db: &Connection) -> rusqlite::Result<Head> {
    db.prepare_cached("SELECT head_position, head_hash FROM meta")?.query_row([], |row| {
        let mut cells = Cells::of(row);
        Ok(Head { position: cells.get()?, hash: cells.digest()? })
    })
}

/// One condition leads through the log in the order of positions; what it leads to is looked at until the page is full or as
/// many were looked at as may be.
pub(in crate::sqlite) fn events(
    db: &Connection,
    after: u64,
    filter: &EventFilter,
    limit: Limit,
) -> Result<Page<Recorded, u64>, LedgerError> {
    let Some((before, last)) = part(db, filter)? else { return Ok(Page { items: Vec::new(), next: None }) };
    let after = after.max(before);
    walked(db, filter, (leading(filter, (after, last), "ORDER BY 1"), after), limit)
}

/// The same from the other end, before a position or from the last one on.
pub(in crate::sqlite) fn newest_events(
    db: &Connection,
    before: Option<u64>,
    filter: &EventFilter,
    limit: Limit,
) -> Result<Page<Recorded, u64>, LedgerError> {
    let Some((after, last)) = part(db, filter)? else { return Ok(Page { items: Vec::new(), next: None }) };
    let last = before.map_or(last, |before| last.min(before.saturating_sub(1)));
    walked(db, filter, (leading(filter, (after, last), "ORDER BY 1 DESC"), last), limit)
}

/// Looks at what a statement leads to, up to the bounds. `at` is where it stands before the first row.
fn walked(
    db: &Connection,
    filter: &EventFilter,
    (Query { sql, values }, mut at): (Query, u64),
    limit: Limit,
) -> Result<Page<Recorded, u64>, LedgerError> {
    let mut page = Page { items: Vec::new(), next: None };
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query(params_from_iter(values))?;
    let mut examined = 0;
    while let Some(row) = rows.next()? {
        if page.items.len() == limit.rows() || examined == EXAMINED_MAX {
            page.next = Some(at);
            break;
        }
        (examined, at) = (examined + 1, row.get("position")?);
        if fits(filter, row)? {
            page.items.push(recorded(&Stored::of(row)?)?);
        }
    }
    Ok(page)
}

/// Behind which position and up to which one the events of the filter's times are. An hour's part is all that its events are
/// in, however the clock went. None if there are none.
fn part(db: &Connection, filter: &EventFilter) -> rusqlite::Result<Option<(u64, u64)>> {
    let first = match filter.from {
        None => Some(1),
        Some(from) => {
            let mut find = db.prepare_cached("SELECT MIN(first) FROM event_hour WHERE hour >= ?1")?;
            find.query_row([number(from.0 / HOUR)], |row| row.get::<_, Option<u64>>(0))?
        }
    };
    let last = match filter.to {
        None => Some(u64::MAX),
        Some(to) => {
            let mut find = db.prepare_cached("SELECT MAX(last) FROM event_hour WHERE hour <= ?1")?;
            find.query_row([number(to.0 / HOUR)], |row| row.get::<_, Option<u64>>(0))?
        }
    };
    Ok(first.zip(last).map(|(first, last)| (first - 1, last)))
}

/// The statement that leads through the log. The first column is the position.
fn leading(filter: &EventFilter, (after, last): (u64, u64), order: &str) -> Query {
    let list = |condition: Option<(&str, Value)>| {
        let mut query = Query::new(&format!("SELECT {COLUMNS} FROM event"));
        if let Some((condition, value)) = condition {
            query.and(condition, value);
        }
        query.and("position > ?", number(after));
        query.and("position <= ?", number(last));
        query
    };
    let mut query = if let Some((id, run)) = filter.of.as_ref().map(Subject::columns) {
        let mut query = list(Some(("subject = ?", text(id))));
        if let Some(run) = run {
            query.and("run = ?", number(run));
        } else if is_of_no_run(filter) {
            query.sql.push_str(" AND run IS NULL");
        }
        query
    } else if let Some(token) = filter.token {
        list(Some(("token = ?", text(token))))
    } else if let Some(actor) = &filter.actor {
        list(Some(("actor = ?", text(actor))))
    } else if filter.kinds.is_empty() {
        list(None)
    } else {
        let kinds: BTreeSet<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        Query::all(kinds.into_iter().map(|kind| list(Some(("kind = ?", text(kind))))))
    };
    query.sql.push_str(&format!(" {order} LIMIT {}", EXAMINED_MAX + 1));
    query
}

/// Whether all that is asked for is about a campaign and about none of its runs: an index leads past those.
fn is_of_no_run(filter: &EventFilter) -> bool {
    matches!(filter.of, Some(Subject::Campaign(_)))
        && !filter.kinds.is_empty()
        && !filter.kinds.iter().any(|kind| kind.is_of_a_run())
}

/// Whether what the row says fits. Its body is not read for that.
fn fits(filter: &EventFilter, row: &Row<'_>) -> rusqlite::Result<bool> {
    let word = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
    let at: u64 = row.get("at")?;
    let kind = word("kind")?;
    Ok(filter.from.is_none_or(|from| from.0 <= at)
        && filter.to.is_none_or(|to| at < to.0)
        && (filter.kinds.is_empty() || filter.kinds.iter().any(|one| one.as_str() == kind))
        && (filter.actor.is_none() || Some(word("actor")?) == filter.actor.as_ref().map(Actor::as_str))
        && match filter.token {
            Some(token) => {
                row.get::<_, Option<String>>("token")?.is_some_and(|shown| shown == token.to_string())
            }
            None => true,
        })
}

/// One event by its position.
pub(in crate::sqlite) fn event(db: &Connection, position: u64) -> Result<Option<Recorded>, LedgerError> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM event WHERE position = ?1"))?;
    let mut rows = find.query([position])?;
    rows.next()?.map(|row| recorded(&Stored::of(row)?)).transpose()
}

/// The last event of one of these kinds about this, before a position. It looks at a bounded number.
pub(in crate::sqlite) fn event_before(
    db: &Connection,
    position: u64,
    (of, kinds): (&Subject, &[Kind]),
) -> Result<Option<Recorded>, LedgerError> {
    let (id, run) = of.columns();
    let mut query = Query::new(&format!("SELECT {COLUMNS} FROM event"));
    query.and("subject = ?", text(id));
    query.and("position < ?", number(position));
    query.sql.push_str(&format!(" ORDER BY position DESC LIMIT {EXAMINED_MAX}"));
    let mut find = db.prepare_cached(&query.sql)?;
    let mut rows = find.query(params_from_iter(query.values))?;
    while let Some(row) = rows.next()? {
        let kind = row.get_ref("kind")?.as_str().map_err(rusqlite::Error::from)?;
        let of_run: Option<u64> = row.get("run")?;
        if of_run == run && kinds.iter().any(|one| one.as_str() == kind) {
            return Ok(Some(recorded(&Stored::of(row)?)?));
        }
    }
    Ok(None)
}

/// Events whole, as they are hashed.
pub(in crate::sqlite) fn records(
    db: &Connection,
    after: u64,
    limit: Limit,
) -> Result<Page<Record, u64>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM event WHERE position > ?1 ORDER BY position LIMIT ?2");
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query([after, limit.rows() as u64 + 1])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(Stored::of(row)?.record()?);
    }
    Ok(Page::of(items, limit, |record| record.position))
}

fn recorded(stored: &Stored) -> Result<Recorded, LedgerError> {
    let Stored { position, at, hash, trace, .. } = *stored;
    let (actor, origin, event) = (stored.actor()?, stored.origin()?, stored.event()?);
    Ok(Recorded { position, at, actor, origin, event, hash, trace })
}

/// A blob is what its digest says or an error: a disk's mistake must not become a guest's state.
pub(in crate::sqlite) fn blob(db: &Connection, digest: Blake3) -> Result<Option<Vec<u8>>, LedgerError> {
    let mut find = db.prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?;
    let found: Option<Vec<u8>> = find.query_row([digest.0], |row| row.get(0)).optional()?;
    match found {
        Some(bytes) if Blake3::of(&bytes) != digest => Err(LedgerError::Damaged(Damage::Blob(digest))),
        found => Ok(found),
    }
}
