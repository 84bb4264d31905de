//! The next version of a dataset while it is written: a directory private to one attempt, on the dataset's device.
//!
//! Nothing in it is visible to readers. It disappears when the [`Staging`] is dropped, unless a publish left its
//! outcome unknown: then it stays until `recover` has read back what happened. Directories of the old version exist
//! in the new one from the start; their modes are set last, so that a read-only one can be filled.

mod file;
mod preflight;
mod readers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;
use skein_types::{Blake3, Bytes, Code, ErrorClass, codes};

use crate::crash_point;
use crate::dataset::{Dataset, Fence, RunLock};
use crate::fault::{During as _, IoFault};
use crate::listing::{FileStat, Role};
use crate::output::{Output, OutputError};
use crate::place::Kind;
use crate::publish::SYNCS;
use crate::snapshot::{PinnedFile, Snapshot, SnapshotError};
use crate::staging::readers::Readers;
use crate::store::barrier::Barrier;
use crate::store::{self, attributes};

pub use file::StagedFile;
pub use preflight::Room;
pub(crate) use preflight::{may_change, needed};

/// Name of the rejects file in an attempt's directory.
pub(crate) const QUARANTINE: &str = "quarantine.parquet";
pub(crate) const DATA: &str = "data";
/// Directory of an attempt for what a later one can take over. It goes with the attempt and not before: the next one may
/// have to begin because others added a file, and most of it is as it was.
const PIECES: &str = "pieces";
/// Larger pieces are made again.
const PIECE_MAX: u64 = 1 << 30;

impl Dataset {
    /// What an earlier attempt kept under a name; none if it kept nothing, or it cannot be read.
    pub fn piece(&self, attempt: skein_types::AttemptId, name: &str) -> Option<Vec<u8>> {
        let dir = store::open_dir(&self.state()?.stage, &attempt.to_string()).ok()?;
        store::read_bounded(&store::open_dir(&dir, PIECES).ok()?, name, PIECE_MAX).ok()?
    }
}

/// What the rejected rows of an output are called; readers of Parquet directories pass it over.
pub const OUTPUT_REJECTS: &str = "_quarantine.parquet";

/// How an output file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// As its source: single files, plain files elsewhere, and where somebody asks for it. A reader that lists the old version
    /// and opens a file late then reads the new one: it may mix two versions.
    Keep,
    /// `<stem>-<8 hex of its content hash>.<ext>`: a reader that lists the old version and opens late misses the file
    /// instead of mixing versions.
    Hashed,
}

/// A finished file of the next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedEntry {
    /// Relative to the dataset.
    pub path: String,
    /// The source file that it was made for.
    pub from: String,
    /// By name.
    pub role: Role,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub blake3: Blake3,
}

/// The next version of a dataset, unfinished.
#[derive(Debug)]
pub struct Staging {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) kind: Kind,
    /// `<run>.<attempt>`, or the attempt's id: the directory's name below `stage`.
    pub(crate) name: String,
    stage: Dir,
    /// The attempt's directory.
    pub(crate) dir: Dir,
    /// The new version's root, or the directory that holds its one file.
    pub(crate) data: Dir,
    /// The old version's root.
    source: Dir,
    source_dirs: Vec<String>,
    stop: Arc<AtomicBool>,
    stems: BTreeMap<String, String>,
    temporaries: AtomicU64,
    keep: AtomicBool,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    entries: Vec<StagedEntry>,
    quarantine: Option<StagedEntry>,
    lost: BTreeSet<String>,
    /// Directories that do not have the attributes of the old ones yet.
    open_dirs: BTreeSet<String>,
    /// What was named, made or changed since it was last synced: files, and directories with `.` for the root.
    unsynced: BTreeSet<String>,
    fault: Option<IoFault>,
}

/// The next version cannot be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Not enough room for a second copy.
    #[error("{needed} are needed beside the dataset, {free} are free")]
    NoSpace {
        /// A second copy and a fifth.
        needed: Bytes,
        /// What the file system has for this user.
        free: Bytes,
    },
    /// The file system is mounted read-only.
    #[error("the file system is read-only")]
    ReadOnly,
    /// The user may not change what must change.
    #[error("no permission to change {path}")]
    Permission {
        /// Which directory.
        path: String,
    },
    /// Two outputs with one name.
    #[error("two outputs would be called {path}")]
    NameCollision {
        /// Which.
        path: String,
    },
    /// A path that is not below the dataset.
    #[error("{path:?} is not a path inside the dataset")]
    BadPath {
        /// Which.
        path: String,
    },
    /// The source does not hold still.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl StageError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NoSpace { .. } => codes::NO_SPACE,
            Self::ReadOnly => codes::READ_ONLY,
            Self::Permission { .. } => codes::PERMISSION,
            Self::NameCollision { .. } => codes::NAME_COLLISION,
            Self::BadPath { .. } => codes::BUG,
            Self::Snapshot(e) => e.code(),
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
            Self::NoSpace { .. } => Some("free space beside the dataset, or give old versions up"),
            Self::ReadOnly => Some("mount the file system for writing"),
            Self::Permission { .. } => Some(
                "run as a user who may write the dataset and its parent; `skein doctor` says what is missing",
            ),
            Self::NameCollision { .. } => Some("rename one of the two files that it would be made of"),
            Self::Snapshot(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::BadPath { .. } => None,
        }
    }
}

impl Staging {
    /// Checks space and permissions and makes the attempt's directory. `attempt` tells those of one lock apart; one that a
    /// server fences has its own id.
    pub fn create(
        dataset: &Dataset,
        lock: &RunLock,
        snapshot: &Snapshot,
        attempt: u32,
    ) -> Result<Self, StageError> {
        let state = dataset.state().expect("a run lock is taken in the dataset's state");
        preflight::check(dataset, state, snapshot)?;
        let name = match &lock.fence {
            Fence::Lock { .. } => format!("{}.{attempt}", lock.run),
            Fence::Ledger(attempt) => attempt.to_string(),
        };
        // Nobody else looks into a version that is not finished: its modes are set last.
        rustix::fs::mkdirat(&state.stage, &name, rustix::fs::Mode::RWXU).during("create", &name)?;
        let dir = state.stage.open_dir(&name).during("open", &name)?;
        dir.create_dir(DATA).during("create", DATA)?;
        let mut data = dir.open_dir(DATA).during("open", DATA)?;
        if snapshot.kind == Kind::Directory {
            let root = &dataset.place.name;
            data.create_dir(root).during("create", root)?;
            data = data.open_dir(root).during("open", root)?;
        }
        for below in &snapshot.dirs {
            data.create_dir(below).during("create", below)?;
        }
        let shared = Shared {
            kind: snapshot.kind,
            name,
            stage: state.stage.try_clone().during("open", "stage")?,
            dir,
            data,
            source: snapshot.root.try_clone().during("open", ".")?,
            source_dirs: snapshot.dirs.clone(),
            stop: Arc::clone(&dataset.stop),
            stems: file::stems(snapshot),
            temporaries: AtomicU64::new(0),
            keep: AtomicBool::new(false),
            written: Mutex::new(Written::over(&snapshot.dirs)),
        };
        let staging = Self { shared: Arc::new(shared) };
        crash_point!("stage.after-create").during("stage", &staging.shared.name)?;
        Ok(staging)
    }

    /// A directory of plain files elsewhere, with the files of the snapshot that `keeps` answers for. Its names are the
    /// sources' own.
    pub fn aside(
        output: &Output,
        dataset: &Dataset,
        snapshot: &Snapshot,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<Self, OutputError> {
        output.refuse_bytes(snapshot.bytes_of(&keeps))?;
        let (dir, data) = output.begin()?;
        let source_dirs = dirs_kept(snapshot, keeps);
        for below in &source_dirs {
            data.create_dir(below).during("create", below)?;
        }
        let written = Mutex::new(Written::over(&source_dirs));
        let shared = Shared {
            kind: snapshot.kind,
            name: output.temporary().to_owned(),
            stage: output.parent.try_clone().during("open", ".")?,
            dir,
            data,
            source: snapshot.root.try_clone().during("open", ".")?,
            source_dirs,
            stop: Arc::clone(&dataset.stop),
            stems: BTreeMap::new(),
            temporaries: AtomicU64::new(0),
            keep: AtomicBool::new(false),
            written,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Makes the directory that [`Staging::aside`] began complete, with the rejected rows as [`OUTPUT_REJECTS`] in it.
    pub fn deliver(self, output: Output) -> Result<std::path::PathBuf, OutputError> {
        let shared = &self.shared;
        if self.quarantined() && !store::rename_new(&shared.dir, QUARANTINE, &shared.data, OUTPUT_REJECTS)? {
            return Err(output.rejects_name_taken());
        }
        self.finish_dirs()?;
        output.deliver(&shared.dir, &shared.data)
    }

    /// Makes room for what others added to the snapshot that this was made for: files at these places, and directories.
    /// Every file that was begun must be finished. Directories that get nothing new are not touched.
    pub fn extend(&mut self, snapshot: &Snapshot, added: &[usize]) -> Result<(), StageError> {
        let shared = Arc::get_mut(&mut self.shared).expect("a file that is finished gives its staging back");
        let known = std::mem::replace(&mut shared.source_dirs, snapshot.dirs.clone());
        let made: Vec<&String> =
            snapshot.dirs.iter().filter(|dir| known.binary_search(dir).is_err()).collect();
        let added = added.iter().map(|place| &snapshot.files()[*place].stat.path);
        let above: BTreeSet<String> =
            added.chain(made.iter().copied()).flat_map(|path| above(path)).collect();
        let mut opened = BTreeSet::from([".".to_owned()]);
        opened.extend(above);
        // Their modes were set, and may keep us out. From the root down, for each lets into those below it.
        let old = shared.source_dirs.iter().filter(|dir| opened.contains(*dir) && !made.contains(dir));
        store::set_dir_mode(&shared.data, rustix::fs::Mode::RWXU, ".")?;
        for path in old {
            let dir = shared.data.open_dir(path).during("open", path)?;
            store::set_dir_mode(&dir, rustix::fs::Mode::RWXU, path)?;
        }
        for below in made {
            shared.data.create_dir(below).during("create", below)?;
            opened.insert(below.clone());
        }
        shared.stems = file::stems(snapshot);
        let mut written = shared.written();
        written.unsynced.extend(opened.iter().cloned());
        written.open_dirs.extend(opened);
        drop(written);
        Ok(crash_point!("stage.after-extend").during("stage", &shared.name)?)
    }

    /// Makes durable what was staged since the last time, so that the publish that follows has less to wait for.
    pub fn sync(&self) -> Result<(), IoFault> {
        self.finish_dirs()?;
        let mut barrier = Barrier::default();
        let unsynced = self.shared.written().unsynced.clone();
        unsynced.iter().try_for_each(|path| barrier.add(0, &self.shared.data, path))?;
        let failed = barrier.wait(SYNCS).into_iter().next();
        failed.map_or(Ok(()), |(_, fault)| Err(fault))?;
        self.note_synced();
        Ok(())
    }

    /// Whether a file or directory of the new version may not be durable yet. What a barrier has synced is not written to
    /// again, so a publish that begins anew needs to sync only what came since.
    pub(crate) fn is_unsynced(&self, path: &str) -> bool {
        self.shared.written().unsynced.contains(path)
    }

    /// A barrier has synced everything that was [unsynced](Self::is_unsynced).
    pub(crate) fn note_synced(&self) {
        self.shared.written().unsynced.clear();
    }

    /// Forgets the rejected rows, to write them anew with more.
    pub fn forget_quarantine(&self) -> Result<(), StageError> {
        self.shared.written().quarantine = None;
        Ok(store::remove_tree(&self.shared.dir, QUARANTINE)?)
    }

    /// Starts the output file for `source`. Mode, owner and attributes will be the source's.
    pub fn file(&self, source: &PinnedFile) -> Result<StagedFile, StageError> {
        StagedFile::create(self.shared.clone(), &source.stat.path, file::Purpose::Data)
    }

    /// Starts the file of rejected rows. It becomes the dataset's `quarantine/<run>.parquet` with the publish, for
    /// those to read who may read all data files of the snapshot.
    pub fn quarantine(&self, snapshot: &Snapshot) -> Result<StagedFile, StageError> {
        let readers = Readers::of_all(snapshot)?;
        StagedFile::create(self.shared.clone(), QUARANTINE, file::Purpose::Quarantine(readers))
    }

    /// Takes a file of the old version over as it is, under its name: by reflink where the file system can, else by
    /// copy.
    pub fn join(&self, snapshot: &Snapshot, source: &PinnedFile) -> Result<StagedEntry, StageError> {
        file::join(&self.shared, snapshot, source)
    }

    /// Takes over a file of a version that nobody writes to, under its name there.
    pub(crate) fn take_over(&self, from: &std::fs::File, stat: &FileStat) -> Result<StagedEntry, StageError> {
        file::take_over(&self.shared, from, stat)
    }

    /// Takes over the rejected rows of such a version.
    pub(crate) fn take_over_quarantine(&self, from: &std::fs::File) -> Result<(), StageError> {
        file::take_over_quarantine(&self.shared, from)
    }

    /// Takes all sidecars over; answers what was dropped.
    pub fn copy_sidecars(&self, snapshot: &Snapshot) -> Result<Vec<String>, StageError> {
        let mut dropped = Vec::new();
        for file in snapshot.files() {
            match file.stat.role {
                Role::Data => {}
                Role::Sidecar => drop(self.join(snapshot, file)?),
                Role::Dropped => dropped.push(file.stat.path.clone()),
            }
        }
        Ok(dropped)
    }

    /// Finished files so far, sorted by path.
    pub fn entries(&self) -> Vec<StagedEntry> {
        let mut entries = self.shared.written().entries.clone();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    /// Where a finished file of the new version lies until it is published.
    pub fn place(&self, dataset: &Dataset, entry: &StagedEntry) -> std::path::PathBuf {
        let data = self.attempt_place(dataset).join(DATA);
        match self.shared.kind {
            Kind::Directory => data.join(&dataset.place.name).join(&entry.path),
            Kind::File => data.join(&entry.path),
        }
    }

    /// Where rejected rows lie until they are published, and their size; none if there are none.
    pub fn rejects_place(&self, dataset: &Dataset) -> Option<(std::path::PathBuf, u64)> {
        let size = self.shared.written().quarantine.as_ref()?.size;
        Some((self.attempt_place(dataset).join(QUARANTINE), size))
    }

    fn attempt_place(&self, dataset: &Dataset) -> std::path::PathBuf {
        dataset.state_path().join("stage").join(&self.shared.name)
    }

    /// What the bytes of a finished file are now, and how many.
    pub fn hash_again(&self, path: &str) -> Result<(Blake3, u64), IoFault> {
        store::hash_file(&self.shared.data, path, &self.shared.stop)
    }

    /// A finished file, to be read again.
    pub fn read_again(&self, path: &str) -> Result<std::fs::File, StageError> {
        Ok(store::open_file(&self.shared.data, path)?.into_std())
    }

    /// Owners and attributes that could not be kept, for the run's summary: of the files that are finished, and of
    /// directories after [`Staging::finish_dirs`].
    pub fn lost_attributes(&self) -> Vec<String> {
        self.shared.written().lost.iter().cloned().collect()
    }

    /// The first write that failed. Encoders wrap errors of their writer; this is the one underneath.
    pub fn take_fault(&self) -> Option<IoFault> {
        self.shared.written().fault.take()
    }

    /// Keeps something below a name for a later attempt, whole or not at all. Nothing is synced: whoever reads it looks
    /// whether it is whole, and what a loss of power takes is made again.
    pub fn keep_piece(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<(), IoFault> {
        let dir = &self.shared.dir;
        store::ensure_dir(dir, PIECES)?;
        let temporary = self.shared.temporary();
        let written = store::create_private(dir, &temporary).and_then(|mut file| {
            write(&mut file).during("write", name)?;
            crash_point!("piece.before-rename").during("keep", name)?;
            store::replace(dir, &temporary, &format!("{PIECES}/{name}"))
        });
        // Half a piece only takes room that the version may need.
        written.or_else(|fault| store::remove_tree(dir, &temporary).and(Err(fault)))?;
        crash_point!("piece.after-rename").during("keep", name)
    }

    /// Removes everything staged. Dropping does the same but cannot answer.
    pub fn discard(self) -> Result<(), StageError> {
        self.shared.keep.store(true, Ordering::Relaxed);
        Ok(self.shared.remove()?)
    }

    /// Ends the attempt and leaves what it kept for a later one, and nothing else.
    pub fn leave_pieces(self) -> Result<(), IoFault> {
        let shared = &self.shared;
        for name in store::names(&shared.dir, &shared.name)? {
            if name != PIECES {
                store::remove_tree(&shared.dir, &name)?;
            }
        }
        self.keep();
        Ok(())
    }

    pub(crate) fn quarantined(&self) -> bool {
        self.shared.written().quarantine.is_some()
    }

    /// From here on the files may be part of the dataset: dropping removes nothing any more.
    pub(crate) fn keep(&self) {
        self.shared.keep.store(true, Ordering::Relaxed);
    }

    /// It is known again that they are not: dropping removes them.
    pub(crate) fn let_go(&self) {
        self.shared.keep.store(false, Ordering::Relaxed);
    }

    /// Removes what is left after the outcome is known.
    pub(crate) fn clear(&self) -> Result<(), IoFault> {
        self.shared.remove()
    }

    /// Where the new version lies below the state, until it is exchanged.
    pub(crate) fn source(&self, place_name: &str) -> String {
        format!("stage/{}/{DATA}/{place_name}", self.shared.name)
    }

    /// Gives the new version's directories the attributes of the old ones, after the last file. A publish does it if
    /// its caller has not.
    pub fn finish_dirs(&self) -> Result<(), IoFault> {
        let shared = &self.shared;
        if shared.kind == Kind::File {
            return Ok(());
        }
        let open = shared.written().open_dirs.clone();
        let last_first = shared.source_dirs.iter().rev().map(String::as_str).chain(["."]);
        for path in last_first.filter(|path| open.contains(*path)) {
            let opened = |root: &Dir| {
                let dir = root.open_dir(path).during("open", path)?;
                store::readable(&dir, ".")
            };
            let lost = attributes::copy(opened(&shared.source)?, opened(&shared.data)?, path)?;
            let mut written = shared.written();
            written.lost.extend(lost);
            written.unsynced.insert(path.to_owned());
            written.open_dirs.remove(path);
        }
        Ok(())
    }
}

/// Directories that hold something that is kept, or nothing in the source either.
fn dirs_kept(snapshot: &Snapshot, keeps: impl Fn(&str) -> bool) -> Vec<String> {
    let (mut used, mut filled) = (BTreeSet::new(), BTreeSet::new());
    for file in snapshot.files() {
        let dirs = above(&file.stat.path);
        if keeps(&file.stat.path) {
            used.extend(dirs.iter().cloned());
        }
        filled.extend(dirs);
    }
    snapshot.dirs.iter().filter(|dir| used.contains(*dir) || !filled.contains(*dir)).cloned().collect()
}

/// The directories that lead to a path, outermost first.
fn above(path: &str) -> Vec<String> {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect()
}

impl Written {
    /// Nothing yet but the directories.
    fn over(dirs: &[String]) -> Self {
        let dirs: BTreeSet<String> = dirs.iter().cloned().chain([".".to_owned()]).collect();
        Self { open_dirs: dirs.clone(), unsynced: dirs, ..Self::default() }
    }

    /// A file of the new version that has its name.
    fn named(&mut self, entry: StagedEntry) {
        let dir = entry.path.rsplit_once('/').map_or(".", |(dir, _)| dir);
        self.unsynced.extend([entry.path.clone(), dir.to_owned()]);
        self.entries.push(entry);
    }
}

impl Shared {
    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self) -> Result<(), IoFault> {
        crash_point!("stage.before-discard").during("discard", &self.name)?;
        store::remove_tree(&self.stage, &self.name)
    }

    fn temporary(&self) -> String {
        format!(".part-{}", self.temporaries.fetch_add(1, Ordering::Relaxed))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.shared.keep.load(Ordering::Relaxed) {
            return;
        }
        if let Err(fault) = self.shared.remove() {
            // The next run's sweep removes it: nobody else looks there.
            tracing::warn!(attempt = %self.shared.name, error = %fault, "staged files left behind");
        }
    }
}
