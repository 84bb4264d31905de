//! What a node is given to do.

use serde::{Deserialize, Serialize};
use skein_types::{
    Blake3, Bytes, CampaignId, DatasetId, Fuel, Millis, ModuleDigest, Rows, RunId, ServerId, VerifyLevel,
};

use super::{ARRIVED_MAX, TASKS_MAX};
use crate::bounded::{List, Text};
use crate::policy::{NameRule, Publish};
use crate::{Location, Name};

/// Limits of each agent. None is left to the node: the same task ends the same way everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentLimits {
    /// Of one call.
    pub fuel_per_call: Fuel,
    /// Of all calls.
    pub fuel_per_task: Fuel,
    /// Time of one call.
    pub wall_per_call_ms: Millis,
    /// Time of all calls.
    pub wall_per_task_ms: Millis,
    /// Memories and tables.
    pub memory: Bytes,
    /// Of one answer.
    pub output_bytes_per_call: Bytes,
    /// Of all answers to one batch.
    pub output_bytes_per_batch: Bytes,
    /// Output bytes per input byte.
    pub expansion: u64,
    /// Output bytes that are never too many.
    pub expansion_floor: Bytes,
    /// Rows of one answer.
    pub rows_per_answer: u64,
    /// Log lines.
    pub log_lines: u64,
    /// Log bytes.
    pub log_bytes: Bytes,
    /// Rejected rows of an agent.
    pub rejects: u64,
    /// Of the saved state.
    pub state_bytes: Bytes,
    /// `drain` calls for one batch.
    pub drains_per_batch: u32,
    /// Names of counters and gauges.
    pub metric_names: u32,
}

/// What all runs of a campaign with the same parameters have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// What runs.
    pub module: ModuleDigest,
    /// The blob with its compiled and signed form.
    pub artifact: Blake3,
    /// The blob with its parameters as canonical JSON.
    pub params: Blake3,
    /// Of which campaign the secrets are that they name; none: they name none.
    pub secrets_of: Option<CampaignId>,
    /// Name of the migration; the module's own if there is none.
    pub migration: Option<Name>,
    /// Run although it was applied before.
    pub again: bool,
    /// Of each agent.
    pub limits: AgentLimits,
    /// Rejected rows that a run may have.
    pub rejects_max: u64,
    /// Whether a result without a row is one.
    pub allow_empty: bool,
    /// Input rows between two checkpoints.
    pub checkpoint_rows: Rows,
    /// How files are called.
    pub names: NameRule,
    /// How far results are verified before they become visible.
    #[serde(default)]
    pub verify: VerifyLevel,
}

/// A dataset as a node finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetPlace {
    /// Which it is.
    pub dataset: DatasetId,
    /// Where its data is.
    pub location: Location,
    /// Where its state is, if not beside its data.
    pub state: Option<Location>,
    /// Columns whose values are shown to nobody, beside those that are marked so in its files.
    #[serde(default, skip_serializing_if = "nothing")]
    pub sensitive: List<Name, SENSITIVE_MAX>,
}

/// Most columns that are named as sensitive with a dataset.
pub(super) const SENSITIVE_MAX: usize = 1_024;

fn nothing(names: &List<Name, SENSITIVE_MAX>) -> bool {
    names.is_empty()
}

/// Migrate one dataset, up to staged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunTask {
    /// For the log.
    pub campaign: CampaignId,
    /// As the dataset's log will name it.
    pub run: RunId,
    /// Over this.
    pub dataset: DatasetPlace,
    /// In this way.
    pub work: Work,
    /// Who manages what it is over.
    pub server: ServerId,
    /// How it will become visible: decides where it is staged.
    pub publish: Publish,
    /// What the plan saw; if it is another one now, nothing is done and the run is stale. None: whatever is there.
    pub schema: Option<Blake3>,
    /// What has to be looked at before it is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Box<TaskRules>>,
}

/// Rules of one run at most: of the policy, the dataset's owner and its readers.
pub const RULES_HERE_MAX: usize = 128;
/// Other datasets that they look at.
const OTHERS_MAX: usize = 256;

/// Rules that are looked at on what is staged. Their text is in blobs, which most runs of a campaign share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRules {
    /// The blob with the campaign's policy, if that has some.
    pub policy: Option<Blake3>,
    /// Blobs with one rule each.
    pub rules: List<RuleOf, 96>,
    /// Where other datasets are that they look at.
    pub others: List<OtherPlace, OTHERS_MAX>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOf {
    /// The blob with it.
    pub blob: Blake3,
    /// The team that reads the dataset and wants it.
    pub consumer: Option<skein_types::Name>,
    /// That team may look at the dataset no more: the rule is not run over it, and is inconclusive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// Another dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherPlace {
    /// It was looked up for the campaign, which may mean another team's than the dataset's owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_policy: bool,
    /// Else the team for which it was looked up; none: the dataset's owner.
    pub team: Option<skein_types::Name>,
    /// As rules call it.
    pub name: skein_types::Name,
    /// Where it is; none: there is none that the team may look at.
    pub place: Option<DatasetPlace>,
}

/// Say of each dataset what would become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTask {
    /// For the log.
    pub campaign: CampaignId,
    /// Over these.
    pub datasets: List<DatasetPlace, TASKS_MAX>,
    /// In this way.
    pub work: Work,
    /// Who manages what it is over.
    pub server: ServerId,
    /// It is not tried again: a dataset that cannot be looked at now, for whatever reason, is refused.
    pub last: bool,
}

/// Send a few batches of a dataset through agents and show what comes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DryRunTask {
    /// For the log.
    pub campaign: CampaignId,
    /// Over this.
    pub dataset: DatasetPlace,
    /// In this way.
    pub work: Work,
    /// At most so many.
    pub rows: Rows,
    /// Who manages what it is over.
    pub server: ServerId,
}

/// Look for datasets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanTask {
    /// Below this directory.
    pub below: Location,
    /// That come after this one, in byte order of their place; none: all.
    pub after: Option<Location>,
}

/// Say of files that arrived in a dataset after a run whose columns they have, and of rules whether they hold still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckTask {
    /// For the log.
    pub campaign: CampaignId,
    /// After this.
    pub run: RunId,
    /// In this.
    pub dataset: DatasetPlace,
    /// These.
    pub arrived: List<Text<4096>, ARRIVED_MAX>,
    /// What of these is about the result alone, and held when it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Box<TaskRules>>,
}

/// Read every version that a dataset has, and compare it with what its log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScrubTask {
    /// Of this.
    pub dataset: DatasetPlace,
    /// Bytes in a second; none: as fast as it goes.
    pub rate: Option<Bytes>,
}

/// Make a part of a large run and keep what it gives beside the dataset's staged files. Which splits are in a part is a
/// function of the source and of the number of parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitTask {
    /// Of this.
    pub run: RunTask,
    /// Which part, from 0.
    pub part: u32,
    /// Of so many.
    pub parts: u32,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the kind of its task")]
pub enum Payload {
    Run(Box<RunTask>),
    Plan(Box<PlanTask>),
    DryRun(Box<DryRunTask>),
    Scan(Box<ScanTask>),
    Split(Box<SplitTask>),
    /// A run whose parts were made: takes them over, makes what is missing, and stages it.
    Seal(Box<RunTask>),
    Check(Box<CheckTask>),
    Scrub(Box<ScrubTask>),
}

impl Payload {
    /// The campaign that it is for, if it is for one.
    pub fn campaign(&self) -> Option<CampaignId> {
        match self {
            Self::Run(task) | Self::Seal(task) => Some(task.campaign),
            Self::Plan(task) => Some(task.campaign),
            Self::DryRun(task) => Some(task.campaign),
            Self::Split(task) => Some(task.run.campaign),
            // They take nothing of what their campaign may have.
            Self::Scan(_) | Self::Check(_) | Self::Scrub(_) => None,
        }
    }
}
