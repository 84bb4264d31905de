//! What must hold in each state, and what must be met in some, so that holding means something.

use skein_campaign::task::{Phase, invariant};
use skein_types::{AttemptId, RunState};
use stateright::Property;

use crate::model::Protocol;
use crate::system::{Alive, Node, Record, System};

/// 05-I4, and the order of phases, checkpoints and epochs: asked of each change as it is made.
pub(crate) const RECORDS: &str = "no record follows another that it may not follow";
/// 05-I1.
pub(crate) const ONCE: &str = "at most one publish of a run ever becomes current";
pub(crate) const INTENDED: &str = "what becomes current is what was intended";
pub(crate) const ENDED: &str = "a run that failed or was cancelled is never published";
pub(crate) const IN_LOG: &str = "a published run is in its dataset's log";
pub(crate) const KEPT: &str = "what is announced is there until it is published";
pub(crate) const AGREE: &str = "run and task agree";
pub(crate) const WAITS: &str =
    "a run is cancelled only when no member has it, but for one that it was taken from";
/// 05-I2, in two parts: nothing stands still before its end, and nothing goes round for ever.
pub(crate) const ENDS: &str = "every run ends when nothing more goes wrong";
pub(crate) const ASKS: &str = "no node asks for ever";

pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(RECORDS, |_: &Protocol, system: &System| system.broken.is_none()),
        Property::always(ONCE, |_: &Protocol, system: &System| {
            system.logs.iter().all(|log| log.current.len() <= 1)
        }),
        Property::always(INTENDED, |_: &Protocol, system: &System| as_intended(system)),
        Property::always(ENDED, |_: &Protocol, system: &System| ended_unseen(system)),
        Property::always(IN_LOG, |_: &Protocol, system: &System| published_in_log(system)),
        Property::always(KEPT, |_: &Protocol, system: &System| {
            system.ledger.tasks.iter().all(|task| kept(system, &task.phase))
        }),
        Property::always(AGREE, |_: &Protocol, system: &System| agree(system)),
        Property::always(WAITS, |_: &Protocol, system: &System| cancelled_everywhere(system)),
        Property::always(ENDS, |model: &Protocol, system: &System| {
            system.ledger.runs.iter().all(|run| run.is_at_rest()) || model.goes_on(system)
        }),
        Property::always(ASKS, |model: &Protocol, system: &System| {
            // A claim, checkpoints, a result, and what a fault or a recall adds to that, for each run.
            let most = 4 + model.tasks as u64 * (model.checkpoints + 4);
            system.ledger.sessions.iter().all(|session| session.sequence < most)
        }),
        Property::sometimes("a run is published", |_: &Protocol, system: &System| {
            system.ledger.runs.contains(&RunState::Published)
        }),
        Property::sometimes(
            "a run goes on from another attempt's checkpoint",
            |_: &Protocol, system: &System| {
                alive(system).any(|(_, alive)| alive.done.values().any(|(_, from)| from.is_some()))
            },
        ),
        Property::sometimes("a zombie works on", |_: &Protocol, system: &System| {
            let over = |(node, alive): (Node, &Alive)| {
                alive.incarnation != Some(system.ledger.sessions[node].incarnation)
            };
            alive(system).any(|zombie| over(zombie) && zombie.1.holding.iter().next().is_some())
        }),
    ]
}

fn alive(system: &System) -> impl Iterator<Item = (Node, &Alive)> {
    (0..system.nodes.len()).filter_map(|node| Some((node, system.alive(node)?)))
}

fn as_intended(system: &System) -> bool {
    let mut logs = system.logs.iter().zip(&system.ledger.tasks);
    logs.all(|(log, task)| log.current.iter().all(|seen| invariant::published(task, *seen).is_ok()))
}

fn ended_unseen(system: &System) -> bool {
    let ended = |run: RunState| matches!(run, RunState::Failed | RunState::Cancelled);
    let mut runs = system.ledger.runs.iter().zip(&system.logs);
    runs.all(|(run, log)| !ended(*run) || log.current.is_empty())
}

fn published_in_log(system: &System) -> bool {
    let mut runs = system.ledger.runs.iter().zip(&system.logs);
    runs.all(|(run, log)| *run != RunState::Published || matches!(log.record, Some(Record::Commit(_))))
}

fn kept(system: &System, phase: &Phase) -> bool {
    let there = |attempt: &AttemptId| system.disk.contains(attempt);
    match phase {
        Phase::Staged(staged) | Phase::Intended(staged) => there(&staged.attempt),
        Phase::Ready | Phase::Claimed { .. } | Phase::Done(_) => true,
    }
}

fn agree(system: &System) -> bool {
    let mut both = system.ledger.runs.iter().zip(&system.ledger.tasks);
    both.all(|(run, task)| {
        let (intended, done) =
            (matches!(task.phase, Phase::Intended(_)), matches!(task.phase, Phase::Done(_)));
        (*run == RunState::Intended) == intended && run.is_at_rest() == done
    })
}

fn cancelled_everywhere(system: &System) -> bool {
    let over = |task: usize| system.ledger.runs[task] == RunState::Cancelled && !system.ledger.taken[task];
    let member = |node: Node, incarnation: u64| {
        system.ledger.member[node] && system.ledger.sessions[node].incarnation == incarnation
    };
    alive(system).all(|(node, alive)| {
        alive.holding.iter().all(|(task, claim, _)| !over(task) || !member(node, claim.incarnation))
    })
}
