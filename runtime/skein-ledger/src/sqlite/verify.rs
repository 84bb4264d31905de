//! Walking the chain: every position is there, every hash is that of what is there, and every record can be read.

use rusqlite::{Connection, Row, params};
use skein_types::{Blake3, Timestamp, TraceId};

use super::cells::Cells;
use super::read::event::head;
use crate::chain::{self, Head, Link};
use crate::error::{Damage, LedgerError};
use crate::event::{Event, Unreadable};

/// An event as it is stored.
pub(super) struct Stored {
    pub(super) position: u64,
    kind: String,
    schema: u32,
    actor: String,
    pub(super) at: Timestamp,
    subject: (String, Option<u64>),
    body: Vec<u8>,
    pub(super) hash: Blake3,
    pub(super) trace: Option<TraceId>,
}

pub(super) const COLUMNS: &str = "position, kind, schema, actor, at, subject, run, body, hash, trace";

impl Stored {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut cells = Cells::of(row);
        Ok(Self {
            position: cells.get()?,
            kind: cells.get()?,
            schema: cells.get()?,
            actor: cells.get()?,
            at: Timestamp(cells.get()?),
            subject: (cells.get()?, cells.get()?),
            body: cells.get()?,
            hash: cells.digest()?,
            trace: cells.get::<Option<[u8; 16]>>()?.and_then(TraceId::new),
        })
    }

    pub(super) fn event(&self) -> Result<Event, LedgerError> {
        let position = self.position;
        Event::decode(&self.kind, self.schema, &self.body).map_err(|error| match error {
            Unreadable::Kind(_) | Unreadable::Schema { .. } => {
                LedgerError::UnknownEvent { position, what: error.to_string() }
            }
            Unreadable::Body { .. } => unreadable(position, &error.to_string()),
        })
    }

    pub(super) fn actor(&self) -> Result<skein_types::Actor, LedgerError> {
        self.actor.parse().map_err(|e| unreadable(self.position, &format!("its actor: {e}")))
    }

    /// The hash that this event must have behind `previous`.
    fn hash_behind(&self, previous: &Blake3) -> Blake3 {
        let link = Link {
            position: self.position,
            kind: &self.kind,
            schema: self.schema,
            actor: &self.actor,
            at: self.at,
            body: &self.body,
        };
        chain::hash(previous, &link)
    }
}

fn unreadable(position: u64, what: &str) -> LedgerError {
    LedgerError::Damaged(Damage::Unreadable { position, what: what.to_owned() })
}

/// The last events only: what a start can afford however long the log is.
pub(super) fn tail(db: &Connection, events: u64) -> Result<(), LedgerError> {
    let end = head(db)?;
    let from = end.position.saturating_sub(events);
    let before = match from {
        0 => Head::GENESIS,
        position => {
            let sql = "SELECT hash FROM event WHERE position = ?1";
            let found = db.query_row(sql, [position], |row| Cells::of(row).digest());
            match found {
                Ok(hash) => Head { position, hash },
                Err(rusqlite::Error::QueryReturnedNoRows) => {
                    return Err(LedgerError::Damaged(Damage::Missing(position)));
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    walk(db, before, end, |_| Ok(()))
}

/// All of it, and whether a head from elsewhere lies on it.
pub(super) fn all(db: &Connection, against: Option<Head>) -> Result<Head, LedgerError> {
    let end = head(db)?;
    // Before the first event there is one head only.
    let mut differs = against.filter(|known| known.position == 0 && *known != Head::GENESIS).map(|_| 0);
    walk(db, Head::GENESIS, end, |stored| {
        if against.is_some_and(|known| known.position == stored.position && known.hash != stored.hash) {
            differs = Some(stored.position);
        }
        Ok(())
    })?;
    match (against, differs) {
        (_, Some(position)) => Err(LedgerError::Damaged(Damage::Edited(position))),
        (Some(known), None) if known.position > end.position => {
            Err(LedgerError::Damaged(Damage::Cut { found: end.position, known: known.position }))
        }
        (Some(_) | None, None) => Ok(end),
    }
}

/// Every event behind `before` up to the end, checked and then given to `each`.
pub(super) fn walk(
    db: &Connection,
    before: Head,
    end: Head,
    mut each: impl FnMut(&Stored) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM event WHERE position > ?1 ORDER BY position");
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query(params![before.position])?;
    let mut last = before;
    while let Some(row) = rows.next()? {
        let stored = Stored::of(row)?;
        if stored.position != last.position + 1 {
            return Err(LedgerError::Damaged(Damage::Missing(last.position + 1)));
        }
        if stored.position > end.position {
            return Err(LedgerError::Damaged(Damage::Behind(stored.position)));
        }
        if stored.hash != stored.hash_behind(&last.hash) {
            return Err(LedgerError::Damaged(Damage::Edited(stored.position)));
        }
        // What lists are filtered by is not hashed, because it follows from the body.
        if stored.event()?.subject().columns() != stored.subject {
            return Err(LedgerError::Damaged(Damage::Edited(stored.position)));
        }
        each(&stored)?;
        last = Head { position: stored.position, hash: stored.hash };
    }
    if last.position < end.position {
        return Err(LedgerError::Damaged(Damage::Cut { found: last.position, known: end.position }));
    }
    if last.hash != end.hash {
        return Err(LedgerError::Damaged(Damage::Edited(last.position)));
    }
    Ok(())
}
