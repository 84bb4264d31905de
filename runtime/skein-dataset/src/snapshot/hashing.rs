//! Hashes of pinned files, several at a time. A file that is not what was pinned is an error.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::dataset::Dataset;
use crate::pace::{pace, paced};
use crate::snapshot::{PinnedFile, Snapshot, SnapshotError};
use crate::store;

impl Snapshot {
    /// Hashes every file that has no hash yet. Sources that changed are all named.
    pub(crate) fn hash(&self, dataset: &Dataset) -> Result<(), SnapshotError> {
        self.hash_all(dataset).or_else(|e| {
            self.check_unchanged(dataset)?;
            Err(e)
        })
    }

    /// Hashes every file that has no hash yet.
    pub(crate) fn hash_all(&self, dataset: &Dataset) -> Result<(), SnapshotError> {
        self.hash_files(dataset, self.files.iter().collect())
    }

    /// Hashes those of these files that have no hash yet.
    pub(super) fn hash_files(
        &self,
        dataset: &Dataset,
        mut files: Vec<&PinnedFile>,
    ) -> Result<(), SnapshotError> {
        files.retain(|file| file.hash.get().is_none());
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let work = || {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(e) = self.hash_one(dataset, file) {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                    return;
                }
            }
        };
        // A new thread is at nobody's pace.
        let own = pace();
        let helps = || paced(own.clone(), work);
        match dataset.options.threads.min(files.len()) {
            0 | 1 => work(),
            threads => std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(helps)))),
        }
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn hash_one(&self, dataset: &Dataset, file: &PinnedFile) -> Result<(), SnapshotError> {
        let path = &file.stat.path;
        let (hash, size) = store::hash_open(&mut self.open_file(file)?, path, &dataset.stop)?;
        if size != file.stat.size {
            return Err(SnapshotError::Changed { path: path.clone() });
        }
        file.provide_hash(hash);
        Ok(())
    }
}
