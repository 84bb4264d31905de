//! Attempts: `GET /v1/campaigns/{id}/attempts`, `GET /v1/campaigns/{id}/runs/{run}/attempts`,
//! `GET /v1/attempts/{id}[/log|/rejects|/replay|/module]`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, DatasetId, ModuleDigest, NodeId, ParamsDigest, Rows, TaskId,
};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::node::{AgentLimits, REJECT_CODES_MAX, SECRETS_MAX};
use crate::run::{Meters, Why};
use crate::time::Time;
use crate::{Location, Name};

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// A whole small run.
    Run,
    /// A part of a large run.
    Split,
    /// The parts of a large run put together.
    Seal,
    /// Datasets looked at for a plan.
    Plan,
    /// A sample tried for a plan.
    DryRun,
    /// Datasets looked for.
    Scan,
    /// What was published looked at.
    Check,
    /// Versions read in full.
    Scrub,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnding {
    /// It did what it was given to do.
    Done,
    /// It could not.
    Failed,
    /// There was nothing to do: the dataset has been through it, or is not what was planned.
    NotNeeded,
    /// It was asked to stop, or its task was called off under it.
    Stopped,
    /// Its node was given up with it.
    Lost,
}

/// What an attempt that is at work does just now. Not every kind of task has all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// It looks at the dataset and plans.
    #[default]
    Looking,
    /// Rows go through the module, and files are written.
    Transforming,
    /// What was written is read again.
    Verifying,
    /// It looks whether rules hold.
    Rules,
    /// It is staged, and waits for the disk and for others to be handed over with.
    HandingOver,
}

impl AttemptPhase {
    /// All of them, in the order in which a run goes through them.
    pub const ALL: [Self; 5] =
        [Self::Looking, Self::Transforming, Self::Verifying, Self::Rules, Self::HandingOver];
}

/// How far an attempt is that is at work, as its node said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptAtWork {
    /// What it does.
    pub phase: AttemptPhase,
    /// Rows that have been through it.
    pub rows: Rows,
    /// Of so many; none: not known yet.
    pub rows_all: Option<Rows>,
    /// Memory of its agents now. What one of them had at most is among its meters.
    pub memory: Bytes,
    /// What each of its agents may take.
    pub limits: AgentLimits,
    /// When its node said so.
    pub said: Time,
}

/// Which part of a large run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartOf {
    /// From 0.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
}

/// Rejected rows with one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectCount {
    /// The module's.
    pub code: Text<128>,
    /// How many.
    pub rows: Rows,
}

/// The files that an attempt read, so that somebody can tell whether they are the same still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSeen {
    /// The dataset's version.
    pub version: u64,
    /// Data files.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Of their paths and sizes, and of what says how the rows lie in them.
    pub digest: Blake3,
}

/// One try at a task: when it is over, and while it is at work once it has been for a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Which.
    pub attempt: AttemptId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// At which run of it, by its place; none if it is about no run.
    pub run: Option<u64>,
    /// Over which dataset, if it is about one.
    pub dataset: Option<DatasetId>,
    /// What that is called.
    pub name: Option<Name>,
    /// The task.
    pub task: TaskId,
    /// What that is.
    pub kind: AttemptKind,
    /// Which part of its run, if it is one.
    pub part: Option<PartOf>,
    /// Where it ran.
    pub node: NodeId,
    /// Which life of the node.
    pub incarnation: u64,
    /// When it began; none if it was cut off before its node told.
    pub began: Option<Time>,
    /// When its end was heard of, or its node was given up; none while it is at work.
    pub ended: Option<Time>,
    /// What became of it; none while it is at work.
    pub ending: Option<AttemptEnding>,
    /// How far it is, while it is at work.
    pub at_work: Option<AttemptAtWork>,
    /// Why, if it failed.
    pub why: Option<Why>,
    /// What it took, as far as it came.
    pub meters: Meters,
    /// Rows that its module refused.
    pub rejected: Rows,
    /// The like by code.
    pub reject_codes: List<RejectCount, { REJECT_CODES_MAX }>,
    /// What it read, if it came so far.
    pub source: Option<SourceSeen>,
    /// Of its log; none if it said nothing, if that is not kept any more, or while it is at work.
    pub log: Option<Blake3>,
}

/// All that is needed to do the same again elsewhere. Values of secrets are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Which is repeated.
    pub attempt: AttemptId,
    /// What its task was.
    pub kind: AttemptKind,
    /// Which part of its run, if it was one.
    pub part: Option<PartOf>,
    /// Over this.
    pub dataset: DatasetId,
    /// What that is called.
    pub name: Name,
    /// Where it is.
    pub location: Location,
    /// With this; `GET /v1/attempts/{id}/module` gives its bytes.
    pub module: ModuleDigest,
    /// With these; secrets as `{"$secret": "NAME"}`.
    pub params: Value,
    /// Of the parameters with their secrets: clocks and randomness of the module follow from it.
    pub params_digest: Option<ParamsDigest>,
    /// Secrets that they name.
    pub secrets: List<Name, { SECRETS_MAX }>,
    /// Name of the migration; the module's own if there is none.
    pub migration: Option<Name>,
    /// It ran although it was applied before.
    pub again: bool,
    /// Of each agent.
    pub limits: AgentLimits,
    /// Rejected rows that a run may have.
    pub rejects_max: u64,
    /// Whether a result without a row is one.
    pub allow_empty: bool,
    /// Input rows between two checkpoints.
    pub checkpoint_rows: Rows,
    /// What it read, if it came so far.
    pub source: Option<SourceSeen>,
    /// What became of it.
    pub ending: AttemptEnding,
    /// Why, if it failed.
    pub why: Option<Why>,
}
