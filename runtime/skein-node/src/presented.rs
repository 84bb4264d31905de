//! What files presented when they were migrated, kept with the version, so that a file which comes after the run is
//! presented as it would have been if it had come during it.
//!
//! A run records the distinct schemas that its files presented, without what was marked in them and without partition
//! columns, which are a matter of paths: as a rule that is one schema, more only where columns did not meet. Output files
//! name the record by its digest. A later run unifies these schemas with those of the files that it migrates.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use serde_json::Value;
use skein_dataset::{Applied, Snapshot};
use skein_types::{Blake3, is_partition, schema_of_text, schema_text, unmarked};

use crate::error::RunError;
use crate::planning::SchemaGroup;
use crate::report::Migration;

/// What a run records, under its digest.
pub(crate) fn record(groups: &[SchemaGroup]) -> Result<(Blake3, Value), RunError> {
    let mut texts: Vec<Value> = Vec::new();
    for group in groups {
        let columns = group.plan.source().fields().iter().filter(|field| !is_partition(field));
        let text = schema_text(&Schema::new(columns.map(unmarked).collect::<Vec<_>>()))
            .map_err(|error| RunError::bug(format!("a schema that was planned has no text: {error}")))?;
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let record = Value::from(texts);
    Ok((Blake3::of(record.to_string().as_bytes()), record))
}

/// What is known of the files that were migrated.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) schemas: Vec<SchemaRef>,
    /// Whether it is known of all of them: versions of Skein that did not record it may have migrated some.
    pub(crate) complete: bool,
}

impl Recorded {
    /// What the files at these places presented when this migration was applied to them.
    pub(crate) fn of(snapshot: &Snapshot, places: &[usize], migration: &Migration) -> Self {
        let mut recorded = Self { schemas: Vec::new(), complete: true };
        let mut seen = BTreeSet::new();
        for place in places {
            let applied = snapshot.files()[*place].applied().iter().rev();
            let presented =
                applied.filter(|a| a.name == migration.name).map(|a| a.presented.as_slice()).next();
            let digests = presented.unwrap_or_default();
            recorded.complete &= !digests.is_empty();
            for digest in digests.iter().filter(|digest| seen.insert(**digest)) {
                let schemas = snapshot.presented(digest).and_then(schemas);
                recorded.complete &= schemas.is_some();
                recorded.schemas.extend(schemas.into_iter().flatten());
            }
        }
        recorded
    }
}

fn schemas(record: &Value) -> Option<Vec<SchemaRef>> {
    record.as_array()?.iter().map(|text| schema_of_text(text).map(Arc::new)).collect()
}

/// The migrations of files that became one: those of the first, with what each of them was planned with.
pub(crate) fn combined<'a>(mut sources: impl Iterator<Item = &'a [Applied]>) -> Vec<Applied> {
    let mut all = sources.next().unwrap_or_default().to_vec();
    for other in sources.flatten() {
        for applied in all.iter_mut().filter(|applied| applied.same_migration(other)) {
            let new = other.presented.iter().filter(|digest| !applied.presented.contains(digest));
            let new: Vec<Blake3> = new.copied().collect();
            applied.presented.extend(new);
        }
    }
    all
}
