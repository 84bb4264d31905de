//! What must hold for a unit to be written, and what is there where it does not.

use std::fmt;

use skein_types::{
    Blake3, CampaignId, CampaignState, DatasetId, ModuleDigest, Name, NodeId, RunState, SliceState, TaskId,
    Timestamp, Token, TokenId, WaveState,
};

use crate::event::Subject;
use crate::task::PhaseName;
use crate::view::{ModuleState, NodeState};

/// A condition, judged in the transaction that writes, before the unit's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The campaign is in this state.
    CampaignIs {
        /// Which.
        campaign: CampaignId,
        /// Where it has to be.
        state: CampaignState,
    },
    /// Nothing moved the campaign since it was read.
    CampaignAt {
        /// Which.
        campaign: CampaignId,
        /// As it was read.
        epoch: u64,
    },
    /// The wave is in this state.
    WaveIs {
        /// Of which campaign.
        campaign: CampaignId,
        /// Which.
        wave: u32,
        /// Where it has to be.
        state: WaveState,
    },
    /// With the runs that this unit intends, no more than so many of the wave are at the door.
    DoorOpen {
        /// Of which campaign.
        campaign: CampaignId,
        /// Which.
        wave: u32,
        /// How many may be intended at one time.
        at_most: u64,
    },
    /// The run is in this state.
    RunIs {
        /// Of which campaign.
        campaign: CampaignId,
        /// Which.
        seq: u64,
        /// Where it has to be.
        state: RunState,
    },
    /// Nothing moved the run since it was read.
    RunAt {
        /// Of which campaign.
        campaign: CampaignId,
        /// Which.
        seq: u64,
        /// As it was read.
        epoch: u64,
    },
    /// The task has this token and is in this phase.
    TaskIs {
        /// Which.
        task: TaskId,
        /// As it was read.
        token: Token,
        /// Where it has to be.
        phase: PhaseName,
    },
    /// The task has this token and is claimed by this life of this node.
    TaskHeld {
        /// Which.
        task: TaskId,
        /// Of whoever has it.
        token: Token,
        /// Which node.
        node: NodeId,
        /// Which life of the node.
        incarnation: u64,
    },
    /// There is no such task.
    TaskGone {
        /// Which.
        task: TaskId,
    },
    /// The module is in this state.
    ModuleIs {
        /// Which.
        module: ModuleDigest,
        /// Where it has to be.
        state: ModuleState,
    },
    /// The node joined in this incarnation and is not gone.
    NodeIs {
        /// Which.
        node: NodeId,
        /// Which life of it.
        incarnation: u64,
    },
    /// The dataset is registered.
    DatasetIs {
        /// Which.
        dataset: DatasetId,
    },
    /// No dataset has this name.
    DatasetNameFree {
        /// Which.
        name: Name,
    },
    /// Nobody set it since it was read: a team, a quota, a policy, a secret, a receiver, a rule, what is said of a dataset,
    /// the fleet.
    SettingAt {
        /// What; nothing else is a setting.
        setting: Subject,
        /// As it was read; none: it was not there.
        version: Option<u64>,
    },
    /// The bytes are there.
    BlobIs {
        /// Which.
        digest: Blake3,
    },
}

/// What was there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No such thing.
    Nothing,
    /// The campaign as it is.
    Campaign {
        /// Where.
        state: CampaignState,
        /// Since how many moves.
        epoch: u64,
    },
    /// The plan that was announced is not the one that was written.
    Runs {
        /// So many runs are there.
        planned: u64,
    },
    /// Runs of the campaign are at the door or past it.
    PastTheDoor {
        /// How many.
        runs: u64,
    },
    /// The wave as it is.
    Wave {
        /// Where.
        state: WaveState,
    },
    /// The slice as it is.
    Slice {
        /// What was said of it.
        state: SliceState,
    },
    /// The plan is another one, or there is none.
    Plan {
        /// Which.
        plan: Option<Blake3>,
    },
    /// The same person has approved it so before.
    Approval,
    /// The campaign has as many comments.
    Comments {
        /// How many.
        comments: u64,
    },
    /// The door as it is.
    Door {
        /// Runs of the wave at it.
        intended: u64,
    },
    /// The run as it is.
    Run {
        /// Where.
        state: RunState,
        /// Since how many moves.
        epoch: u64,
    },
    /// The task as it is.
    Task {
        /// Its token.
        token: Token,
        /// Where.
        phase: PhaseName,
        /// Whose.
        node: Option<(NodeId, u64)>,
        /// How far; 0 if nowhere yet.
        checkpoint: u64,
    },
    /// The module as it is.
    Module {
        /// Where.
        state: ModuleState,
    },
    /// The name and version are another module's.
    Label {
        /// Whose.
        module: ModuleDigest,
    },
    /// The node as it is.
    Node {
        /// Where.
        state: NodeState,
        /// Which life of it.
        incarnation: u64,
    },
    /// There is such a dataset, or another has the name or the location.
    Dataset {
        /// Which.
        dataset: DatasetId,
    },
    /// There is such a team.
    Team {
        /// Which.
        team: Name,
    },
    /// Another key is the last that was introduced, or it was introduced before.
    Key {
        /// Which.
        key: String,
    },
    /// There is such a token, or another has the hash.
    Token {
        /// Which.
        token: TokenId,
        /// When it was revoked.
        revoked: Option<Timestamp>,
    },
    /// The setting as it is.
    Setting {
        /// Which setting of it.
        version: u64,
    },
    /// The fleet as it is.
    Fleet {
        /// Nothing starts.
        frozen: bool,
    },
    /// An answer to another request is kept under the key.
    Answer {
        /// Of that request.
        request: Blake3,
    },
    /// A blob that is needed is not there.
    NoBlob {
        /// Which.
        digest: Blake3,
    },
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("there is no such thing"),
            Self::Campaign { state, epoch } => write!(f, "the campaign is {state}, epoch {epoch}"),
            Self::Runs { planned } => write!(f, "{planned} runs are planned"),
            Self::PastTheDoor { runs } => write!(f, "{runs} runs are at the door or past it"),
            Self::Wave { state } => write!(f, "the wave is {state}"),
            Self::Slice { state } => write!(f, "the slice is {state}"),
            Self::Plan { plan: Some(plan) } => write!(f, "the plan is {plan}"),
            Self::Plan { plan: None } => f.write_str("there is no plan"),
            Self::Approval => f.write_str("the same person has approved it"),
            Self::Comments { comments } => write!(f, "there are {comments} comments"),
            Self::Door { intended } => write!(f, "{intended} runs of the wave are at the door"),
            Self::Run { state, epoch } => write!(f, "the run is {state}, epoch {epoch}"),
            Self::Task { token, phase, node: None, checkpoint } => {
                write!(f, "the task is {phase}, token {token}, checkpoint {checkpoint}")
            }
            Self::Task { token, phase, node: Some((node, incarnation)), checkpoint } => write!(
                f,
                "the task is {phase} by {node} in incarnation {incarnation}, token {token}, checkpoint {checkpoint}"
            ),
            Self::Module { state } => write!(f, "the module is {state}"),
            Self::Label { module } => write!(f, "the name and version are those of {module}"),
            Self::Node { state, incarnation } => write!(f, "the node {state} in incarnation {incarnation}"),
            Self::Dataset { dataset } => write!(f, "it is {dataset}"),
            Self::Team { team } => write!(f, "there is a team {team}"),
            Self::Token { token, revoked: None } => write!(f, "it is {token}"),
            Self::Token { token, revoked: Some(at) } => write!(f, "{token} was revoked at {at}"),
            Self::Key { key } => write!(f, "the last key is {key}"),
            Self::Setting { version } => write!(f, "it is at version {version}"),
            Self::Fleet { frozen: true } => f.write_str("the fleet is frozen"),
            Self::Fleet { frozen: false } => f.write_str("the fleet is not frozen"),
            Self::Answer { request } => write!(f, "the key is that of the request {request}"),
            Self::NoBlob { digest } => write!(f, "the blob {digest} is not there"),
        }
    }
}
