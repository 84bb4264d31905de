//! What a node does.

use std::sync::Arc;

use skein_campaign::task::{Claim, Ownership, Recall, Standing, Stop};
use skein_types::AttemptId;

use crate::system::{Alive, Answer, Node, Outcome, Request, System, descriptor, node_id};

/// Says what there is to say. `None`: nothing, or the last was not answered.
pub(crate) fn send(system: &mut System, node: Node) -> Option<()> {
    let wanted = system.ledger.tasks.iter().zip(&system.ledger.cancelling);
    // A node exchanges every two seconds, for ever. Here it does so only when something would come of it.
    let to_be_had = wanted.clone().any(|(task, cancelling)| task.phase.as_str() == "ready" && !cancelling);
    let to_give_back = wanted.clone().any(|(task, cancelling)| task.holder().is_some() && *cancelling);
    let to_settle = to_settle(system, node);
    let alive = system.alive_mut(node).filter(|alive| !alive.paused && !alive.in_flight)?;
    let incarnation = alive.incarnation?;
    let wants = alive.holding.iter().next().is_none();
    let working = alive.holding.iter().any(|(_, _, standing)| standing != Standing::Stopping);
    if !(alive.has_news() || (wants && to_be_had) || (working && to_give_back) || to_settle) {
        return None;
    }
    alive.sequence += 1;
    alive.in_flight = true;
    let request = Request {
        incarnation,
        sequence: alive.sequence,
        held: alive.holding.iter().map(|(task, claim, _)| (task, claim)).collect(),
        checkpoints: std::mem::take(&mut alive.checkpoints),
        results: std::mem::take(&mut alive.results),
        wants,
    };
    system.requests.insert((node, Arc::new(request)));
    Some(())
}

/// Whether the ledger says that the node has something that it does not have.
fn to_settle(system: &System, node: Node) -> bool {
    let held =
        |claim: &Claim| system.alive(node).is_some_and(|a| a.holding.iter().any(|(_, c, _)| c == *claim));
    let ours = |claim: &Claim| claim.node == node_id(node) && !held(claim);
    system.ledger.tasks.iter().filter_map(Ownership::holder).any(|claim| ours(&claim))
}

/// Whether an answer is to what is in flight; any other is not looked at.
pub(crate) fn listens(alive: &Alive, answer: &Answer) -> bool {
    match answer {
        Answer::Fenced { incarnation } => alive.incarnation == Some(*incarnation),
        Answer::Taken { incarnation, sequence, .. } => {
            alive.in_flight && (alive.incarnation, alive.sequence) == (Some(*incarnation), *sequence)
        }
    }
}

/// Takes an answer.
pub(crate) fn hear(system: &mut System, node: Node, answer: &Answer) -> Option<()> {
    let alive = system.alive_mut(node).filter(|alive| !alive.paused && listens(alive, answer))?;
    match answer {
        Answer::Fenced { .. } => *alive = Alive::default(),
        Answer::Taken { incarnation, sequence, leases, recalls, fences } => {
            alive.in_flight = false;
            let (incarnation, sequence) = (*incarnation, *sequence);
            for &(task, claim, done, from) in leases {
                if alive.holding.take(task, claim) {
                    alive.done.insert(claim.attempt, (done, from));
                }
            }
            for (claim, why) in recalls {
                recall(alive, claim, *why);
            }
            for claim in fences {
                alive.holding.end(claim.attempt);
                alive.done.remove(&claim.attempt);
            }
            // An answer to an earlier number is never taken, so it may as well be gone.
            system.answers.retain(|(to, answer)| *to != node || !is_old(answer, incarnation, sequence));
        }
    }
    Some(())
}

fn is_old(answer: &Answer, now: u64, last: u64) -> bool {
    match answer {
        Answer::Taken { incarnation, sequence, .. } => (*incarnation, *sequence) <= (now, last),
        Answer::Fenced { incarnation } => *incarnation < now,
    }
}

fn recall(alive: &mut Alive, claim: &Claim, why: Recall) {
    let found = alive.holding.iter().find(|(_, held, _)| held == claim);
    if let Some((task, _, _)) = found {
        let stop = alive.holding.recall(claim.attempt, why);
        alive.stopped(claim, stop, task);
    }
}

/// One step of an attempt: takes over what it goes on from, gets to the next checkpoint, or stages.
pub(crate) fn work(system: &mut System, node: Node, attempt: AttemptId, checkpoints: u64) -> Option<()> {
    let alive = system.alive(node).filter(|alive| !alive.paused)?;
    let (task, claim, standing) = alive.holding.iter().find(|(_, claim, _)| claim.attempt == attempt)?;
    let (done, from) = *alive.done.get(&attempt)?;
    let missing = from.filter(|from| !system.disk.contains(from));
    // Who has the task needs these files; for a zombie they may be gone, and it fails, which nobody hears.
    if missing.is_some() && system.ledger.tasks[task].holder() == Some(claim) {
        system.broken = system.broken.or(Some(skein_campaign::task::invariant::Broken::Swept));
    }
    let begins = system.alive_mut(node)?.holding.start(attempt);
    if begins {
        system.disk.insert(attempt);
    }
    let alive = system.alive_mut(node)?;
    if missing.is_some() {
        alive.holding.end(attempt);
        alive.results.insert((task, claim), Outcome::Failed);
    } else if begins {
        alive.done.insert(attempt, (done, None));
    } else if done < checkpoints && !alive.checkpoints.contains_key(&(task, claim)) {
        alive.done.insert(attempt, (done + 1, None));
        alive.checkpoints.insert((task, claim), done + 1);
        if standing == Standing::Stopping {
            alive.stopped(&claim, Stop::AtOnce, task);
        }
    } else if done == checkpoints {
        alive.holding.end(attempt);
        alive.done.remove(&attempt);
        alive.results.insert((task, claim), Outcome::Staged(descriptor(attempt)));
        system.disk.insert(attempt);
    } else {
        return None;
    }
    Some(())
}

/// The guest fails.
pub(crate) fn fail(system: &mut System, node: Node, attempt: AttemptId) -> Option<()> {
    let alive = system.alive_mut(node).filter(|alive| !alive.paused)?;
    let (task, claim) = alive.holding.end(attempt)?;
    alive.done.remove(&attempt);
    alive.results.insert((task, claim), Outcome::Failed);
    Some(())
}
