//! The server itself: `GET /v1/status` says how it and its nodes are, and what they have done since its process started.
//!
//! The counters are for people who want to know what work costs. They are not kept: with a new process they begin at nothing. They are sums
//! over all teams, so they are for who may see all of them; who sees some is told what is under way of those.

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, Millis, NodeId, NodeMark};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::run::Waiting;
use crate::time::Time;
use crate::{Message, Name};

/// The server lives (`GET /v1/health`), or is ready for work (`GET /v1/ready`). Nobody needs a token to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// It is so. Where it is not, the answer is a problem.
    pub ok: bool,
}

/// What one process takes of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessUse {
    /// Memory now.
    pub memory: Bytes,
    /// The most that it ever was.
    pub memory_peak: Bytes,
    /// CPU time of all its threads since it started.
    pub cpu_ms: Millis,
    /// How often it waited for the disk because of datasets, since it started: a barrier over many files is one wait.
    pub disk_waits: u64,
}

/// The ledger, and what was written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerUse {
    /// Of the last event.
    pub position: u64,
    /// On the disk now.
    pub size: Bytes,
    /// Transactions since the process started.
    pub transactions: u64,
    /// Those of them that waited for the disk.
    pub syncs: u64,
    /// Events that they appended.
    pub events: u64,
    /// The bodies of these.
    pub bytes: Bytes,
}

/// What was done since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkDone {
    /// Exchanges of nodes that were taken.
    pub exchanges: u64,
    /// Lots of runs that were at the door together.
    pub lots: u64,
    /// Runs in them, whether they were published or failed there.
    pub ended: u64,
    /// Runs that were published.
    pub published: u64,
    /// Runs that were rolled back.
    pub reverted: u64,
    /// Waits of nodes for the disk, of those that are gone too.
    pub node_disk_waits: u64,
}

/// What a node said that it has for agents when it came. Of what is not here it has not said how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeHas {
    /// Thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u64>,
    /// For all agents together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Bytes a second from stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Bytes>,
    /// Bytes a second to stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Bytes>,
}

/// What a node does for all teams together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeDoes {
    /// Tasks that it has finished, whatever came of them.
    pub finished: u64,
    /// Agents at work, as it last said.
    pub slots: u32,
    /// What it takes, as it last said.
    pub used: ProcessUse,
}

/// A node that is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seated {
    /// Tasks that it has, of teams that whoever asks may see.
    pub holds: u64,
    /// Those of them that agents are at work on or were.
    pub started: u64,
    /// Since it was last heard.
    pub silent_ms: Millis,
    /// Agents that may be at work there at a time.
    #[serde(default)]
    pub most: u32,
    /// What it does in all; none: whoever asks may not see all teams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<NodeDoes>,
    /// Of its program, as it said when it came.
    #[serde(default)]
    pub version: Text<64>,
    /// What it has, as it said when it came.
    #[serde(default)]
    pub has: NodeHas,
}

/// A node that this ledger knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    /// Which.
    pub node: NodeId,
    /// Its name.
    pub name: Name,
    /// Goes up each time that it registers.
    pub incarnation: u64,
    /// When it came, or was lost.
    pub since: Time,
    /// Whether it gets work.
    #[serde(default = "unmarked")]
    pub mark: NodeMark,
    /// Why not, if so.
    #[serde(default)]
    pub mark_reason: Option<Message>,
    /// None: it is lost or has left.
    pub seat: Option<Seated>,
}

fn unmarked() -> NodeMark {
    NodeMark::None
}

/// Asks for something that is done to a node or to the fleet: `POST /v1/nodes/{node}/actions/{cordon|uncordon|drain}`,
/// `POST /v1/fleet/actions/{freeze|thaw}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetAction {
    /// For the record, and for those whose work waits.
    pub reason: Message,
}

/// Whether the fleet works: `GET /v1/fleet`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FleetState {
    /// Nothing begins anywhere; what has begun goes on.
    pub frozen: bool,
    /// Why.
    pub reason: Option<Message>,
    /// Since when it is as it is; none: it was never frozen.
    pub since: Option<Time>,
}

/// What is under way of teams that whoever asks may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnderWay {
    /// Campaigns that are not over.
    pub campaigns: u64,
    /// Runs of them that wait for a node, are at work or are staged.
    pub runs: u64,
    /// Attempts that were begun and are not handed over yet.
    pub attempts: u64,
}

/// What the server takes, keeps and did for all teams together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WholeServer {
    /// What control's process takes.
    pub used: ProcessUse,
    /// Its ledger.
    pub ledger: LedgerUse,
    /// What was done.
    pub work: WorkDone,
}

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Of the program.
    pub version: Text<64>,
    /// When the process started.
    pub started: Time,
    /// For so long it runs.
    pub up_ms: Millis,
    /// What is under way.
    #[serde(default)]
    pub under_way: UnderWay,
    /// What it did in all; none: whoever asks may not see all teams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<WholeServer>,
    /// Nodes by id, the first so many.
    pub nodes: List<NodeStatus, 1_000>,
    /// Why nothing begins anywhere, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waiting>,
}
