//! The log and the blobs.

use rusqlite::{Connection, OptionalExtension as _};
use skein_types::Blake3;

use super::{Query, number};
use crate::chain::{Head, Recorded};
use crate::error::{Damage, LedgerError};
use crate::event::Subject;
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::sqlite::verify::{COLUMNS, Stored};

pub(in crate::sqlite) fn head(db: &Connection) -> rusqlite::Result<Head> {
    db.prepare_cached("SELECT head_position, head_hash FROM meta")?.query_row([], |row| {
        let mut cells = Cells::of(row);
        Ok(Head { position: cells.get()?, hash: cells.digest()? })
    })
}

pub(in crate::sqlite) fn events(
    db: &Connection,
    after: u64,
    of: Option<Subject>,
    limit: Limit,
) -> Result<Page<Recorded, u64>, LedgerError> {
    let mut query = Query::new(&format!("SELECT {COLUMNS} FROM event"));
    if let Some(subject) = of {
        let (id, run) = subject.columns();
        query.and("subject = ?", id);
        if let Some(run) = run {
            query.and("run = ?", number(run));
        }
    }
    query.and("position > ?", number(after));
    let page = query.page(db, ("position", limit), Stored::of, |stored| stored.position)?;
    let items = page.items.iter().map(recorded).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

fn recorded(stored: &Stored) -> Result<Recorded, LedgerError> {
    let (position, at, hash) = (stored.position, stored.at, stored.hash);
    Ok(Recorded { position, at, actor: stored.actor()?, event: stored.event()?, hash })
}

/// A blob is what its digest says or an error: a disk's mistake must not become a guest's state.
pub(in crate::sqlite) fn blob(db: &Connection, digest: Blake3) -> Result<Option<Vec<u8>>, LedgerError> {
    let mut find = db.prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?;
    let found: Option<Vec<u8>> = find.query_row([digest.0], |row| row.get(0)).optional()?;
    match found {
        Some(bytes) if Blake3::of(&bytes) != digest => {
            let what = format!("the blob {digest} is not what it is called");
            Err(LedgerError::Damaged(Damage::File(what)))
        }
        found => Ok(found),
    }
}
