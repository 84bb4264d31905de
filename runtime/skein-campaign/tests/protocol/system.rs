//! All there is: what is durable, what is remembered, what is on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skein_campaign::task::invariant::Broken;
use skein_campaign::task::{Claim, Holding, Ownership, Recall, Session, Stop};
use skein_types::{AttemptId, Blake3, NodeId, RunState};
use uuid::Uuid;

pub(crate) type Node = usize;
pub(crate) type Task = usize;

pub(crate) fn node_id(node: Node) -> NodeId {
    NodeId::new(Uuid::from_u128(node as u128 + 1))
}

pub(crate) fn attempt_id(number: u8) -> AttemptId {
    AttemptId::new(Uuid::from_u128(u128::from(number)))
}

/// What an attempt stages differs from what any other does: of the same task too, where it is the same in truth.
pub(crate) fn descriptor(attempt: AttemptId) -> Blake3 {
    let mut name = [0; 32];
    name[..4].copy_from_slice(&attempt.to_string().as_bytes()[32..36]);
    Blake3(name)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct System {
    pub(crate) ledger: Ledger,
    /// Of each run's dataset.
    pub(crate) logs: Vec<Log>,
    /// Staged files, by attempt.
    pub(crate) disk: BTreeSet<AttemptId>,
    pub(crate) nodes: Vec<NodeProcess>,
    /// Stay when they are delivered: each may come late, twice or never, and in any order.
    pub(crate) requests: BTreeSet<(Node, Arc<Request>)>,
    pub(crate) answers: BTreeSet<(Node, Arc<Answer>)>,
    /// What control remembers, and forgets when it restarts: the last answer to each node.
    pub(crate) memory: Vec<Option<Arc<Answer>>>,
    pub(crate) faults: Faults,
    pub(crate) broken: Option<Broken>,
}

/// Survives everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) tasks: Vec<Ownership>,
    pub(crate) runs: Vec<RunState>,
    /// Somebody asked for it.
    pub(crate) cancelling: Vec<bool>,
    /// It was taken from a node that does not know.
    pub(crate) taken: Vec<bool>,
    pub(crate) sessions: Vec<Session>,
    /// It has a lease.
    pub(crate) member: Vec<bool>,
    /// Attempts given out.
    pub(crate) attempts: u8,
}

/// A dataset's log and the store in front of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Log {
    /// What became of the run: made by create-if-absent.
    pub(crate) record: Option<Record>,
    /// A publish that was sent and may still land, whatever became of who sent it.
    pub(crate) under_way: Option<Blake3>,
    /// What was ever current.
    pub(crate) current: Vec<Blake3>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Record {
    Commit(Blake3),
    Shut,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NodeProcess {
    Gone,
    Alive(Alive),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Alive {
    pub(crate) paused: bool,
    pub(crate) incarnation: Option<u64>,
    pub(crate) sequence: u64,
    pub(crate) in_flight: bool,
    pub(crate) holding: Holding<Task>,
    /// Checkpoints behind each attempt, and whether it has taken over what it goes on from.
    pub(crate) done: BTreeMap<AttemptId, (u64, Option<AttemptId>)>,
    pub(crate) checkpoints: BTreeMap<(Task, Claim), u64>,
    pub(crate) results: BTreeMap<(Task, Claim), Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    Staged(Blake3),
    Failed,
    GivenBack,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Request {
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
    pub(crate) held: Vec<(Task, Claim)>,
    pub(crate) checkpoints: BTreeMap<(Task, Claim), u64>,
    pub(crate) results: BTreeMap<(Task, Claim), Outcome>,
    pub(crate) wants: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    Taken {
        incarnation: u64,
        sequence: u64,
        /// With the checkpoint to go on from.
        leases: Vec<(Task, Claim, u64, Option<AttemptId>)>,
        recalls: Vec<(Claim, Recall)>,
        fences: Vec<Claim>,
    },
    Fenced {
        incarnation: u64,
    },
}

/// Those that may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    pub(crate) any: u8,
    pub(crate) cancels: u8,
}

impl System {
    pub(crate) fn new(nodes: usize, tasks: usize, faults: Faults) -> Self {
        let ledger = Ledger {
            tasks: vec![Ownership::new(1); tasks],
            runs: vec![RunState::Planned; tasks],
            cancelling: vec![false; tasks],
            taken: vec![false; tasks],
            sessions: vec![Session::default(); nodes],
            member: vec![false; nodes],
            attempts: 0,
        };
        Self {
            ledger,
            logs: vec![Log::default(); tasks],
            disk: BTreeSet::new(),
            nodes: vec![NodeProcess::Alive(Alive::default()); nodes],
            requests: BTreeSet::new(),
            answers: BTreeSet::new(),
            memory: vec![None; nodes],
            faults,
            broken: None,
        }
    }

    pub(crate) fn alive(&self, node: Node) -> Option<&Alive> {
        match &self.nodes[node] {
            NodeProcess::Alive(alive) => Some(alive),
            NodeProcess::Gone => None,
        }
    }

    pub(crate) fn alive_mut(&mut self, node: Node) -> Option<&mut Alive> {
        match &mut self.nodes[node] {
            NodeProcess::Alive(alive) => Some(alive),
            NodeProcess::Gone => None,
        }
    }

    /// Writes a task's next record, and looks whether it may follow the one before.
    pub(crate) fn write(&mut self, task: Task, next: Ownership, by: Option<&Claim>) {
        let broken = skein_campaign::task::invariant::change(&self.ledger.tasks[task], &next, by).err();
        self.broken = self.broken.or(broken);
        self.ledger.tasks[task] = next;
    }
}

impl Alive {
    /// Stops a task, and says so with the next exchange.
    pub(crate) fn stopped(&mut self, claim: &Claim, stop: Stop, task: Task) {
        match stop {
            Stop::Nothing | Stop::AtCheckpoint => {}
            Stop::Dropped | Stop::AtOnce => {
                self.holding.end(claim.attempt);
                self.done.remove(&claim.attempt);
                self.results.insert((task, *claim), Outcome::GivenBack);
            }
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.results.is_empty() || !self.checkpoints.is_empty()
    }
}
