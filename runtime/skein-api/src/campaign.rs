//! Campaigns: `POST /v1/campaigns` makes one, `GET /v1/campaigns[/{id}[/plan|/samples|/runs|/events|/progress]]` show,
//! `POST /v1/campaigns/{id}/actions/{verb}` moves one, or its plan.

use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, Millis, ModuleDigest, ParamsDigest, Rows, WaveState,
};

use crate::bounded::{List, Text};
use crate::dataset::Labels;
use crate::lines::{Cell, Lined};
use crate::plan::{PlanEstimate, Risk};
use crate::policy::Policy;
use crate::run::Waiting;
use crate::time::Time;
use crate::{Message, Name};

pub use crate::report::{Kept, Soak};

/// Which datasets. A dataset is in if all that is said holds for it; if nothing is said, all are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Its name is one of these or matches one as a glob.
    #[serde(skip_serializing_if = "names_empty")]
    pub names: List<Name, 10_000>,
    /// It has all of these.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// It belongs to this team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// It belongs to one of these teams; of none, if there are none. Where nothing is said, to any that whoever asks may plan for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<List<Name, 64>>,
    /// It has this driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Text<32, 1>>,
    /// It is one of these, and what is said of it holds for its run.
    #[serde(skip_serializing_if = "manifest_empty")]
    pub manifest: List<Chosen, { MANIFEST_MAX }>,
    /// Its run in this campaign did not come to an end that stays: it failed, was cancelled, is stale, was undone, or its
    /// dataset was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished_of: Option<CampaignId>,
}

/// Most datasets of a manifest.
pub const MANIFEST_MAX: usize = 10_000;

/// A dataset that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Its name, exactly.
    pub dataset: Name,
    /// Take the place of the campaign's parameters of the same names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    /// The team that it belongs to; refused if it is another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// Its run does not start before.
    #[serde(default, alias = "defer-until", skip_serializing_if = "Option::is_none")]
    pub defer_until: Option<Time>,
}

impl Lined for Chosen {
    const COLUMNS: &'static [(&'static str, &'static str, Cell)] = &[
        ("dataset", "dataset", Cell::Text),
        ("params", "params", Cell::Json),
        ("owner", "owner", Cell::Text),
        ("defer-until", "defer_until", Cell::Moment),
    ];
    const NEEDED: &'static str = "dataset";
}

fn manifest_empty(manifest: &List<Chosen, MANIFEST_MAX>) -> bool {
    manifest.is_empty()
}

fn names_empty(names: &List<Name, 10_000>) -> bool {
    names.is_empty()
}

/// A campaign to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignCreate {
    /// For people; need not be the only one.
    pub name: Name,
    /// The team that it belongs to; the only one that it can be if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// A digest, or `name@version`.
    pub module: Name,
    /// For the module: any JSON that it takes.
    #[serde(default)]
    pub params: Value,
    /// Over these.
    #[serde(default)]
    pub selection: Selection,
    /// In this way.
    #[serde(default)]
    pub policy: Policy,
    /// In the way that this name stands for on the server, as it is now; instead of `policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_named: Option<Name>,
}

/// What somebody may ask of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CampaignVerb {
    /// Look at all datasets.
    Plan,
    /// Carry the plan out.
    Start,
    /// Start nothing more until resumed.
    Pause,
    /// Go on.
    Resume,
    /// End it; what is published stays.
    Cancel,
    /// Try failed, skipped or stale runs again.
    Retry,
    /// Leave runs out.
    Skip,
    /// Undo published runs.
    RollBack,
    /// Give old versions up.
    Finalize,
    /// Say yes to a slice of the plan, or let a wave through.
    Approve,
    /// Take an approval back.
    Revoke,
    /// Put a slice's runs off.
    Defer,
    /// Leave a slice's runs out.
    Decline,
    /// Go on without the approvals that it needs.
    BreakGlass,
}

impl CampaignVerb {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Plan,
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
        Self::Retry,
        Self::Skip,
        Self::RollBack,
        Self::Finalize,
        Self::Approve,
        Self::Revoke,
        Self::Defer,
        Self::Decline,
        Self::BreakGlass,
    ];

    /// The word in the path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::RollBack => "roll_back",
            Self::Finalize => "finalize",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Defer => "defer",
            Self::Decline => "decline",
            Self::BreakGlass => "break_glass",
        }
    }
}

impl fmt::Display for CampaignVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CampaignVerb {
    /// Nobody can do anything else about a verb that is not there.
    type Err = ();
    fn from_str(word: &str) -> Result<Self, ()> {
        // People write these with a dash, too.
        let word = word.replace('-', "_");
        Self::ALL.into_iter().find(|verb| verb.as_str() == word).ok_or(())
    }
}

/// Asks for a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignAction {
    /// The state that whoever asks saw; refused if the campaign is no longer there.
    pub expect: CampaignState,
    /// For the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Message>,
    /// The plan that is meant, where one is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Blake3>,
    /// The runs that are meant, by their place; all that the verb fits if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<List<u64, 10_000>>,
    /// Do not wait for the end of the rollback window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub now: bool,
    /// The slice of the plan that is meant, by its team. A pause, a resume or a rollback is of its runs alone then, and whoever may
    /// for that team may ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Name>,
    /// The wave that is let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// Before which runs that are put off do not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

impl CampaignAction {
    /// One with nothing beside the state that was seen.
    pub const fn seen(expect: CampaignState) -> Self {
        Self {
            expect,
            reason: None,
            plan: None,
            runs: None,
            now: false,
            slice: None,
            wave: None,
            until: None,
        }
    }
}

/// Runs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each is a state of a run")]
pub struct RunCounts {
    pub ineligible: u64,
    pub planned: u64,
    pub held: u64,
    pub intended: u64,
    pub published: u64,
    pub finalized: u64,
    pub failed: u64,
    pub skipped: u64,
    pub stale: u64,
    pub cancelled: u64,
    pub reverting: u64,
    pub reverted: u64,
    pub revert_failed: u64,
}

/// A cohort of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wave {
    /// 0 is the canary.
    pub number: u32,
    /// Where it is.
    pub state: WaveState,
    /// Why it is there, if that needs saying.
    pub why: Option<Message>,
    /// Since when.
    pub since: Time,
    /// When it began; none of one that has not.
    pub began: Option<Time>,
    /// Its runs.
    pub size: u64,
    /// Of those, so many may fail.
    pub budget: u64,
    /// By state.
    pub runs: RunCounts,
}

/// What the plan comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanTotals {
    /// Of the whole plan.
    pub digest: Blake3,
    /// Datasets to be migrated.
    pub eligible: u64,
    /// Been through it before.
    pub already_migrated: u64,
    /// Have nothing that it is for.
    pub not_applicable: u64,
    /// Refused by the module or a rule.
    pub refused: u64,
    /// Rows of the eligible.
    pub rows: Rows,
    /// Bytes of the eligible.
    pub bytes: Bytes,
    /// How much can go wrong, by what was seen.
    #[serde(default)]
    pub risk: Risk,
    /// Datasets that were tried.
    #[serde(default)]
    pub samples: u64,
    /// Of those, so many failed.
    #[serde(default)]
    pub samples_failed: u64,
    /// What carrying it out takes.
    #[serde(default)]
    pub estimate: PlanEstimate,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Campaign {
    /// Its id.
    pub campaign: CampaignId,
    /// Its name.
    pub name: Name,
    /// The team that it belongs to.
    pub owner: Name,
    /// Where it is.
    pub state: CampaignState,
    /// Higher with each move.
    pub epoch: u64,
    /// Why it is there, if that needs saying.
    pub why: Option<Message>,
    /// Since when.
    pub since: Time,
    /// What runs.
    pub module: ModuleDigest,
    /// With these.
    pub params: ParamsDigest,
    /// In this way.
    pub policy: Policy,
    /// Datasets in the selection.
    pub datasets: u64,
    /// All runs by state.
    pub runs: RunCounts,
    /// What it comes to, once it is planned.
    pub plan: Option<PlanTotals>,
    /// Once it is planned.
    pub waves: List<Wave, 64>,
    /// Somebody went on without the approvals that a plan of it needed. For ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken_glass: bool,
    /// How far its checks are, and what is kept for it.
    #[serde(default)]
    pub soak: Soak,
}

/// How a campaign is getting on just now. Nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CampaignProgress {
    /// Where it is.
    pub state: CampaignState,
    /// The decision that it is as of.
    pub position: u64,
    /// All runs by state.
    pub runs: RunCounts,
    /// Runs that agents are at work on.
    pub running: u64,
    /// Staged runs that wait at the door.
    pub staged: u64,
    /// Runs whose last try failed in a way that may pass, and that are tried again.
    pub retrying: u64,
    /// Failures that the present wave can still afford.
    pub failures_left: u64,
    /// Rows read by what is published or at work.
    pub rows_done: Rows,
    /// Rows of the eligible.
    pub rows_total: Rows,
    /// Over the last seconds.
    pub rows_per_second: u64,
    /// Since it started.
    pub elapsed_ms: Millis,
    /// Until all are published, if it can be told.
    pub remaining_ms: Option<Millis>,
    /// Why nothing of it begins anywhere, while it is planned or runs; none: nodes take tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waiting>,
    /// The wave that is through its gate, and that somebody has to let the next one follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave_waits: Option<u32>,
    /// Planned runs, while it runs, whose part of the plan its team has put off or has not approved.
    #[serde(default)]
    pub put_off: u64,
    /// All that is left of what has begun is runs that rules keep back, and others that are put off: it goes on when somebody has
    /// released the held ones, had them made again or discarded them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_waits: bool,
    /// All that is left of what has begun is runs that are put off: it goes on when their team has approved or resumed its part, or
    /// when the time has come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub put_off_waits: bool,
}
