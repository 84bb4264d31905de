//! Modules and datasets.

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_types::{Blake3, DatasetId, ModuleDigest, Name, Text, Timestamp};

use super::When;
use crate::event::dataset::{DatasetChanged, DatasetRegistered, DatasetRemoved, Labels};
use crate::event::health::DatasetDamaged;
use crate::event::module::{
    ModuleBanned, ModuleCompiled, ModuleRefused, ModuleRestored, ModuleSubmitted, ModuleSuspended,
};
use crate::guard::Found;
use crate::sqlite::apply::refuse_if;
use crate::sqlite::cells::Cells;
use crate::sqlite::fault::Stop;
use crate::sqlite::guard::{dataset_named, module_at};
use crate::view::ModuleState;

pub(super) fn submitted(db: &Connection, e: &ModuleSubmitted, at: Timestamp) -> Result<(), Stop> {
    let sql = "SELECT digest FROM module_label WHERE name = ?1 AND version = ?2";
    let label = [e.name.as_str(), e.version.as_str()];
    let taken = db.prepare_cached(sql)?.query_row(label, |row| row.get(0)).optional()?;
    refuse_if(taken, |module| Found::Label { module: ModuleDigest(module) })?;
    let sql = "INSERT INTO module (digest, bytes, state, reason, since) VALUES (?1, ?2, 'submitted', '', ?3)
               ON CONFLICT (digest) DO NOTHING";
    db.prepare_cached(sql)?.execute(params![e.module.0, e.bytes.0, at.0])?;
    let sql = "INSERT INTO module_label (name, version, digest, owner, source, revision)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(sql)?.execute(params![
        e.name.as_str(),
        e.version.as_str(),
        e.module.0,
        e.owner.as_ref().map(Name::as_str),
        e.source.as_ref().map(Text::as_str),
        e.commit.as_ref().map(Name::as_str)
    ])?;
    Ok(())
}

pub(super) fn compiled(db: &Connection, e: &ModuleCompiled, at: Timestamp) -> Result<(), Stop> {
    module_moves(db, e.module, &[ModuleState::Submitted], (ModuleState::Ready, None), at)?;
    let sql = "UPDATE module SET manifest = ?2 WHERE digest = ?1";
    db.prepare_cached(sql)?.execute(params![e.module.0, e.manifest.map(|Blake3(bytes)| bytes)])?;
    Ok(())
}

pub(super) fn refused(db: &Connection, e: &ModuleRefused, at: Timestamp) -> Result<(), Stop> {
    let to = (ModuleState::Refused, Some(&e.message));
    module_moves(db, e.module, &[ModuleState::Submitted], to, at)?;
    let sql = "UPDATE module SET code = ?2 WHERE digest = ?1";
    db.prepare_cached(sql)?.execute(params![e.module.0, e.code.as_str()])?;
    Ok(())
}

pub(super) fn suspended(db: &Connection, e: &ModuleSuspended, at: Timestamp) -> Result<(), Stop> {
    let to = (ModuleState::Suspended, Some(&e.reason));
    module_moves(db, e.module, &[ModuleState::Ready], to, at)
}

pub(super) fn restored(db: &Connection, e: &ModuleRestored, at: Timestamp) -> Result<(), Stop> {
    let sql = "SELECT before FROM module WHERE digest = ?1";
    let before: Option<Option<String>> =
        db.prepare_cached(sql)?.query_row([e.module.0], |row| row.get(0)).optional()?;
    let to = match before.flatten().as_deref().and_then(ModuleState::of) {
        // What was never compiled, or was refused, does not become ready by a ban.
        Some(before @ (ModuleState::Submitted | ModuleState::Refused)) => before,
        Some(ModuleState::Ready | ModuleState::Suspended | ModuleState::Banned) | None => ModuleState::Ready,
    };
    let from = [ModuleState::Suspended, ModuleState::Banned];
    module_moves(db, e.module, &from, (to, Some(&e.reason)), at)?;
    db.prepare_cached("UPDATE module SET before = NULL WHERE digest = ?1")?.execute([e.module.0])?;
    Ok(())
}

pub(super) fn banned(db: &Connection, e: &ModuleBanned, at: Timestamp) -> Result<(), Stop> {
    let sql = "UPDATE module SET before = state WHERE digest = ?1";
    db.prepare_cached(sql)?.execute([e.module.0])?;
    let from = [ModuleState::Submitted, ModuleState::Ready, ModuleState::Refused, ModuleState::Suspended];
    module_moves(db, e.module, &from, (ModuleState::Banned, Some(&e.reason)), at)
}

fn module_moves(
    db: &Connection,
    module: ModuleDigest,
    from: &[ModuleState],
    (to, reason): (ModuleState, Option<&Text>),
    at: Timestamp,
) -> Result<(), Stop> {
    match module_at(db, module)? {
        None => return Err(Stop::Refused(Found::Nothing)),
        Some(state) if from.contains(&state) => {}
        Some(state) => return Err(Stop::Refused(Found::Module { state })),
    }
    let reason = reason.map_or("", Text::as_str);
    let sql = "UPDATE module SET state = ?2, reason = ?3, since = ?4 WHERE digest = ?1";
    db.prepare_cached(sql)?.execute(params![module.0, to.as_str(), reason, at.0])?;
    Ok(())
}

pub(super) fn registered(db: &Connection, e: &DatasetRegistered, when: When) -> Result<(), Stop> {
    let sql = "SELECT id FROM dataset WHERE id = ?1 UNION ALL SELECT id FROM dataset WHERE location = ?3
               UNION ALL SELECT id FROM dataset WHERE name = ?2 LIMIT 1";
    let keys = [e.dataset.to_string(), e.name.to_string(), e.location.to_string()];
    let taken = db.prepare_cached(sql)?.query_row(keys, |row| Cells::of(row).parse()).optional()?;
    refuse_if(taken, |dataset| Found::Dataset { dataset })?;
    let sql = "INSERT INTO dataset (id, name, driver, location, owner, labels, since, version)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    db.prepare_cached(sql)?.execute(params![
        e.dataset.to_string(),
        e.name.as_str(),
        e.driver.as_str(),
        e.location.as_str(),
        e.owner.as_str(),
        spelled(&e.labels),
        when.at.0,
        when.position
    ])?;
    label(db, e.dataset, &e.name, &e.labels)?;
    Ok(())
}

pub(super) fn changed(db: &Connection, e: &DatasetChanged, when: When) -> Result<(), Stop> {
    unlabel(db, e.dataset)?;
    let other = dataset_named(db, &e.name)?.filter(|other| *other != e.dataset);
    refuse_if(other, |dataset| Found::Dataset { dataset })?;
    let sql = "UPDATE dataset SET name = ?2, owner = ?3, labels = ?4, version = ?5 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![
        e.dataset.to_string(),
        e.name.as_str(),
        e.owner.as_str(),
        spelled(&e.labels),
        when.position
    ])?;
    label(db, e.dataset, &e.name, &e.labels)?;
    Ok(())
}

pub(super) fn removed(db: &Connection, e: &DatasetRemoved) -> Result<(), Stop> {
    unlabel(db, e.dataset)?;
    super::rule::of_removed(db, &e.dataset.to_string())?;
    db.prepare_cached("DELETE FROM dataset WHERE id = ?1")?.execute([e.dataset.to_string()])?;
    Ok(())
}

/// It is told, and changes nothing: the dataset may have been removed since it was looked at.
pub(super) fn damaged(_db: &Connection, _e: &DatasetDamaged) -> Result<(), Stop> {
    Ok(())
}

/// Labels as the row has them: a map of texts has one spelling, because the map is sorted.
fn spelled(labels: &Labels) -> String {
    serde_json::to_string(labels).expect("a map of texts is JSON")
}

fn label(db: &Connection, dataset: DatasetId, name: &Name, labels: &Labels) -> rusqlite::Result<()> {
    let sql = "INSERT INTO dataset_label (key, value, name, dataset) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = db.prepare_cached(sql)?;
    for (key, value) in labels {
        insert.execute([key.as_str(), value.as_str(), name.as_str(), &dataset.to_string()])?;
    }
    Ok(())
}

fn unlabel(db: &Connection, dataset: DatasetId) -> Result<(), Stop> {
    let mut find = db.prepare_cached("SELECT name, labels FROM dataset WHERE id = ?1")?;
    let found = find.query_row([dataset.to_string()], |row| {
        let mut cells = Cells::of(row);
        Ok((cells.get::<String>()?, cells.json::<Labels>()?))
    });
    let Some((name, labels)) = found.optional()? else { return Err(Stop::Refused(Found::Nothing)) };
    let sql = "DELETE FROM dataset_label WHERE key = ?1 AND value = ?2 AND name = ?3";
    let mut delete = db.prepare_cached(sql)?;
    for (key, value) in &labels {
        delete.execute([key.as_str(), value.as_str(), &name])?;
    }
    Ok(())
}
