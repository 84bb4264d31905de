//! Plans: `GET /v1/campaigns/{id}/plan` is the report, `GET /v1/campaigns/{id}/samples` lists the datasets that were tried,
//! `GET /v1/campaigns/{id}/samples/{seq}` is what one of them showed, as the node wrote it.

use serde::{Deserialize, Serialize};
pub use skein_types::Risk;
use skein_types::{Blake3, Bytes, DatasetId, Fuel, Millis, Verdict};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::run::{Meters, RunRows, Why};
use crate::{Message, Name};

/// Most datasets that are tried for one plan, whatever a policy says.
pub const SAMPLES_MAX: usize = 1_000;
/// Most reasons and groups that a report lists.
pub const LISTED_MAX: usize = 50;

/// What carrying a plan out takes, from what samples took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PlanEstimate {
    /// CPU time of all runs.
    pub cpu_ms: Millis,
    /// From start to the last publish, with the agents that there were when it was planned.
    pub time_ms: Millis,
    /// Guest work.
    pub fuel: Fuel,
    /// Space for new versions beside the old ones.
    pub room: Bytes,
    /// Agents at a time.
    pub agents: u64,
}

/// Datasets that are left out, or samples that failed, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanReason {
    /// What the plan says of them.
    pub verdict: Verdict,
    /// Why.
    pub code: Text<16>,
    /// How many.
    pub datasets: u64,
    /// One of them.
    pub example: Name,
    /// Of that one.
    pub message: Message,
}

/// Datasets of one kind of which none is tried, or none goes first, because a limit was reached before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uncovered {
    /// The kind.
    pub group: Blake3,
    /// How many datasets are of it.
    pub datasets: u64,
    /// The smallest.
    pub example: Name,
}

/// What was tried, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Samples {
    /// Datasets that were tried.
    pub datasets: u64,
    /// Of so many that are to be migrated.
    pub of_datasets: u64,
    /// Schemas of which at least one was tried.
    pub groups: u64,
    /// Of so many.
    pub of_groups: u64,
    /// Rows that went through the module.
    pub rows: RunRows,
    /// What that took.
    pub meters: Meters,
    /// How many failed.
    pub failed: u64,
    /// Why.
    pub failures: List<PlanReason, { LISTED_MAX }>,
    /// Schemas of which none was tried; the first of them.
    pub uncovered: List<Uncovered, { LISTED_MAX }>,
    /// Whether there are more.
    pub more_uncovered: u64,
}

/// What a plan says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PlanReport {
    /// How much can go wrong, by what was seen.
    pub risk: Risk,
    /// Why it is not low.
    pub because: List<Message, 16>,
    /// Datasets to be migrated.
    pub eligible: u64,
    /// Been through it before.
    pub already_migrated: u64,
    /// Have nothing that it is for.
    pub not_applicable: u64,
    /// Refused by the module or a rule.
    pub refused: u64,
    /// Of the eligible, those that do not start before a time that their manifest says.
    pub deferred: u64,
    /// Why datasets are left out.
    pub reasons: List<PlanReason, { LISTED_MAX }>,
    /// Runs per wave; the first is the canary.
    pub waves: List<u64, 64>,
    /// Kinds of datasets of which the canary has none; the first of them.
    pub canary_uncovered: List<Uncovered, { LISTED_MAX }>,
    /// Whether there are more.
    pub more_uncovered: u64,
    /// What was tried, and how it went.
    pub samples: Samples,
    /// What carrying it out takes.
    pub estimate: PlanEstimate,
}

/// A dataset that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanSample {
    /// Its place in the campaign.
    pub seq: u64,
    /// Which.
    pub dataset: DatasetId,
    /// What that is called.
    pub name: Name,
    /// Its schema.
    pub schema: Option<Blake3>,
    /// Rows that went through the module; none if it failed.
    pub rows: Option<RunRows>,
    /// What that took.
    pub meters: Option<Meters>,
    /// The blob with what it showed.
    pub report: Option<Blake3>,
    /// Why it failed, if it did.
    pub why: Option<Why>,
}
