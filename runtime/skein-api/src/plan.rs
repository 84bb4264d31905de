//! Plans: `GET /v1/campaigns/{id}/plan` is the report, `GET /v1/campaigns/{id}/samples` lists the datasets that were tried,
//! `GET /v1/campaigns/{id}/samples/{seq}` is what one of them showed, as the node wrote it.

use serde::{Deserialize, Serialize};
pub use skein_types::Risk;
use skein_types::{Blake3, Bytes, DatasetId, Fuel, Millis, ModuleDigest, Rows, Severity, Shape, Verdict};
use utoipa::ToSchema;

use crate::approval::SLICES_MAX;
use crate::bounded::{List, Text};
use crate::run::{Meters, RunRows, Why};
use crate::{Message, Name};

/// Most datasets that are tried for one plan, whatever a policy says.
pub const SAMPLES_MAX: usize = 1_000;
/// Most reasons and groups that a report lists.
pub const LISTED_MAX: usize = 50;
/// Most columns of a kind that are named of one schema.
pub const COLUMNS_MAX: usize = 16;

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
    /// Rows of the new versions.
    pub rows_written: Rows,
    /// Rows that the module refuses.
    pub rows_rejected: Rows,
    /// No fewer than these, as far as samples can say: the bounds hold in 19 of 20 cases where rejects are spread evenly.
    pub rows_rejected_least: Rows,
    /// No more than these.
    pub rows_rejected_most: Rows,
    /// Size of the files that are read.
    pub bytes_read: Bytes,
    /// Size of the files that are written.
    pub bytes_written: Bytes,
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

/// The part of a plan that is about the datasets of one team: what that team decides about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanSlice {
    /// The team.
    pub owner: Name,
    /// Its datasets that are to be migrated, those with a time of their own too.
    pub datasets: u64,
    /// Their rows.
    pub rows: Rows,
    /// Their size.
    pub bytes: Bytes,
    /// How much can go wrong with them.
    pub risk: Risk,
    /// Why it is not low.
    pub because: List<Message, 32>,
}

/// What a plan is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedModule {
    /// What runs.
    pub digest: ModuleDigest,
    /// What it was submitted as.
    pub name: Name,
    /// Likewise.
    pub version: Name,
    /// Where its source is, as whoever submitted it said: nobody has compared it with the module.
    pub source: Option<Message>,
    /// Of which commit there.
    pub commit: Option<Name>,
}

/// Whether the same rows give the same result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Determinism {
    /// How often rows went through the module, each time from the beginning.
    pub runs: u64,
    /// How often something else came out than the first time.
    pub differing: u64,
    /// Rows of a batch, in the order in which they were tried first.
    pub batch_sizes: List<u64, 16>,
    /// How often an agent was saved, thrown away and opened again.
    pub reopened: u64,
    /// The first difference.
    pub difference: Option<Difference>,
}

impl Determinism {
    /// Of two samples together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let sizes = self.batch_sizes.iter().chain(other.batch_sizes.iter()).copied();
        let mut seen = std::collections::BTreeSet::new();
        self.batch_sizes = List::first(sizes.filter(|size| seen.insert(*size)).collect()).0;
        self.runs = self.runs.saturating_add(other.runs);
        self.differing = self.differing.saturating_add(other.differing);
        self.reopened = self.reopened.saturating_add(other.reopened);
        self.difference = self.difference.or_else(|| other.difference.clone());
        self
    }
}

/// What was another one the second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// Of this dataset; a node does not know what it is called.
    #[serde(default)]
    pub dataset: Option<Name>,
    /// In this file of it.
    pub file: Message,
    /// In this source row, or, if the shape is free and as much was refused, in what came out as this row; counted as the module counts.
    pub row: u64,
    /// The column; none: what becomes of the row is another.
    pub column: Option<Name>,
    /// What was done otherwise.
    pub when: DifferenceWhen,
}

/// What was done otherwise when something else came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceWhen {
    /// Nothing.
    Repeated,
    /// Batches had other borders.
    OtherBatches,
    /// The agent was saved and opened again after each row group.
    Reopened,
}

/// What a module says of what it has made itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Idempotence {
    /// It has nothing that the module is for.
    NotApplicable,
    /// The module refuses it.
    Refused,
    /// The module makes the same of it again.
    Same,
    /// The module changes it once more.
    ChangesAgain,
}

/// Samples by what their module says of its own output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the case of `Idempotence` that it counts")]
pub struct IdempotenceSeen {
    pub not_applicable: u64,
    pub refused: u64,
    pub same: u64,
    pub changes_again: u64,
}

impl IdempotenceSeen {
    /// One more.
    pub const fn add(&mut self, one: Idempotence) {
        let count = match one {
            Idempotence::NotApplicable => &mut self.not_applicable,
            Idempotence::Refused => &mut self.refused,
            Idempotence::Same => &mut self.same,
            Idempotence::ChangesAgain => &mut self.changes_again,
        };
        *count = count.saturating_add(1);
    }
}

/// What trying one dataset took, and what all of it would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleCosts {
    /// Rows of the dataset.
    pub rows: Rows,
    /// Its row groups.
    pub row_groups: u64,
    /// Size of its files.
    pub bytes: Bytes,
    /// Rows of the new version.
    pub rows_written: Rows,
    /// Size of the new files.
    pub bytes_written: Bytes,
    /// Fuel of opening agents.
    pub fuel_opening: Fuel,
    /// Fuel of everything after.
    pub fuel: Fuel,
    /// Microseconds of processors that a run takes however many rows there are.
    pub cpu_fixed_us: u64,
    /// And for its rows.
    pub cpu_us: u64,
}

/// What a plan does to the columns of a dataset, and what trying it showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleFacts {
    /// How rows that come out relate to those that go in.
    pub shape: Option<Shape>,
    /// Source columns that the new version has not.
    pub dropped: List<Name, { COLUMNS_MAX }>,
    /// Columns whose new type cannot hold all that the old one could.
    pub narrowed: List<Name, { COLUMNS_MAX }>,
    /// Columns that may hold nulls and could not before.
    pub nullable: List<Name, { COLUMNS_MAX }>,
    /// Columns of these kinds that are not named.
    pub more_columns: u64,
    /// Columns that the module makes, which nothing but the module knows.
    pub computed: u64,
    /// Columns whose values are shown to nobody.
    pub sensitive: List<Name, { COLUMNS_MAX }>,
    /// Columns that moved with a source column that the plan does not name as theirs, as `column < source`.
    pub undeclared: List<Name, { COLUMNS_MAX }>,
    /// Whether the same rows gave the same result.
    pub determinism: Determinism,
    /// What the module says of its own output; nothing, if it was not asked.
    pub idempotence: Option<Idempotence>,
    /// What it takes.
    pub costs: SampleCosts,
}

/// What becomes of the datasets of one schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedSchema {
    /// Which.
    pub schema: Option<Blake3>,
    /// How many datasets have it.
    pub datasets: u64,
    /// The first sample of it.
    pub sample: u64,
    /// What that is called.
    pub example: Name,
    /// What was seen.
    pub facts: SampleFacts,
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
    /// Of so many that there are.
    pub of_rows: Rows,
    /// Whether the same rows gave the same result.
    pub determinism: Determinism,
    /// What the module says of its own output.
    pub idempotence: IdempotenceSeen,
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
    pub because: List<Message, 32>,
    /// The same for the datasets of each team, by its name.
    pub slices: List<PlanSlice, { SLICES_MAX }>,
    /// What is to run.
    pub module: Option<PlannedModule>,
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
    /// What becomes of datasets, schema by schema; the first of those that were tried.
    pub schemas: List<PlannedSchema, { LISTED_MAX }>,
    /// What carrying it out takes.
    pub estimate: PlanEstimate,
    /// What must hold of its datasets by rules that stand with them, as it is now. Those of its policy are there.
    pub rules: PlanRules,
}

/// Rules that stand with datasets of a plan: as much of them as whoever asks is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PlanRules {
    /// The first of them: by whose datasets they are with, the owner's before those of readers.
    pub items: List<PlanRule, { LISTED_MAX }>,
    /// Whether there are more.
    pub more: u64,
    /// How many others there are of which nothing more is told: of datasets of teams whose things whoever asks does not see, by
    /// their owners and by other readers.
    pub hidden: u64,
}

/// A rule that stands with datasets of a plan. What exactly it says is told where it stands, to who may read it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanRule {
    /// What it is called.
    pub name: Name,
    /// Whose the datasets are.
    pub owner: Name,
    /// The team that reads them and wants it; none: their owner.
    pub consumer: Option<Name>,
    /// What a break of it leads to.
    pub severity: Severity,
    /// What it looks at: `sql`, `unique` and so on.
    pub kind: Name,
    /// With how many of the plan's datasets.
    pub datasets: u64,
    /// The first of them by name.
    pub example: Name,
    /// The datasets' owner said that it is passed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// Nobody of its team may look at them any more: it is not run, and holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
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
    /// What else was seen.
    #[serde(default)]
    pub facts: SampleFacts,
}
