//! What becomes of a held version: it is made current, or given up.
//!
//! Publishing is the exchange that a run would have made, with `held/<run>` in place of `stage/<attempt>`: until its
//! intent is decided the version stays held, whatever happens, and afterwards the sweep removes the empty shell. It
//! takes the place of the version that it was made from and of no other, and only while that is as it was. Files that were
//! only added since [join it](late).
//!
//! Giving up writes the record first: half of a version without a record is swept, half of one with a record would be
//! a version that is not what the log says. What others wrote into it is moved out before it is removed.

mod late;

use std::path::PathBuf;
use std::sync::Arc;

use skein_types::{Code, ErrorClass, RunId, codes};

use crate::crash_point;
use crate::dataset::{Dataset, RunLock, State};
use crate::fault::{During as _, IoFault};
use crate::intact::{self, Proof};
use crate::listing::{Change, FileStat, changes};
use crate::log::machine::{Held, History, UndoneBy};
use crate::log::record::{Body, Intent, Operation};
use crate::publish::alone::{self, ExchangeError};
use crate::publish::hold;
use crate::recover;
use crate::snapshot::first;
use crate::staging;
use crate::store;
use crate::store::lock::Lock;

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
    /// Others added a file since that may not join the held version.
    #[error("{added} files were added since it was held, and {path} cannot join it: {problem}")]
    Unfit {
        /// How many.
        added: usize,
        /// The first that does not fit.
        path: String,
        /// How its schema differs, or why it has none.
        problem: String,
    },
    /// What can befall every exchange.
    #[error(transparent)]
    Exchange(ExchangeError),
}

impl<E: Into<ExchangeError>> From<E> for HeldError {
    fn from(e: E) -> Self {
        Self::Exchange(e.into())
    }
}

impl HeldError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Nothing { .. } => codes::NOTHING_HELD,
            Self::Several { .. } => codes::USAGE,
            Self::Damaged { .. } => codes::HELD_DAMAGED,
            Self::MovedOn { .. } | Self::Drift { .. } | Self::Unfit { .. } => codes::HELD_STALE,
            Self::Exchange(e) => e.code(),
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
            Self::Unfit { .. } => Some(
                "readers would find two schemas in one version: discard it and run the migration again, which migrates \
                 what was added too"
                    .to_owned(),
            ),
            Self::Exchange(ExchangeError::Unknown { .. }) => {
                Some("run `skein recover` on the dataset, then look at its history".to_owned())
            }
            Self::Exchange(e) => e.hint().map(str::to_owned),
        }
    }
}

/// A held version that became current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedHeld {
    /// As this version.
    pub version: u64,
    /// Files that others added since it was held, and that are in it as they are.
    pub joined: Vec<String>,
    /// Owners and attributes that this user could not keep.
    pub attributes_lost: Vec<String>,
    /// Where files are that others had written into what was held.
    pub set_aside: Vec<PathBuf>,
}

/// Makes a held version current; without `run`, the only one. Files that others only added since are part of it as they
/// are, if they have its schema.
pub fn publish_held(dataset: &Dataset, run: Option<RunId>) -> Result<PublishedHeld, HeldError> {
    let mut taken = take(dataset, run)?;
    let mut found = late::added(&taken.history, &taken.held, dataset.snapshot(&taken.history)?)?;
    if found.1.is_empty() && taken.history.head().is_some_and(|head| head.version == taken.held.hold.base) {
        match exchange(dataset, &taken) {
            Err(HeldError::Drift { changes }) if changes.iter().all(|c| matches!(c, Change::Added(_))) => {}
            exchanged => return exchanged.map(PublishedHeld::alone),
        }
        // Somebody added files between that look and the exchange, which was taken back.
        taken.history = dataset.history()?;
        found = late::added(&taken.history, &taken.held, dataset.snapshot(&taken.history)?)?;
    }
    let Taken { state, held, at_work, lock, .. } = taken;
    // From here on it is a publish like any other, which locks when its files are ready.
    drop(lock);
    let published = late::publish(dataset, &at_work, &held, found)?;
    // It is current whether or not this works; the next run sweeps what it leaves.
    let set_aside = crash_point!("held.after-done")
        .during("publish", &dataset.place.name)
        .map_err(HeldError::from)
        .and_then(|()| copied(dataset, state, held.hold.facts.run));
    match set_aside {
        Ok(set_aside) => Ok(PublishedHeld { set_aside, ..published }),
        Err(error) => {
            tracing::warn!(run = %held.hold.facts.run, %error, "files of a held version left behind");
            Ok(published)
        }
    }
}

/// Gives up what was held after its copy was published.
fn copied(dataset: &Dataset, state: &State, run: RunId) -> Result<Vec<PathBuf>, HeldError> {
    let _lock = dataset.lock_publish(state)?;
    let history = dataset.history()?;
    let (number, held) = history.once_held(&run.to_string()).ok_or(HeldError::Nothing { run: Some(run) })?;
    give_up(dataset, state, (held, number))
}

impl PublishedHeld {
    /// Nothing but what was held.
    const fn alone(version: u64) -> Self {
        Self { version, joined: Vec::new(), attributes_lost: Vec::new(), set_aside: Vec::new() }
    }
}

/// Makes it current where nothing has changed.
fn exchange(dataset: &Dataset, taken: &Taken<'_>) -> Result<u64, HeldError> {
    let Taken { state, history, held, .. } = taken;
    let intent = intent(dataset, state, history, held)?;
    let announced = recover::seal(dataset, history.last(), Body::Intent(Box::new(intent.clone())))?;
    crash_point!("held.before-intent").during("publish", &dataset.place.name)?;
    let exchanged = recover::create(state, &announced).and_then(|()| {
        crash_point!("held.after-intent").during("publish", &dataset.place.name)?;
        alone::carry_out(dataset, state, &intent, announced.number)
    });
    match exchanged.map_err(ExchangeError::unknown("it"))? {
        Ok(version) => {
            // It is current whether or not this works; the next run sweeps what it leaves.
            let after = crash_point!("held.after-done").during("publish", &dataset.place.name);
            if let Err(fault) = after.and_then(|()| remove(state, held)) {
                tracing::warn!(run = %held.hold.facts.run, error = %fault, "files of a held version left behind");
            }
            Ok(version)
        }
        Err(UndoneBy::Drift { changes }) => Err(HeldError::Drift { changes }),
        Err(UndoneBy::Refused(refusal)) => Err(ExchangeError::Refused(refusal).into()),
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
    let Taken { state, history, held, at_work: _at_work, lock: _lock } = take(dataset, run)?;
    let record = recover::append(dataset, state, &history, Body::Discard { run: held.hold.facts.run })?;
    crash_point!("discard.after-record").during("discard", &dataset.place.name)?;
    let set_aside = give_up(dataset, state, (&held, record.number))?;
    Ok(Discarded { held, set_aside })
}

/// Removes its files; what others wrote into them is moved to where the answer says, by the number of the record that gives
/// it up.
fn give_up(
    dataset: &Dataset,
    state: &State,
    (held, number): (&Held, u64),
) -> Result<Vec<PathBuf>, HeldError> {
    let Some(all) = hold::open(state)? else { return Ok(Vec::new()) };
    let set_aside = hold::set_aside(dataset, state, (&all, held), number)?;
    remove(state, held)?;
    Ok(set_aside.into_iter().map(|at| dataset.state_path().join(at)).collect())
}

/// What is held, as the log is while nobody else can change it.
struct Taken<'a> {
    state: &'a State,
    history: History,
    held: Arc<Held>,
    at_work: RunLock,
    lock: Lock,
}

/// Keeps runs away, then whoever rolls back, and reads the log after that.
fn take(dataset: &Dataset, run: Option<RunId>) -> Result<Taken<'_>, HeldError> {
    let run = choose(&dataset.history()?, run)?;
    let at_work = dataset.lock_run(run)?;
    crash_point!("held.before-lock").during("lock", &dataset.place.name)?;
    let state = dataset.state().expect("a lock was taken in the dataset's state");
    let lock = dataset.lock_publish(state)?;
    let (_, history) = recover::settle(dataset, state)?;
    let held = history.held_by(run).cloned().ok_or(HeldError::Nothing { run: Some(run) })?;
    Ok(Taken { state, history, held, at_work, lock })
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
