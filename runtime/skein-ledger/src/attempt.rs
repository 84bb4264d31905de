//! Tries at tasks, as rows that are kept for a while: what ran where, for how long, and what became of it. No decision follows
//! from them, and losing them costs no correctness.

use skein_types::{AttemptId, Blake3, CampaignId, NodeId, TaskId, Text, Timestamp};

use crate::task::TaskKind;
use crate::view::Failure;
use crate::words::words;

words! {
    /// What became of an attempt.
    Ending {
        /// It did what it was given to do.
        Done = "done",
        /// It could not.
        Failed = "failed",
        /// There was nothing to do: the dataset has been through it, or is not what was planned.
        NotNeeded = "not_needed",
        /// It was asked to stop, or its task was called off under it.
        Stopped = "stopped",
        /// Its node was given up with it.
        Lost = "lost",
    }
}

/// One try at a task, when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which.
    pub id: AttemptId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// At which run of it, if it was about one.
    pub seq: Option<u64>,
    /// The task.
    pub task: TaskId,
    /// What that was.
    pub kind: TaskKind,
    /// Where.
    pub node: NodeId,
    /// Which life of the node.
    pub incarnation: u64,
    /// When it began; none if it was cut off before its node told.
    pub began: Option<Timestamp>,
    /// When its end was taken in.
    pub ended: Timestamp,
    /// What became of it.
    pub ending: Ending,
    /// Why, if it failed.
    pub failure: Option<Failure>,
    /// The like in one line, bounded and without secrets.
    pub message: Text,
    /// Whatever else control keeps of it; bounded JSON of control's.
    pub notes: String,
    /// The blob with its log.
    pub log: Option<Blake3>,
    /// The blob with some of what it rejected.
    pub rejects: Option<Blake3>,
    /// Swept after.
    pub keep_until: Timestamp,
}

/// Which attempts of a campaign; all that is given must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// At this run of it.
    pub seq: Option<u64>,
    /// Failed ones alone.
    pub failed: bool,
}
