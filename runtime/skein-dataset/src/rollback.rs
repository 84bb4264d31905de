//! Bringing an old version back: the same exchange as a publish, with a kept version in place of a staged one.
//!
//! Rolling back makes a new version with old content, so it can be rolled back itself. It refuses to undo what others
//! wrote, and looks at every kept file before it touches anything.

use skein_types::{Bytes, Code, ErrorClass, codes};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::intact::{self, Proof};
use crate::later::{self, SetAside};
use crate::listing::Change;
use crate::log;
use crate::log::LogError;
use crate::log::machine::{History, UndoneBy, Version};
use crate::log::record::{Body, FileRecord, Intent, Operation, Refusal};
use crate::publish::alone;
use crate::recover;
use crate::snapshot::{Snapshot, SnapshotError, first};
use crate::staging::{self, StageError};
use crate::store::Node;

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The version that is current now.
    pub version: u64,
    /// The version whose content it has.
    pub to: u64,
    /// Its files.
    pub files: usize,
    /// Their size.
    pub bytes: Bytes,
    /// `false`: that content was current already, nothing was touched.
    pub changed: bool,
    /// What others had written since, kept beside.
    pub set_aside: Vec<SetAside>,
}

/// What becomes of what others wrote after the version that a rollback brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaterWrites {
    /// It stands in the way.
    Refuse,
    /// It is copied below the state first, see [`SetAside`].
    Keep,
}

/// A rollback was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// No run has published to the dataset.
    #[error("the dataset has no history")]
    NoHistory,
    /// There is no such version.
    #[error("there is no version {version}")]
    NoSuchVersion {
        /// Which.
        version: u64,
    },
    /// Nothing was current before.
    #[error("there is no version before {version}")]
    NothingBefore {
        /// The oldest that there is to go back to.
        version: u64,
    },
    /// Its files are not kept any more.
    #[error("the files of version {version} are no longer kept")]
    Gone {
        /// Which.
        version: u64,
    },
    /// Its files are not what the log says.
    #[error("version {version} is damaged: {path}")]
    Damaged {
        /// Which.
        version: u64,
        /// The first file that differs.
        path: String,
    },
    /// Others wrote since.
    #[error("{} later writes would be undone, the first: {}", changes.len(), first(changes))]
    LaterWrites {
        /// All of them.
        changes: Vec<Change>,
    },
    /// The system does not let this user exchange the dataset, which is as it was.
    #[error(transparent)]
    Refused(Refusal),
    /// It is not known whether it happened; recovery finds out.
    #[error("it is not known whether the rollback happened")]
    Unknown {
        /// What hides the answer.
        #[source]
        source: Box<StateError>,
    },
    /// The user may not, or the mount does not allow it.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The dataset cannot be looked at.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The dataset's state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl From<LogError> for RollbackError {
    fn from(e: LogError) -> Self {
        Self::State(e.into())
    }
}

impl RollbackError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NoHistory => codes::NO_HISTORY,
            Self::NoSuchVersion { .. } | Self::NothingBefore { .. } => codes::NO_SUCH_VERSION,
            Self::Gone { .. } => codes::VERSION_GONE,
            Self::Damaged { .. } => codes::KEPT_VERSION_DAMAGED,
            Self::LaterWrites { .. } => codes::LATER_WRITES,
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown { .. } => codes::OUTCOME_UNKNOWN,
            Self::Stage(e) => e.code(),
            Self::Snapshot(e) => e.code(),
            Self::State(e) => e.code(),
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
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::State(e) => e.hint(),
            Self::LaterWrites { .. } => Some("--later-writes keep copies them aside first and says where"),
            Self::NoHistory => Some(NO_STATE),
            Self::NoSuchVersion { .. } | Self::NothingBefore { .. } => {
                Some("`skein history` lists the versions; --to goes to any that is kept")
            }
            Self::Gone { .. }
            | Self::Damaged { .. }
            | Self::Unknown { .. }
            | Self::Stage(_)
            | Self::Snapshot(_)
            | Self::Io(_) => None,
        }
    }
}

/// For whoever expected a history.
pub const NO_STATE: &str =
    "no run has published to it; if it was moved, `skein doctor` on it says how to take its state along";

/// Makes the content of version `to` current again; without `to`, what was current before the last publish that is not
/// undone: a rollback after a rollback goes on into the past.
pub fn roll_back(dataset: &Dataset, to: Option<u64>) -> Result<RolledBack, RollbackError> {
    roll_back_over(dataset, to, LaterWrites::Refuse)
}

/// [`roll_back`] with a say in what becomes of later writes.
pub fn roll_back_over(
    dataset: &Dataset,
    to: Option<u64>,
    later: LaterWrites,
) -> Result<RolledBack, RollbackError> {
    let state = dataset.state().ok_or(RollbackError::NoHistory)?;
    let _lock = dataset.lock_publish(state)?;
    let (_, mut history) = recover::settle(dataset, state)?;
    let to = match to {
        Some(to) => to,
        None => previous(&history)?,
    };
    let target = history.version(to).cloned().ok_or(RollbackError::NoSuchVersion { version: to })?;
    let head = history.head().cloned().ok_or(RollbackError::NoHistory)?;
    let mut changes = history.later_writes(to);
    let live = dataset.snapshot(&history)?;
    let observed = live.observed();
    changes.extend(observed.clone().unwrap_or_default());
    if !changes.is_empty() && later == LaterWrites::Refuse {
        return Err(RollbackError::LaterWrites { changes });
    }
    let written = observed.as_ref().is_some_and(|changes| !changes.is_empty());
    if history.is_current(to) && !written {
        return Ok(answer(&target, head.version, false));
    }
    let slot = history.slot_of(to).ok_or(RollbackError::Gone { version: to })?;
    staging::may_change(dataset)?;
    let (new, files) = verify(dataset, state, &target, slot)?;
    if let Some(changes) = observed {
        history = observe(dataset, state, &history, (&live, changes))?;
    }
    let set_aside = match later {
        LaterWrites::Keep => later::set_aside(dataset, state, &history, to)?,
        LaterWrites::Refuse => Vec::new(),
    };
    let base = history.next_version() - 1;
    let intent = Intent {
        operation: Operation::RollBack { to },
        version: base + 1,
        base,
        old: live.node,
        new,
        source: format!("kept/{slot}"),
        files,
        dirs: target.dirs.clone(),
    };
    crash_point!("rollback.before-intent").during("roll back", &dataset.place.name)?;
    let unknown = |e: StateError| RollbackError::Unknown { source: Box::new(e) };
    let exchanged = recover::append(dataset, state, &history, Body::Intent(Box::new(intent.clone())))
        .and_then(|announced| {
            crash_point!("rollback.after-intent").during("roll back", &dataset.place.name)?;
            alone::carry_out(dataset, state, &intent, announced.number)
        });
    match exchanged.map_err(unknown)? {
        Ok(version) => Ok(RolledBack { set_aside, ..answer(&target, version, true) }),
        Err(UndoneBy::Drift { changes }) => Err(RollbackError::LaterWrites { changes }),
        Err(UndoneBy::Refused(refusal)) => Err(RollbackError::Refused(refusal)),
    }
}

/// The version that a rollback without a target brings back.
pub fn previous(history: &History) -> Result<u64, RollbackError> {
    history.previous().map_err(|oldest| match oldest {
        Some(version) => RollbackError::NothingBefore { version },
        None => RollbackError::NoHistory,
    })
}

fn answer(target: &Version, version: u64, changed: bool) -> RolledBack {
    let bytes = target.files.iter().map(|f| Bytes(f.stat.size)).sum();
    let (to, files, set_aside) = (target.version, target.files.len(), Vec::new());
    RolledBack { version, to, files, bytes, changed, set_aside }
}

/// Records what others changed, be it only times and modes, so that the exchange compares with what is there.
fn observe(
    dataset: &Dataset,
    state: &State,
    history: &History,
    (live, changes): (&Snapshot, Vec<Change>),
) -> Result<History, RollbackError> {
    live.hash_all(dataset)?;
    let (version, files, dirs) = (history.next_version(), live.records(), live.dirs.clone());
    recover::append(dataset, state, history, Body::Observe { version, changes, files, dirs })?;
    Ok(log::read(&state.log)?)
}

/// Proves that a kept version is what was displaced; answers its inode and its files as they are on disk now.
fn verify(
    dataset: &Dataset,
    state: &State,
    target: &Version,
    slot: u64,
) -> Result<(Node, Vec<FileRecord>), RollbackError> {
    let version = target.version;
    match intact::prove(dataset, (&state.kept, &slot.to_string()), &target.files)? {
        Proof::Intact(node, files) => Ok((node, files)),
        Proof::Missing => Err(RollbackError::Gone { version }),
        Proof::Damaged(path) => Err(RollbackError::Damaged { version, path }),
    }
}
