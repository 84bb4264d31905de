//! What becomes of a held version: it is made current, or given up.
//!
//! Publishing is the exchange that a run would have made, with `held/<run>` in place of `stage/<attempt>`: until its
//! intent is decided the version stays held, whatever happens, and afterwards the sweep removes the empty shell. It
//! takes the place of the version that it was made from and of no other, and only while that is as it was.
//!
//! Giving up writes the record first: half of a version without a record is swept, half of one with a record would be
//! a version that is not what the log says. What others wrote into it is moved out before it is removed.

use std::path::PathBuf;
use std::sync::Arc;

use skein_types::{Code, ErrorClass, RunId, codes};

use crate::crash_point;
use crate::dataset::{Dataset, RunLock, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::intact::{self, Proof};
use crate::listing::{Change, FileStat, changes};
use crate::log::LogError;
use crate::log::machine::{Held, History, UndoneBy};
use crate::log::record::{Body, Intent, Operation, Refusal};
use crate::publish::alone;
use crate::publish::hold;
use crate::recover;
use crate::snapshot::{SnapshotError, first};
use crate::staging::{self, StageError};
use crate::store;

/// A held version cannot be published or discarded.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The dataset holds nothing, or nothing of that run.
    #[error("{}", match run { Some(run) => format!("{run} holds nothing here"), None => "nothing is held".to_owned() })]
    Nothing {
        /// Which was asked for.
        run: Option<RunId>,
    },
    /// More than one, and none was named.
    #[error("{} versions are held", runs.len())]
    Several {
        /// Whose, oldest first.
        runs: Vec<RunId>,
    },
    /// Its files are not what the log says.
    #[error("what {run} holds is damaged: {path}")]
    Damaged {
        /// Whose.
        run: RunId,
        /// The first file that differs.
        path: String,
    },
    /// Another version became current since.
    #[error("it was made from version {base}, and version {head} is current")]
    MovedOn {
        /// What it may displace.
        base: u64,
        /// What is current.
        head: u64,
    },
    /// Others wrote to the dataset since.
    #[error("{} files changed since it was held, the first: {}", changes.len(), first(changes))]
    Drift {
        /// What they did.
        changes: Vec<Change>,
    },
    /// The system does not let this user exchange the dataset, which is as it was.
    #[error(transparent)]
    Refused(Refusal),
    /// It is not known whether it happened; recovery finds out.
    #[error("it is not known whether it happened")]
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

impl From<LogError> for HeldError {
    fn from(e: LogError) -> Self {
        Self::State(e.into())
    }
}

impl HeldError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Nothing { .. } => codes::NOTHING_HELD,
            Self::Several { .. } => codes::USAGE,
            Self::Damaged { .. } => codes::HELD_DAMAGED,
            Self::MovedOn { .. } | Self::Drift { .. } => codes::HELD_STALE,
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
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing { .. } => Some("`skein history` lists what is held".to_owned()),
            Self::Several { runs } => {
                let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
                Some(format!("name one with --run: {}", runs.join(", ")))
            }
            Self::Damaged { .. } => Some(
                "discard it, which moves what is not of the run to `aside` below the state, and run the migration again"
                    .to_owned(),
            ),
            Self::MovedOn { .. } | Self::Drift { .. } => Some(
                "a held version takes the place of what it was made from and of nothing else: discard it and run the \
                 migration again"
                    .to_owned(),
            ),
            Self::Refused(refusal) => Some(refusal.hint().to_owned()),
            Self::Unknown { .. } => Some("run `skein recover` on the dataset, then look at its history".to_owned()),
            Self::State(e) => e.hint().map(str::to_owned),
            Self::Stage(_) | Self::Snapshot(_) | Self::Io(_) => None,
        }
    }
}

/// Makes a held version current; without `run`, the only one. Answers the version that it became.
pub fn publish_held(dataset: &Dataset, run: Option<RunId>) -> Result<u64, HeldError> {
    let (_at_work, history, held) = take(dataset, run)?;
    let state = dataset.state().expect("a lock was taken in the dataset's state");
    let _lock = dataset.lock_publish(state)?;
    let intent = intent(dataset, state, &history, &held)?;
    crash_point!("held.before-intent").during("publish", &dataset.place.name)?;
    let unknown = |e: StateError| HeldError::Unknown { source: Box::new(e) };
    let exchanged = recover::append(dataset, state, &history, Body::Intent(Box::new(intent.clone())))
        .and_then(|announced| {
            crash_point!("held.after-intent").during("publish", &dataset.place.name)?;
            alone::carry_out(dataset, state, &intent, announced.number)
        });
    match exchanged.map_err(unknown)? {
        Ok(version) => {
            crash_point!("held.after-done").during("publish", &dataset.place.name)?;
            remove(state, &held)?;
            Ok(version)
        }
        Err(UndoneBy::Drift { changes }) => Err(HeldError::Drift { changes }),
        Err(UndoneBy::Refused(refusal)) => Err(HeldError::Refused(refusal)),
    }
}

/// A held version that was given up.
#[derive(Debug)]
pub struct Discarded {
    /// What it was.
    pub held: Arc<Held>,
    /// Where files are that others had written into it.
    pub set_aside: Vec<PathBuf>,
}

/// Gives a held version up and removes its files; without `run`, the only one.
pub fn discard(dataset: &Dataset, run: Option<RunId>) -> Result<Discarded, HeldError> {
    let (_at_work, history, held) = take(dataset, run)?;
    let state = dataset.state().expect("a lock was taken in the dataset's state");
    let _lock = dataset.lock_publish(state)?;
    let record = recover::append(dataset, state, &history, Body::Discard { run: held.hold.facts.run })?;
    crash_point!("discard.after-record").during("discard", &dataset.place.name)?;
    let Some(all) = hold::open(state)? else { return Ok(Discarded { held, set_aside: Vec::new() }) };
    let set_aside = hold::set_aside(dataset, state, (&all, &held), record.number)?;
    remove(state, &held)?;
    let set_aside = set_aside.into_iter().map(|at| dataset.state_path().join(at)).collect();
    Ok(Discarded { held, set_aside })
}

/// Keeps runs away, and answers what is held. No log grows while the run lock is held but by whoever rolls back, and
/// then the record that follows is refused.
fn take(dataset: &Dataset, run: Option<RunId>) -> Result<(RunLock, History, Arc<Held>), HeldError> {
    let history = dataset.history()?;
    let run = choose(&history, run)?;
    let lock = dataset.lock_run(run)?;
    let history = dataset.history()?;
    let held = history.held_by(run).cloned().ok_or(HeldError::Nothing { run: Some(run) })?;
    Ok((lock, history, held))
}

fn choose(history: &History, run: Option<RunId>) -> Result<RunId, HeldError> {
    let runs: Vec<RunId> = history.held().iter().map(|held| held.hold.facts.run).collect();
    match (run, runs.as_slice()) {
        (Some(run), all) if all.contains(&run) => Ok(run),
        (None, [only]) => Ok(*only),
        (Some(_), _) | (None, []) => Err(HeldError::Nothing { run }),
        (None, _) => Err(HeldError::Several { runs }),
    }
}

/// The exchange that makes it current, if its base is what is live and it is what was held.
fn intent(dataset: &Dataset, state: &State, history: &History, held: &Held) -> Result<Intent, HeldError> {
    let hold = &held.hold;
    let head = history.head().expect("what is held has a base");
    if head.version != hold.base {
        return Err(HeldError::MovedOn { base: hold.base, head: head.version });
    }
    let live = dataset.snapshot(history)?;
    let stats = (head.files.iter().map(|f| &f.stat), live.files().iter().map(|f| &f.stat));
    let changes = changes(stats.0, stats.1, FileStat::same);
    if !changes.is_empty() {
        return Err(HeldError::Drift { changes });
    }
    staging::may_change(dataset)?;
    let run = hold.facts.run;
    let (new, files) = match intact::prove(dataset, (&state.root, &hold.source), &hold.files)? {
        Proof::Intact(new, files) => (new, files),
        Proof::Missing => return Err(HeldError::Damaged { run, path: hold.source.clone() }),
        Proof::Damaged(path) => return Err(HeldError::Damaged { run, path }),
    };
    Ok(Intent {
        operation: Operation::Publish(Box::new(hold.facts.clone())),
        version: hold.base + 1,
        base: hold.base,
        old: live.node,
        new,
        source: hold.source.clone(),
        files,
        dirs: hold.dirs.clone(),
    })
}

fn remove(state: &State, held: &Held) -> Result<(), IoFault> {
    let Some(dir) = hold::open(state)? else { return Ok(()) };
    store::remove_tree(&dir, &held.hold.facts.run.to_string())
}
