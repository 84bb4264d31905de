//! The one call of a node that has work: renews, reports, asks and takes.

use serde::{Deserialize, Serialize};
use skein_types::{AttemptId, Bytes, CampaignId, Fuel, Millis, NodeId, Rows, TaskId, Token, TraceId};

use super::notes::{LINE_BYTES_MAX, Notes};
use super::report::Outcome;
use super::task::Payload;
use super::{HELD_MAX, PERMITS_MAX, RATES_MAX, TASKS_MAX};
use crate::Name;
use crate::attempt::AttemptPhase;
use crate::bounded::{List, Text};
use crate::quota::QuotaName;

/// One attempt at a task: whatever concerns the task names it, and it fences those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The task.
    pub task: TaskId,
    /// Its ownership.
    pub token: Token,
    /// The try.
    pub attempt: AttemptId,
}

/// What an attempt took, measured where it happened; of an attempt that is at work, as far as it has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Used {
    /// Processor time of all threads that worked on it, the host's work included.
    pub cpu_ms: Millis,
    /// From its beginning to its end.
    pub slot_ms: Millis,
    /// Of its agents.
    pub fuel: Fuel,
    /// Read from stores.
    pub bytes_read: Bytes,
    /// Written to stores.
    pub bytes_written: Bytes,
}

/// A task is over for this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Which.
    pub held: Held,
    /// What came of it.
    pub outcome: Outcome,
    /// What its attempt has to tell; none if it was not begun.
    pub notes: Option<Box<Notes>>,
    /// What it took.
    #[serde(default)]
    pub used: Used,
}

/// A task got further: what is behind its checkpoints lies beside the dataset's staged files, and no later attempt makes it
/// again. Control takes number `n` only after `n - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointReport {
    /// Which.
    pub held: Held,
    /// From 1, over all attempts.
    pub number: u64,
    /// Checkpoints that the attempt has made by now.
    pub made: u64,
    /// Rows that are behind them.
    pub rows: Rows,
}

/// Most lines of a task that an exchange tells.
pub const SAID_MAX: usize = 128;

/// Lines of an attempt that is at work, as its log has them: bounded, escaped, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The number of the first, from 0. Those between it and the last one that was told before are left out.
    pub from: u64,
    /// In their order.
    pub lines: List<Text<LINE_BYTES_MAX>, SAID_MAX>,
}

/// What is shown of a task that has been at work for a while. Nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtWork {
    /// What it does.
    pub phase: AttemptPhase,
    /// Rows that there are; 0: not known yet.
    pub rows_all: Rows,
    /// Rows that its module refused.
    pub rejected: Rows,
    /// Memory of its agents now.
    pub memory: Bytes,
    /// The most that one of them had.
    pub memory_peak: Bytes,
    /// What was said since an exchange was last answered; none if that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

/// How an unfinished task is getting on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Which.
    pub held: Held,
    /// Whether an agent is at work on it; else it waits at the node.
    pub started: bool,
    /// Rows read.
    pub rows: Rows,
    /// Bytes read.
    pub bytes: Bytes,
    /// What it took so far.
    #[serde(default)]
    pub used: Used,
    /// What is shown of it; none of one that began just now, so that small tasks cost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_work: Option<Box<AtWork>>,
}

/// What the node's process uses, since its start where it adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Agents at work.
    pub slots: u32,
    /// Memory now.
    pub memory: Bytes,
    /// The most that it ever was.
    pub memory_peak: Bytes,
    /// CPU time.
    pub cpu_ms: Millis,
    /// Read from stores.
    pub bytes_read: Bytes,
    /// Written to stores.
    pub bytes_written: Bytes,
    /// Waits for the disk, a barrier over many files counted once.
    pub disk_waits: u64,
}

/// What the node could take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wants {
    /// Small tasks, at most so many.
    pub small: u32,
    /// Large tasks, at most so many.
    pub large: u32,
}

/// What a node says. Being answered renews its lease from the moment that it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Who says it.
    pub node: NodeId,
    /// Which of it.
    pub incarnation: u64,
    /// From 1; the same again is the same exchange.
    pub sequence: u64,
    /// What it has and has not finished: a task that control gave it and that is in neither list never came.
    pub holding: List<Progress, HELD_MAX>,
    /// What got to a durable point, in order of number for each task. Taken before the results.
    pub checkpoints: List<CheckpointReport, HELD_MAX>,
    /// What is over.
    pub results: List<Report, HELD_MAX>,
    /// What it uses.
    pub usage: Usage,
    /// What it could take.
    pub wants: Wants,
    /// It ends when nothing is left; give it nothing more.
    pub draining: bool,
}

/// A task for the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// What is the node's now.
    pub held: Held,
    /// Whether it may take long; so many slots are kept for such.
    pub large: bool,
    /// The last number that was reported of it, by whomever; 0 if there was none.
    pub checkpoint: u64,
    /// A node may have died of it: an exchange says that it is started before it is, so that it is known if another one dies.
    pub announce: bool,
    /// Expected, for what the node may have unstarted.
    pub estimate_ms: Millis,
    /// Of the agent and what the host needs beside it.
    pub memory: Bytes,
    /// The request that last made its campaign go on, for logs and spans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// On whose account; none: on nobody's, and no permit is asked for.
    pub team: Option<Name>,
    /// What is to be done.
    pub payload: Payload,
}

/// How many agents of some tasks the node may have at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    /// Those of this team,
    pub team: Name,
    /// in this campaign,
    pub campaign: CampaignId,
    /// of this size.
    pub large: bool,
    /// So many.
    pub agents: u32,
    /// Never more. Else more may be begun while there is nothing else to begin.
    pub hard: bool,
}

/// How fast somebody's bytes may pass on the node. None: as they can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Of a team, or of a campaign: bytes of a campaign with a rate of its own pass both.
    pub of: QuotaName,
    /// Bytes per second from stores.
    pub read: Option<Bytes>,
    /// Bytes per second to stores.
    pub write: Option<Bytes>,
}

/// Why a task is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    /// It is no longer this attempt's. Stop, report nothing, delete nothing.
    Fenced,
    /// Nobody wants it any more. Stop at once, report `revoked`.
    Cancelled,
    /// Not now. If it is started stop behind the next checkpoint and report `evicted`, else report `revoked`.
    Paused,
    /// For another node. As `paused`.
    Moved,
}

/// A task is taken back. Repeated in each answer until the node's report or its silence about the task shows that it has it no
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Which.
    pub held: Held,
    /// Why, and how.
    pub reason: RevokeReason,
}

/// What control says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchanged {
    /// The sequence that it answers.
    pub acknowledged: u64,
    /// What is the node's from now on.
    pub leases: List<Lease, TASKS_MAX>,
    /// What is not any more.
    pub revokes: List<Revoke, HELD_MAX>,
    /// How fast bytes may pass; whose is not here are not held back.
    pub rates: List<Rate, RATES_MAX>,
    /// How many agents of which tasks may be begun; tasks that are of no team and campaign here may not. None: all may.
    pub permits: Option<List<Permit, PERMITS_MAX>>,
    /// Finish or give back what there is, ask for nothing more, end.
    pub drain: bool,
}
