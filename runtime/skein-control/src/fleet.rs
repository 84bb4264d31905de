//! Seats of nodes: who is here, what each holds, when its lease ends.
//!
//! Soft state. A node that control does not know registers again, which gives all that it held to others; so a control that
//! was restarted needs to remember nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use skein_api::node::{Exchanged, Held};
use skein_types::{CampaignId, NodeId, TaskId};

/// Of a node's lease.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// How long before its end a node stops by itself.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);
/// How long after its end it is given up.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
/// Between two exchanges of a node, at most.
pub(crate) const EXCHANGE_EVERY: Duration = Duration::from_secs(2);
/// A node that reaches nobody for so long ends.
pub(crate) const ALONE: Duration = Duration::from_secs(60);

/// Nodes that registered with this process.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) seats: BTreeMap<NodeId, Seat>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) name: String,
    pub(crate) incarnation: u64,
    /// The last exchange that was answered, and how: it may be asked again.
    pub(crate) sequence: u64,
    pub(crate) answer: Option<Exchanged>,
    /// End of its lease, on the clock that does not step.
    pub(crate) until: Duration,
    pub(crate) holds: BTreeMap<TaskId, Hold>,
    /// Tasks that it finished, whatever came of them.
    pub(crate) finished: u64,
}

/// A task at a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub(crate) held: Held,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) wave: Option<u32>,
    pub(crate) started: bool,
    pub(crate) rows: u64,
}

impl Fleet {
    /// Tasks of a campaign that nodes hold.
    pub(crate) fn held_of(&self, campaign: CampaignId) -> impl Iterator<Item = &Hold> {
        self.seats
            .values()
            .flat_map(|seat| seat.holds.values())
            .filter(move |hold| hold.campaign == Some(campaign))
    }

    /// Nodes whose leases are over.
    pub(crate) fn silent(&self, now: Duration) -> Vec<NodeId> {
        let over = self.seats.iter().filter(|(_, seat)| seat.until + GRACE < now);
        over.map(|(node, _)| *node).collect()
    }

    /// The seat of this name.
    pub(crate) fn named(&self, name: &str) -> Option<NodeId> {
        self.seats.iter().find(|(_, seat)| seat.name == name).map(|(node, _)| *node)
    }
}
