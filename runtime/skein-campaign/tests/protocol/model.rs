//! The system as stateright explores it: which steps there are.

use std::fmt;
use std::sync::Arc;

use skein_campaign::task::{Phase, Release};
use skein_types::AttemptId;
use stateright::{Model, Property};

use crate::rules::{Rule, Rules};
use crate::system::{Alive, Answer, Faults, Node, NodeProcess, Request, System, Task};
use crate::{control, node, properties};

#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) nodes: usize,
    pub(crate) tasks: usize,
    pub(crate) checkpoints: u64,
    pub(crate) faults: Faults,
    pub(crate) rules: Rules,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, tasks, checkpoints, faults: Faults { any, cancels }, .. } = self;
        write!(f, "{nodes} nodes, {tasks} runs of {checkpoints} checkpoints, {any} faults, {cancels} cancels")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Register(Node),
    Send(Node),
    Receive(Node, Arc<Request>),
    Hear(Node, Arc<Answer>),
    Work(Node, AttemptId),
    Lose(Node),
    Intend(Task),
    Publish(Task),
    Land(Task),
    Confirm(Task),
    Cancel(Task),
    Collect(AttemptId),
    Fault(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A node's process dies.
    Crash(Node),
    /// A node stops and may go on at any time, or never.
    Pause(Node),
    /// It goes on.
    Resume(Node),
    /// A lease is taken for over although the node lives.
    Early(Node),
    /// A task is taken from a node that lives and has its lease, as when it makes no progress.
    TakeAway(Task),
    /// Control dies and starts again.
    Restart,
    /// The guest fails.
    Fail(Node, AttemptId),
    /// A publish turns out to be impossible.
    Shut(Task),
    /// Somebody cancels.
    AskCancel(Task),
    /// What is announced is run again; only without [`Rule::NoRunAfterIntent`].
    Redo(Task),
}

impl Protocol {
    /// Steps that change nothing are none; those that are easily seen to be so are not even offered.
    fn of_nodes(&self, system: &System, steps: &mut Vec<Step>) {
        for node in 0..self.nodes {
            match &system.nodes[node] {
                NodeProcess::Gone => steps.push(Step::Lose(node)),
                // What a paused node's lease says is the same as a dead one's: nothing.
                NodeProcess::Alive(alive) if alive.paused => {
                    steps.push(Step::Lose(node));
                    steps.push(Step::Fault(Fault::Resume(node)));
                }
                NodeProcess::Alive(alive) => {
                    let speaks = if alive.incarnation.is_none() { Step::Register } else { Step::Send };
                    steps.push(speaks(node));
                    for (_, claim, _) in alive.holding.iter() {
                        steps.push(Step::Work(node, claim.attempt));
                    }
                    if system.faults.any > 0 {
                        self.of_faulty_node(system, (node, alive), steps);
                    }
                }
            }
        }
    }

    fn of_faulty_node(&self, system: &System, (node, alive): (Node, &Alive), steps: &mut Vec<Step>) {
        let mut faults = vec![Fault::Crash(node), Fault::Early(node)];
        faults.extend(alive.holding.iter().map(|(_, claim, _)| Fault::Fail(node, claim.attempt)));
        // If all of them stand still nothing goes on, and nothing could.
        let works = |other: Node| other != node && system.alive(other).is_none_or(|alive| !alive.paused);
        if (0..self.nodes).any(works) {
            faults.push(Fault::Pause(node));
        }
        steps.extend(faults.into_iter().map(Step::Fault));
    }

    fn of_runs(&self, system: &System, steps: &mut Vec<Step>) {
        for task in 0..self.tasks {
            let (log, cancelling) = (&system.logs[task], system.ledger.cancelling[task]);
            match system.ledger.tasks[task].phase {
                Phase::Staged(_) if !cancelling => steps.push(Step::Intend(task)),
                Phase::Intended(_) if log.record.is_some() => steps.push(Step::Confirm(task)),
                Phase::Intended(_) => steps.push(Step::Publish(task)),
                Phase::Ready | Phase::Claimed { .. } | Phase::Staged(_) | Phase::Done(_) => {}
            }
            if log.under_way.is_some() {
                steps.push(Step::Land(task));
            }
            if cancelling {
                steps.push(Step::Cancel(task));
            }
            if system.faults.any > 0 {
                steps.extend([Fault::Shut(task), Fault::Redo(task), Fault::TakeAway(task)].map(Step::Fault));
            }
            if system.faults.cancels > 0 && !cancelling {
                steps.push(Step::Fault(Fault::AskCancel(task)));
            }
        }
        if system.faults.any > 0 {
            steps.push(Step::Fault(Fault::Restart));
        }
    }

    fn of_messages(&self, system: &System, steps: &mut Vec<Step>) {
        for (node, request) in &system.requests {
            let session = system.ledger.sessions[*node];
            let old = request.incarnation == session.incarnation && request.sequence < session.sequence;
            if !old || self.rules.without(Rule::CountExchanges) {
                steps.push(Step::Receive(*node, request.clone()));
            }
        }
        for (node, answer) in &system.answers {
            if system.alive(*node).is_some_and(|alive| !alive.paused && node::listens(alive, answer)) {
                steps.push(Step::Hear(*node, answer.clone()));
            }
        }
    }

    fn fault(&self, system: &mut System, fault: Fault) -> Option<()> {
        if let Fault::AskCancel(task) = fault {
            system.faults.cancels = system.faults.cancels.checked_sub(1)?;
            return control::ask_cancel(system, &self.rules, task);
        }
        if let Fault::Resume(node) = fault {
            system.alive_mut(node)?.paused = false;
            return Some(());
        }
        system.faults.any = system.faults.any.checked_sub(1)?;
        match fault {
            Fault::Crash(node) => {
                system.nodes[node] = NodeProcess::Gone;
                system.answers.retain(|(to, _)| *to != node);
            }
            Fault::Pause(node) => system.alive_mut(node)?.paused = true,
            Fault::Early(node) => control::lose(system, node, Release::Expired)?,
            Fault::TakeAway(task) => control::take_away(system, task)?,
            Fault::Restart => control::restart(system)?,
            Fault::Fail(node, attempt) => node::fail(system, node, attempt)?,
            Fault::Shut(task) => control::shut(system, &self.rules, task)?,
            Fault::Redo(task) if self.rules.without(Rule::NoRunAfterIntent) => {
                control::redo_intended(system, task)?
            }
            Fault::Redo(_) | Fault::AskCancel(_) | Fault::Resume(_) => return None,
        }
        Some(())
    }

    fn step(&self, system: &mut System, step: Step) -> Option<()> {
        match step {
            Step::Register(node) => control::register(system, node),
            Step::Send(node) => node::send(system, node),
            Step::Receive(node, request) => {
                control::receive(system, &self.rules, node, &request);
                Some(())
            }
            Step::Hear(node, answer) => node::hear(system, node, &answer),
            Step::Work(node, attempt) => node::work(system, node, attempt, self.checkpoints),
            Step::Lose(node) => {
                let dead = system.nodes[node] == NodeProcess::Gone;
                let why = if dead { Release::Died { running: true } } else { Release::Expired };
                let lost = control::lose(system, node, why);
                if dead {
                    // Its supervisor starts another.
                    system.nodes[node] = NodeProcess::Alive(Alive::default());
                    return Some(());
                }
                lost
            }
            Step::Intend(task) => control::intend(system, task),
            Step::Publish(task) => control::publish(system, task),
            Step::Land(task) => control::land(system, &self.rules, task),
            Step::Confirm(task) => control::confirm(system, task),
            Step::Cancel(task) => control::cancel(system, &self.rules, task),
            Step::Collect(attempt) => control::collect(system, &self.rules, attempt),
            Step::Fault(fault) => self.fault(system, fault),
        }
    }

    /// Nothing more goes wrong, and yet something can still go on by itself.
    pub(crate) fn goes_on(&self, system: &System) -> bool {
        let mut steps = Vec::new();
        self.actions(system, &mut steps);
        let mut steps = steps.into_iter().filter(|step| !matches!(step, Step::Fault(_)));
        steps.any(|step| self.next_state(system, step).is_some())
    }
}

impl Model for Protocol {
    type State = System;
    type Action = Step;

    fn init_states(&self) -> Vec<System> {
        vec![System::new(self.nodes, self.tasks, self.faults)]
    }

    fn actions(&self, system: &System, steps: &mut Vec<Step>) {
        self.of_nodes(system, steps);
        self.of_runs(system, steps);
        self.of_messages(system, steps);
        steps.extend(system.disk.iter().map(|attempt| Step::Collect(*attempt)));
    }

    fn next_state(&self, system: &System, step: Step) -> Option<System> {
        let mut next = system.clone();
        self.step(&mut next, step)?;
        (next != *system).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
