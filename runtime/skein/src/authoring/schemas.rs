//! Schemas and sample rows of the datasets that an author names.
//!
//! A dataset is only looked at: no lock, no log, nothing beside it. Its schema is the one that a run would plan with: that of
//! all its files together. Partition columns are not in it: a plan carries them by itself and can do nothing else.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use skein_dataset::parquet::{FileError, SourceFile, sample};
use skein_dataset::{PinnedFile, Snapshot};
use skein_types::{FileView, SystemClock, codes, unify, unmarked};

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
    /// Of all files together, in the guest's view.
    pub(crate) schema: SchemaRef,
    pub(crate) rows: RecordBatch,
    /// Whether the rows are the dataset's.
    pub(crate) real: bool,
}

/// A dataset's schema, and rows of it unless none are wanted.
pub(crate) fn origin(settings: &Settings, path: &Path, wants_rows: bool) -> Result<Origin, Failure> {
    let look = Look::at(settings, path)?;
    let schema = look.schema(path)?;
    let sampled = if wants_rows { look.sample(&schema)? } else { None };
    match sampled.filter(|rows| rows.num_rows() > 0) {
        Some(rows) => Ok(Origin { schema, rows, real: true }),
        None => invented(schema),
    }
}

/// What a dataset's columns are called.
pub(crate) fn columns(settings: &Settings, path: &Path) -> Result<Vec<String>, Failure> {
    let schema = Look::at(settings, path)?.schema(path)?;
    Ok(schema.fields().iter().map(|field| field.name().clone()).collect())
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
    Look::at(settings, path)?.schema(path)
}

/// A dataset that was looked at: what each distinct schema of its files presents.
struct Look {
    snapshot: Snapshot,
    /// In order of appearance.
    views: Vec<FileView>,
    /// Of each data file, in byte order of path, its place among the views.
    view_of: Vec<usize>,
}

impl Look {
    fn at(settings: &Settings, path: &Path) -> Result<Self, Failure> {
        let dataset = datasets::open(settings, path, Arc::new(SystemClock::start()), 1)?;
        let snapshot = dataset.look().map_err(|error| Failure::new(error.code(), &error))?;
        let mut stored: Vec<SchemaRef> = Vec::new();
        let mut view_of = Vec::new();
        for pinned in snapshot.data_files() {
            let file = open(&snapshot, pinned)?;
            view_of.push(stored.iter().position(|known| known == file.view()).unwrap_or_else(|| {
                stored.push(Arc::clone(file.view()));
                stored.len() - 1
            }));
        }
        let views = unify(&stored, &[])
            .map_err(|error| Failure::new(codes::FILE_TOO_MANY_ROW_GROUPS, &error).about(path))?;
        Ok(Self { views, snapshot, view_of })
    }

    /// What the first file presents: where the files' types do not meet it is that file's.
    fn schema(&self, path: &Path) -> Result<SchemaRef, Failure> {
        self.views.first().map(plain).ok_or_else(|| empty(path))
    }

    /// Rows of files that present `schema`.
    fn sample(&self, schema: &SchemaRef) -> Result<Option<RecordBatch>, Failure> {
        let fits: Vec<bool> = self.views.iter().map(|view| plain(view).fields() == schema.fields()).collect();
        let fitting: Vec<_> =
            self.snapshot.data_files().zip(&self.view_of).filter(|(_, view)| fits[**view]).collect();
        let most = fitting.len().min(FILES_MAX);
        let mut files = Vec::with_capacity(most);
        for at in 0..most {
            let (pinned, view) = fitting[at * fitting.len() / most];
            let file = open(&self.snapshot, pinned)?.present(&self.views[*view], &[]);
            files.push(file.map_err(|error| from_file(&error))?);
        }
        let rows = sample(&files, SAMPLE_ROWS).map_err(|error| from_file(&error))?;
        let named = rows.map(|rows| RecordBatch::try_new(Arc::clone(schema), rows.columns().to_vec()));
        named.transpose().map_err(|error| Failure::new(codes::BUG, &error))
    }
}

/// Without the marks of what one file does not store so: the crate is for all of them.
fn plain(view: &FileView) -> SchemaRef {
    Arc::new(Schema::new(view.schema.fields().iter().map(unmarked).collect::<Vec<_>>()))
}

fn open(snapshot: &Snapshot, pinned: &PinnedFile) -> Result<SourceFile, Failure> {
    let file = snapshot.open_file(pinned).map_err(|error| Failure::new(error.code(), &error))?;
    SourceFile::open(file, &pinned.stat.path).map_err(|error| from_file(&error))
}

fn empty(path: &Path) -> Failure {
    Failure::text(codes::DATASET_EMPTY, format!("{} has no Parquet files", path.display()))
}

pub(crate) fn from_file(error: &FileError) -> Failure {
    Failure::new(error.code(), error).hint(error.hint())
}
