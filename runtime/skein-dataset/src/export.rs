//! The files of any version that is still there: where they are, and out of it as a copy.
//!
//! Reads only, without a lock. What it names was looked at: each file has the size and times that the log says, or the
//! bytes. A copy is complete and proven by hash, or not there at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, File};
use skein_types::{Bytes, Code, ErrorClass, codes};

use crate::dataset::{Dataset, State};
use crate::fault::{During as _, IoFault};
use crate::listing::FileStat;
use crate::log::LogError;
use crate::log::machine::{Version, VersionKind};
use crate::log::record::{FileRecord, PublishFacts};
use crate::output::{Output, OutputError};
use crate::place::Kind;
use crate::store::{self, attributes, copy};
use crate::version::{Found, VersionError};

/// A version and where its files are.
#[derive(Debug)]
pub struct VersionFiles {
    version: Arc<Version>,
    /// The version that first had its content: itself, but where an old one came back.
    maker: Arc<Version>,
    /// Whether its content is what the dataset holds now.
    pub current: bool,
    /// The directory that its paths are relative to.
    pub root: PathBuf,
    handle: Dir,
    /// For a dataset that is one file: what that is called in `root`.
    single: Option<String>,
}

/// A version that was copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// Owners and attributes that could not be kept.
    pub lost: Vec<String>,
}

/// The files of a version cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The version cannot be had.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A file of the current version is not what was published.
    #[error("{path} was changed by others since version {version}")]
    Drifted {
        /// Which version.
        version: u64,
        /// The first such file.
        path: String,
    },
    /// A file of an old version is not what the log says.
    #[error("version {version} is damaged: {path}")]
    Damaged {
        /// Which version.
        version: u64,
        /// The first such file.
        path: String,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The copy has no place.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl ExportError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Version(e) => e.code(),
            Self::Drifted { .. } => codes::DATASET_DRIFT,
            Self::Damaged { .. } => codes::KEPT_VERSION_DAMAGED,
            Self::Log(e) => e.code(),
            Self::Output(e) => e.code(),
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
            Self::Version(VersionError::NoHistory) => Some("`skein run` begins it"),
            Self::Version(VersionError::NoSuchVersion { .. } | VersionError::Gone { .. }) => {
                Some("`skein history` lists the versions and which are kept")
            }
            Self::Drifted { .. } => {
                Some("the dataset itself has what is there now; the log learns of it with the next run")
            }
            Self::Output(e) => e.hint(),
            Self::Damaged { .. } | Self::Log(_) | Self::Io(_) => None,
        }
    }
}

impl VersionFiles {
    /// Finds a version's files, the current one's without a number, and looks at each.
    pub fn find(dataset: &Dataset, version: Option<u64>) -> Result<Self, ExportError> {
        let state = dataset.state().ok_or(VersionError::NoHistory)?;
        let history = dataset.history()?;
        history.head().ok_or(VersionError::NoHistory)?;
        let found = history.find(version)?;
        let maker = history.version(found.version.content.0).cloned();
        let maker = maker.unwrap_or_else(|| Arc::clone(&found.version));
        let found = match found.is_current {
            true => Self::live(dataset, (found.version, maker))?,
            false => Self::kept(dataset, state, (&found, maker))?,
        };
        found.files().iter().try_for_each(|record| found.check(dataset, record))?;
        Ok(found)
    }

    fn live(dataset: &Dataset, (version, maker): (Arc<Version>, Arc<Version>)) -> Result<Self, IoFault> {
        let place = &dataset.place;
        let (root, single) = match place.kind {
            Kind::Directory => (place.path(), None),
            Kind::File => (place.parent_path().to_owned(), Some(place.name.clone())),
        };
        Ok(Self { version, maker, current: true, root, handle: place.open_root()?, single })
    }

    fn kept(
        dataset: &Dataset,
        state: &State,
        (found, maker): (&Found, Arc<Version>),
    ) -> Result<Self, ExportError> {
        let (all, name) = (dataset.state_path().join("kept"), found.slot()?.to_string());
        let version = Arc::clone(&found.version);
        if store::node(&state.kept, &name)?.is_none() {
            return Err(VersionError::Gone { version: version.version }.into());
        }
        let (root, handle, single) = match dataset.place.kind {
            Kind::Directory => (all.join(&name), state.kept.open_dir(&name).during("open", &name)?, None),
            Kind::File => (all, state.kept.try_clone().during("open", "kept")?, Some(name)),
        };
        Ok(Self { version, maker, current: false, root, handle, single })
    }

    /// Its directory, unless it is one file.
    pub fn directory(&self) -> Option<&Path> {
        self.single.is_none().then_some(self.root.as_path())
    }

    /// Its number.
    pub fn version(&self) -> u64 {
        self.version.version
    }

    /// As which version it was made: another one, if it went back and came again.
    pub fn made_as(&self) -> u64 {
        self.maker.version
    }

    /// What is recorded of the run that made it, whether it is as it was made or came back; none if no run did.
    pub fn facts(&self) -> Option<&PublishFacts> {
        match &self.maker.kind {
            VersionKind::Published(facts) => Some(facts),
            VersionKind::Beside(origin) => Some(&origin.facts),
            VersionKind::Adopted | VersionKind::Observed { .. } | VersionKind::RolledBack { .. } => None,
        }
    }

    /// Every file, sorted by path.
    pub fn files(&self) -> &[FileRecord] {
        &self.version.files
    }

    /// Where a file of it is.
    pub fn path(&self, record: &FileRecord) -> PathBuf {
        self.root.join(self.name(record))
    }

    /// A file of it, for reading. Whatever lies in its place since is neither followed nor waited for.
    pub fn read(&self, record: &FileRecord) -> Result<std::fs::File, ExportError> {
        Ok(self.open(record)?.into_std())
    }

    /// Sum of all sizes.
    pub fn bytes(&self) -> Bytes {
        self.files().iter().map(|file| Bytes(file.stat.size)).sum()
    }

    /// Copies the version, every file by reflink where the file system can, to a directory of its own, and proves it.
    pub fn copy_to(&self, dataset: &Dataset, to: &Path, id: &str) -> Result<Copied, ExportError> {
        let output = Output::at(to, dataset, id)?;
        output.refuse_bytes(self.bytes())?;
        let (dir, data) = output.begin()?;
        let mut lost = Vec::new();
        for below in &self.version.dirs {
            data.create_dir(below).during("create", below)?;
        }
        for record in self.files() {
            let path = &record.stat.path;
            let from = self.open(record)?.into_std();
            let (to, blake3) = copy::make(&from, (&data, path), path, &dataset.stop)?;
            if blake3 != record.blake3 {
                return Err(self.unsound(path));
            }
            lost.extend(attributes::copy(&from, &to, path)?);
            copy::set_modified(&to, record.stat.mtime_ns, path)?;
        }
        if self.single.is_none() {
            for below in self.version.dirs.iter().rev().map(String::as_str).chain(["."]) {
                let open = |root: &Dir| {
                    root.open_dir(below).during("open", below).and_then(|dir| store::readable(&dir, "."))
                };
                lost.extend(attributes::copy(open(&self.handle)?, open(&data)?, below)?);
            }
        }
        lost.sort();
        Ok(Copied { path: output.deliver(&dir, &data)?, lost })
    }

    fn name<'a>(&'a self, record: &'a FileRecord) -> &'a str {
        self.single.as_deref().unwrap_or(&record.stat.path)
    }

    /// By its numbers, else by its bytes.
    fn check(&self, dataset: &Dataset, record: &FileRecord) -> Result<(), ExportError> {
        let path = &record.stat.path;
        let mut file = self.open(record)?;
        let found = FileStat::new(path.clone(), &rustix::fs::fstat(&file).during("look at", path)?);
        // Not without the ctime: it is all that betrays a writer who set the other times back. An exchange sets that of a
        // dataset that is one file, so then the bytes decide.
        let same = record.stat.same(&found)
            || (record.stat.size == found.size
                && store::hash_open(&mut file, path, &dataset.stop)?.0 == record.blake3);
        if same { Ok(()) } else { Err(self.unsound(path)) }
    }

    fn open(&self, record: &FileRecord) -> Result<File, ExportError> {
        match store::open_file(&self.handle, self.name(record)) {
            Err(fault) if fault.is_missing() || fault.is_irregular() => Err(self.unsound(&record.stat.path)),
            other => Ok(other?),
        }
    }

    fn unsound(&self, path: &str) -> ExportError {
        let (version, path) = (self.version(), path.to_owned());
        match self.current {
            true => ExportError::Drifted { version, path },
            false => ExportError::Damaged { version, path },
        }
    }
}
