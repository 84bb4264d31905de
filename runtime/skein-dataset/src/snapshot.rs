//! What a dataset held when a run pinned it, and whether it still does.
//!
//! A pinned file is opened below the directory that was pinned, not by its path, and compared with what was listed:
//! size, times, inode. A file that changed is an error, never other bytes.

mod access;
mod hashing;
mod known;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cap_std::fs::Dir;
use skein_types::{Blake3, Bytes, Code, ErrorClass, codes};

use crate::dataset::{Dataset, Fence, RunLock, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::{Change, FileStat, Listing, Role, changes};
use crate::log::machine::{History, Version};
use crate::log::record::{Applied, FileRecord, Parent};
use crate::log::{self, LogError};
use crate::moved::Moved;
use crate::place::{Kind, PlaceError};
use crate::store::{self, Node};

pub use access::Access;

/// One file of a snapshot.
#[derive(Debug)]
pub struct PinnedFile {
    /// As listed.
    pub stat: FileStat,
    known: Option<FileRecord>,
    hash: OnceLock<Blake3>,
}

/// An immutable view of a dataset.
#[derive(Debug)]
pub struct Snapshot {
    files: Vec<PinnedFile>,
    pub(crate) dirs: Vec<String>,
    pub(crate) root: Dir,
    pub(crate) kind: Kind,
    pub(crate) node: Node,
    /// The log's last record when this was pinned.
    pub(crate) last: Option<Parent>,
    pub(crate) head: Option<Arc<Version>>,
    /// Of the schemas that the log recorded, those that files of the current version were planned with.
    presented: BTreeMap<Blake3, serde_json::Value>,
}

/// A snapshot cannot be taken or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No data file.
    #[error("the dataset has no parquet files")]
    Empty,
    /// The dataset has another name than its state.
    #[error("the dataset was called {:?} before and has left its state behind", .0.from)]
    Moved(Moved),
    /// A file is not what was pinned.
    #[error("{path} changed while the run was under way")]
    Changed {
        /// Which.
        path: String,
    },
    /// Something in the dataset is not what was pinned.
    #[error("{} files changed while the run was under way, the first: {}", changes.len(), first(changes))]
    Drift {
        /// All of them.
        changes: Vec<Change>,
    },
    /// The place holds something that no dataset may hold.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// What the log says of the current version.
struct Recorded {
    last: Option<Parent>,
    head: Option<Arc<Version>>,
    presented: BTreeMap<Blake3, serde_json::Value>,
}

impl Recorded {
    fn of(history: &History) -> Self {
        Self { last: history.last(), head: history.head().cloned(), presented: history.presented() }
    }
}

pub(crate) fn first(changes: &[Change]) -> String {
    changes.first().map_or_else(String::new, ToString::to_string)
}

impl SnapshotError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Empty => codes::DATASET_EMPTY,
            Self::Moved(_) => codes::DATASET_MOVED,
            Self::Changed { .. } => codes::FILE_CHANGED_WHILE_READ,
            Self::Drift { .. } => codes::DATASET_DRIFT,
            Self::Place(e) => e.code(),
            Self::Log(e) => e.code(),
            Self::State(e) => e.code(),
            Self::Io(e) => e.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Empty => Some("data files end in .parquet, .parq or .pq and are not hidden"),
            Self::Moved(moved) => Some(&moved.hint),
            Self::Changed { .. } | Self::Drift { .. } => {
                Some("run it again when its writer is done: it will start from the dataset as it is then")
            }
            Self::Place(e) => e.hint(),
            Self::State(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Log(_) => None,
        }
    }
}

impl PinnedFile {
    const fn unknown(stat: FileStat) -> Self {
        Self { stat, known: None, hash: OnceLock::new() }
    }

    /// What the log knows of a file with this content, whether it has kept its name, got another one or is a copy.
    pub fn known(&self) -> Option<&FileRecord> {
        self.known.as_ref()
    }

    /// Migrations that this file has been through.
    pub fn applied(&self) -> &[Applied] {
        self.known.as_ref().map_or(&[], |known| &known.applied)
    }

    /// Gives the hash of the file's bytes to a caller's snapshot, so that publish need not read it again.
    pub fn provide_hash(&self, hash: Blake3) {
        self.hash.get_or_init(|| hash);
    }

    /// Its numbers, and its hash if it is known.
    pub(crate) fn hashed(&self) -> (&FileStat, Option<Blake3>) {
        (&self.stat, self.hash.get().copied())
    }

    /// The record of this file as part of the version that is current now. Needs its hash.
    pub(crate) fn record(&self) -> FileRecord {
        let known = self.known.clone();
        let (rows, stats, applied) = known.map_or((None, None, Vec::new()), |k| (k.rows, k.stats, k.applied));
        let blake3 = *self.hash.get().expect("hash_all comes before records are made");
        FileRecord { stat: self.stat.clone(), blake3, rows, stats, applied }
    }
}

impl Dataset {
    /// Pins what the dataset holds now. Empty directories are refused.
    pub fn pin(&self, lock: &RunLock) -> Result<Snapshot, SnapshotError> {
        let snapshot = self.look()?;
        match lock.fence {
            Fence::Lock { .. } => Ok(snapshot),
            // What is under way is its server's to end; what was pinned before that could not become current.
            Fence::Ledger(_) if self.history()?.unsettled().is_some() => Err(StateError::Unsettled.into()),
            Fence::Ledger(_) => Ok(snapshot),
        }
    }

    /// Pins the dataset again for a run that had pinned `earlier`. Only files may have been added since; answers their
    /// places.
    pub fn pin_again(
        &self,
        _lock: &RunLock,
        earlier: &Snapshot,
    ) -> Result<(Snapshot, Vec<usize>), SnapshotError> {
        let now = self.look_after(earlier)?;
        if now.node != earlier.node {
            return Err(SnapshotError::Drift { changes: vec![Change::Modified(self.place.name.clone())] });
        }
        let stats = (earlier.files.iter().map(|f| &f.stat), now.files.iter().map(|f| &f.stat));
        let changes = changes(stats.0, stats.1, FileStat::same);
        if changes.iter().any(|change| !matches!(change, Change::Added(_))) {
            return Err(SnapshotError::Drift { changes });
        }
        let files = now.files.iter().enumerate();
        let added = files.filter(|(_, file)| earlier.file(&file.stat.path).is_none()).map(|(place, _)| place);
        let added = added.collect();
        Ok((now, added))
    }

    /// What the dataset holds now, without a lock: for looking, planning and dry runs, which write nothing. A publish
    /// under way may show through as the version that it makes.
    pub fn look(&self) -> Result<Snapshot, SnapshotError> {
        let snapshot = self.snapshot(&self.history()?)?.not_empty()?;
        // A log that is begun anew would let a migration run a second time over its own result.
        match self.moved(snapshot.data_files().map(|file| &file.stat)) {
            Some(moved) => Err(SnapshotError::Moved(moved)),
            None => Ok(snapshot),
        }
    }

    /// Reads no file again that is as it was, nor the log if it is.
    fn look_after(&self, earlier: &Snapshot) -> Result<Snapshot, SnapshotError> {
        let last = self.state().map_or(Ok(None), |state| log::last(&state.log))?;
        let log = if last == earlier.last {
            Recorded { last, head: earlier.head.clone(), presented: earlier.presented.clone() }
        } else {
            Recorded::of(&self.history()?)
        };
        self.pinned(log, Some(earlier))?.not_empty()
    }

    pub(crate) fn snapshot(&self, history: &History) -> Result<Snapshot, SnapshotError> {
        self.pinned(Recorded::of(history), None)
    }

    fn pinned(
        &self,
        Recorded { last, head, presented }: Recorded,
        earlier: Option<&Snapshot>,
    ) -> Result<Snapshot, SnapshotError> {
        let root = self.place.open_root()?;
        let (node, listing) = match self.place.kind {
            Kind::Directory => (node_of(&root)?, Listing::of_directory(&root)?),
            Kind::File => {
                let listing = self.place.list()?;
                let ino = listing.files.first().map_or(0, |f| f.ino);
                (Node { dev: self.place.dev, ino }, listing)
            }
        };
        let mut snapshot = Snapshot {
            files: listing.files.into_iter().map(PinnedFile::unknown).collect(),
            dirs: listing.dirs,
            root,
            kind: self.place.kind,
            node,
            last,
            presented,
            head,
        };
        for file in &snapshot.files {
            let same = earlier.and_then(|earlier| earlier.file(&file.stat.path));
            let hash = same.filter(|same| same.stat.same(&file.stat)).and_then(|same| same.hash.get());
            hash.into_iter().for_each(|hash| file.provide_hash(*hash));
        }
        snapshot.recognise(self)?;
        Ok(snapshot)
    }
}

/// How files, all of them with a hash that have the size of a recorded one, differ from a version; `None` if not even in a
/// time. Both sorted by path.
pub(crate) fn observed<'a>(
    head: &Version,
    files: impl Iterator<Item = (&'a FileStat, Option<Blake3>)> + Clone,
    dirs: &[String],
) -> Option<Vec<Change>> {
    let old = head.files.iter().map(|f| &f.stat);
    let exact = changes(old, files.clone().map(|(stat, _)| stat), FileStat::same);
    if exact.is_empty() && head.dirs == dirs {
        return None;
    }
    let now: BTreeMap<&str, Blake3> =
        files.filter_map(|(stat, hash)| Some((stat.path.as_str(), hash?))).collect();
    let touched = |path: &str| {
        let old = head.files.binary_search_by(|f| f.stat.path.as_str().cmp(path));
        old.is_ok_and(|old| now.get(path) == Some(&head.files[old].blake3))
    };
    let real = |change: &Change| !matches!(change, Change::Modified(path) if touched(path));
    Some(exact.into_iter().filter(real).collect())
}

pub(crate) fn node_of(dir: &Dir) -> Result<Node, IoFault> {
    let stat = rustix::fs::fstat(dir).during("look at", ".")?;
    Ok(Node { dev: stat.st_dev, ino: stat.st_ino })
}

impl Snapshot {
    /// Every file, sorted by bytes of the path.
    pub fn files(&self) -> &[PinnedFile] {
        &self.files
    }

    /// The file at a path.
    pub(crate) fn file(&self, path: &str) -> Option<&PinnedFile> {
        let at = self.files.binary_search_by(|file| file.stat.path.as_str().cmp(path)).ok()?;
        self.files.get(at)
    }

    fn not_empty(self) -> Result<Self, SnapshotError> {
        if self.data_files().next().is_none() { Err(SnapshotError::Empty) } else { Ok(self) }
    }

    /// The data files, sorted by bytes of the path.
    pub fn data_files(&self) -> impl Iterator<Item = &PinnedFile> + Clone {
        self.files.iter().filter(|f| f.stat.role == Role::Data)
    }

    /// The version that the log calls current, or `None` before the first publish.
    pub fn version(&self) -> Option<u64> {
        self.head.as_ref().map(|head| head.version)
    }

    /// Sum of all sizes.
    pub fn bytes(&self) -> Bytes {
        self.files.iter().map(|f| Bytes(f.stat.size)).sum()
    }

    /// Sum of the sizes of files that are asked for by path.
    pub fn bytes_of(&self, takes: impl Fn(&str) -> bool) -> Bytes {
        self.files.iter().filter(|file| takes(&file.stat.path)).map(|file| Bytes(file.stat.size)).sum()
    }

    /// Opens a pinned file and checks that it is the one that was pinned.
    pub fn open_file(&self, file: &PinnedFile) -> Result<std::fs::File, SnapshotError> {
        let path = &file.stat.path;
        let opened = match store::open_file(&self.root, path) {
            Ok(opened) => opened.into_std(),
            Err(fault) if fault.is_missing() || fault.is_irregular() => {
                return Err(SnapshotError::Changed { path: path.clone() });
            }
            Err(fault) => return Err(fault.into()),
        };
        let stat = rustix::fs::fstat(&opened).during("look at", path)?;
        if !file.stat.same(&FileStat::new(path.clone(), &stat)) {
            return Err(SnapshotError::Changed { path: path.clone() });
        }
        Ok(opened)
    }

    /// Migrations that every data file has been through, in the first file's order.
    pub fn applied_to_all(&self) -> Vec<Applied> {
        let mut files = self.data_files();
        let mut all = files.next().map_or_else(Vec::new, |f| f.applied().to_vec());
        files.for_each(|file| {
            all.retain(|applied| file.applied().iter().any(|own| own.same_migration(applied)))
        });
        all
    }

    /// A schema that files presented when they were migrated, by its digest in [`Applied::presented`].
    pub fn presented(&self, digest: &Blake3) -> Option<&serde_json::Value> {
        self.presented.get(digest)
    }

    /// Whether another look saw the same: the same log, and the same files in the same order, none of them written to.
    pub fn is_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&PinnedFile, &PinnedFile)| {
            one.stat.path == other.stat.path && one.stat.same(&other.stat)
        };
        self.node == other.node
            && self.last == other.last
            && self.dirs == other.dirs
            && self.files.len() == other.files.len()
            && self.files.iter().zip(&other.files).all(same)
    }

    /// Whether the dataset, found again by its path, is what was pinned.
    pub fn check_unchanged(&self, dataset: &Dataset) -> Result<(), SnapshotError> {
        let changes = self.changes(&dataset.place.list()?);
        if !changes.is_empty() {
            return Err(SnapshotError::Drift { changes });
        }
        Ok(())
    }

    pub(crate) fn changes(&self, now: &Listing) -> Vec<Change> {
        changes(self.files.iter().map(|f| &f.stat), &now.files, FileStat::same)
    }

    /// What others did to the version that the log calls current; `None` if nothing, not even a time, is different.
    pub(crate) fn observed(&self) -> Option<Vec<Change>> {
        let files = self.files.iter().map(PinnedFile::hashed);
        observed(self.head.as_deref()?, files, &self.dirs)
    }

    /// Records of all files as they are now.
    pub(crate) fn records(&self) -> Vec<FileRecord> {
        self.files.iter().map(PinnedFile::record).collect()
    }
}
