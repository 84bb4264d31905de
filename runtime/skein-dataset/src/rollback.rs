//! Bringing an old version back: the same exchange as a publish, with a kept version in place of a staged one.
//!
//! Rolling back makes a new version with old content, so it can be rolled back itself. It refuses to undo what others
//! wrote, and looks at every kept file before it touches anything.

mod many;

use skein_types::{Bytes, Code, ErrorClass, codes};

use crate::crash_point;
use crate::dataset::{Dataset, State};
use crate::fault::During as _;
use crate::intact::{self, Proof};
use crate::later::{self, SetAside};
use crate::listing::Change;
use crate::log;
use crate::log::machine::{History, UndoneBy, Version};
use crate::log::record::{Body, FileRecord, Intent, Operation};
use crate::publish::alone::{self, ExchangeError};
use crate::recover;
use crate::snapshot::{Snapshot, first};
use crate::staging;
use crate::store::Node;
use crate::version::VersionError;

pub use many::{Undo, roll_back_damaged_many, roll_back_many, roll_forward_many};

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
    /// The version cannot be had.
    #[error(transparent)]
    Version(VersionError),
    /// Nothing was current before.
    #[error("there is no version before {version}")]
    NothingBefore {
        /// The oldest that there is to go back to.
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
    /// What can befall every exchange.
    #[error(transparent)]
    Exchange(ExchangeError),
}

impl<E: Into<ExchangeError>> From<E> for RollbackError {
    fn from(e: E) -> Self {
        Self::Exchange(e.into())
    }
}

impl RollbackError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Version(e) => e.code(),
            Self::NothingBefore { .. } => codes::NO_SUCH_VERSION,
            Self::Damaged { .. } => codes::KEPT_VERSION_DAMAGED,
            Self::LaterWrites { .. } => codes::LATER_WRITES,
            Self::Exchange(e) => e.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Exchange(e) => e.hint(),
            Self::LaterWrites { .. } => Some("--later-writes keep copies them aside first and says where"),
            Self::Version(VersionError::NoHistory) => Some(NO_STATE),
            Self::Version(VersionError::NoSuchVersion { .. } | VersionError::Gone { .. })
            | Self::NothingBefore { .. } => {
                Some("`skein history` lists the versions and which are kept; --to goes to any of these")
            }
            Self::Damaged { .. } => None,
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
    let no_history = RollbackError::Version(VersionError::NoHistory);
    let Some(state) = dataset.state() else { return Err(no_history) };
    let _lock = dataset.lock_publish(state)?;
    let (_, mut history) = recover::settle(dataset, state)?;
    let to = match to {
        Some(to) => to,
        None => previous(&history)?,
    };
    let found = history.find(Some(to)).map_err(RollbackError::Version)?;
    let target = &found.version;
    let mut changes = history.later_writes(to);
    let live = dataset.snapshot(&history)?;
    let observed = live.observed();
    changes.extend(observed.clone().unwrap_or_default());
    if !changes.is_empty() && later == LaterWrites::Refuse {
        return Err(RollbackError::LaterWrites { changes });
    }
    let written = observed.as_ref().is_some_and(|changes| !changes.is_empty());
    if found.is_current && !written {
        return Ok(answer(target, found.head.version, false));
    }
    let slot = found.slot().map_err(RollbackError::Version)?;
    staging::may_change(dataset)?;
    let (new, files) = verify(dataset, state, target, slot)?;
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
    let announced = recover::seal(dataset, history.last(), Body::Intent(Box::new(intent.clone())))?;
    crash_point!("rollback.before-intent").during("roll back", &dataset.place.name)?;
    let exchanged = recover::create(state, &announced).and_then(|()| {
        crash_point!("rollback.after-intent").during("roll back", &dataset.place.name)?;
        alone::carry_out(dataset, state, &intent, announced.number)
    });
    match exchanged.map_err(ExchangeError::unknown("the rollback"))? {
        Ok(version) => Ok(RolledBack { set_aside, ..answer(target, version, true) }),
        Err(UndoneBy::Drift { changes }) => Err(RollbackError::LaterWrites { changes }),
        Err(UndoneBy::Refused(refusal)) => Err(ExchangeError::Refused(refusal).into()),
    }
}

/// The version that a rollback without a target brings back.
pub fn previous(history: &History) -> Result<u64, RollbackError> {
    history.previous().map_err(|oldest| match oldest {
        Some(version) => RollbackError::NothingBefore { version },
        None => RollbackError::Version(VersionError::NoHistory),
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
        Proof::Missing => Err(RollbackError::Version(VersionError::Gone { version })),
        Proof::Damaged(path) => Err(RollbackError::Damaged { version, path }),
    }
}
