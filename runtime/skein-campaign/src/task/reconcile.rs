//! What the ledger says that a node has against what the node says.
//!
//! ```text
//! ledger: this node's      node: has it      wanted      then
//! yes                      yes               yes         nothing
//! yes                      yes               no          take it back
//! yes                      no                yes         give it, again: the answer that gave it was lost
//! yes                      no                no          release it: the node never had it, or gave it back
//! no                       yes               -           fence it
//! ```
//! For an exchange that is taken for the first time, after its reports were. When the last exchange is answered again, the node
//! may have had more since than its words say: only *give it, again* and *take it back* are looked at.

use std::collections::BTreeMap;

use super::Claim;

/// Why a task is taken back from a node that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recall {
    /// Nobody wants it any more.
    Cancelled,
    /// Not now.
    Paused,
    /// For another node.
    Moved,
}

/// A task that the ledger says is the node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed<K> {
    /// Which.
    pub task: K,
    /// The node's right to it.
    pub claim: Claim,
    /// Why it is taken back, if it is.
    pub recall: Option<Recall>,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle<K> {
    /// Give the task again in this answer, with the same claim.
    GiveAgain(K),
    /// Release it as given back.
    Release(K),
    /// Say that it is taken back.
    TakeBack(K, Claim, Recall),
    /// Say that it is not the node's.
    Fence(K, Claim),
}

/// Compares. `fresh`: the exchange is taken for the first time.
pub fn reconcile<K: Copy + Ord>(claimed: &[Claimed<K>], held: &[(K, Claim)], fresh: bool) -> Vec<Settle<K>> {
    let ours: BTreeMap<(K, Claim), Option<Recall>> =
        claimed.iter().map(|c| ((c.task, c.claim), c.recall)).collect();
    let theirs: BTreeMap<(K, Claim), ()> = held.iter().map(|held| (*held, ())).collect();
    let mut follows = Vec::new();
    for (&(task, claim), &recall) in &ours {
        match (theirs.contains_key(&(task, claim)), recall) {
            (true, None) => {}
            (true, Some(recall)) => follows.push(Settle::TakeBack(task, claim, recall)),
            (false, None) => follows.push(Settle::GiveAgain(task)),
            (false, Some(_)) if fresh => follows.push(Settle::Release(task)),
            // It may have the task from the answer that is asked for again: that one is given with the recall.
            (false, Some(recall)) => follows.push(Settle::TakeBack(task, claim, recall)),
        }
    }
    if fresh {
        let strangers = theirs.keys().filter(|held| !ours.contains_key(held));
        follows.extend(strangers.map(|(task, claim)| Settle::Fence(*task, *claim)));
    }
    follows
}

#[cfg(test)]
mod tests {
    use super::{Claimed, Recall, Settle, reconcile};
    use crate::task::Claim;
    use skein_types::{AttemptId, NodeId, Token};
    use uuid::Uuid;

    fn claim(epoch: u64) -> Claim {
        let id = Uuid::from_u128(u128::from(epoch));
        let token = Token { generation: 1, epoch };
        Claim { token, node: NodeId::new(Uuid::nil()), incarnation: 1, attempt: AttemptId::new(id) }
    }

    #[test]
    fn each_line_of_the_table() {
        let ours = |task, recall| Claimed { task, claim: claim(1), recall };
        let claimed = [
            ours('a', None),
            ours('b', Some(Recall::Paused)),
            ours('c', None),
            ours('d', Some(Recall::Cancelled)),
        ];
        let held = [('a', claim(1)), ('b', claim(1)), ('e', claim(1))];
        let taken = Settle::TakeBack('b', claim(1), Recall::Paused);
        let fresh = [taken, Settle::GiveAgain('c'), Settle::Release('d'), Settle::Fence('e', claim(1))];
        assert_eq!(reconcile(&claimed, &held, true), fresh);
        let again = [taken, Settle::GiveAgain('c'), Settle::TakeBack('d', claim(1), Recall::Cancelled)];
        assert_eq!(reconcile(&claimed, &held, false), again);
    }

    #[test]
    fn an_older_attempt_at_a_task_that_came_back_to_the_same_node_is_fenced_and_the_new_one_given() {
        let claimed = [Claimed { task: 'a', claim: claim(3), recall: None }];
        let settled = reconcile(&claimed, &[('a', claim(1))], true);
        assert_eq!(settled, [Settle::GiveAgain('a'), Settle::Fence('a', claim(1))]);
    }
}
