//! Settings: one row each, replaced whole.

use rusqlite::{Connection, params};
use skein_types::{Name, Text};

use super::{When, one};
use crate::event::settings::{
    FleetFrozen, FleetThawed, PolicyRemoved, PolicySet, QuotaRemoved, QuotaSet, SecretRemoved, SecretSet,
    WebhookRemoved, WebhookSet,
};
use crate::guard::Found;
use crate::sqlite::fault::Stop;
use crate::sqlite::read::settings::{fleet, secret};

pub(super) fn quota_set(db: &Connection, e: &QuotaSet, when: When) -> Result<(), Stop> {
    let sql = "INSERT INTO quota (whose, weight, bounds, fuel, excess, since, version)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (whose) DO UPDATE SET weight = excluded.weight, bounds = excluded.bounds, fuel = excluded.fuel,
               excess = excluded.excess, since = excluded.since, version = excluded.version";
    db.prepare_cached(sql)?.execute(params![
        e.of.to_string(),
        e.weight,
        spelled(&e.bounds),
        e.fuel.as_ref().map(spelled),
        e.excess.as_str(),
        when.at.0,
        when.position
    ])?;
    Ok(())
}

pub(super) fn quota_removed(db: &Connection, e: &QuotaRemoved) -> Result<(), Stop> {
    one(db.prepare_cached("DELETE FROM quota WHERE whose = ?1")?.execute([e.of.to_string()])?)
}

pub(super) fn policy_set(db: &Connection, e: &PolicySet, when: When) -> Result<(), Stop> {
    let sql = "INSERT INTO policy (name, blob, note, since, version) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (name) DO UPDATE SET blob = excluded.blob, note = excluded.note, since = excluded.since,
               version = excluded.version";
    let values = params![e.name.as_str(), e.blob.0, e.note.as_str(), when.at.0, when.position];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

pub(super) fn policy_removed(db: &Connection, e: &PolicyRemoved) -> Result<(), Stop> {
    one(db.prepare_cached("DELETE FROM policy WHERE name = ?1")?.execute([e.name.as_str()])?)
}

pub(super) fn secret_set(db: &Connection, e: &SecretSet, when: When) -> Result<(), Stop> {
    if let Some(there) = secret(db, &e.team, &e.name)?.filter(|there| there.version >= e.version) {
        return Err(Stop::Refused(Found::Setting { version: there.version }));
    }
    let sql = "INSERT INTO secret (team, name, version, digest, since) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (team, name) DO UPDATE SET version = excluded.version, digest = excluded.digest,
               since = excluded.since";
    let values = params![e.team.as_str(), e.name.as_str(), e.version, e.digest.0, when.at.0];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

pub(super) fn secret_removed(db: &Connection, e: &SecretRemoved) -> Result<(), Stop> {
    let sql = "DELETE FROM secret WHERE team = ?1 AND name = ?2";
    one(db.prepare_cached(sql)?.execute([e.team.as_str(), e.name.as_str()])?)
}

pub(super) fn webhook_set(db: &Connection, e: &WebhookSet, when: When) -> Result<(), Stop> {
    let sql = "INSERT INTO webhook (id, name, team, kind, target, events, active, since, version)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, team = excluded.team, kind = excluded.kind,
               target = excluded.target, events = excluded.events, active = excluded.active, since = excluded.since,
               version = excluded.version";
    db.prepare_cached(sql)?.execute(params![
        e.webhook.to_string(),
        e.name.as_str(),
        e.team.as_ref().map(Name::as_str),
        e.kind.as_str(),
        e.target.as_str(),
        spelled(&e.events),
        e.active,
        when.at.0,
        when.position
    ])?;
    Ok(())
}

pub(super) fn webhook_removed(db: &Connection, e: &WebhookRemoved) -> Result<(), Stop> {
    one(db.prepare_cached("DELETE FROM webhook WHERE id = ?1")?.execute([e.webhook.to_string()])?)
}

pub(super) fn frozen(db: &Connection, e: &FleetFrozen, when: When) -> Result<(), Stop> {
    freeze(db, true, &e.reason, when)
}

pub(super) fn thawed(db: &Connection, e: &FleetThawed, when: When) -> Result<(), Stop> {
    freeze(db, false, &e.reason, when)
}

fn freeze(db: &Connection, to: bool, reason: &Text, when: When) -> Result<(), Stop> {
    let frozen = fleet(db)?.frozen;
    if frozen == to {
        return Err(Stop::Refused(Found::Fleet { frozen }));
    }
    let sql = "UPDATE fleet SET frozen = ?1, reason = ?2, since = ?3, version = ?4 WHERE one = 1";
    one(db.prepare_cached(sql)?.execute(params![to, reason.as_str(), when.at.0, when.position])?)
}

/// What a row has as JSON: maps are sorted, and fields are in the order of their struct.
fn spelled(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("words and numbers are JSON")
}
