//! Teams, tokens and the keys that statements are signed with.

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_types::{Timestamp, TokenId};

use super::{When, one};
use crate::event::access::{TeamChanged, TeamCreated, TeamRemoved, TokenIssued, TokenRevoked};
use crate::event::key::KeyIntroduced;
use crate::guard::Found;
use crate::sqlite::apply::refuse_if;
use crate::sqlite::cells::Cells;
use crate::sqlite::fault::Stop;

pub(super) fn team_created(db: &Connection, e: &TeamCreated, when: When) -> Result<(), Stop> {
    let sql =
        "INSERT INTO team (name, note, since, version) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING";
    let values = params![e.team.as_str(), e.note.as_str(), when.at.0, when.position];
    match db.prepare_cached(sql)?.execute(values)? {
        0 => Err(Stop::Refused(Found::Team { team: e.team.clone() })),
        _ => Ok(()),
    }
}

pub(super) fn team_changed(db: &Connection, e: &TeamChanged, when: When) -> Result<(), Stop> {
    let sql = "UPDATE team SET note = ?2, version = ?3 WHERE name = ?1";
    one(db.prepare_cached(sql)?.execute(params![e.team.as_str(), e.note.as_str(), when.position])?)
}

pub(super) fn team_removed(db: &Connection, e: &TeamRemoved) -> Result<(), Stop> {
    one(db.prepare_cached("DELETE FROM team WHERE name = ?1")?.execute([e.team.as_str()])?)
}

pub(super) fn issued(db: &Connection, e: &TokenIssued, when: When) -> Result<(), Stop> {
    let sql = "SELECT id, revoked FROM token WHERE id = ?1 UNION ALL SELECT id, revoked FROM token WHERE hash = ?2 LIMIT 1";
    let taken =
        db.prepare_cached(sql)?.query_row(params![e.token.to_string(), e.hash.0], found).optional()?;
    refuse_if(taken, |found| found)?;
    let sql = "INSERT INTO token (id, name, kind, hash, grants, issued, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(sql)?.execute(params![
        e.token.to_string(),
        e.name.as_str(),
        e.kind.as_str(),
        e.hash.0,
        serde_json::to_string(&e.grants).expect("a list of words is JSON"),
        when.at.0,
        e.expires.map(|at| at.0)
    ])?;
    Ok(())
}

pub(super) fn revoked(db: &Connection, e: &TokenRevoked, when: When) -> Result<(), Stop> {
    match token_at(db, e.token)? {
        None => Err(Stop::Refused(Found::Nothing)),
        Some(found @ Found::Token { revoked: Some(_), .. }) => Err(Stop::Refused(found)),
        Some(_) => {
            let sql = "UPDATE token SET revoked = ?2 WHERE id = ?1";
            one(db.prepare_cached(sql)?.execute(params![e.token.to_string(), when.at.0])?)
        }
    }
}

/// A key takes the place of the last one and of no other: two that were introduced at once cannot both be the next.
pub(super) fn key_introduced(db: &Connection, e: &KeyIntroduced, when: When) -> Result<(), Stop> {
    let mut find = db.prepare_cached("SELECT id FROM signing_key ORDER BY position DESC LIMIT 1")?;
    let last: Option<String> = find.query_row([], |row| row.get(0)).optional()?;
    if last.as_deref() != e.before.as_ref().map(skein_types::Name::as_str) {
        return Err(Stop::Refused(last.map_or(Found::Nothing, |key| Found::Key { key })));
    }
    let sql = "INSERT INTO signing_key (id, public, at, before, by_key, by_before, position)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING";
    let changed = db.prepare_cached(sql)?.execute(params![
        e.key.as_str(),
        e.public.as_str(),
        e.at.0,
        e.before.as_ref().map(skein_types::Name::as_str),
        e.by_key.as_str(),
        e.by_before.as_ref().map(skein_types::Text::as_str),
        when.position
    ])?;
    match changed {
        0 => Err(Stop::Refused(Found::Key { key: e.key.to_string() })),
        _ => Ok(()),
    }
}

/// A token, if there is one of that id.
pub(in crate::sqlite) fn token_at(db: &Connection, token: TokenId) -> rusqlite::Result<Option<Found>> {
    let mut find = db.prepare_cached("SELECT id, revoked FROM token WHERE id = ?1")?;
    find.query_row([token.to_string()], found).optional()
}

fn found(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    let mut cells = Cells::of(row);
    Ok(Found::Token { token: cells.parse()?, revoked: cells.get::<Option<u64>>()?.map(Timestamp) })
}
