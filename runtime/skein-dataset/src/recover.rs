//! After a crash at any point: finish or take back the exchange that was under way, then remove what nobody needs.
//!
//! Idempotent, and safe for two processes at once: the second waits for the lock and finds nothing to do. Staged files
//! are removed only while the run lock is free or held by the caller, for then no attempt is alive.

use skein_types::RunId;

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::During as _;
use crate::listing::Change;
use crate::log::machine::{History, UndoneBy, Unsettled};
use crate::log::record::{Body, Intent, Operation, Parent, Record, Refusal, RevertReason};
use crate::log::{self, LogError, Sealed, TEMPORARY};
use crate::publish::swap::{self, Back, Decision, Swap};
use crate::store;
use crate::sweep;

/// What recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Brought an exchange to its end: this version is current.
    Finished {
        /// Which.
        version: u64,
    },
    /// Took an exchange back, or did not begin it, because others had written.
    TakenBack {
        /// What they did.
        changes: Vec<Change>,
        /// Where what they wrote into the new version is.
        set_aside: Option<String>,
    },
    /// Took an exchange back because the system does not let this user finish it.
    Refused {
        /// What the system said.
        refusal: Refusal,
        /// As above.
        set_aside: Option<String>,
    },
    /// Recorded that a version is settled.
    Settled {
        /// Which.
        version: u64,
    },
    /// Removed the rest of a version that was given up.
    Finalized {
        /// The number under which it was kept.
        version: u64,
    },
    /// Moved what others had written into a version out of it, before the version was removed.
    SetAside {
        /// Where it is now, below the state.
        at: String,
    },
    /// Removed the rest of rejected rows that were given up.
    RejectsRemoved {
        /// Of which run.
        run: RunId,
    },
    /// Removed what a dead attempt had staged.
    Swept {
        /// `<run>.<attempt>`, or the run if it was about to be held or was held no more.
        attempt: String,
    },
}

/// Everything that recovery did; empty if there was nothing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// In order.
    pub steps: Vec<Step>,
    /// A run is at work: its staged files, and those of dead attempts, were left alone.
    pub busy: bool,
}

/// Recovers a dataset. Every run does this first; a person needs it only to have it done now.
pub fn recover(dataset: &Dataset) -> Result<Recovered, StateError> {
    let Some(state) = dataset.state() else { return Ok(Recovered { steps: Vec::new(), busy: false }) };
    let idle = dataset.idle(state)?;
    if idle.is_some() {
        return Ok(Recovered { steps: settle_and_sweep(dataset)?, busy: false });
    }
    let _lock = dataset.lock_publish(state)?;
    Ok(Recovered { steps: settle(dataset, state)?.0, busy: true })
}

/// For whoever holds the run lock.
pub(crate) fn settle_and_sweep(dataset: &Dataset) -> Result<Vec<Step>, StateError> {
    let Some(state) = dataset.state() else { return Ok(Vec::new()) };
    let _lock = dataset.lock_publish(state)?;
    let (mut steps, history) = settle(dataset, state)?;
    crash_point!("recover.before-sweep").during("recover", &dataset.place.name)?;
    let swept = sweep::sweep(dataset, state, &history)?;
    steps.extend(swept.into_iter().map(|swept| swept.step));
    for step in &steps {
        tracing::info!(dataset = %dataset.path().display(), ?step, "recovered");
    }
    Ok(steps)
}

/// Ends what is under way and reads the log. The lock must be held.
pub(crate) fn settle(dataset: &Dataset, state: &State) -> Result<(Vec<Step>, History), StateError> {
    let mut steps = Vec::new();
    for name in store::names(&state.log, "log")? {
        if name.starts_with(TEMPORARY) {
            store::remove_tree(&state.log, &name)?;
        }
    }
    let mut history = log::read(&state.log)?;
    if let Some(Unsettled::Intended(intent)) = history.unsettled().cloned() {
        crash_point!("recover.before-settle").during("recover", &dataset.place.name)?;
        steps.push(end_exchange(dataset, state, &history, &intent)?);
        history = log::read(&state.log)?;
    }
    if let Some(Unsettled::Decided(intent)) = history.unsettled().cloned() {
        end_decided(dataset, state, &history, &intent)?;
        steps.push(Step::Settled { version: intent.version });
        history = log::read(&state.log)?;
    }
    Ok((steps, history))
}

fn end_exchange(
    dataset: &Dataset,
    state: &State,
    history: &History,
    intent: &Intent,
) -> Result<Step, StateError> {
    let base = history.version(intent.base).expect("the machine checked that an intent's base is the head");
    let number = history.next_number() - 1;
    let swap = Swap { dataset, state, intent, number, base: &base.files };
    let (body, step) = match swap.run()? {
        Decision::Forward => (decision(intent), Step::Finished { version: intent.version }),
        Decision::Back(back) => (back.record(), taken_back(back)),
    };
    append(dataset, state, history, body)?;
    crash_point!("swap.after-decision").during("recover", &dataset.place.name)?;
    Ok(step)
}

fn taken_back(back: Back) -> Step {
    let set_aside = back.set_aside;
    match back.by {
        UndoneBy::Drift { changes } => Step::TakenBack { changes, set_aside },
        UndoneBy::Refused(refusal) => Step::Refused { refusal, set_aside },
    }
}

/// The record that says that an exchange happened.
pub(crate) fn decision(intent: &Intent) -> Body {
    let version = intent.version;
    match &intent.operation {
        Operation::Publish(facts) => Body::Commit { version, run: facts.run },
        Operation::RollBack { to } => Body::Revert(RevertReason::RolledBack { version, to: *to }),
    }
}

/// Tidies after a decided exchange and records that. Names are synced before `done` exists: after it nobody looks at
/// the inodes again.
pub(crate) fn end_decided(
    dataset: &Dataset,
    state: &State,
    history: &History,
    intent: &Intent,
) -> Result<(), StateError> {
    let base = history.version(intent.base).expect("the machine checked that an intent's base is the head");
    // A power loss can keep the record and lose the exchange that came before it.
    let number = history.next_number() - 1;
    let swap = Swap { dataset, state, intent, number, base: &base.files };
    swap.repeat_lost()?;
    swap::move_quarantine(state, intent)?;
    crash_point!("settle.after-quarantine").during("settle", &dataset.place.name)?;
    for dir in [&dataset.place.parent, &state.kept, &state.log] {
        store::sync_dir(dir, ".")?;
    }
    if swap::quarantine(intent).is_some() {
        store::sync_dir(&state.root, swap::QUARANTINE)?;
    }
    let body = Body::Done { version: intent.version, ctime_ns: swap::live_ctime(dataset, intent)? };
    append(dataset, state, history, body)?;
    Ok(crash_point!("settle.after-done").during("settle", &dataset.place.name)?)
}

/// Creates the next record, durably. The lock must be held.
pub(crate) fn append(
    dataset: &Dataset,
    state: &State,
    history: &History,
    body: Body,
) -> Result<Sealed, StateError> {
    append_after(dataset, state, history.last(), body)
}

/// [`append`] for whoever knows the last record and need not read the log for it.
pub(crate) fn append_after(
    dataset: &Dataset,
    state: &State,
    last: Option<Parent>,
    body: Body,
) -> Result<Sealed, StateError> {
    let record = seal(dataset, last, body)?;
    create(state, &record)?;
    Ok(record)
}

/// The record that follows `last`, unless it would be too large: then nothing has happened.
pub(crate) fn seal(dataset: &Dataset, last: Option<Parent>, body: Body) -> Result<Sealed, LogError> {
    let number = last.map_or(0, |last| last.number + 1);
    Sealed::new(&Record::new(number, last, dataset.clock.now(), body), dataset.record_max)
}

/// Creates a sealed record, durably. The lock must be held.
pub(crate) fn create(state: &State, record: &Sealed) -> Result<(), StateError> {
    if !record.create(&state.log)? {
        return Err(StateError::Exists { name: format!("record {}", record.number) });
    }
    Ok(store::sync_dir(&state.log, ".")?)
}
