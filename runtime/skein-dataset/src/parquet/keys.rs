//! Key-value metadata and sorting columns: what of the source's file-level facts is still true of the output.

use std::collections::BTreeSet;

use arrow_schema::Schema;
use parquet::arrow::encode_arrow_schema;
use parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};

pub(super) const ARROW_SCHEMA: &str = "ARROW:schema";
const GEO: &str = "geo";
/// Descriptions of the whole schema by other tools. They would contradict the new one. Spark's other keys stay: they say by
/// which calendar its dates and timestamps count, and without them old ones are read as others.
const SCHEMA_KEYS: [&str; 4] =
    ["pandas", "parquet.avro.schema", "iceberg.schema", "org.apache.spark.sql.parquet.row.metadata"];

/// Prefix of the keys by which Spark knows how to understand values.
const SPARK: &str = "org.apache.spark.";

/// The keys by which readers understand values, as one text: files that differ in them have nothing in common, whatever
/// their schemas.
pub(super) fn of_values(source: &ParquetMetaData) -> String {
    let all = source.file_metadata().key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let of_values =
        all.iter().filter(|pair| pair.key.starts_with(SPARK) && !SCHEMA_KEYS.contains(&pair.key.as_str()));
    let mut texts: Vec<String> = of_values.map(|pair| format!("{:?}", (&pair.key, &pair.value))).collect();
    texts.sort();
    texts.join("\n")
}

/// What of the source's keys goes where.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) kept: Vec<KeyValue>,
    /// Names of keys that the output does not have any more.
    pub(super) dropped: Vec<String>,
}

/// `same_name` holds the columns that are carried under their own name.
pub(super) fn carry_over(source: &ParquetMetaData, target: &Schema, same_name: &BTreeSet<&str>) -> Keys {
    let all = source.file_metadata().key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let mut keys = Keys { kept: Vec::new(), dropped: Vec::new() };
    for pair in all.iter().filter(|pair| pair.key != ARROW_SCHEMA) {
        let describes_schema = SCHEMA_KEYS.contains(&pair.key.as_str());
        let lost_geometry = pair.key == GEO && !geometry_stays(pair.value.as_deref(), same_name);
        if describes_schema || lost_geometry {
            keys.dropped.push(pair.key.clone());
        } else {
            keys.kept.push(pair.clone());
        }
    }
    keys.kept.push(KeyValue::new(ARROW_SCHEMA.to_owned(), encode_arrow_schema(target)));
    keys
}

/// Whether every geometry column that the key describes is carried under its name.
fn geometry_stays(value: Option<&str>, same_name: &BTreeSet<&str>) -> bool {
    let parsed = value.and_then(|v| serde_json::from_str::<serde_json::Value>(v).ok());
    let columns = parsed.as_ref().and_then(|v| v.get("columns")).and_then(serde_json::Value::as_object);
    columns.is_some_and(|columns| columns.keys().all(|name| same_name.contains(name.as_str())))
}

/// The longest prefix of the source's sorting columns that is carried, if all row groups agree. `place` answers the
/// target leaf of a source leaf.
pub(super) fn sorting(
    source: &ParquetMetaData,
    place: impl Fn(usize) -> Option<usize>,
) -> Option<Vec<SortingColumn>> {
    let mut groups = source.row_groups().iter().map(|g| g.sorting_columns());
    let first = groups.next()??;
    if groups.any(|other| other != Some(first)) {
        return None;
    }
    let moved = first.iter().map_while(|column| {
        let leaf = place(usize::try_from(column.column_idx).ok()?)?;
        Some(SortingColumn { column_idx: i32::try_from(leaf).ok()?, ..column.clone() })
    });
    let moved: Vec<SortingColumn> = moved.collect();
    (!moved.is_empty()).then_some(moved)
}
