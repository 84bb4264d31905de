//! Which record of the current version a file has the content of.
//!
//! A file that is where it was, or that was moved with its directory, is known by its numbers. Any other that is as
//! large as some recorded one is read: its bytes decide whether it was touched, renamed, copied or written to. A
//! rename sets the ctime, and times can be set back, so the numbers alone would let a file that was renamed and then
//! overwritten pass for migrated.

use std::collections::BTreeMap;

use skein_types::Blake3;

use crate::dataset::Dataset;
use crate::listing::FileStat;
use crate::log::record::FileRecord;
use crate::snapshot::{PinnedFile, Snapshot, SnapshotError};

/// The files of the current version, to be looked up.
struct Records<'a> {
    /// Sorted by path.
    by_path: &'a [FileRecord],
    /// By size and bytes; more than one where files are copies of each other.
    by_content: BTreeMap<(u64, Blake3), Vec<&'a FileRecord>>,
    /// By inode: files whose path is gone.
    vanished: BTreeMap<u64, Vec<&'a FileRecord>>,
}

impl Snapshot {
    /// Says of each file what the log knows of its content.
    pub(super) fn recognise(&mut self, dataset: &Dataset) -> Result<(), SnapshotError> {
        let Some(head) = self.head.clone() else { return Ok(()) };
        let records = Records::new(&head.files, &self.files);
        for file in &mut self.files {
            let known = records.unmoved(&file.stat);
            file.known = known.map(|record| now(record, &file.stat));
            known.into_iter().for_each(|record| file.provide_hash(record.blake3));
        }
        let open = |file: &&PinnedFile| file.known.is_none() && records.has_size(file.stat.size);
        self.hash_files(dataset, self.files.iter().filter(open).collect())?;
        for file in self.files.iter_mut().filter(|file| file.known.is_none()) {
            file.known = records.of_content(file).map(|record| now(record, &file.stat));
        }
        Ok(())
    }
}

/// The record of a file with this content, as the file is now.
fn now(record: &FileRecord, stat: &FileStat) -> FileRecord {
    FileRecord { stat: stat.clone(), ..record.clone() }
}

impl<'a> Records<'a> {
    /// Both sorted by path.
    fn new(by_path: &'a [FileRecord], files: &[PinnedFile]) -> Self {
        let mut by_content = BTreeMap::<(u64, Blake3), Vec<&FileRecord>>::new();
        let mut vanished = BTreeMap::<u64, Vec<&FileRecord>>::new();
        for record in by_path {
            by_content.entry((record.stat.size, record.blake3)).or_default().push(record);
            if files.binary_search_by(|f| f.stat.path.cmp(&record.stat.path)).is_err() {
                vanished.entry(record.stat.ino).or_default().push(record);
            }
        }
        Self { by_path, by_content, vanished }
    }

    fn at(&self, path: &str) -> Option<&'a FileRecord> {
        let at = self.by_path.binary_search_by(|f| f.stat.path.as_str().cmp(path)).ok()?;
        self.by_path.get(at)
    }

    /// By numbers: what is where it was, or in a directory that was renamed.
    fn unmoved(&self, stat: &FileStat) -> Option<&'a FileRecord> {
        let mut moved = self.vanished.get(&stat.ino).into_iter().flatten().copied();
        self.at(&stat.path).filter(|r| r.stat.same(stat)).or_else(|| moved.find(|r| r.stat.same(stat)))
    }

    fn has_size(&self, size: u64) -> bool {
        let all = (size, Blake3([0; 32]))..=(size, Blake3([u8::MAX; 32]));
        self.by_content.range(all).next().is_some()
    }

    /// By bytes. Of several with the same bytes the one at the path, then the one that was renamed, then the one that
    /// went through the most: whichever the file is a copy of, it needs no more than that one.
    fn of_content(&self, file: &PinnedFile) -> Option<&'a FileRecord> {
        let hash = *file.hash.get()?;
        let same = self.by_content.get(&(file.stat.size, hash))?;
        if let Some(own) = self.at(&file.stat.path).filter(|r| r.blake3 == hash) {
            return Some(own);
        }
        let gone = self.vanished.get(&file.stat.ino);
        let renamed = |r: &FileRecord| gone.into_iter().flatten().any(|v| v.stat.path == r.stat.path);
        same.iter().copied().max_by_key(|r| (renamed(r), r.applied.len()))
    }
}
