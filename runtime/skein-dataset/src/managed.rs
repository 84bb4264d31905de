//! Datasets that a server manages: whose they are, and what that forbids everybody else.
//!
//! A server says so with `managed.json` in the dataset's state. While it is there only a process that was opened
//! [for that server](Dataset::managed_by) takes the lock under which records are made and names exchanged; `skein run`
//! and every other command that would change something is refused and names the server. Looking is free.
//!
//! ```text
//! manage     run lock, lock; settle, sweep; write the marker aside; sync; rename it; sync
//! release    run lock, lock; settle; remove the marker; sync; sweep
//! ```
//! | crash | marker | what it is then |
//! |---|---|---|
//! | before the rename | none | a dataset as before; the next manage writes the half anew |
//! | after the rename | there | managed |
//! | after a release removed it | none | a dataset as before; the next run sweeps the attempts |
//!
//! The run lock proves that no `skein run` is under way when a dataset changes hands. Afterwards attempts are fenced by the
//! server's ledger and not by that lock: any number of them may be alive, zombies too, each in a directory of its own. So a
//! sweep leaves them alone; the server names those that may go ([`remove_attempts`]).
//!
//! It knows nothing of ledgers, tasks or leases: whether an attempt is dead is the server's to say.

mod attempts;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use skein_types::ServerId;

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::place::STATE;
use crate::publish::{LOT, SYNCS};
use crate::recover;
use crate::store;
use crate::store::barrier::Barrier;
use crate::store::lock::Lock;
use crate::sweep;

pub use attempts::{StagedAttempt, remove_attempts, staged_attempts};

const MARKER: &str = "managed.json";
const PART: &str = ".managed-part";
/// Largest marker that is read or written.
const MOST: u64 = 4096;
const FORMAT: u32 = 1;

/// Who manages a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manager {
    /// Which server.
    pub server: ServerId,
    /// Where people find it.
    pub address: String,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: u32,
    #[serde(flatten)]
    manager: Manager,
}

impl Dataset {
    /// Who manages the dataset now, if anybody does.
    pub fn manager(&self) -> Result<Option<Manager>, StateError> {
        self.state().map_or(Ok(None), |state| read(&state.root))
    }

    /// Refuses whoever is not who manages the dataset. The answer holds while the lock is held.
    pub(crate) fn check_manager(&self, state: &State) -> Result<(), StateError> {
        match (read(&state.root)?, self.server) {
            (None, None) => Ok(()),
            (Some(manager), Some(server)) if manager.server == server => Ok(()),
            (Some(manager), _) => Err(StateError::Managed(manager)),
            (None, server @ Some(_)) => Err(StateError::NotManaged { server }),
        }
    }
}

/// Makes a server manage datasets, whatever log they have. It already does: only its address is brought up to date.
///
/// The answers come in the order of the datasets; another server's, and one on which a run is at work, are refused.
pub fn manage_many(datasets: &[&Dataset], manager: &Manager) -> Vec<Result<(), StateError>> {
    datasets.chunks(LOT).flat_map(|lot| manage_lot(lot, manager)).collect()
}

fn manage_lot(datasets: &[&Dataset], manager: &Manager) -> Vec<Result<(), StateError>> {
    let mut answers: Vec<Result<(), StateError>> = datasets.iter().map(|_| Ok(())).collect();
    // Every batch takes locks in the same order, so two batches cannot wait for each other.
    let mut order: Vec<usize> = (0..datasets.len()).collect();
    order.sort_by_key(|i| datasets[*i].path());
    let mut taken = Vec::new();
    for i in order {
        match take(datasets[i], manager) {
            Ok(None) => {}
            Ok(Some(locks)) => taken.push((i, locks)),
            Err(error) => answers[i] = Err(error),
        }
    }
    let mut fail = |failed: Vec<(usize, IoFault)>| {
        failed.into_iter().for_each(|(i, fault)| answers[i] = Err(fault.into()));
    };
    fail(sync(datasets, &taken, &[PART, "."]));
    let mut failed = Vec::new();
    for (i, _) in &taken {
        failed.extend(rename(datasets[*i]).err().map(|fault| (*i, fault)));
    }
    fail(failed);
    fail(sync(datasets, &taken, &["."]));
    answers
}

/// The locks of a dataset that gets a marker, which lies beside its name; `None` if it has that already.
fn take(dataset: &Dataset, manager: &Manager) -> Result<Option<(Lock, Lock)>, StateError> {
    if dataset.manager()?.as_ref() == Some(manager) {
        return Ok(None);
    }
    let run = dataset.keep_runs_away("a server that takes it over")?;
    let state = dataset.state().expect("a run lock is taken in the dataset's state");
    let lock = dataset.take_lock(state)?;
    match read(&state.root)? {
        None => {
            // What dead runs left is nobody's later: from here on sweeps leave attempts alone.
            let (_, history) = recover::settle(dataset, state)?;
            sweep::sweep(dataset, state, &history)?;
        }
        Some(other) if other.server != manager.server => return Err(StateError::Managed(other)),
        Some(_) => {}
    }
    let marker = Marker { format: FORMAT, manager: manager.clone() };
    let bytes = serde_json::to_vec(&marker).expect("a marker holds only text and numbers");
    store::remove_tree(&state.root, PART)?;
    store::write_new(&state.root, PART, &bytes)?;
    crash_point!("manage.before-sync").during("manage", &dataset.place.name)?;
    Ok(Some((run, lock)))
}

/// One barrier for these names in the datasets' states and for the directories that lead to them.
fn sync(datasets: &[&Dataset], taken: &[(usize, (Lock, Lock))], names: &[&str]) -> Vec<(usize, IoFault)> {
    let mut barrier = Barrier::default();
    let mut failed = Vec::new();
    for (i, _) in taken {
        let dataset = datasets[*i];
        let Some(state) = dataset.state() else { continue };
        let above = [(&dataset.place.parent, STATE), (&dataset.place.parent, ".")];
        let all = names.iter().map(|name| (&state.root, *name)).chain(above);
        let added: Result<(), IoFault> =
            all.into_iter().try_for_each(|(dir, name)| barrier.add(*i, dir, name));
        failed.extend(added.err().map(|fault| (*i, fault)));
    }
    failed.extend(barrier.wait(SYNCS));
    failed
}

fn rename(dataset: &Dataset) -> Result<(), IoFault> {
    let Some(state) = dataset.state() else { return Ok(()) };
    store::replace(&state.root, PART, MARKER)?;
    crash_point!("manage.after-marker").during("manage", &dataset.place.name)
}

/// Gives a dataset back to whoever may change it. Attempts of the server are removed: nobody names them any more.
pub fn release(dataset: &Dataset) -> Result<(), StateError> {
    let Some(state) = dataset.state() else { return Ok(()) };
    let _run = dataset.keep_runs_away("a server that gives it back")?;
    let _lock = dataset.take_lock(state)?;
    if read(&state.root)?.is_none() {
        return Ok(());
    }
    dataset.check_manager(state)?;
    let (_, history) = recover::settle(dataset, state)?;
    store::remove_tree(&state.root, MARKER)?;
    store::sync_dir(&state.root, ".")?;
    crash_point!("manage.after-release").during("release", &dataset.place.name)?;
    sweep::sweep(dataset, state, &history)?;
    Ok(())
}

/// Whether a server's attempts may be alive in a state.
pub(crate) fn is_managed(state: &State) -> Result<bool, StateError> {
    Ok(read(&state.root)?.is_some())
}

fn read(root: &Dir) -> Result<Option<Manager>, StateError> {
    let damaged = |problem: &str| StateError::Marker { problem: problem.to_owned() };
    let bytes = match store::read_bounded(root, MARKER, MOST) {
        Err(fault) if fault.is_missing() => return Ok(None),
        // Without knowing whose the dataset is nobody may change it.
        Err(fault) if fault.is_irregular() => return Err(damaged("is no regular file")),
        other => other?.ok_or_else(|| damaged("is too large"))?,
    };
    let marker: Marker =
        serde_json::from_slice(&bytes).map_err(|error| damaged(&format!("cannot be read: {error}")))?;
    match marker.format {
        FORMAT => Ok(Some(marker.manager)),
        other => Err(damaged(&format!("has format {other}, which is not known here"))),
    }
}
