//! What nobody needs below a state, and its removal: attempts that are dead, what is held or kept without a record that
//! says so, and small things that a dead process left on its way.
//!
//! Only for whoever holds both locks, after everything is settled: then the log is the truth and no attempt is alive but
//! those of a server that [manages](crate::managed) the dataset, which are passed over.
//! What others wrote (`aside`, `later`) is theirs and never swept, also where they wrote into what is swept; and of what
//! is kept only what a record gave up.

use skein_types::{AttemptId, Bytes};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::finalize;
use crate::log::machine::History;
use crate::managed;
use crate::place::probe;
use crate::publish::{beside, hold};
use crate::recover::Step;
use crate::store;

/// Something that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// What it was.
    pub step: Step,
    /// What it held.
    pub bytes: Bytes,
}

/// Removes it all.
pub(crate) fn sweep(dataset: &Dataset, state: &State, history: &History) -> Result<Vec<Swept>, StateError> {
    let mut swept = Vec::new();
    let mut aside = Vec::new();
    let mut remove = |dir: &cap_std::fs::Dir, name: &str, step: Step| -> Result<(), IoFault> {
        let bytes = Bytes(store::tree_size(dir, name)?);
        store::remove_tree(dir, name)?;
        swept.push(Swept { step, bytes });
        Ok(())
    };
    let managed = managed::is_managed(state)?;
    for attempt in store::names(&state.stage, "stage")? {
        // Of a node that may be alive; its server says when it goes.
        if managed && attempt.parse::<AttemptId>().is_ok() {
            continue;
        }
        beside::take_back(dataset, state, &attempt)?;
        remove(&state.stage, &attempt, Step::Swept { attempt: attempt.clone() })?;
    }
    if let Some(held) = hold::open(state)? {
        let is_held = |run: &str| history.held().iter().any(|held| held.hold.facts.run.to_string() == run);
        for run in store::names(&held, hold::HELD)?.into_iter().filter(|run| !is_held(run)) {
            if let Some((number, once)) = history.once_held(&run) {
                aside.extend(hold::set_aside(dataset, state, (&held, once), number)?);
            }
            remove(&held, &run, Step::Swept { attempt: run.clone() })?;
        }
    }
    for name in store::names(&state.kept, "kept")? {
        let slot = name.parse().ok();
        if let Some((version, number)) = slot.and_then(|slot| Some((slot, history.finalized_by(slot)?))) {
            aside.extend(finalize::set_aside(dataset, state, history, (version, number))?);
            remove(&state.kept, &name, Step::Finalized { version })?;
        }
    }
    let rejects = finalize::sweep_rejects(state, history)?;
    if store::node(&state.root, probe::DIR)?.is_some() {
        remove(&state.root, probe::DIR, Step::Swept { attempt: probe::DIR.to_owned() })?;
    }
    let moved = aside.into_iter().map(|at| Swept { step: Step::SetAside { at }, bytes: Bytes(0) });
    swept.extend(moved);
    swept.extend(rejects.into_iter().map(|(run, bytes)| Swept { step: Step::RejectsRemoved { run }, bytes }));
    crash_point!("recover.after-sweep").during("recover", &dataset.place.name)?;
    Ok(swept)
}
