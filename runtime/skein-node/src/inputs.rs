//! The files of a run as far as planning needs them: schemas and row groups, no open descriptors.
//!
//! A dataset may have more files than a process may open, so a file is opened to read its footer, closed, and opened
//! again (and checked to be the same) when its row groups are due.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use skein_dataset::parquet::{SourceFile, splits};
use skein_dataset::{PinnedFile, Snapshot};

use crate::error::RunError;
use crate::progress::Progress;

/// One data file.
#[derive(Debug)]
pub(crate) struct InputFile {
    /// Place among the snapshot's files.
    pub(crate) place: usize,
    /// Relative to the dataset.
    pub(crate) path: String,
    /// Schema in the guest's view.
    pub(crate) view: SchemaRef,
    /// Ranges of row groups; never empty, so that a file without rows is still written.
    pub(crate) splits: Vec<Range<usize>>,
    pub(crate) row_groups: usize,
    pub(crate) rows: u64,
}

impl InputFile {
    pub(crate) fn pinned<'a>(&self, snapshot: &'a Snapshot) -> &'a PinnedFile {
        &snapshot.files()[self.place]
    }
}

/// Reads the footers of the data files at these places of the snapshot, in byte order of path.
pub(crate) fn read(
    snapshot: &Snapshot,
    places: &[usize],
    progress: &Progress,
) -> Result<Vec<InputFile>, RunError> {
    let mut files = Vec::with_capacity(places.len());
    for place in places {
        if progress.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let pinned = &snapshot.files()[*place];
        let source = open(snapshot, pinned)?;
        let mut ranges = splits(&source);
        if ranges.is_empty() {
            ranges.push(0..0);
        }
        files.push(InputFile {
            place: *place,
            path: pinned.stat.path.clone(),
            view: Arc::clone(source.view()),
            splits: ranges,
            row_groups: source.row_groups(),
            rows: source.rows().0,
        });
    }
    progress.expect(files.len() as u64, files.iter().map(|f| f.rows).sum());
    Ok(files)
}

/// Opens a pinned file again.
pub(crate) fn open(snapshot: &Snapshot, pinned: &PinnedFile) -> Result<SourceFile, RunError> {
    let file = snapshot.open_file(pinned)?;
    Ok(SourceFile::open(file, &pinned.stat.path)?)
}
