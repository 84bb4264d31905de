//! What a node has to do, as the node knows it.
//!
//! Bounded by what control gives: at most [`super::TASKS_MAX`] more than the node said it has.

use std::collections::BTreeMap;

use skein_types::AttemptId;

use super::{Claim, Recall};

/// Where a task is at its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// No agent is at work on it.
    Waiting,
    /// One is.
    Started,
    /// One is and shall stop behind its next checkpoint.
    Stopping,
}

/// What a recall means for a task here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is not here, or stops already.
    Nothing,
    /// It was not begun: it is gone, report `revoked`.
    Dropped,
    /// Stop its agent now and report `revoked`.
    AtOnce,
    /// Stop its agent behind the next checkpoint and report `evicted`, or what it came to if it ends before.
    AtCheckpoint,
}

/// The tasks of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holding<K> {
    tasks: BTreeMap<AttemptId, (K, Claim, Standing)>,
}

impl<K: Copy> Holding<K> {
    /// None.
    pub const fn new() -> Self {
        Self { tasks: BTreeMap::new() }
    }

    /// A task came with an answer. `false`: it is here already, and nothing happens.
    pub fn take(&mut self, task: K, claim: Claim) -> bool {
        let new = !self.tasks.contains_key(&claim.attempt);
        if new {
            self.tasks.insert(claim.attempt, (task, claim, Standing::Waiting));
        }
        new
    }

    /// An agent may begin. `false`: the task is gone or begun; do not.
    pub fn start(&mut self, attempt: AttemptId) -> bool {
        match self.tasks.get_mut(&attempt) {
            Some((_, _, standing @ Standing::Waiting)) => {
                *standing = Standing::Started;
                true
            }
            Some((_, _, Standing::Started | Standing::Stopping)) | None => false,
        }
    }

    /// Control takes a task back.
    pub fn recall(&mut self, attempt: AttemptId, why: Recall) -> Stop {
        let Some((_, _, standing)) = self.tasks.get_mut(&attempt) else {
            return Stop::Nothing;
        };
        match (*standing, why) {
            (Standing::Waiting, Recall::Cancelled | Recall::Paused | Recall::Moved) => {
                self.tasks.remove(&attempt);
                Stop::Dropped
            }
            (Standing::Started | Standing::Stopping, Recall::Cancelled) => Stop::AtOnce,
            (Standing::Started, Recall::Paused | Recall::Moved) => {
                *standing = Standing::Stopping;
                Stop::AtCheckpoint
            }
            (Standing::Stopping, Recall::Paused | Recall::Moved) => Stop::Nothing,
        }
    }

    /// A task is over here: it ended, or control said that it is not this attempt's. `None`: it was gone; report nothing.
    pub fn end(&mut self, attempt: AttemptId) -> Option<(K, Claim)> {
        self.tasks.remove(&attempt).map(|(task, claim, _)| (task, claim))
    }

    /// All of them, in order of attempt: what an exchange says that the node has.
    pub fn iter(&self) -> impl Iterator<Item = (K, Claim, Standing)> {
        self.tasks.values().copied()
    }

    /// The lease is lost: nothing is here any more.
    pub fn clear(&mut self) {
        self.tasks.clear();
    }
}

impl<K: Copy> Default for Holding<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Holding, Standing, Stop};
    use crate::task::{Claim, Recall};
    use skein_types::{AttemptId, NodeId, Token};
    use uuid::Uuid;

    fn claim(number: u128) -> Claim {
        let token = Token { generation: 1, epoch: 1 };
        let attempt = AttemptId::new(Uuid::from_u128(number));
        Claim { token, node: NodeId::new(Uuid::nil()), incarnation: 1, attempt }
    }

    #[test]
    fn a_task_that_comes_twice_is_begun_once() {
        let mut holding = Holding::new();
        let attempt = claim(1).attempt;
        assert!(holding.take('a', claim(1)) && holding.start(attempt));
        assert!(!holding.take('a', claim(1)) && !holding.start(attempt));
        assert_eq!(holding.iter().collect::<Vec<_>>(), [('a', claim(1), Standing::Started)]);
    }

    #[test]
    fn what_a_recall_stops_and_when() {
        let mut holding = Holding::new();
        for number in 1..=3 {
            holding.take('a', claim(number));
        }
        let [waiting, started, absent] = [1, 2, 9].map(|number| claim(number).attempt);
        holding.start(started);
        assert_eq!(holding.recall(waiting, Recall::Moved), Stop::Dropped);
        assert!(!holding.start(waiting), "a dropped task is not begun");
        assert_eq!(holding.recall(started, Recall::Paused), Stop::AtCheckpoint);
        assert_eq!(holding.recall(started, Recall::Paused), Stop::Nothing);
        assert_eq!(holding.recall(started, Recall::Cancelled), Stop::AtOnce);
        assert_eq!(holding.recall(absent, Recall::Cancelled), Stop::Nothing);
        assert_eq!(holding.end(started), Some(('a', claim(2))));
        assert_eq!(holding.end(started), None);
    }
}
