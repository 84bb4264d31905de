//! Rules of datasets: one row each, replaced whole.

use rusqlite::{Connection, params};
use skein_types::Name;

use super::{When, one};
use crate::event::dataset::{RuleIgnored, RuleRemoved, RuleSet};
use crate::guard::Found;
use crate::sqlite::fault::Stop;

pub(super) fn set(db: &Connection, e: &RuleSet, when: When) -> Result<(), Stop> {
    if !db.prepare_cached("SELECT 1 FROM dataset WHERE id = ?1")?.exists([e.dataset.to_string()])? {
        return Err(Stop::Refused(Found::Nothing));
    }
    // What its owner said of another one of that name is not said of this.
    let sql = "INSERT INTO rule (dataset, consumer, name, blob, ignored, since, version)
               VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6)
               ON CONFLICT (dataset, consumer, name) DO UPDATE SET blob = excluded.blob, ignored = NULL,
               since = excluded.since, version = excluded.version";
    db.prepare_cached(sql)?.execute(params![
        e.dataset.to_string(),
        consumer(e.consumer.as_ref()),
        e.name.as_str(),
        e.blob.0,
        when.at.0,
        when.position
    ])?;
    Ok(())
}

pub(super) fn removed(db: &Connection, e: &RuleRemoved) -> Result<(), Stop> {
    let sql = "DELETE FROM rule WHERE dataset = ?1 AND consumer = ?2 AND name = ?3";
    let key = params![e.dataset.to_string(), consumer(e.consumer.as_ref()), e.name.as_str()];
    one(db.prepare_cached(sql)?.execute(key)?)
}

pub(super) fn ignored(db: &Connection, e: &RuleIgnored, when: When) -> Result<(), Stop> {
    let sql = "UPDATE rule SET ignored = ?4, since = ?5, version = ?6 WHERE dataset = ?1 AND consumer = ?2 AND name = ?3";
    one(db.prepare_cached(sql)?.execute(params![
        e.dataset.to_string(),
        e.consumer.as_str(),
        e.name.as_str(),
        e.ignored.then_some(e.reason.as_str()),
        when.at.0,
        when.position
    ])?)
}

/// All rules of a dataset that is not known any more.
pub(super) fn of_removed(db: &Connection, dataset: &str) -> Result<(), Stop> {
    db.prepare_cached("DELETE FROM rule WHERE dataset = ?1")?.execute([dataset])?;
    Ok(())
}

/// As a row has it: none is no text.
pub(in crate::sqlite) fn consumer(of: Option<&Name>) -> &str {
    of.map_or("", Name::as_str)
}
