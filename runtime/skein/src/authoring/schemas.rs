//! Schemas and sample rows of the datasets that an author names.
//!
//! A dataset is only looked at: no lock, no log, nothing beside it.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use skein_dataset::parquet::{FileError, SourceFile, sample};
use skein_types::{SystemClock, codes};

use super::{rows, schema_file};
use crate::datasets;
use crate::failure::Failure;
use crate::settings::Settings;

/// Rows of a fixture.
const SAMPLE_ROWS: usize = 200;
/// Rows that are made up where none may be taken.
const INVENTED_ROWS: usize = 20;
/// Files that a sample comes from, evenly spread.
const FILES_MAX: usize = 32;

/// Where migrations start from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Of the first file, in the guest's view.
    pub(crate) schema: SchemaRef,
    pub(crate) rows: RecordBatch,
    /// Whether the rows are the dataset's.
    pub(crate) real: bool,
}

/// A dataset's schema, and rows of it unless none are wanted.
pub(crate) fn origin(settings: &Settings, path: &Path, wants_rows: bool) -> Result<Origin, Failure> {
    let files = files(settings, path, if wants_rows { FILES_MAX } else { 1 })?;
    let first = files.first().ok_or_else(|| empty(path))?;
    let schema = Arc::clone(first.view());
    let sampled =
        if wants_rows { sample(&files, SAMPLE_ROWS).map_err(|error| from_file(&error))? } else { None };
    match sampled.filter(|rows| rows.num_rows() > 0) {
        Some(rows) => Ok(Origin { schema, rows, real: true }),
        None => invented(schema),
    }
}

/// Rows that are made up.
pub(crate) fn invented(schema: SchemaRef) -> Result<Origin, Failure> {
    let rows = rows::invented(&schema, INVENTED_ROWS).map_err(|error| Failure::new(codes::BUG, &error))?;
    Ok(Origin { schema, rows, real: false })
}

/// The schema that a migration shall lead to: of a file of JSON, or of a dataset.
pub(crate) fn target(settings: &Settings, path: &Path) -> Result<SchemaRef, Failure> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let unusable = |what: &dyn std::fmt::Display| {
            Failure::text(codes::SCHEMA_FILE, format!("{}: {what}", path.display()))
                .hint(Some(r#"{"columns": [{"name": "id", "type": "int64", "nullable": false}]} is one"#))
        };
        let text = super::read(path).map_err(|error| unusable(&error))?;
        return schema_file::parse(&text).map(Arc::new).map_err(|error| unusable(&error));
    }
    let files = files(settings, path, 1)?;
    files.first().map(|file| Arc::clone(file.view())).ok_or_else(|| empty(path))
}

/// At most so many data files, evenly spread, that have the first one's schema.
fn files(settings: &Settings, path: &Path, most: usize) -> Result<Vec<SourceFile>, Failure> {
    let dataset = datasets::open(settings, path, Arc::new(SystemClock::start()), 1)?;
    let snapshot = dataset.look().map_err(|error| Failure::new(error.code(), &error))?;
    let pinned: Vec<_> = snapshot.data_files().collect();
    let mut files: Vec<SourceFile> = Vec::new();
    for at in 0..pinned.len().min(most) {
        let pinned = pinned[at * pinned.len() / pinned.len().min(most)];
        let file = snapshot.open_file(pinned).map_err(|error| Failure::new(error.code(), &error))?;
        let file = SourceFile::open(file, &pinned.stat.path).map_err(|error| from_file(&error))?;
        if files.first().is_none_or(|first| is_same(first.view(), file.view())) {
            files.push(file);
        }
    }
    Ok(files)
}

fn is_same(one: &Schema, other: &Schema) -> bool {
    one.fields() == other.fields()
}

fn empty(path: &Path) -> Failure {
    Failure::text(codes::DATASET_EMPTY, format!("{} has no Parquet files", path.display()))
}

pub(crate) fn from_file(error: &FileError) -> Failure {
    Failure::new(error.code(), error).hint(error.hint())
}
