//! Who has a task, as control decides it: one value, and the moves that lead from one to the next.
//!
//! ```text
//!             claim               stage               intend                 publish
//!  Ready ───────────────► Claimed ───────► Staged ───────────────► Intended ─────────► Done(published)
//!    ▲  epoch + 1          │  │ ▲            │                        │
//!    │      release        │  │ └ checkpoint │ redo                   └ shut ────────► Done(failed)
//!    ├─────epoch + 1───────┘  │              │ epoch + 1
//!    ├────────────────────────│──────────────┘
//!    │                        └ finish ────────────────────────────────────────────► Done(finished | failed)
//!    └ reopen, epoch + 1 ◄── Done(failed)         cancel: Ready, Staged ───────────► Done(cancelled)
//! ```
//! Pure: a move takes the value as it is and answers with the next one or says why not; nothing is changed in place. Whoever
//! stores it writes the next value only if the stored one is still what the move was made from (compare-and-set on phase and
//! token). So a move that lost a race is refused and harmless.
//!
//! Invariants, each a function in [`invariant`] that running code asserts and the model checks:
//! - a report changes something only if it names the present token, node, incarnation and attempt (05-I4);
//! - the epoch grows whenever the task changes hands and never shrinks;
//! - checkpoint `k` follows checkpoint `k - 1`, over all attempts;
//! - from `Intended` on nothing is executed again: it ends published with the descriptor that the intent names, or shut by the
//!   dataset's own log (05-I1);
//! - nothing leads out of published, finished and cancelled.
//!
//! It deliberately does not know: campaigns and waves, why a task is cancelled, where staged files are, clocks.

mod assign;
mod collect;
mod held;
pub mod invariant;
mod moves;
mod reconcile;
mod refused;
mod release;
mod session;

pub use assign::{ReadyTask, Room, SizeClass, TASKS_MAX, UNSTARTED_MAX, assign, share};
pub use collect::may_collect;
pub use held::{Holding, Standing, Stop};
pub use reconcile::{Claimed, Recall, Settle, reconcile};
pub use refused::TaskRefused;
pub use release::{DEATHS_BEFORE_ALONE, Release, Released};
pub use session::{ExchangeRefused, Receive, Session};

use skein_types::{AttemptId, Blake3, NodeId, Token};

/// One node's right to a task. Every report about the task carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// Fences those before it.
    pub token: Token,
    /// Who has it.
    pub node: NodeId,
    /// As which of its incarnations.
    pub incarnation: u64,
    /// What staged files are called by.
    pub attempt: AttemptId,
}

/// The last durable point of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checkpoint {
    /// From 1, over all attempts.
    pub number: u64,
    /// What the node needs to go on.
    pub blob: Blake3,
    /// Whose staged files it goes on from: kept until a later checkpoint of another attempt replaces it.
    pub attempt: AttemptId,
}

/// A result that is written and invisible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StagedBy {
    /// Whose files they are.
    pub attempt: AttemptId,
    /// The digest of all that a publish needs.
    pub descriptor: Blake3,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The dataset's log has it.
    Published(StagedBy),
    /// It said what it was to say, and there is nothing to publish.
    Finished,
    /// It could not be done; nothing of it is visible.
    Failed,
    /// Nobody wanted it any more; nothing of it is visible.
    Cancelled,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Waits for a node.
    Ready,
    /// A node has it.
    Claimed {
        /// Which.
        node: NodeId,
        /// Of its incarnations.
        incarnation: u64,
        /// The try.
        attempt: AttemptId,
    },
    /// Waits at the door.
    Staged(StagedBy),
    /// Through the door: this and nothing else becomes visible.
    Intended(StagedBy),
    /// Over.
    Done(End),
}

/// A task, as far as its ownership goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// Where it is.
    pub phase: Phase,
    /// Of its present or last owner.
    pub token: Token,
    /// Where the next attempt goes on.
    pub checkpoint: Option<Checkpoint>,
    /// Nodes that died while it was running.
    pub deaths: u32,
}

impl Ownership {
    /// A task that nobody had yet.
    pub const fn new(generation: u64) -> Self {
        Self { phase: Phase::Ready, token: Token { generation, epoch: 0 }, checkpoint: None, deaths: 0 }
    }

    /// Who has it.
    pub const fn holder(&self) -> Option<Claim> {
        match self.phase {
            Phase::Claimed { node, incarnation, attempt } => {
                Some(Claim { token: self.token, node, incarnation, attempt })
            }
            Phase::Ready | Phase::Staged(_) | Phase::Intended(_) | Phase::Done(_) => None,
        }
    }

    /// Whether its next attempt shall be the only one on its node.
    pub const fn alone(&self) -> bool {
        self.deaths >= DEATHS_BEFORE_ALONE
    }

    /// What the intent names, whether it is carried out already or not.
    pub const fn intended(&self) -> Option<StagedBy> {
        match self.phase {
            Phase::Intended(staged) | Phase::Done(End::Published(staged)) => Some(staged),
            Phase::Ready
            | Phase::Claimed { .. }
            | Phase::Staged(_)
            | Phase::Done(End::Finished | End::Failed | End::Cancelled) => None,
        }
    }
}

impl Phase {
    /// The word that stands for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Claimed { .. } => "claimed",
            Self::Staged(_) => "staged",
            Self::Intended(_) => "intended",
            Self::Done(_) => "done",
        }
    }
}
