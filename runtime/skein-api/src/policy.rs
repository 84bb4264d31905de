//! How a campaign shall go. What is not said is the standard.

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, Fuel, Millis, Rows, Rule, VerifyLevel};
use utoipa::ToSchema;

use crate::Name;
use crate::bounded::{List, Text};

/// A part of all: `2%`, `0.25%`.
pub type Share = Text<8, 1>;

/// How a result becomes visible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Publish {
    /// In place of what was read.
    #[default]
    Replace,
    /// Not yet: it waits for somebody to publish or discard it.
    Hold,
    /// As a dataset of its own beside the one that was read.
    Beside {
        /// Its name.
        name: Name,
    },
}

/// How the files of a directory are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameRule {
    /// With the hash of their content.
    #[default]
    Hashed,
    /// As their sources.
    Keep,
}

/// How many runs of a wave may fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// So many.
    Runs(u64),
    /// So many of a hundred, rounded up.
    Percent(u8),
    /// Such a part, rounded up.
    Share(Share),
}

/// What the budget holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Publishes only.
    #[default]
    Door,
    /// Starts too.
    Strict,
}

/// What may not move between plan and run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pin {
    /// The schema.
    #[default]
    Schema,
    /// The data either.
    Snapshot,
}

/// Limits of each agent that are lower than the standard; none raises one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsAsk {
    /// Of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_per_call: Option<Fuel>,
    /// Of all calls of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_per_task: Option<Fuel>,
    /// Time of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_per_call_ms: Option<Millis>,
    /// Time of all calls of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_per_task_ms: Option<Millis>,
    /// Memories and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Rejected rows of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<u64>,
}

/// What goes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryAsk {
    /// Of all datasets, up to which random ones are added to the smallest of each kind; `1%` if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// At most so many; 20 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasets: Option<u64>,
    /// Of all of them together, at most; 10 GiB if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
}

/// What is tried while planning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleAsk {
    /// Of all datasets, up to which random ones are added to the smallest of each schema; `1%` if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// At most so many, and never more than 1,000; 200 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasets: Option<u64>,
}

/// When what passes is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryAsk {
    /// Tries after the first; 5 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transient: Option<u32>,
    /// Wait before the second try, doubled before each further one; 1 s if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<Millis>,
    /// Longest wait; one minute if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_ms: Option<Millis>,
}

/// What lets a wave begin behind one that is through its gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// The gate.
    #[default]
    Automatic,
    /// A person, after the gate.
    Approval,
}

/// How long approvals hold, and what needs one besides the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalAsk {
    /// How long one holds in which nothing was started; a week if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<Millis>,
    /// What lets a wave begin.
    #[serde(skip_serializing_if = "unsaid")]
    pub promote: Promote,
}

/// What follows where a check finds something wrong with what was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is told.
    #[default]
    Tell,
    /// It is told, and the run is rolled back where nothing that others wrote stands in the way.
    Revert,
}

/// What is looked at after a publish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SoakAsk {
    /// How long after its publish a run is looked at, the shortest first; 5 minutes, an hour and a day if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks_ms: Option<List<Millis, 8>>,
    /// What follows where something is wrong.
    pub on_failure: OnFailure,
}

fn unsaid<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a campaign shall go. One that is shown says everything that holds, whether it was asked for or is the standard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Name of the migration; the module's own if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration: Option<Name>,
    /// Run although it was applied before.
    pub again: bool,
    /// How results become visible.
    pub publish: Publish,
    /// How files are called.
    pub names: NameRule,
    /// Of each wave after the canary; 2 % and at least 3 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What the budget holds back.
    pub admission: Admission,
    /// How long approvals hold, and what needs one besides the plan.
    #[serde(skip_serializing_if = "unsaid")]
    pub approvals: ApprovalAsk,
    /// What may not move.
    pub pin: Pin,
    /// Whether a result without a row is one.
    pub allow_empty: bool,
    /// Of each agent.
    pub limits: LimitsAsk,
    /// Input rows between two checkpoints; the standard if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_rows: Option<Rows>,
    /// How long old versions are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<Millis>,
    /// What goes first.
    #[serde(skip_serializing_if = "unsaid")]
    pub canary: CanaryAsk,
    /// What is tried while planning.
    #[serde(skip_serializing_if = "unsaid")]
    pub dry_run: SampleAsk,
    /// Of a wave's runs, published or at rest before the next one begins; `95%` if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Share>,
    /// Of all datasets, one wave each between the canary and the rest; one of `10%` if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waves: Option<List<Share, 14>>,
    /// When what passes is tried again.
    #[serde(skip_serializing_if = "unsaid")]
    pub retries: RetryAsk,
    /// What must hold of each dataset before what was made of it is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<List<Rule, 32>>,
    /// How far results are verified before they become visible.
    pub verify: VerifyLevel,
    /// Whether canary runs go back and forth once before they count as published; they do if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<bool>,
    /// What is looked at after a publish.
    #[serde(skip_serializing_if = "unsaid")]
    pub soak: SoakAsk,
}
