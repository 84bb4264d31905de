//! What control does: every step is one transaction of the ledger, one call of the store, or forgetting.

use std::sync::Arc;

use skein_campaign::task::{Claim, Claimed, Phase, Recall, Receive, Release, Settle, may_collect, reconcile};
use skein_types::{AttemptId, RunState};

use crate::rules::{Rule, Rules};
use crate::system::{
    Alive, Answer, Node, Outcome, Record, Request, System, Task, attempt_id, descriptor, node_id,
};

/// Makes the node a member. What an earlier incarnation of it had is given to others.
pub(crate) fn register(system: &mut System, node: Node) -> Option<()> {
    let alive = system.alive(node)?;
    if alive.paused || alive.incarnation.is_some() {
        return None;
    }
    end_session(system, node, Release::Expired);
    let incarnation = system.ledger.sessions[node].incarnation;
    system.ledger.member[node] = true;
    *system.alive_mut(node)? = Alive { incarnation: Some(incarnation), ..Alive::default() };
    Some(())
}

/// The node is dead or its lease is over: all that it has is released.
pub(crate) fn lose(system: &mut System, node: Node, why: Release) -> Option<()> {
    if !system.ledger.member[node] {
        return None;
    }
    end_session(system, node, why);
    Some(())
}

fn end_session(system: &mut System, node: Node, why: Release) {
    system.ledger.member[node] = false;
    system.memory[node] = None;
    for (task, claim) in claims(system, node) {
        release(system, task, &claim, why);
    }
    system.ledger.sessions[node] = system.ledger.sessions[node].ended();
}

fn claims(system: &System, node: Node) -> Vec<(Task, Claim)> {
    let held = system.ledger.tasks.iter().enumerate();
    held.filter_map(|(task, record)| Some((task, record.holder()?)))
        .filter(|(_, claim)| claim.node == node_id(node))
        .collect()
}

fn release(system: &mut System, task: Task, claim: &Claim, why: Release) {
    let Ok(released) = system.ledger.tasks[task].release(claim, why) else {
        return;
    };
    system.write(task, released.task, None);
    if released.suspend {
        system.ledger.runs[task] = RunState::Failed;
    }
}

/// One task is released although its node is well.
pub(crate) fn take_away(system: &mut System, task: Task) -> Option<()> {
    let claim = system.ledger.tasks[task].holder()?;
    release(system, task, &claim, Release::Expired);
    system.ledger.taken[task] = true;
    Some(())
}

/// Takes an exchange, or answers it again.
pub(crate) fn receive(system: &mut System, rules: &Rules, node: Node, request: &Request) {
    let (incarnation, sequence) = (request.incarnation, request.sequence);
    let session = system.ledger.sessions[node];
    let received = if rules.without(Rule::CountExchanges) && incarnation == session.incarnation {
        Ok(Receive::Fresh(session))
    } else {
        session.receive(incarnation, sequence)
    };
    match received {
        Ok(Receive::Fresh(session)) => {
            for (&(task, claim), &number) in &request.checkpoints {
                let blob = descriptor(claim.attempt);
                if let Ok(next) = system.ledger.tasks[task].checkpoint(&claim, number, blob) {
                    system.write(task, next, Some(&claim));
                }
            }
            for (&(task, claim), &outcome) in &request.results {
                result(system, rules, task, (claim, outcome));
            }
            system.ledger.sessions[node] = session;
            let answer = Arc::new(answer(system, rules, node, (request, true)));
            system.memory[node] = Some(answer.clone());
            system.answers.insert((node, answer));
        }
        Ok(Receive::Again) => {
            let remembered = system.memory[node].clone();
            let answer =
                remembered.unwrap_or_else(|| Arc::new(answer(system, rules, node, (request, false))));
            system.answers.insert((node, answer));
        }
        Err(skein_campaign::task::ExchangeRefused::Fenced { .. }) => {
            system.answers.insert((node, Arc::new(Answer::Fenced { incarnation })));
        }
        Err(skein_campaign::task::ExchangeRefused::Sequence { .. }) => {}
    }
}

fn result(system: &mut System, rules: &Rules, task: Task, (claim, outcome): (Claim, Outcome)) {
    let record = system.ledger.tasks[task];
    let by = if rules.without(Rule::FenceReports) { record.holder().unwrap_or(claim) } else { claim };
    match outcome {
        Outcome::Staged(descriptor) => {
            if let Ok(next) = record.stage(&by, descriptor) {
                system.write(task, next, Some(&claim));
            }
        }
        Outcome::Failed => {
            if let Ok(next) = record.fail(&by) {
                system.write(task, next, Some(&claim));
                system.ledger.runs[task] = RunState::Failed;
            }
        }
        Outcome::GivenBack => release(system, task, &by, Release::GivenBack),
    }
}

fn answer(system: &mut System, rules: &Rules, node: Node, (request, fresh): (&Request, bool)) -> Answer {
    let cancelled = |task: Task| system.ledger.cancelling[task].then_some(Recall::Cancelled);
    let claimed: Vec<_> = claims(system, node)
        .into_iter()
        .map(|(task, claim)| Claimed { task, claim, recall: cancelled(task) })
        .collect();
    let (mut leases, mut recalls, mut fences) = (Vec::new(), Vec::new(), Vec::new());
    for settle in reconcile(&claimed, &request.held, fresh) {
        match settle {
            Settle::GiveAgain(_) if rules.without(Rule::GiveAgain) => {}
            Settle::GiveAgain(task) => leases.extend(lease(system, task)),
            Settle::TakeBack(_, claim, why) => recalls.push((claim, why)),
            Settle::Fence(_, claim) => fences.push(claim),
            Settle::Release(task) => {
                let held = claims(system, node).into_iter().find(|(held, _)| *held == task);
                if let Some((_, claim)) = held {
                    release(system, task, &claim, Release::GivenBack);
                }
            }
        }
    }
    if fresh && request.wants && leases.is_empty() {
        leases.extend(claim(system, node));
    }
    let (incarnation, sequence) = (request.incarnation, request.sequence);
    Answer::Taken { incarnation, sequence, leases, recalls, fences }
}

fn lease(system: &System, task: Task) -> Option<(Task, Claim, u64, Option<AttemptId>)> {
    let record = &system.ledger.tasks[task];
    let (done, from) = record.checkpoint.map_or((0, None), |c| (c.number, Some(c.attempt)));
    Some((task, record.holder()?, done, from))
}

fn claim(system: &mut System, node: Node) -> Option<(Task, Claim, u64, Option<AttemptId>)> {
    let tasks = &system.ledger.tasks;
    let task = (0..tasks.len()).find(|t| tasks[*t].phase == Phase::Ready && !system.ledger.cancelling[*t])?;
    let attempt = attempt_id(system.ledger.attempts + 1);
    let incarnation = system.ledger.sessions[node].incarnation;
    let next = system.ledger.tasks[task].claim(node_id(node), incarnation, attempt).ok()?;
    system.ledger.attempts += 1;
    system.write(task, next, None);
    lease(system, task)
}

/// A staged run goes through the door.
pub(crate) fn intend(system: &mut System, task: Task) -> Option<()> {
    if system.ledger.runs[task] != RunState::Planned || system.ledger.cancelling[task] {
        return None;
    }
    let next = system.ledger.tasks[task].intend().ok()?;
    system.write(task, next, None);
    system.ledger.runs[task] = RunState::Intended;
    Some(())
}

/// Sends the publish. It lands when it lands.
pub(crate) fn publish(system: &mut System, task: Task) -> Option<()> {
    let Phase::Intended(staged) = system.ledger.tasks[task].phase else {
        return None;
    };
    let log = &mut system.logs[task];
    if log.record.is_some() || log.under_way.is_some() {
        return None;
    }
    log.under_way = Some(staged.descriptor);
    if !system.disk.contains(&staged.attempt) {
        system.broken = system.broken.or(Some(skein_campaign::task::invariant::Broken::Swept));
    }
    Some(())
}

/// The store carries a publish out: creates the record if it is absent.
pub(crate) fn land(system: &mut System, rules: &Rules, task: Task) -> Option<()> {
    let log = &mut system.logs[task];
    let descriptor = log.under_way.take()?;
    if log.record.is_none() || rules.without(Rule::CreateIfAbsent) {
        log.record = Some(Record::Commit(descriptor));
        log.current.push(descriptor);
    }
    Some(())
}

/// Reads the log back and writes down what it says.
pub(crate) fn confirm(system: &mut System, task: Task) -> Option<()> {
    if system.ledger.runs[task] != RunState::Intended {
        return None;
    }
    let (next, state) = match system.logs[task].record? {
        Record::Commit(descriptor) => {
            let next = system.ledger.tasks[task].publish(descriptor);
            (next.ok()?, RunState::Published)
        }
        Record::Shut => (system.ledger.tasks[task].shut().ok()?, RunState::Failed),
    };
    system.write(task, next, None);
    system.ledger.runs[task] = state;
    Some(())
}

/// The publish cannot work, as when the dataset drifted: a record in the log keeps it from ever landing.
pub(crate) fn shut(system: &mut System, rules: &Rules, task: Task) -> Option<()> {
    if system.ledger.runs[task] != RunState::Intended || system.logs[task].record.is_some() {
        return None;
    }
    if rules.without(Rule::ShutInTheLog) {
        let next = system.ledger.tasks[task].shut().ok()?;
        system.write(task, next, None);
        system.ledger.runs[task] = RunState::Failed;
    } else {
        system.logs[task].record = Some(Record::Shut);
    }
    Some(())
}

/// Somebody asks to cancel a run. Refused from the intent on.
pub(crate) fn ask_cancel(system: &mut System, rules: &Rules, task: Task) -> Option<()> {
    let state = system.ledger.runs[task];
    let late = state == RunState::Intended && rules.without(Rule::NoCancelAfterIntent);
    if (state != RunState::Planned && !late) || system.ledger.cancelling[task] {
        return None;
    }
    system.ledger.cancelling[task] = true;
    Some(())
}

/// Ends a run that is to be cancelled as soon as no node has it.
pub(crate) fn cancel(system: &mut System, rules: &Rules, task: Task) -> Option<()> {
    let state = system.ledger.runs[task];
    if !system.ledger.cancelling[task] || !matches!(state, RunState::Planned | RunState::Intended) {
        return None;
    }
    if state == RunState::Planned
        && (!rules.without(Rule::CancelWaits) || system.ledger.tasks[task].holder().is_none())
    {
        let next = system.ledger.tasks[task].cancel().ok()?;
        system.write(task, next, None);
    }
    system.ledger.runs[task] = RunState::Cancelled;
    Some(())
}

/// Runs staged once more although it was announced, as if its node's death mattered.
pub(crate) fn redo_intended(system: &mut System, task: Task) -> Option<()> {
    let record = system.ledger.tasks[task];
    let Phase::Intended(staged) = record.phase else {
        return None;
    };
    let before = skein_campaign::task::Ownership { phase: Phase::Staged(staged), ..record };
    system.ledger.tasks[task] = before.redo().ok()?;
    system.ledger.runs[task] = RunState::Planned;
    Some(())
}

/// Sweeps the staged files of an attempt.
pub(crate) fn collect(system: &mut System, rules: &Rules, attempt: AttemptId) -> Option<()> {
    let needed = |phase: &Phase| match phase {
        Phase::Claimed { .. } | Phase::Ready => !rules.without(Rule::KeepCheckpoints),
        Phase::Staged(_) | Phase::Intended(_) => !rules.without(Rule::KeepStaged),
        Phase::Done(_) => true,
    };
    let free = system.ledger.tasks.iter().all(|task| {
        let present = task.holder().is_some_and(|claim| claim.attempt == attempt);
        may_collect(task, attempt) || (!needed(&task.phase) && !present)
    });
    (free && system.disk.remove(&attempt)).then_some(())
}

/// Control is killed and starts again.
pub(crate) fn restart(system: &mut System) -> Option<()> {
    let remembers = system.memory.iter().any(Option::is_some);
    system.memory.fill(None);
    remembers.then_some(())
}
