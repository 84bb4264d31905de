//! What a campaign came to, on one page: `GET /v1/campaigns/{id}/report`. For whoever signs it off, and for whoever asks later.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, CampaignId, CampaignState, Millis, ModuleDigest, ParamsDigest};
use utoipa::ToSchema;

use crate::audit::ChainHead;
use crate::bounded::{List, Text};
use crate::campaign::{RunCounts, Wave};
use crate::plan::{LISTED_MAX, PlanReason};
use crate::policy::Policy;
use crate::run::{Meters, RunRows};
use crate::time::Time;
use crate::{Message, Name};

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
    /// Why datasets were left out of the plan.
    pub left_out: List<PlanReason, { LISTED_MAX }>,
    /// Failed runs, the most frequent first.
    pub failures: List<FailureKind, { LISTED_MAX }>,
    /// Failed runs of kinds that are not listed.
    pub more_failures: u64,
    /// The last decision when this was made: it covers all that is said here.
    pub head: ChainHead,
}
