//! What is decided about nodes. Whether a node is alive right now is its lease, a queue row.

use serde::{Deserialize, Serialize};
use skein_types::{Name, NodeId, NodeMark, Text};

/// A node registered. Its incarnation is higher than any that it had: what an older one sends changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeJoined {
    /// Which.
    pub node: NodeId,
    /// What it is called.
    pub name: Name,
    /// Which life of it.
    pub incarnation: u64,
}

/// It died or went silent. What it held goes to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeLost {
    /// Which.
    pub node: NodeId,
    /// Which life of it.
    pub incarnation: u64,
    /// How that is known.
    pub reason: Text,
}

/// It went in order and held nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeLeft {
    /// Which.
    pub node: NodeId,
    /// Which life of it.
    pub incarnation: u64,
}

/// What people want of it from now on, in its next life too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeMarked {
    /// Which.
    pub node: NodeId,
    /// What.
    pub mark: NodeMark,
    /// Why.
    pub reason: Text,
}
