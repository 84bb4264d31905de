//! Keys that statements are signed with.

use rusqlite::{Connection, Row};
use skein_types::Timestamp;

use super::{Query, number};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::SigningKey;

const KEY: &str = "SELECT id, public, at, before, by_key, by_before, position FROM signing_key";

pub(in crate::sqlite) fn keys(
    db: &Connection,
    after: Option<u64>,
    limit: Limit,
) -> rusqlite::Result<Page<SigningKey, u64>> {
    let mut query = Query::new(KEY);
    if let Some(after) = after {
        query.and("position > ?", number(after));
    }
    query.page(db, ("position", limit), key_of, |key| key.position)
}

fn key_of(row: &Row<'_>) -> rusqlite::Result<SigningKey> {
    let mut cells = Cells::of(row);
    Ok(SigningKey {
        id: cells.parse()?,
        public: cells.parse()?,
        at: Timestamp(cells.get()?),
        before: cells.parse_opt()?,
        by_key: cells.parse()?,
        by_before: cells.parse_opt()?,
        position: cells.get()?,
    })
}
