//! Teams and tokens.

use rusqlite::{Connection, OptionalExtension as _, Row};
use skein_types::{Blake3, Name, Timestamp, TokenId};

use super::{Query, text};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{Team, Token};

const TEAM: &str = "SELECT name, note, since, version FROM team";
const TOKEN: &str =
    "SELECT t.id, t.name, t.kind, t.hash, t.grants, t.issued, t.expires, t.revoked, u.at FROM token t
    LEFT JOIN token_use u ON u.token = t.id";

pub(in crate::sqlite) fn team(db: &Connection, name: &Name) -> rusqlite::Result<Option<Team>> {
    let mut find = db.prepare_cached(&format!("{TEAM} WHERE name = ?1"))?;
    find.query_row([name.as_str()], team_of).optional()
}

pub(in crate::sqlite) fn teams(
    db: &Connection,
    after: Option<&Name>,
    limit: Limit,
) -> rusqlite::Result<Page<Team, Name>> {
    let mut query = Query::new(TEAM);
    if let Some(after) = after {
        query.and("name > ?", text(after));
    }
    query.page(db, ("name", limit), team_of, |team| team.name.clone())
}

fn team_of(row: &Row<'_>) -> rusqlite::Result<Team> {
    let mut cells = Cells::of(row);
    Ok(Team {
        name: cells.parse()?,
        note: cells.parse()?,
        since: Timestamp(cells.get()?),
        version: cells.get()?,
    })
}

pub(in crate::sqlite) fn token(db: &Connection, id: TokenId) -> rusqlite::Result<Option<Token>> {
    let mut find = db.prepare_cached(&format!("{TOKEN} WHERE t.id = ?1"))?;
    find.query_row([id.to_string()], token_of).optional()
}

pub(in crate::sqlite) fn token_by_hash(db: &Connection, hash: Blake3) -> rusqlite::Result<Option<Token>> {
    let mut find = db.prepare_cached(&format!("{TOKEN} WHERE t.hash = ?1"))?;
    find.query_row([hash.0], token_of).optional()
}

pub(in crate::sqlite) fn tokens(
    db: &Connection,
    after: Option<TokenId>,
    limit: Limit,
) -> rusqlite::Result<Page<Token, TokenId>> {
    let mut query = Query::new(TOKEN);
    if let Some(after) = after {
        query.and("t.id > ?", text(after));
    }
    query.page(db, ("t.id", limit), token_of, |token| token.id)
}

fn token_of(row: &Row<'_>) -> rusqlite::Result<Token> {
    let mut cells = Cells::of(row);
    Ok(Token {
        id: cells.parse()?,
        name: cells.parse()?,
        kind: cells.parse()?,
        hash: cells.digest()?,
        grants: cells.json()?,
        issued: Timestamp(cells.get()?),
        expires: cells.get::<Option<u64>>()?.map(Timestamp),
        revoked: cells.get::<Option<u64>>()?.map(Timestamp),
        last_used: cells.get::<Option<u64>>()?.map(Timestamp),
    })
}
