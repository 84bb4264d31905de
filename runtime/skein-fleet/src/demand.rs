//! What there is and what is wanted of it: the input of a tick.

use std::collections::BTreeMap;

use skein_types::{Bytes, CampaignId, Fuel, Millis, ModuleDigest, Name, NodeId};

use crate::amounts::Amounts;

/// Whether a task may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SizeClass {
    /// Seconds.
    Small,
    /// More.
    Large,
}

/// Tasks that are the same to the allocator. It never sees single ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey {
    /// On whose account.
    pub team: Name,
    /// Of which campaign; none: what belongs to none, such as scans.
    pub campaign: Option<CampaignId>,
    /// The store that they read and write.
    pub store: Name,
    /// How long they take.
    pub size: SizeClass,
}

/// Tasks that wait and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Which.
    pub key: QueueKey,
    /// What they run, if it is one module: nodes that run it already are a little better for it.
    pub module: Option<ModuleDigest>,
    /// What one agent is expected to take: processors, memory as it will be granted, one slot, bytes a second. Of processors and
    /// bytes only until it has been measured.
    pub task: Amounts,
    /// Tasks that wait to be given to a node. A number as large as there are slots says all there is to say.
    pub waiting: u32,
    /// Agents at work, by node.
    pub running: BTreeMap<NodeId, u32>,
    /// Where nothing of what waits may begin: each of these tasks has failed there and is for another node. What runs there stays.
    pub not_at: Option<NodeId>,
}

/// A node that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// What it has. Memory and slots are what they are; nothing of processors, reading or writing means that nobody said how much
    /// there is: it is then bounded by limits alone and counts in nobody's share.
    pub capacity: Amounts,
    /// Whether it gets anything new: not if it is cordoned or drained, or if the fleet is frozen.
    pub takes: bool,
}

/// What the agents of one team in one campaign have used since the tick before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// On whose account.
    pub team: Name,
    /// In which campaign.
    pub campaign: Option<CampaignId>,
    /// Time of agents: two for a second are two seconds.
    pub slots: Millis,
    /// Time of processors.
    pub cpu: Millis,
    /// Bytes read.
    pub read: Bytes,
    /// Bytes written.
    pub write: Bytes,
    /// Fuel of guests.
    pub fuel: Fuel,
}

/// All that a tick looks at, but for quotas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Each once.
    pub nodes: Vec<Node>,
    /// Each key once. A queue that neither waits nor runs may be left out. What runs on nodes that are not in `nodes` is taken to
    /// be lost.
    pub queues: Vec<Queue>,
    /// What has been reported since the tick before; several reports of one may be added up or stand one after the other.
    pub used: Vec<Used>,
}
