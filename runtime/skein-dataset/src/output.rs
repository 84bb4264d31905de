//! A directory of plain files elsewhere: complete, or not there at all.
//!
//! ```text
//! <parent>/.<name>.skein-<id>/data/   while it is written
//! <parent>/<name>/                    when everything in it is synced: one rename, which replaces nothing but an empty directory
//! ```
//! No log, no registration, no exchange: any device and any type of file system will do. What a killed process leaves is
//! the hidden directory, which nobody reads and anybody may remove.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{Access, AtFlags, Mode};
use rustix::io::Errno;
use skein_types::{Bytes, Code, ErrorClass, codes};

use crate::dataset::Dataset;
use crate::fault::{During as _, IoFault};
use crate::listing::Listing;
use crate::place::{PlaceError, STATE, refuse_outer};
use crate::snapshot::Snapshot;
use crate::staging::{DATA, OUTPUT_REJECTS, Room};
use crate::store;
use crate::store::barrier::Barrier;

/// Syncs in flight at once.
const SYNCS: usize = 32;

/// A directory that is being made. Dropped before it is delivered, it leaves nothing.
#[derive(Debug)]
pub struct Output {
    pub(crate) parent: Dir,
    path: PathBuf,
    name: String,
    temporary: String,
}

/// No output can be in a directory.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The directory, or what is there.
    #[error("{} {problem}", path.display())]
    Refused {
        /// As given.
        path: PathBuf,
        /// Why not.
        problem: &'static str,
    },
    /// Something is called as the rejected rows would be.
    #[error("{} would have two files called {OUTPUT_REJECTS}", path.display())]
    NameTaken {
        /// The directory.
        path: PathBuf,
    },
    /// Not enough room.
    #[error("{needed} are needed for the output, {free} are free")]
    NoSpace {
        /// What is to be written, and a fifth.
        needed: Bytes,
        /// What the file system has for this user.
        free: Bytes,
    },
    /// It has its name, and something that comes after that failed.
    #[error("{} is there and complete, but not all of its mode and name may be durable", path.display())]
    Delivered {
        /// Which.
        path: PathBuf,
        /// What failed.
        #[source]
        source: IoFault,
    },
    /// It lies in a dataset.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl OutputError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused { .. } | Self::NameTaken { .. } => codes::OUTPUT_REFUSED,
            Self::NoSpace { .. } => codes::NO_SPACE,
            Self::Delivered { source, .. } => source.code(),
            Self::Place(e) => e.code(),
            Self::Io(e) => e.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { .. } => Some(
                "name a directory that does not exist or is empty, outside of datasets, in one that exists",
            ),
            Self::NameTaken { .. } => Some(
                "the dataset has a file of that name, and rejected rows would be called so: rename it, or publish instead",
            ),
            Self::Place(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Delivered { .. } => {
                Some("every file in it is durable: look at its mode, and take it as it is")
            }
            Self::NoSpace { .. } => None,
        }
    }
}

impl Output {
    /// Looks whether an output of a dataset can be at `path`; `id` keeps two outputs that are being made apart. Writes
    /// nothing.
    pub fn at(path: &Path, dataset: &Dataset, id: &str) -> Result<Self, OutputError> {
        let refused = |problem: &'static str| OutputError::Refused { path: path.to_owned(), problem };
        let absolute = std::path::absolute(path).during("find", path.display().to_string())?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name().and_then(|n| n.to_str()))
        else {
            return Err(refused("has no name that is utf-8"));
        };
        let parent = match std::fs::canonicalize(parent) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(refused("lies in a directory that does not exist"));
            }
            other => other.during("find", parent.display().to_string())?,
        };
        let real = parent.join(name);
        if real.starts_with(dataset.path()) {
            return Err(refused("lies inside the dataset, or is it"));
        }
        if real.components().any(|part| part.as_os_str() == STATE) {
            return Err(refused("lies where states of datasets are kept"));
        }
        refuse_outer(&real.join(DATA))?;
        let handle = Dir::open_ambient_dir(&parent, ambient_authority())
            .during("open", parent.display().to_string())?;
        refuse_contents(&handle, name, refused)?;
        let temporary = format!(".{}.skein-{id}", &name[..name.floor_char_boundary(150)]);
        Ok(Self { parent: handle, path: real, name: name.to_owned(), temporary })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an output made of so many bytes would find. Writes nothing.
    pub fn room(&self, bytes: Bytes) -> Result<Room<OutputError>, OutputError> {
        let statvfs = rustix::fs::fstatvfs(&self.parent).during("ask the file system of", &self.name)?;
        let needed = Bytes(crate::staging::needed(bytes.0));
        let free = Bytes(statvfs.f_bavail.saturating_mul(statvfs.f_frsize));
        let may_write =
            rustix::fs::accessat(&self.parent, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
        let obstacle = match may_write.during("write beside", self.path.display().to_string()) {
            Err(denied) => Some(denied.into()),
            Ok(()) => (free < needed).then_some(OutputError::NoSpace { needed, free }),
        };
        Ok(Room { needed, free, obstacle })
    }

    /// Refuses what [`Output::room`] finds in the way.
    pub(crate) fn refuse_bytes(&self, bytes: Bytes) -> Result<(), OutputError> {
        self.room(bytes)?.obstacle.map_or(Ok(()), Err)
    }

    /// Refuses a file of the dataset that is called as the rejected rows would be, before anybody works for it.
    pub fn refuse_rejects_name(
        &self,
        snapshot: &Snapshot,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<(), OutputError> {
        let taken = snapshot.files().iter().any(|file| file.stat.path == OUTPUT_REJECTS);
        if taken && keeps(OUTPUT_REJECTS) { Err(self.rejects_name_taken()) } else { Ok(()) }
    }

    pub(crate) fn rejects_name_taken(&self) -> OutputError {
        OutputError::NameTaken { path: self.path.clone() }
    }

    /// Makes the hidden directory and `data` in it. Until the end it is this user's alone.
    pub(crate) fn begin(&self) -> Result<(Dir, Dir), IoFault> {
        rustix::fs::mkdirat(&self.parent, &self.temporary, Mode::RWXU).during("create", &self.temporary)?;
        let dir = self.parent.open_dir(&self.temporary).during("open", &self.temporary)?;
        dir.create_dir(DATA).during("create", DATA)?;
        let data = dir.open_dir(DATA).during("open", DATA)?;
        Ok((dir, data))
    }

    /// Name of the hidden directory.
    pub(crate) fn temporary(&self) -> &str {
        &self.temporary
    }

    /// Makes everything durable and gives it its name.
    pub(crate) fn deliver(self, dir: &Dir, data: &Dir) -> Result<PathBuf, OutputError> {
        sync(data)?;
        let opened = store::readable(data, ".")?;
        let mode = rustix::fs::fstat(&opened).during("look at", DATA)?.st_mode & 0o7777;
        // A directory that moves to another parent must let its owner write `..`.
        rustix::fs::fchmod(&opened, Mode::from_raw_mode(mode | 0o700)).during("open up", DATA)?;
        match rustix::fs::renameat(dir, DATA, &self.parent, &self.name) {
            Ok(()) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::BUSY) => {
                let problem = "was made by somebody else meanwhile";
                return Err(OutputError::Refused { path: self.path.clone(), problem });
            }
            Err(other) => return Err(other).during("rename", &self.name)?,
        }
        // From here on it is there, whatever fails.
        let end = || -> Result<(), IoFault> {
            if mode & 0o700 != 0o700 {
                let kept = Mode::from_raw_mode(mode);
                rustix::fs::fchmod(&opened, kept).during("set the mode of", &self.name)?;
                rustix::fs::fsync(&opened).during("sync", &self.name)?;
            }
            store::sync_dir(&self.parent, ".")
        };
        end().map_err(|source| OutputError::Delivered { path: self.path.clone(), source })?;
        Ok(self.path.clone())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Err(fault) = store::remove_tree(&self.parent, &self.temporary) {
            tracing::warn!(directory = %self.temporary, error = %fault, "unfinished output left behind");
        }
    }
}

fn refuse_contents(
    parent: &Dir,
    name: &str,
    refused: impl Fn(&'static str) -> OutputError,
) -> Result<(), OutputError> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        Err(other) => return Err(other).during("look at", name)?,
        Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::Directory => {
            return Err(refused("is no directory"));
        }
        Ok(_) => {}
    }
    let dir = parent.open_dir(name).during("open", name)?;
    match dir.entries().during("list", name)?.next() {
        Some(_) => Err(refused("is not empty")),
        None => Ok(()),
    }
}

fn sync(data: &Dir) -> Result<(), OutputError> {
    let listing = Listing::of_directory(data)?;
    let mut barrier = Barrier::default();
    let files = listing.files.iter().map(|file| file.path.as_str());
    for path in files.chain(listing.dirs.iter().map(String::as_str)).chain(["."]) {
        barrier.add(0, data, path)?;
    }
    match barrier.wait(SYNCS).pop() {
        Some((_, fault)) => Err(fault.into()),
        None => Ok(()),
    }
}
