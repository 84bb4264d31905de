//! Forgetting a dataset: its state goes, its files stay as they are.
//!
//! | crash | beside the dataset | what it is then |
//! |---|---|---|
//! | before the rename | its state, whole | a dataset with its history, nothing was done |
//! | after the rename | nothing; `.forgotten-*` in `.skein` | a dataset that no run has taken; the rest is collected later |
//! | between the two renames of a state elsewhere | nothing | as above; the state elsewhere is taken up again if it is asked for |
//!
//! One rename decides. Removing a log record by record would leave one that somebody else could mistake for a short one.
//! Whoever opened the dataset before and waited for its lock finds directories in which nothing can be made any more,
//! and without a record no exchange begins.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use skein_types::{Bytes, Code, ErrorClass, RunId, codes};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::log::LogError;
use crate::log::machine::History;
use crate::place::STATE;
use crate::place::state::StateSite;
use crate::recover;
use crate::store::{self, lock::Lock};

/// What is left of a state that was forgotten is called, until it is removed.
const FORGOTTEN: &str = ".forgotten-";
/// Parts of a state that hold what no version does.
const PARTS: [(&str, Part); 3] =
    [("quarantine", Part::Rejects), ("later", Part::Others), ("aside", Part::Others)];

/// Something that is lost with the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// An old version that can be rolled back to.
    Kept {
        /// Its number.
        version: u64,
        /// What it takes.
        bytes: Bytes,
    },
    /// A finished version that waits to be published.
    Held {
        /// Whose.
        run: RunId,
        /// What it takes.
        bytes: Bytes,
    },
    /// Rejected rows, or what others wrote and a rollback or recovery set aside.
    Part {
        /// Which of the two.
        part: Part,
        /// What it takes.
        bytes: Bytes,
    },
}

/// What a part of a state is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Rows that modules refused.
    Rejects,
    /// What others wrote.
    Others,
}

impl std::fmt::Display for Holding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kept { version, bytes } => write!(f, "version {version}, {bytes}"),
            Self::Held { run, bytes } => write!(f, "the version that {run} holds, {bytes}"),
            Self::Part { part: Part::Rejects, bytes } => write!(f, "rejected rows, {bytes}"),
            Self::Part { part: Part::Others, bytes } => {
                write!(f, "what others wrote and a rollback set aside, {bytes}")
            }
        }
    }
}

/// Why a dataset was not forgotten. Nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// There is nothing to forget.
    #[error("the dataset has no state")]
    NoHistory,
    /// Something would be lost with the state.
    #[error("the dataset's state holds what would be lost with it")]
    Holds {
        /// What.
        holdings: Vec<Holding>,
    },
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<IoFault> for ForgetError {
    fn from(fault: IoFault) -> Self {
        Self::State(fault.into())
    }
}

impl From<LogError> for ForgetError {
    fn from(error: LogError) -> Self {
        Self::State(error.into())
    }
}

impl ForgetError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NoHistory => codes::NO_HISTORY,
            Self::Holds { .. } => codes::STATE_IN_USE,
            Self::State(error) => error.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoHistory => {
                Some("compare the path: no run has taken this dataset, or it was forgotten before")
            }
            Self::Holds { .. } => Some(
                "`skein finalize --now` gives old versions up and `skein discard` what is held; --yes loses all that is listed",
            ),
            Self::State(error) => error.hint(),
        }
    }
}

/// What would be lost with the dataset's state right now.
pub fn holdings(dataset: &Dataset) -> Result<Vec<Holding>, ForgetError> {
    let state = dataset.state().ok_or(ForgetError::NoHistory)?;
    Ok(held_by(state, &dataset.history()?)?)
}

/// Removes the dataset's state and answers what was lost with it. Unless `whatever` it holds, that must be nothing. An
/// exchange that a dead process left is brought to its end first; a run at work is left alone, with an error.
pub fn forget(dataset: &Dataset, whatever: bool) -> Result<Vec<Holding>, ForgetError> {
    let state = dataset.state().ok_or(ForgetError::NoHistory)?;
    let _at_work = dataset.keep_runs_away("a forget")?;
    let _lock = dataset.lock_publish(state)?;
    let (_, history) = recover::settle(dataset, state)?;
    let holdings = held_by(state, &history)?;
    if !whatever && !holdings.is_empty() {
        return Err(ForgetError::Holds { holdings });
    }
    remove(dataset)?;
    Ok(holdings)
}

fn held_by(state: &State, history: &History) -> Result<Vec<Holding>, IoFault> {
    let kept = history.kept().filter_map(|(version, _)| {
        Some(Holding::Kept { version: version.version, bytes: history.kept_bytes(version.version)? })
    });
    let held = history.held().iter().map(|held| Holding::Held {
        run: held.hold.facts.run,
        bytes: held.hold.files.iter().map(|file| Bytes(file.stat.size)).sum(),
    });
    let mut holdings: Vec<Holding> = kept.chain(held).collect();
    for (name, part) in PARTS {
        let bytes = Bytes(store::tree_size(&state.root, name)?);
        if bytes.0 > 0 {
            holdings.push(Holding::Part { part, bytes });
        }
    }
    Ok(holdings)
}

fn remove(dataset: &Dataset) -> Result<(), StateError> {
    let (place, shown) = (&dataset.place, &dataset.place.name);
    let all = place.parent.open_dir(STATE).during("open", STATE)?;
    let gone = format!("{FORGOTTEN}{}-{}", rustix::process::getpid().as_raw_nonzero(), dataset.clock.now().0);
    let elsewhere = match &place.site {
        StateSite::Beside => None,
        StateSite::Chosen { dir, leaf } => {
            let shown = dir.display().to_string();
            Some((Dir::open_ambient_dir(dir, ambient_authority()).during("open", shown)?, leaf))
        }
    };
    // A first run that is about to follow the pointer has this lock; without a pointer it is the one that is held.
    let beside = elsewhere.is_some().then(|| all.open_dir(shown).during("open", shown)).transpose()?;
    let waited = dataset.options.lock_wait;
    let _registering = match &beside {
        None => None,
        Some(beside) => {
            Some(Lock::take(beside, "lock", &*dataset.clock, waited)?.ok_or(StateError::Busy { waited })?)
        }
    };
    crash_point!("forget.before-rename").during("forget", shown)?;
    store::rename_new(&all, shown, &all, &gone)?;
    store::sync_dir(&all, ".")?;
    crash_point!("forget.after-rename").during("forget", shown)?;
    if let Some((dir, leaf)) = elsewhere {
        store::rename_new(&dir, leaf, &dir, &gone)?;
        store::sync_dir(&dir, ".")?;
        store::remove_tree(&dir, &gone)?;
    }
    store::remove_tree(&all, &gone)?;
    crash_point!("forget.after-remove").during("forget", shown)?;
    remove_if_empty(&place.parent)?;
    Ok(())
}

/// Without states `.skein` only stands in the way of whoever takes the directory above as a dataset.
fn remove_if_empty(parent: &Dir) -> Result<(), IoFault> {
    match rustix::fs::unlinkat(parent, STATE, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(()),
        Err(other) => Err(other).during("remove", STATE),
    }
}

/// Removes what dead processes left of forgotten states below this directory's `.skein`, and answers how much that was.
pub fn collect_forgotten(directory: &std::path::Path) -> Result<Bytes, StateError> {
    let shown = || directory.display().to_string();
    let parent = Dir::open_ambient_dir(directory, ambient_authority()).during("open", shown())?;
    let all = match parent.open_dir(STATE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Bytes(0)),
        other => other.during("open", STATE)?,
    };
    let mut bytes = 0;
    for name in store::names(&all, STATE)?.iter().filter(|name| is_forgotten(name)) {
        bytes += store::tree_size(&all, name)?;
        store::remove_tree(&all, name)?;
    }
    remove_if_empty(&parent)?;
    Ok(Bytes(bytes))
}

/// Whether an entry of `.skein` is the rest of a forgotten state and not a dataset's.
pub fn is_forgotten(name: &str) -> bool {
    name.starts_with(FORGOTTEN)
}
