//! What a campaign came to: on one page, `GET /v1/campaigns/{id}/report`, and by dataset, `GET /v1/campaigns/{id}/report/datasets`.
//! For whoever signs it off, and for whoever asks later.

mod soak;

use serde::{Deserialize, Serialize};
use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, DatasetId, Fuel, Millis, ModuleDigest, ParamsDigest, RunId,
    RunState, Verdict,
};
use utoipa::ToSchema;

use crate::audit::ChainHead;
use crate::bounded::{List, Text};
use crate::campaign::{RunCounts, Wave};
use crate::plan::{LISTED_MAX, PlanReason};
use crate::policy::Policy;
use crate::run::{Meters, RunRows};
use crate::time::Time;
use crate::{Message, Name};

pub use soak::{Alarm, DatasetScrub, GivenUp, Kept, RoundTrip, RunSoak, Soak};

/// Runs that failed in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureKind {
    /// In which.
    pub code: Text<16>,
    /// What that means.
    pub title: Text<200>,
    /// How many.
    pub runs: u64,
    /// The number of one of them.
    pub seq: u64,
    /// Its dataset.
    pub example: Name,
    /// What happened to that one.
    pub message: Message,
    /// What to do.
    pub next: Message,
}

/// A quantity as the plan guessed it and as it turned out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Guessed {
    /// `fuel`, `cpu_ms`, `time_ms`, `rows_written`, `rows_rejected`, `bytes_read` or `bytes_written`.
    pub quantity: Text<32>,
    /// What the plan said.
    pub estimated: u64,
    /// What it was.
    pub actual: u64,
    /// By how many percent of what it was the guess was too high, or, below nothing, too low. Nothing as long as not all of the plan is
    /// published, and of what there was none of.
    pub error_percent: Option<i64>,
}

/// Most things that people did of which a report says each.
pub const ACTIONS_MAX: usize = 500;

/// Something that a person did to a campaign. All that one request led to is one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HumanAction {
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Name,
    /// The kind of the first decision that it led to, and where that led: `campaign.moved approved`.
    pub what: Text<100>,
    /// Why, if that was said.
    pub reason: Option<Message>,
    /// How many decisions that were.
    pub decisions: u64,
    /// The first of them.
    pub position: u64,
}

/// What became of one dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportLine {
    /// Its place in the campaign.
    pub seq: u64,
    /// As the dataset's log names it.
    pub run: RunId,
    /// What it is over.
    pub dataset: DatasetId,
    /// What that is called.
    pub name: Name,
    /// Whose it is; none of one that was removed.
    pub owner: Option<Name>,
    /// Its wave, once it is planned.
    pub wave: Option<u32>,
    /// Where it is.
    pub state: RunState,
    /// What the plan says.
    pub verdict: Verdict,
    /// Since when it is there.
    pub since: Time,
    /// The version that was read.
    pub base: Option<u64>,
    /// The version that was made.
    pub version: Option<u64>,
    /// By fate.
    pub rows: Option<RunRows>,
    /// Size of what was read.
    pub bytes_read: Option<Bytes>,
    /// Size of what was written.
    pub bytes_written: Option<Bytes>,
    /// From the begin of the attempt that was published to its end, as long as that is kept.
    pub took_ms: Option<Millis>,
    /// CPU time of all its attempts.
    pub cpu_ms: Option<Millis>,
    /// Guest work of all its attempts.
    pub fuel: Option<Fuel>,
    /// How often it was tried.
    pub attempts: u64,
    /// Of the files that were read.
    pub input: Option<Blake3>,
    /// Of the files that were made.
    pub output: Option<Blake3>,
    /// What checks said: `counts`, `fingerprint` or `readback`, and rules that did not pass.
    pub checks: Option<Text<500>>,
    /// The blob with its signed statement.
    pub statement: Option<Blake3>,
    /// The error's code, of one that failed.
    pub code: Option<Text<16>>,
    /// What happened, if that needs saying.
    pub why: Option<Message>,
}

/// A campaign, as it is to be kept or passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CampaignReport {
    /// Its id.
    pub campaign: CampaignId,
    /// Its name.
    pub name: Name,
    /// The team that it belongs to.
    pub owner: Name,
    /// Where it is.
    pub state: CampaignState,
    /// Why it is there, if that needs saying.
    pub why: Option<Message>,
    /// When it was made.
    pub made: Time,
    /// When it was first started.
    pub started: Option<Time>,
    /// When all its runs were published or at their end.
    pub rolled_out: Option<Time>,
    /// From start to there, or until now.
    pub took_ms: Option<Millis>,
    /// What ran.
    pub module: ModuleDigest,
    /// What that was submitted as.
    pub module_name: Option<Name>,
    /// With these.
    pub params: ParamsDigest,
    /// What was carried out.
    pub plan: Option<Blake3>,
    /// By these rules.
    pub policy: Policy,
    /// Datasets in the selection.
    pub datasets: u64,
    /// All runs by state.
    pub runs: RunCounts,
    /// Those of each wave.
    pub waves: List<Wave, 64>,
    /// Of all results.
    pub rows: RunRows,
    /// What all of it cost.
    pub meters: Meters,
    /// Somebody went on without the approvals that a plan of it needed. For ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken_glass: bool,
    /// What the plan guessed, and how far it was from what came.
    #[serde(default)]
    pub guessed: List<Guessed, 16>,
    /// Where the module's source is and of which commit, as whoever submitted it said.
    #[serde(default)]
    pub source: Option<Message>,
    /// Runs whose results went back and forth before they counted as published.
    pub round_trips: u64,
    /// How far its checks are, and what is kept for it.
    pub soak: Soak,
    /// What went for good.
    pub gone: GivenUp,
    /// Why datasets were left out of the plan.
    pub left_out: List<PlanReason, { LISTED_MAX }>,
    /// Failed runs, the most frequent first.
    pub failures: List<FailureKind, { LISTED_MAX }>,
    /// Failed runs of kinds that are not listed.
    pub more_failures: u64,
    /// Published datasets in 100,000 of those that were to be migrated.
    #[serde(default)]
    pub success: u64,
    /// Published datasets in an hour, from its start.
    #[serde(default)]
    pub per_hour: Option<u64>,
    /// How often people did something.
    #[serde(default)]
    pub human_actions: u64,
    /// Each of them, the first first, as long as there are not too many.
    #[serde(default)]
    pub actions: List<HumanAction, { ACTIONS_MAX }>,
    /// The last decision when this was made: it covers all that is said here.
    pub head: ChainHead,
}
