//! Campaigns and waves. Reading one costs the same whatever its size: totals are counters.

use std::collections::BTreeMap;
use std::fmt;

use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, ModuleDigest, Name, ParamsDigest, Rows, RunState, Text,
    Timestamp, WaveState,
};

use super::run::RunCounts;
use crate::event::run::Meters;

/// A campaign as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Which.
    pub id: CampaignId,
    /// What it is called.
    pub name: Name,
    /// The team that it belongs to.
    pub owner: Name,
    /// What it runs.
    pub module: ModuleDigest,
    /// With which parameters.
    pub params: ParamsDigest,
    /// The blob with the parameters.
    pub params_blob: Blake3,
    /// The blob with its policy.
    pub policy: Blake3,
    /// The blob with the selection.
    pub selection: Blake3,
    /// Versions of the owner's secrets that its parameters name.
    pub secrets: BTreeMap<Name, u64>,
    /// Where it is.
    pub state: CampaignState,
    /// How often it moved.
    pub epoch: u64,
    /// Why it is there.
    pub reason: Text,
    /// When it was made.
    pub created: Timestamp,
    /// When it got where it is.
    pub since: Timestamp,
    /// Its plan, once there is one.
    pub plan: Option<CampaignPlan>,
    /// Whether every run was published or had ended.
    pub rolled_out: bool,
    /// Its runs by state.
    pub runs: RunCounts,
    /// Sums over its publishes and failures.
    pub meters: Meters,
    /// Somebody went on without the approvals that a plan of it needed. For ever.
    pub broken_glass: bool,
    /// Comments on it.
    pub comments: u64,
    /// Of these, questions that are not resolved.
    pub open_questions: u64,
    /// How often something was found wrong with what it published.
    pub alarms: u64,
    /// How many of its checks all of its runs have had.
    pub checked: u32,
    /// What the old versions of its published runs take, as large as the plan saw them.
    pub kept: Bytes,
}

/// Which campaigns; all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignFilter {
    /// Of one of these teams. At most [`OWNERS_MAX`](crate::OWNERS_MAX).
    pub owners: Option<Vec<Name>>,
    /// In this state.
    pub state: Option<CampaignState>,
    /// Whose names begin so.
    pub prefix: Option<Name>,
    /// Of this module.
    pub module: Option<ModuleDigest>,
}

/// Between a campaign's id and what a list is ordered by; no id has one.
const BESIDE: char = ':';

/// Where a list of campaigns begins, and in which order it is. Those that are alike are in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignsFrom {
    /// As they were made, after this one.
    Oldest(Option<CampaignId>),
    /// What was made last first, before this one.
    Newest(Option<CampaignId>),
    /// By name in byte order.
    Named(Option<(Name, CampaignId)>),
    /// Those with the most failed runs first.
    Failed(Option<(u64, CampaignId)>),
    /// What moved to another state last first.
    Moved(Option<(Timestamp, CampaignId)>),
}

impl CampaignsFrom {
    /// The same order behind `last`.
    pub(crate) fn behind(&self, last: &Campaign) -> Self {
        match self {
            Self::Oldest(_) => Self::Oldest(Some(last.id)),
            Self::Newest(_) => Self::Newest(Some(last.id)),
            Self::Named(_) => Self::Named(Some((last.name.clone(), last.id))),
            Self::Failed(_) => Self::Failed(Some((last.runs.of(RunState::Failed), last.id))),
            Self::Moved(_) => Self::Moved(Some((last.since, last.id))),
        }
    }

    /// The same order behind what a key names, which was written of a page in this order. None if it is no such key.
    pub fn at(&self, key: &str) -> Option<Self> {
        let id = |text: &str| text.parse::<CampaignId>().ok();
        let with = || key.split_once(BESIDE).and_then(|(made, value)| Some((value, id(made)?)));
        let number = || with().and_then(|(value, id)| Some((value.parse::<u64>().ok()?, id)));
        Some(match self {
            Self::Oldest(_) => Self::Oldest(Some(id(key)?)),
            Self::Newest(_) => Self::Newest(Some(id(key)?)),
            Self::Named(_) => {
                let (value, id) = with()?;
                Self::Named(Some((Name::new(value).ok()?, id)))
            }
            Self::Failed(_) => Self::Failed(Some(number()?)),
            Self::Moved(_) => {
                let (at, id) = number()?;
                Self::Moved(Some((Timestamp(at), id)))
            }
        })
    }
}

/// As a key: the id, and beside it what the list is ordered by. Empty where the list begins.
impl fmt::Display for CampaignsFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oldest(Some(id)) | Self::Newest(Some(id)) => write!(f, "{id}"),
            Self::Named(Some((name, id))) => write!(f, "{id}{BESIDE}{name}"),
            Self::Failed(Some((failed, id))) => write!(f, "{id}{BESIDE}{failed}"),
            Self::Moved(Some((at, id))) => write!(f, "{id}{BESIDE}{}", at.0),
            Self::Oldest(None)
            | Self::Newest(None)
            | Self::Named(None)
            | Self::Failed(None)
            | Self::Moved(None) => Ok(()),
        }
    }
}

/// What was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CampaignPlan {
    /// Its digest.
    pub digest: Blake3,
    /// The blob with its report.
    pub report: Blake3,
    /// Bytes of what is to be migrated.
    pub bytes: Bytes,
    /// Rows of what is to be migrated.
    pub rows: Rows,
}

/// A wave as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    /// Which.
    pub number: u32,
    /// Where it is.
    pub state: WaveState,
    /// Why it is there.
    pub reason: Text,
    /// When it got there.
    pub since: Timestamp,
    /// When it was running for the first time.
    pub began: Option<Timestamp>,
    /// How many of its runs may fail.
    pub budget: u64,
    /// Failures since it began, also of runs that were tried again since.
    pub failures: u64,
    /// Its runs by state.
    pub runs: RunCounts,
}
