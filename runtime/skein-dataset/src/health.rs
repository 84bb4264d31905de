//! Whether what a run published is still there, and what arrived beside it since. Holds no lock and reads no data: names,
//! sizes and footers.

use std::collections::BTreeSet;
use std::sync::Arc;

use skein_types::{Bytes, Code, RunId, codes};

use crate::dataset::Dataset;
use crate::fault::IoFault;
use crate::listing::{Change, Role};
use crate::log::LogError;
use crate::log::machine::{History, Version, VersionKind};
use crate::parquet::SourceFile;
use crate::place::PlaceError;
use crate::snapshot::SnapshotError;
use crate::store;

/// Files of the version before whose columns are looked at: one that has many has them in all of them, as a rule.
const OLD_FILES: usize = 16;

/// A published version as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is current.
    Current(Found),
    /// Another version took its place, or the one before it came back.
    Superseded {
        /// What is current.
        by: u64,
    },
    /// The log does not know the run.
    Unknown,
}

/// What there is of a version that is current.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its number, by which its files are recorded.
    pub version: u64,
    /// Its files that are not there.
    pub missing: Vec<String>,
    /// Its files that have another size.
    pub resized: Vec<String>,
    /// Data files that are not of it.
    pub arrived: Vec<String>,
    /// All data files that are there now.
    pub bytes: Bytes,
}

/// The columns of a file that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Those of the version that the run made.
    New,
    /// Those of the version that the run read.
    Old,
    /// Others.
    Other,
    /// It is gone again.
    Gone,
}

/// It cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Its log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its place is not what it was.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// There is no version to compare with.
    #[error("the files of that version are not there")]
    NoFiles,
}

impl HealthError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Log(error) => error.code(),
            Self::Place(error) => error.code(),
            Self::Io(error) => error.code(),
            Self::NoFiles => codes::VERSION_GONE,
        }
    }
}

impl Dataset {
    /// What a run published, as it is found by names and sizes.
    pub fn health(&self, run: RunId) -> Result<Health, HealthError> {
        let history = self.history()?;
        let Some(published) = history.published_by(run) else { return Ok(Health::Unknown) };
        let current = history.latest_of(published);
        let by = history.head().map_or(0, |head| head.version);
        let Some(version) = current.filter(|version| history.is_only_written_over(version.version)) else {
            return Ok(Health::Superseded { by });
        };
        let listing = self.place.list()?;
        let mut found = Found { version: version.version, ..Found::default() };
        for record in &version.files {
            match listing.find(&record.stat.path) {
                None => found.missing.push(record.stat.path.clone()),
                Some(now) if now.size != record.stat.size => found.resized.push(record.stat.path.clone()),
                Some(_) => {}
            }
        }
        let data = || listing.files.iter().filter(|file| file.role == Role::Data);
        found.bytes = Bytes(data().map(|file| file.size).sum());
        let own: BTreeSet<&str> = version.files.iter().map(|file| file.stat.path.as_str()).collect();
        found.arrived =
            data().map(|file| file.path.clone()).filter(|path| !own.contains(path.as_str())).collect();
        Ok(Health::Current(found))
    }

    /// Whose columns files have that are not of the version that a run published. By names and types; where the old and the new
    /// version have the same ones, files that have them are new ones.
    pub fn arrived(&self, run: RunId, paths: &[String]) -> Result<Vec<(String, Arrived)>, HealthError> {
        let history = self.history()?;
        let published = history.published_by(run).ok_or(HealthError::NoFiles)?;
        let new = history.latest_of(published).ok_or(HealthError::NoFiles)?;
        let old =
            published.checked_sub(1).and_then(|old| history.version(old)).ok_or(HealthError::NoFiles)?;
        let new = self.columns_of(&history, new)?;
        let old = self.columns_of(&history, old)?;
        let root = self.place.open_root()?;
        paths
            .iter()
            .map(|path| {
                let arrived = match columns(&root, (path, path)) {
                    Ok(Some(has)) if has == new || old == new => match has.is_subset(&new) {
                        true => Arrived::New,
                        false => Arrived::Other,
                    },
                    // Columns that were added are what it lacks.
                    Ok(Some(has)) if has.is_subset(&old) => Arrived::Old,
                    Ok(Some(has)) if has.is_subset(&new) => Arrived::New,
                    Ok(Some(_) | None) => Arrived::Other,
                    Err(fault) if fault.is_missing() => Arrived::Gone,
                    Err(fault) => return Err(fault.into()),
                };
                Ok((path.clone(), arrived))
            })
            .collect()
    }

    /// What others wrote since a run published: what a rollback of it would undo.
    pub fn written_over(&self, run: RunId) -> Result<Vec<Change>, SnapshotError> {
        let history = self.history()?;
        let since = history.published_by(run).and_then(|published| history.latest_of(published));
        let mut changes = since.map_or_else(Vec::new, |since| history.later_writes(since.version));
        changes.extend(self.snapshot(&history)?.observed().unwrap_or_default());
        Ok(changes)
    }

    /// All columns that files of a version have, wherever they lie now.
    fn columns_of(&self, history: &History, version: &Arc<Version>) -> Result<Columns, HealthError> {
        let state = self.state().ok_or(HealthError::NoFiles)?;
        let kept = history.slot_of(version.version).map(|slot| slot.to_string());
        let (root, single) = match (self.place.kind, &kept) {
            (_, None) => (self.place.open_root()?, None),
            (crate::place::Kind::Directory, Some(slot)) => (store::open_dir(&state.kept, slot)?, None),
            (crate::place::Kind::File, Some(slot)) => (store::open_dir(&state.kept, ".")?, Some(slot)),
        };
        let mut all = Columns::new();
        let data = version.files.iter().filter(|file| file.stat.role == Role::Data);
        for file in data.take(OLD_FILES) {
            let path = file.stat.path.as_str();
            match columns(&root, (single.map_or(path, String::as_str), path)) {
                Ok(found) => all.extend(found.into_iter().flatten()),
                Err(fault) if fault.is_missing() => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        if all.is_empty() { Err(HealthError::NoFiles) } else { Ok(all) }
    }
}

/// Names with types.
type Columns = BTreeSet<(String, String)>;

/// Of a file; nothing if it is none that can be read.
fn columns(root: &cap_std::fs::Dir, (at, name): (&str, &str)) -> Result<Option<Columns>, IoFault> {
    let file = store::open_file(root, at)?.into_std();
    let Ok(source) = SourceFile::open(file, name) else { return Ok(None) };
    let fields = source.view().fields().iter();
    Ok(Some(fields.map(|field| (field.name().clone(), field.data_type().to_string())).collect()))
}

impl History {
    /// The run whose result is current, whatever others wrote over it.
    pub fn run_of_current(&self) -> Option<RunId> {
        self.versions().iter().rev().find_map(|version| match &version.kind {
            VersionKind::Published(facts)
                if self.is_only_written_over(self.latest_of(version.version)?.version) =>
            {
                Some(facts.run)
            }
            VersionKind::Published(_)
            | VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Observed { .. }
            | VersionKind::RolledBack { .. } => None,
        })
    }

    /// The last version with the content of this one: after it came back, its files have other numbers.
    pub(crate) fn latest_of(&self, version: u64) -> Option<&Arc<Version>> {
        let content = self.version(version)?.content;
        self.versions().iter().rev().find(|version| version.content == content)
    }

    /// Whether nothing came over a version but what others wrote.
    pub fn is_only_written_over(&self, version: u64) -> bool {
        let over = self.versions().iter().rev().take_while(|over| over.version > version);
        over.map(|over| &over.kind).all(|kind| match kind {
            VersionKind::Observed { .. } => true,
            VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Published(_)
            | VersionKind::RolledBack { .. } => false,
        })
    }
}
