//! Reading every byte of what a dataset has, current and kept, against what its log says. What rots on a disk moves no number,
//! so nothing else finds it before somebody needs the version. Holds no lock: what is published meanwhile is found out and the
//! answer says so.

use skein_types::{Bytes, Code};

use crate::dataset::Dataset;
use crate::fault::{During as _, IoFault};
use crate::intact::{self, By};
use crate::listing::FileStat;
use crate::log::machine::{History, Version};
use crate::log::{self, LogError};
use crate::place::Kind;
use crate::rehearsal::differing;
use crate::store;

/// A version that was read in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// Which: of a kept one, the number under which its files are kept.
    pub version: u64,
    /// Whether it is the current one.
    pub current: bool,
    /// Its files.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Files that are not what the log says; of a kept version the first.
    pub damaged: Vec<Damaged>,
}

/// A file that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Which.
    pub path: String,
    /// How it differs.
    pub how: Damage,
}

/// How a file differs from its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is not there.
    Missing,
    /// Its bytes are others although nobody has written to it.
    Rotten,
    /// Somebody has written to it.
    Written,
    /// It, or all of the version, is not what was kept.
    Differs,
}

impl Damage {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "it is not there",
            Self::Rotten => "its bytes are others, and nobody has written to it",
            Self::Written => "somebody has written to it",
            Self::Differs => "it is not what the log says",
        }
    }
}

/// It cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// Its log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// Its log went on meanwhile.
    #[error("the dataset was published to or rolled back meanwhile")]
    Moved,
}

impl ScrubError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Log(error) => error.code(),
            Self::Io(error) => error.code(),
            Self::Moved => skein_types::codes::FILE_CHANGED_WHILE_READ,
        }
    }
}

/// Reads the kept versions, the oldest first, and then the current one.
pub fn scrub(dataset: &Dataset) -> Result<Vec<Scrubbed>, ScrubError> {
    let Some(state) = dataset.state() else { return Ok(Vec::new()) };
    let history = log::read(&state.log)?;
    let mut all = Vec::new();
    for (version, _) in history.kept() {
        let slot = version.version.to_string();
        let proof = intact::prove_by(dataset, (&state.kept, &slot), (&version.files, By::Bytes))?;
        let damaged = differing(proof).map(|path| Damaged { path, how: Damage::Differs });
        all.push(told(version, false, damaged.into_iter().collect()));
    }
    if let Some(head) = history.head() {
        all.push(told(head, true, current(dataset, head)?));
    }
    let moved = log::last(&state.log)? != history.last();
    match moved && all.iter().any(|one| !one.damaged.is_empty()) {
        true => Err(ScrubError::Moved),
        false => Ok(all),
    }
}

fn told(version: &Version, current: bool, damaged: Vec<Damaged>) -> Scrubbed {
    Scrubbed {
        version: version.version,
        current,
        files: version.files.len() as u64,
        bytes: version.files.iter().map(|file| Bytes(file.stat.size)).sum(),
        damaged,
    }
}

/// Files of the current version that are not what was recorded. Others' files beside them are none of its business.
fn current(dataset: &Dataset, head: &Version) -> Result<Vec<Damaged>, ScrubError> {
    let root = dataset.place.open_root()?;
    let mut damaged = Vec::new();
    for record in &head.files {
        let path = &record.stat.path;
        let read = store::open_file(&root, path).and_then(|file| {
            let mut file = file.into_std();
            let hash = store::hash_open(&mut file, path, &dataset.stop)?.0;
            // After it was read: who writes meanwhile has written.
            let stat = rustix::fs::fstat(&file).during("look at", path)?;
            Ok((FileStat::new(path.clone(), &stat), hash))
        });
        let how = match read {
            Ok((_, hash)) if hash == record.blake3 => continue,
            Ok((stat, _)) if unwritten(dataset, &record.stat, &stat) => Damage::Rotten,
            Ok(_) => Damage::Written,
            Err(fault) if fault.is_missing() => Damage::Missing,
            Err(fault) if fault.is_irregular() => Damage::Written,
            Err(fault) => return Err(fault.into()),
        };
        damaged.push(Damaged { path: path.clone(), how });
    }
    Ok(damaged)
}

/// Whether its numbers are those of its record. A single file's ctime moved with it.
fn unwritten(dataset: &Dataset, record: &FileStat, now: &FileStat) -> bool {
    match dataset.place.kind {
        Kind::Directory => record.same(now),
        Kind::File => record.same_but_ctime(now),
    }
}

impl History {
    /// What giving up all kept versions would free.
    pub fn all_kept_bytes(&self) -> Bytes {
        self.kept().filter_map(|(kept, _)| self.kept_bytes(kept.version)).sum()
    }
}
