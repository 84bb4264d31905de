//! Whether a file has the tables of a ledger, and nothing besides: a trigger or a view that somebody added would change what is written
//! or read, and no hash covers it.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::error::{Damage, LedgerError};

/// Tables, indexes, views and triggers by kind and name, each with its text.
type Things = BTreeMap<(String, String), Option<String>>;

/// What SQLite notes for itself when somebody has it measure tables is not read as long as statements are prepared without it, and no harm.
const THINGS: &str =
    "SELECT type, name, sql FROM sqlite_schema WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4')";

/// The first thing that is not as it is in an empty ledger of this program.
pub(super) fn is_a_ledgers(db: &Connection) -> Result<(), LedgerError> {
    let empty = Connection::open_in_memory()?;
    empty.execute_batch(&super::open::TABLES.concat())?;
    compared(db, &empty)
}

/// The like, with an empty ledger at hand.
pub(super) fn compared(db: &Connection, empty: &Connection) -> Result<(), LedgerError> {
    let (is, should) = (things(db)?, things(empty)?);
    let added = is.keys().find(|thing| !should.contains_key(*thing)).map(|thing| (thing, "was added"));
    let other = || {
        let other = should.iter().find(|(thing, text)| is.get(*thing) != Some(*text));
        other.map(|(thing, _)| (thing, if is.contains_key(thing) { "is another" } else { "is not there" }))
    };
    match added.or_else(other) {
        None => Ok(()),
        Some(((kind, name), how)) => {
            let name: String = name.chars().take(100).collect();
            Err(LedgerError::Damaged(Damage::Tables(format!("the {kind} {name:?} {how}"))))
        }
    }
}

fn things(db: &Connection) -> rusqlite::Result<Things> {
    let mut find = db.prepare(THINGS)?;
    let rows = find.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}
