//! The files of a run as far as planning needs them: schemas and row groups, no open descriptors.
//!
//! Their schemas are unified before anybody plans: each file is presented with the columns of all of them and of the
//! directory names. Files that have been through the migration and join as they are have the target's schema; what takes
//! part in their place is what they presented when they were migrated, as far as the log knows it. Their paths do too,
//! because partitions are a matter of the whole dataset.
//!
//! A dataset may have more files than a process may open, so a file is opened to read its footer, closed, and opened
//! again (and checked to be the same) when its row groups are due.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use skein_dataset::parquet::{SourceFile, splits};
use skein_dataset::{Partitions, PinnedFile, Snapshot, SnapshotError};
use skein_types::{Blake3, FileView, UnifyError, unify};

use crate::error::RunError;
use crate::progress::Progress;

/// One data file.
#[derive(Debug)]
pub(crate) struct InputFile {
    /// Place among the snapshot's files.
    pub(crate) place: usize,
    /// Relative to the dataset.
    pub(crate) path: String,
    /// What it stores, in the guest's view.
    pub(crate) own: SchemaRef,
    /// What it presents, in the guest's view.
    pub(crate) view: Arc<FileView>,
    /// Its values of the dataset's partition keys.
    pub(crate) partitions: Vec<Option<String>>,
    /// Ranges of row groups; never empty, so that a file without rows is still written.
    pub(crate) splits: Vec<Range<usize>>,
    pub(crate) row_groups: usize,
    pub(crate) rows: u64,
    /// Of its footer, which says how its rows lie in it.
    pub(crate) footer: Blake3,
    /// What a file must have in common with another to be written as one; `None` if it cannot be written anew.
    pub(crate) recut_kind: Option<Blake3>,
}

impl InputFile {
    pub(crate) fn pinned<'a>(&self, snapshot: &'a Snapshot) -> &'a PinnedFile {
        &snapshot.files()[self.place]
    }
}

/// What was planned before the files that are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earlier<'a> {
    /// Schemas that files of earlier runs presented.
    pub(crate) recorded: &'a [SchemaRef],
    /// Files of the same run.
    pub(crate) files: &'a [InputFile],
}

/// Reads the footers of the data files at these places of the snapshot, in byte order of path.
pub(crate) fn read(
    snapshot: &Snapshot,
    places: &[usize],
    recorded: &[SchemaRef],
    progress: &Progress,
) -> Result<Vec<InputFile>, RunError> {
    let files = read_later(snapshot, places, Earlier { recorded, files: &[] }, progress)?;
    files.ok_or_else(|| RunError::bug("files do not fit those before them, and there are none"))
}

/// [`read`] for files that come after `earlier` ones. They have a place beside those if the latter present what they
/// did without them; else the answer is `None`.
pub(crate) fn read_later(
    snapshot: &Snapshot,
    places: &[usize],
    earlier: Earlier<'_>,
    progress: &Progress,
) -> Result<Option<Vec<InputFile>>, RunError> {
    let partitions = Partitions::of(snapshot.data_files().map(|file| file.stat.path.as_str()));
    let mut files = Vec::with_capacity(places.len());
    let mut schemas = Distinct::default();
    for own in earlier.recorded.iter().chain(earlier.files.iter().map(|file| &file.own)) {
        schemas.of(own);
    }
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
            own: Arc::clone(source.view()),
            view: schemas.of(source.view()),
            partitions: partitions.values(&pinned.stat.path),
            splits: ranges,
            row_groups: source.row_groups(),
            rows: source.rows().0,
            footer: source.footer_digest(),
            recut_kind: source.recut_kind(),
        });
    }
    if !schemas.unify(partitions.keys(), earlier.files, &mut files)? {
        return Ok(None);
    }
    progress.expect(files.len() as u64, files.iter().map(|f| f.rows).sum());
    Ok(Some(files))
}

/// The distinct schemas of files, and how each is presented.
#[derive(Default)]
struct Distinct {
    own: Vec<SchemaRef>,
    views: Vec<Arc<FileView>>,
}

impl Distinct {
    /// The file's own columns for now, one for all files that store the same.
    fn of(&mut self, own: &SchemaRef) -> Arc<FileView> {
        let known = self.own.iter().position(|known| known == own);
        let place = known.unwrap_or_else(|| {
            self.own.push(Arc::clone(own));
            self.views.push(Arc::new(FileView::own(own)));
            self.own.len() - 1
        });
        Arc::clone(&self.views[place])
    }

    /// Presents to each file the columns of all. `false` if an earlier one would have to present others than it did.
    fn unify(
        &self,
        partitions: &[String],
        earlier: &[InputFile],
        files: &mut [InputFile],
    ) -> Result<bool, UnifyError> {
        let unified: Vec<Arc<FileView>> = unify(&self.own, partitions)?.into_iter().map(Arc::new).collect();
        for file in files {
            let place = self.views.iter().position(|view| Arc::ptr_eq(view, &file.view));
            if let Some(view) = place.and_then(|place| unified.get(place)) {
                file.view = Arc::clone(view);
            }
        }
        Ok(earlier.iter().all(|file| {
            let place = self.own.iter().position(|own| *own == file.own);
            place.and_then(|place| unified.get(place)) == Some(&file.view)
        }))
    }
}

/// Opens a file again with the columns that it presents.
pub(crate) fn open_presented(snapshot: &Snapshot, input: &InputFile) -> Result<SourceFile, RunError> {
    Ok(open(snapshot, input.pinned(snapshot))?.present(&input.view, &input.partitions)?)
}

/// Opens a pinned file again.
pub(crate) fn open(snapshot: &Snapshot, pinned: &PinnedFile) -> Result<SourceFile, RunError> {
    let file = snapshot.open_file(pinned)?;
    SourceFile::open(file, &pinned.stat.path).map_err(|error| blamed(snapshot, pinned, error.into()))
}

/// A file that cannot be read may have been written to while it was read: then that is what is wrong with it.
pub(crate) fn blamed(snapshot: &Snapshot, pinned: &PinnedFile, error: RunError) -> RunError {
    match (&error, snapshot.open_file(pinned)) {
        (RunError::File(_), Err(changed @ SnapshotError::Changed { .. })) => changed.into(),
        _ => error,
    }
}
