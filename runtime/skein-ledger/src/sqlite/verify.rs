//! Walking the chain: every position is there, every hash is that of what is there, and every record can be read.

use rusqlite::{Connection, Row, params};
use skein_types::{Blake3, Timestamp, TokenId, TraceId};

use super::cells::Cells;
use super::read::event::head;
use crate::bounds::SWEEP_CHUNK;
use crate::chain::{self, Came, ENVELOPE, Head, Link};
use crate::error::{Damage, LedgerError};
use crate::event::{Event, Unreadable};
use crate::origin::Origin;
use crate::record::Record;

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
    envelope: u32,
    origin: Option<String>,
    token: Option<String>,
}

pub(super) const COLUMNS: &str = "position, kind, schema, actor, at, subject, run, body, hash, trace,
    envelope, origin, token";

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
            envelope: cells.get()?,
            origin: cells.get()?,
            token: cells.get()?,
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

    /// From where it came; none in the first envelope.
    pub(super) fn origin(&self) -> Result<Option<Origin>, LedgerError> {
        let Some(from) = &self.origin else { return Ok(None) };
        let bad = |what: &str, error: String| unreadable(self.position, &format!("its {what}: {error}"));
        let from = from.parse().map_err(|e: crate::origin::WhenceParseError| bad("origin", e.to_string()))?;
        let token = self.token.as_deref().map(str::parse::<TokenId>).transpose();
        let token = token.map_err(|e| bad("token", e.to_string()))?;
        Ok(Some(Origin { from, token }))
    }

    /// All that is stored of it and hashed.
    pub(super) fn record(self) -> Result<Record, LedgerError> {
        let body = serde_json::from_slice(&self.body);
        Ok(Record {
            position: self.position,
            envelope: self.envelope,
            body: body.map_err(|error| unreadable(self.position, &error.to_string()))?,
            kind: self.kind,
            schema: self.schema,
            actor: self.actor,
            at: self.at.0,
            // What the first envelope does not hash is no part of the record.
            trace: self.trace.filter(|_| self.envelope == ENVELOPE),
            from: self.origin,
            token: self.token,
            hash: self.hash,
        })
    }

    /// The hash that this event must have behind `previous`; none if it is in no envelope that there is.
    fn hash_behind(&self, previous: &Blake3) -> Option<Blake3> {
        let came = match (self.envelope, &self.origin) {
            // Lists are asked for a token; a trace was noted then, too, and is no part of the record.
            (1, None) if self.token.is_none() => None,
            (ENVELOPE, Some(from)) => Some(Came { from, token: self.token.as_deref(), trace: self.trace }),
            _ => return None,
        };
        let link = Link {
            position: self.position,
            kind: &self.kind,
            schema: self.schema,
            actor: &self.actor,
            at: self.at,
            body: &self.body,
            came,
        };
        Some(chain::hash(previous, &link))
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

/// All of it, and whether heads from elsewhere lie on it: the first of which the position differs is named, and else how far the log
/// went that was cut.
pub(super) fn all(db: &Connection, against: &[Head]) -> Result<Head, LedgerError> {
    let end = head(db)?;
    let mut against = against.to_vec();
    against.sort_by_key(|known| known.position);
    // Before the first event there is one head only.
    let mut differs = against.iter().find(|known| known.position == 0 && **known != Head::GENESIS).map(|_| 0);
    let mut next = against.iter().skip_while(|known| known.position == 0).peekable();
    walk(db, Head::GENESIS, end, |stored| {
        while let Some(known) = next.next_if(|known| known.position == stored.position) {
            if known.hash != stored.hash {
                differs = differs.or(Some(stored.position));
            }
        }
        Ok(())
    })?;
    match (differs, against.last()) {
        (Some(position), _) => Err(LedgerError::Damaged(Damage::Edited(position))),
        (None, Some(known)) if known.position > end.position => {
            Err(LedgerError::Damaged(Damage::Cut { found: end.position, known: known.position }))
        }
        (None, Some(_) | None) => Ok(end),
    }
}

/// Every blob against its digest. How many there are.
pub(super) fn blobs(db: &Connection, after: Blake3) -> Result<(u64, Option<Blake3>), LedgerError> {
    let sql = "SELECT digest, bytes FROM blob WHERE digest > ?1 ORDER BY digest LIMIT ?2";
    let mut find = db.prepare_cached(sql)?;
    let mut rows = find.query(params![after.0, SWEEP_CHUNK])?;
    let (mut count, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        let digest = Blake3(row.get(0)?);
        if Blake3::of(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?) != digest {
            return Err(LedgerError::Damaged(Damage::Blob(digest)));
        }
        (count, last) = (count + 1, Some(digest));
    }
    Ok((count, last))
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
    let mut envelope = 1;
    while let Some(row) = rows.next()? {
        let stored = Stored::of(row)?;
        if stored.position != last.position + 1 {
            return Err(LedgerError::Damaged(Damage::Missing(last.position + 1)));
        }
        if stored.position > end.position {
            return Err(LedgerError::Damaged(Damage::Behind(stored.position)));
        }
        // Nobody writes an older envelope again: who puts an event into one wants something to be hashed no more.
        if stored.envelope < envelope || Some(stored.hash) != stored.hash_behind(&last.hash) {
            return Err(LedgerError::Damaged(Damage::Edited(stored.position)));
        }
        // What lists are filtered by is not hashed, because it follows from the body.
        if stored.event()?.subject().columns() != stored.subject {
            return Err(LedgerError::Damaged(Damage::Edited(stored.position)));
        }
        envelope = stored.envelope;
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

#[cfg(test)]
mod tests {
    use skein_types::{Blake3, Timestamp};

    use super::Stored;
    use crate::chain::{self, Link};

    #[test]
    fn a_token_that_is_put_beside_a_record_of_the_first_envelope_is_seen() {
        let (kind, actor, at, body) =
            ("node.left".to_owned(), "control".to_owned(), Timestamp(7), b"{}".to_vec());
        let link = Link { position: 1, kind: &kind, schema: 1, actor: &actor, at, body: &body, came: None };
        let (previous, trace) = (Blake3([0; 32]), skein_types::TraceId::new([1; 16]));
        let hash = chain::hash(&previous, &link);
        let subject = (String::new(), None);
        let mut stored = Stored {
            position: 1,
            kind,
            schema: 1,
            actor,
            at,
            subject,
            body,
            hash,
            trace,
            envelope: 1,
            origin: None,
            token: None,
        };
        assert_eq!(stored.hash_behind(&previous), Some(hash));
        stored.token = Some("tkn_1".to_owned());
        assert_eq!(stored.hash_behind(&previous), None);
    }
}
