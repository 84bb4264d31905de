//! Nodes, their leases, and which tasks.

use std::collections::BTreeMap;

use skein_types::{CampaignId, Name, NodeId, NodeMark, Text, Timestamp};

use crate::task::{PhaseName, SizeClass};
use crate::words::words;

words! {
    /// Where a node is, as decided.
    NodeState {
        /// It registered.
        Joined = "joined",
        /// It died or went silent.
        Lost = "lost",
        /// It went in order.
        Left = "left",
    }
}

/// A node as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// What it is called.
    pub name: Name,
    /// Which life of it.
    pub incarnation: u64,
    /// Where it is.
    pub state: NodeState,
    /// Why it is there.
    pub reason: Text,
    /// When it got there.
    pub since: Timestamp,
    /// What people want of it.
    pub mark: NodeMark,
    /// Why they do.
    pub mark_reason: Text,
    /// Its lease, while it has one.
    pub lease: Option<Lease>,
}

/// Proof that a node is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When it is given up without another renewal.
    pub until: Timestamp,
    /// What it last said of itself; JSON.
    pub usage: String,
}

/// Numbers of tasks of campaigns.
pub type Ready = BTreeMap<(CampaignId, SizeClass), u32>;

/// Which tasks; all that is given must fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Of this campaign.
    pub campaign: Option<CampaignId>,
    /// In this phase.
    pub phase: Option<PhaseName>,
    /// Of this size.
    pub class: Option<SizeClass>,
    /// That may be claimed at this time.
    pub due: Option<Timestamp>,
}
