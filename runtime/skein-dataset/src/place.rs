//! Where a dataset lives and whether one may live there.
//!
//! A place is a directory or one file, found once by its real path; two names for one place give the same place, so
//! they meet in one log. Its state lies beside it in `<parent>/.skein/<name>/` or where a pointer there says, on the
//! same device, because an exchange cannot cross devices. After `resolve` everything is reached through directory
//! handles: renaming a parent under a running process cannot redirect it.

pub(crate) mod filesystem;
pub(crate) mod probe;
pub(crate) mod state;
pub(crate) mod trust;

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType};
use skein_types::{Code, ErrorClass, codes};

use crate::fault::{During as _, IoFault};
use crate::listing::{Listing, is_mount_root};
use filesystem::{FileSystem, Verdict};
use state::StateSite;
use trust::Doubt;

/// The directory beside datasets in which their state is kept.
pub const STATE: &str = ".skein";

/// What a dataset is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory of any depth.
    Directory,
    /// One file.
    File,
}

/// A place that may hold a dataset. Made by [`Place::resolve`].
#[derive(Debug)]
pub struct Place {
    /// The directory that holds the dataset.
    pub(crate) parent: Dir,
    parent_path: PathBuf,
    /// The dataset's own name in it.
    pub(crate) name: String,
    /// Directory or file.
    pub kind: Kind,
    state_root: PathBuf,
    pub(crate) site: StateSite,
    /// Device of dataset and state.
    pub(crate) dev: u64,
}

/// Inner datasets that are named.
const NAMED: usize = 3;

/// Whose state it is that lies inside.
fn inside(path: &str, datasets: &[String]) -> String {
    let more = datasets.len().saturating_sub(NAMED);
    let named = datasets[..datasets.len() - more].join(", ");
    match (datasets.len(), more) {
        (0, _) => format!("another dataset keeps its state in {path}"),
        (1, _) => format!("{named} inside is a dataset of its own, with its state in {path}"),
        (_, 0) => format!("{named} inside are datasets of their own, with their state in {path}"),
        (_, more) => {
            format!("{named} and {more} more inside are datasets of their own, with their state in {path}")
        }
    }
}

/// Why no dataset can live at a path.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Nothing there.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// As given.
        path: PathBuf,
    },
    /// The file system's root, or something inside a state directory.
    #[error("{} cannot be a dataset", path.display())]
    NotADataset {
        /// As resolved.
        path: PathBuf,
    },
    /// A name that is not UTF-8; shown with replacement characters.
    #[error("the name {path:?} is not valid utf-8")]
    NotUtf8 {
        /// Lossy.
        path: String,
    },
    /// The path, or a directory inside, is where something is mounted.
    #[error("{path} is a mount point")]
    MountPoint {
        /// Which.
        path: String,
    },
    /// An entry on another device.
    #[error("{path} is on another device than its dataset")]
    OtherDevice {
        /// Which.
        path: String,
    },
    /// A directory above is a dataset already.
    #[error("{} lies inside the dataset {}", path.display(), outer.display())]
    InsideDataset {
        /// As resolved.
        path: PathBuf,
        /// The dataset above.
        outer: PathBuf,
    },
    /// A `.skein` inside.
    #[error("{}", inside(path, datasets))]
    ContainsDataset {
        /// Where the state is.
        path: String,
        /// Paths of the datasets whose state it is, as far as they are known.
        datasets: Vec<String>,
    },
    /// A table format's metadata inside; its log, not the listing, says what the table holds.
    #[error("{path} belongs to {format}")]
    TableFormat {
        /// Which entry.
        path: String,
        /// Whose.
        format: &'static str,
    },
    /// A symbolic link inside.
    #[error("{path} is a symbolic link")]
    Symlink {
        /// Which.
        path: String,
    },
    /// A pipe, socket or device inside.
    #[error("{path} is not a regular file")]
    Special {
        /// Which.
        path: String,
    },
    /// Directories nested too deep.
    #[error("{path} is nested deeper than {most} directories")]
    TooDeep {
        /// Where the walk stopped.
        path: String,
        /// The limit.
        most: usize,
    },
    /// Too many entries.
    #[error("more than {most} entries")]
    TooManyEntries {
        /// The limit.
        most: usize,
    },
    /// A type of file system that cannot publish atomically, or that failed the probe.
    #[error("the file system {filesystem} {problem}")]
    FileSystem {
        /// Its name or magic number.
        filesystem: String,
        /// What it cannot do.
        problem: &'static str,
    },
    /// The state is asked for in one place and lies in another.
    #[error("the dataset's state is in {}, not in {}", found.display(), wanted.display())]
    StateElsewhere {
        /// Where it is.
        found: PathBuf,
        /// Where it would be.
        wanted: PathBuf,
    },
    /// A directory in which no state can be.
    #[error("{} {problem}", path.display())]
    StatePlace {
        /// As given.
        path: PathBuf,
        /// Why not.
        problem: &'static str,
    },
    /// The dataset points to a state that is not there.
    #[error("{} says that the state is {named}, and there is none", pointer.display())]
    StateGone {
        /// The pointer's file.
        pointer: PathBuf,
        /// What it says.
        named: String,
    },
    /// The dataset points to a state that is another dataset's: it was copied together with its pointer.
    #[error("the state in {} is that of {}", state.display(), owner.display())]
    StateOfAnother {
        /// The pointer's file.
        pointer: PathBuf,
        /// What it names.
        state: PathBuf,
        /// Whose that is.
        owner: PathBuf,
    },
    /// Something where the state is that others could have put there.
    #[error("{} {doubt}", path.display())]
    StateUntrusted {
        /// What.
        path: PathBuf,
        /// Why it is not believed.
        doubt: Doubt,
    },
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl PlaceError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => codes::DATASET_NOT_FOUND,
            Self::Symlink { .. } => codes::SYMLINK_OUTSIDE,
            Self::Special { .. } => codes::SPECIAL_FILE,
            Self::FileSystem { .. } => codes::FILESYSTEM_UNSUPPORTED,
            Self::NotADataset { .. }
            | Self::NotUtf8 { .. }
            | Self::MountPoint { .. }
            | Self::OtherDevice { .. }
            | Self::InsideDataset { .. }
            | Self::ContainsDataset { .. }
            | Self::TableFormat { .. }
            | Self::TooDeep { .. }
            | Self::TooManyEntries { .. } => codes::PLACE_REFUSED,
            Self::StateElsewhere { .. } => codes::STATE_ELSEWHERE,
            Self::StatePlace { .. } => codes::STATE_PLACE,
            Self::StateGone { .. } => codes::STATE_GONE,
            Self::StateOfAnother { .. } => codes::STATE_OF_ANOTHER,
            Self::StateUntrusted { .. } => codes::STATE_UNTRUSTED,
            Self::Io(fault) => fault.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MountPoint { .. } => Some("a mount point cannot be exchanged; use a directory below it"),
            Self::InsideDataset { .. } => {
                Some("datasets do not nest: migrate the outer one, or forget it with `skein forget`")
            }
            Self::ContainsDataset { .. } => Some(
                "datasets do not nest: migrate what is named, or `skein forget` each of them (after `skein finalize --now`, \
                 which gives old versions up) to take the directory as a whole",
            ),
            Self::TableFormat { .. } => {
                Some("a table format's own log decides what it holds; it needs its own driver")
            }
            Self::FileSystem { .. } => Some("ext4, xfs, btrfs and tmpfs can publish atomically"),
            Self::NotUtf8 { .. } => Some("rename it; records hold paths as text"),
            Self::StateElsewhere { .. } => {
                Some("a dataset keeps the state that it has, and every command finds it: leave --state out")
            }
            Self::StatePlace { .. } => Some(
                "states lie on the dataset's own device and mount, outside of datasets, in a directory that exists",
            ),
            Self::StateGone { .. } => {
                Some("mount it or put it back; without it the dataset's history is lost")
            }
            Self::StateOfAnother { .. } => Some(
                "if this is a copy, remove the file `state` in .skein/<name> beside it: the next run begins a state of \
                 its own",
            ),
            Self::StateUntrusted { .. } => Some(
                "look at who made it: remove it if it is not yours, else give it to the dataset's owner and take write \
                 permission from everybody who may not write the dataset",
            ),
            Self::OtherDevice { .. } => {
                Some("an exchange cannot cross devices; migrate what is on each as a dataset")
            }
            Self::Symlink { .. } => {
                Some("put the file itself there or take the link out; what it points to is not the dataset's")
            }
            Self::Special { .. } => Some("take it out of the dataset"),
            Self::NotADataset { .. } => Some("name a directory of Parquet files, or one such file"),
            Self::TooDeep { .. } | Self::TooManyEntries { .. } => Some("split it into several datasets"),
            Self::NotFound { .. } => Some("compare the path; symbolic links in it are followed"),
            Self::Io(fault) => fault.hint(),
        }
    }
}

impl Place {
    /// Finds the place that `path` names. Symbolic links in `path` itself are followed, once.
    pub fn resolve(path: &Path) -> Result<Self, PlaceError> {
        let place = Self::locate(path)?;
        if !place.is_registered() {
            place.list()?;
        }
        Ok(place)
    }

    /// [`Place::resolve`] without looking at what a dataset holds that no run has taken yet.
    pub fn locate(path: &Path) -> Result<Self, PlaceError> {
        let real = match std::fs::canonicalize(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(PlaceError::NotFound { path: path.to_owned() });
            }
            other => other.during("find", path.display().to_string())?,
        };
        let (Some(parent_path), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(PlaceError::NotADataset { path: real });
        };
        let name = match (name.to_str(), parent_path.to_str()) {
            (Some(name), Some(_)) => name.to_owned(),
            _ => return Err(PlaceError::NotUtf8 { path: real.display().to_string() }),
        };
        if real.components().any(|part| part.as_os_str() == STATE) {
            return Err(PlaceError::NotADataset { path: real });
        }
        let parent = Dir::open_ambient_dir(parent_path, ambient_authority())
            .during("open", parent_path.display().to_string())?;
        // First: in an overlay a file may have another device number than its directory, as if it were a mount.
        refuse_filesystem(&parent, &name)?;
        let (kind, dev) = look(&parent, &name, &real)?;
        refuse_outer(&real)?;
        let place = Self {
            state_root: parent_path.join(STATE).join(&name),
            site: StateSite::Beside,
            parent_path: parent_path.to_owned(),
            parent,
            name,
            kind,
            dev,
        };
        place.follow()
    }

    /// The real path of the dataset.
    pub fn path(&self) -> PathBuf {
        self.parent_path.join(&self.name)
    }

    /// The real path of the directory that holds the dataset.
    pub(crate) fn parent_path(&self) -> &Path {
        &self.parent_path
    }

    /// Where its state is, whether or not it exists yet.
    pub fn state_path(&self) -> &Path {
        &self.state_root
    }

    /// The type of the file system.
    pub(crate) fn filesystem(&self) -> Result<FileSystem, IoFault> {
        filesystem_of(&self.parent, &self.name)
    }

    /// What the dataset holds right now.
    pub(crate) fn list(&self) -> Result<Listing, PlaceError> {
        match self.kind {
            Kind::File => Listing::of_file(&self.parent, &self.name),
            Kind::Directory => Listing::of_directory(self.open_root()?),
        }
    }

    /// The dataset's directory, or the directory that holds its one file.
    pub(crate) fn open_root(&self) -> Result<Dir, IoFault> {
        match self.kind {
            Kind::File => self.parent.try_clone().during("open", &self.name),
            Kind::Directory => self.parent.open_dir(&self.name).during("open", &self.name),
        }
    }
}

fn filesystem_of(parent: &Dir, name: &str) -> Result<FileSystem, IoFault> {
    let statfs = rustix::fs::fstatfs(parent).during("ask the file system of", name)?;
    Ok(FileSystem::from_magic(statfs.f_type.cast_unsigned()))
}

fn refuse_filesystem(parent: &Dir, name: &str) -> Result<(), PlaceError> {
    let found = filesystem_of(parent, name)?;
    match found.verdict() {
        Verdict::Refused(problem) => Err(PlaceError::FileSystem { filesystem: found.to_string(), problem }),
        Verdict::Tested | Verdict::Probe => Ok(()),
    }
}

fn look(parent: &Dir, name: &str, real: &Path) -> Result<(Kind, u64), PlaceError> {
    let shown = || real.display().to_string();
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).during("look at", shown())?;
    let found = FileType::from_raw_mode(stat.st_mode);
    let kind = if found == FileType::Directory { Kind::Directory } else { Kind::File };
    if kind == Kind::File && found != FileType::RegularFile {
        return Err(PlaceError::Special { path: shown() });
    }
    let above = rustix::fs::fstat(parent).during("look at", shown())?;
    if above.st_dev != stat.st_dev || is_mount_root(parent, name).during("look at", shown())? {
        return Err(PlaceError::MountPoint { path: shown() });
    }
    Ok((kind, stat.st_dev))
}

/// A directory above with its state or a pointer to it beside it is a dataset; one that says whose state it is, no place
/// for one.
pub(crate) fn refuse_outer(real: &Path) -> Result<(), PlaceError> {
    for outer in real.ancestors().skip(1) {
        if outer.join(state::OWNER).is_file() {
            return Err(PlaceError::NotADataset { path: real.to_owned() });
        }
        if let (Some(parent), Some(name)) = (outer.parent(), outer.file_name())
            && state::is_dataset(parent, name)
        {
            return Err(PlaceError::InsideDataset { path: real.to_owned(), outer: outer.to_owned() });
        }
    }
    Ok(())
}
