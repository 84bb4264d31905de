//! What a unit writes.

use skein_types::{AttemptId, Blake3, Bytes, CampaignId, NodeId, TaskId, Timestamp, Token, TokenId};

use crate::attempt::Attempt;
use crate::event::Event;
use crate::kept::{Answer, Charge, Delivery, Scrubbed};
use crate::task::{SizeClass, TaskKind};

/// One write. An entry that does not fit what is there makes its unit refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A decision: appended to the log, and the projections follow.
    Decide(Event),
    /// A new task. Refused if there is one of that id, or if a blob that it names is missing.
    Enqueue(Enqueue),
    /// A ready task goes to a node, with a new token: the epoch is one higher, the generation the ledger's. Refused if it is
    /// not ready, the token is another, or the node is not there in that incarnation.
    Claim(Claim),
    /// A claimed task is further. Refused if the number is not the one after the last, the token or the node is another, or
    /// the blob is missing.
    Checkpoint {
        /// Which.
        task: TaskId,
        /// Of whoever has it.
        token: Token,
        /// Which life of the node.
        node: (NodeId, u64),
        /// How far.
        checkpoint: crate::task::Checkpoint,
    },
    /// A claimed task is finished. Refused like a checkpoint.
    Stage(Stage),
    /// A claimed or staged task is taken from its node and ready again; the epoch is one higher. Refused if the token is
    /// another or it is ready already.
    Release(Release),
    /// A task is gone. Refused if the token is another.
    Remove {
        /// Which.
        task: TaskId,
        /// As it is.
        token: Token,
    },
    /// A node is alive. Refused if it did not join in that incarnation or is gone since.
    Renew(Renew),
    /// A token was used; the latest time is kept. Refused if there is no such token.
    TokenUsed {
        /// Which.
        token: TokenId,
        /// When.
        at: Timestamp,
    },
    /// The answer to a request, for whoever asks the same again. There already and not over, the first stays and is kept for the
    /// longer of both times; refused if that was to another request.
    KeepAnswer(Answer),
    /// A notice to a receiver; there already, it is as it is here.
    PutDelivery(Delivery),
    /// Every receiver that was to be told of events up to here has its notice. It never goes back. Refused if there is no such
    /// event.
    NotifiedTo {
        /// Position of the last.
        position: u64,
    },
    /// All versions of a dataset were read in full; what was known of that before is forgotten.
    Scrubbed(Scrubbed),
    /// An attempt is over. There already, the first stays.
    PutAttempt(Box<Attempt>),
    /// What work took. Added to what is there.
    Charge(Charge),
    /// Bytes by their digest. There already, they are kept for the longer of both times.
    PutBlob {
        /// The bytes.
        bytes: Vec<u8>,
        /// Not swept before, and not while a row names it.
        keep_until: Timestamp,
    },
    /// As [`Entry::PutBlob`], of bytes that may show values of users' rows: samples, logs. No copy has them.
    PutRows {
        /// The bytes.
        bytes: Vec<u8>,
        /// As of a blob.
        keep_until: Timestamp,
    },
}

/// See [`Entry::Enqueue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueue {
    /// New.
    pub task: TaskId,
    /// For which campaign.
    pub campaign: Option<CampaignId>,
    /// For which run of it.
    pub seq: Option<u64>,
    /// What it is.
    pub kind: TaskKind,
    /// How large.
    pub class: SizeClass,
    /// What it may take.
    pub cost: Bytes,
    /// What a node is given; JSON.
    pub payload: String,
    /// The blob that goes with it. Kept while the task is there.
    pub input: Option<Blake3>,
    /// Not to be claimed before.
    pub not_before: Timestamp,
}

/// See [`Entry::Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub task: TaskId,
    /// As it is.
    pub token: Token,
    /// Who gets it.
    pub node: NodeId,
    /// Which life of the node.
    pub incarnation: u64,
    /// Random, new.
    pub attempt: AttemptId,
}

/// See [`Entry::Stage`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Which.
    pub task: TaskId,
    /// Of whoever has it.
    pub token: Token,
    /// Which node.
    pub node: NodeId,
    /// Which life of the node.
    pub incarnation: u64,
    /// What came out; JSON.
    pub result: String,
    /// The blob with what is too large for that. Kept while the task is there.
    pub blob: Option<Blake3>,
}

/// See [`Entry::Release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which.
    pub task: TaskId,
    /// As it is.
    pub token: Token,
    /// Not to be claimed before.
    pub not_before: Timestamp,
    /// Deaths to add to its count: 1 if its node died with it.
    pub deaths: u32,
    /// To run alone in a node from now on. It stays so, whatever later releases say.
    pub alone: bool,
    /// Whether to begin anew: the checkpoint is forgotten.
    pub from_start: bool,
}

/// See [`Entry::Renew`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Which.
    pub node: NodeId,
    /// Which life of it.
    pub incarnation: u64,
    /// When it is given up without another renewal.
    pub until: Timestamp,
    /// What it says of itself; JSON.
    pub usage: String,
}
