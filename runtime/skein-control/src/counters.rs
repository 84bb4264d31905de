//! What was done since this process started, for people who want to know what work costs.
//!
//! Soft: nothing is decided by it, and it is gone with the process.

use std::collections::BTreeMap;

use skein_api::node::Usage;
use skein_types::NodeId;

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) exchanges: u64,
    pub(crate) lots: u64,
    pub(crate) ended: u64,
    pub(crate) published: u64,
    pub(crate) reverted: u64,
    /// As often as there are names of nodes, not processes.
    nodes: BTreeMap<NodeId, Told>,
}

/// What a node said of itself.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    last: Usage,
    /// Waits of processes of it that are over.
    waits_before: u64,
}

impl Counters {
    /// An exchange of a node was taken.
    pub(crate) fn exchanged(&mut self, node: NodeId, said: &Usage) {
        self.exchanges += 1;
        let told = self.nodes.entry(node).or_default();
        // Whose counter went back is another process, which began at nothing.
        if said.disk_waits < told.last.disk_waits {
            told.waits_before += told.last.disk_waits;
        }
        told.last = *said;
    }

    /// Of a lot that was at the door so many came to an end, and so many of these are published.
    pub(crate) const fn through_the_door(&mut self, ended: u64, published: u64) {
        self.lots += (ended > 0) as u64;
        self.ended += ended;
        self.published += published;
    }

    /// What a node last said; nothing, if it has not spoken yet.
    pub(crate) fn said(&self, node: NodeId) -> Usage {
        self.nodes.get(&node).map(|told| told.last).unwrap_or_default()
    }

    /// Waits for the disk of all nodes.
    pub(crate) fn node_disk_waits(&self) -> u64 {
        self.nodes.values().map(|told| told.waits_before + told.last.disk_waits).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;
    use skein_api::node::Usage;
    use skein_types::NodeId;
    use uuid::Uuid;

    #[test]
    fn what_a_nodes_process_counted_stays_when_the_next_one_begins_at_nothing() {
        let mut counters = Counters::default();
        let (one, other) = (NodeId::new(Uuid::from_u128(1)), NodeId::new(Uuid::from_u128(2)));
        for (node, waits) in [(one, 3), (one, 8), (other, 5), (one, 1), (one, 2), (other, 5)] {
            counters.exchanged(node, &Usage { disk_waits: waits, ..Usage::default() });
        }
        assert_eq!((counters.exchanges, counters.node_disk_waits()), (6, 8 + 2 + 5));
        assert_eq!(counters.said(one).disk_waits, 2);
    }

    #[test]
    fn a_lot_of_which_nothing_is_known_yet_is_none() {
        let mut counters = Counters::default();
        counters.through_the_door(0, 0);
        counters.through_the_door(7, 6);
        assert_eq!((counters.lots, counters.ended, counters.published), (1, 7, 6));
    }
}
