//! Queue rows: what is to be done, who does it, and how far it is. Losing them costs work that is done again.

use skein_types::{AttemptId, Blake3, Bytes, CampaignId, NodeId, TaskId, Timestamp, Token};

use crate::words::words;

words! {
    /// What a task is.
    TaskKind {
        /// A whole small run.
        Run = "run",
        /// A part of a large one.
        Split = "split",
        /// Its parts put together.
        Seal = "seal",
        /// Planning one dataset.
        Plan = "plan",
        /// A dry run of one dataset.
        DryRun = "dry_run",
        /// Looking for datasets.
        Scan = "scan",
        /// Looking at what was published.
        Check = "check",
        /// Reading versions of a dataset in full.
        Scrub = "scrub",
    }
}

words! {
    /// How large a task is, so that large and small ones do not starve each other.
    SizeClass {
        /// Done in seconds.
        Small = "small",
        /// Takes longer.
        Large = "large",
    }
}

words! {
    /// The name of a [`Phase`].
    PhaseName {
        /// Nobody has it.
        Ready = "ready",
        /// A node has it.
        Claimed = "claimed",
        /// Its result waits for what comes next.
        Staged = "staged",
    }
}

/// Whose a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The node.
    pub node: NodeId,
    /// Which life of it.
    pub incarnation: u64,
    /// Which try.
    pub attempt: AttemptId,
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has it.
    Ready {
        /// Not to be claimed before.
        not_before: Timestamp,
    },
    /// A node has it.
    Claimed(Holder),
    /// A node finished it; what it staged waits.
    Staged {
        /// Who.
        holder: Holder,
        /// What came out, bounded JSON of the node's.
        result: String,
        /// The blob with what is too large for that.
        blob: Option<Blake3>,
    },
}

impl Phase {
    /// Its name.
    pub const fn name(&self) -> PhaseName {
        match self {
            Self::Ready { .. } => PhaseName::Ready,
            Self::Claimed(_) => PhaseName::Claimed,
            Self::Staged { .. } => PhaseName::Staged,
        }
    }

    /// Who has it or finished it.
    pub const fn holder(&self) -> Option<Holder> {
        match self {
            Self::Ready { .. } => None,
            Self::Claimed(holder) | Self::Staged { holder, .. } => Some(*holder),
        }
    }
}

impl Task {
    /// Whether it only looks: nothing is staged in a dataset.
    pub const fn looks(&self) -> bool {
        match self.kind {
            TaskKind::Plan | TaskKind::DryRun | TaskKind::Scan | TaskKind::Check | TaskKind::Scrub => true,
            TaskKind::Run | TaskKind::Split | TaskKind::Seal => false,
        }
    }
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Counted from 1.
    pub number: u64,
    /// The blob with what is needed to go on from there.
    pub blob: Blake3,
}

/// A task as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which.
    pub id: TaskId,
    /// In which order it was queued; the key of pages.
    pub order: u64,
    /// For which campaign.
    pub campaign: Option<CampaignId>,
    /// For which run of it.
    pub seq: Option<u64>,
    /// What it is.
    pub kind: TaskKind,
    /// How large.
    pub class: SizeClass,
    /// What it may take, for the order of work and for what a node may hold.
    pub cost: Bytes,
    /// What a node is given, bounded JSON of control's.
    pub payload: String,
    /// The blob that goes with it.
    pub input: Option<Blake3>,
    /// What fences its owner. 0.0 before it was ever claimed.
    pub token: Token,
    /// Where it is.
    pub phase: Phase,
    /// How far it is. Survives its owners.
    pub checkpoint: Option<Checkpoint>,
    /// Nodes that died with it.
    pub deaths: u32,
    /// To run alone in a node.
    pub alone: bool,
}
