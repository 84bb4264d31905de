//! What is decided about campaigns and their waves. Every record is O(1) in the number of datasets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, ModuleDigest, Name, ParamsDigest, Rows, Text, WaveState,
};

/// A campaign exists, as a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignCreated {
    /// Which; new.
    pub campaign: CampaignId,
    /// What it is called. Several may have one name.
    pub name: Name,
    /// The team that it belongs to.
    pub owner: Name,
    /// What it runs.
    pub module: ModuleDigest,
    /// With which parameters, secrets replaced.
    pub params: ParamsDigest,
    /// The blob with the parameters, as they may be shown.
    pub params_blob: Blake3,
    /// The blob with its policy.
    pub policy: Blake3,
    /// The blob with the selection.
    pub selection: Blake3,
    /// Versions of the owner's secrets that its parameters name, as they were when it was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<Name, u64>,
}

/// It is in another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignMoved {
    /// Which.
    pub campaign: CampaignId,
    /// Where it was; refused where it is not.
    pub from: CampaignState,
    /// Where it is now.
    pub to: CampaignState,
    /// Why.
    pub reason: Text,
}

/// Every dataset of it was planned: it moves from *planning* to *planned*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignPlanned {
    /// Which.
    pub campaign: CampaignId,
    /// The plan's digest: what is approved and carried out.
    pub plan: Blake3,
    /// The blob with the plan's report.
    pub report: Blake3,
    /// Runs in it, of every verdict. Refused if as many were not planned.
    pub runs: u64,
    /// Bytes of what is to be migrated.
    pub bytes: Bytes,
    /// Rows of what is to be migrated.
    pub rows: Rows,
}

/// An earlier plan is void: its waves and runs are gone, and planning begins anew. Refused where a run was at the door or
/// past it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignUnplanned {
    /// Which.
    pub campaign: CampaignId,
}

/// Every run of it is published or has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignRolledOut {
    /// Which.
    pub campaign: CampaignId,
}

/// A wave exists, as one that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WavePlanned {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which; 0 is the canary.
    pub wave: u32,
    /// How many of its runs may fail.
    pub budget: u64,
}

/// A wave is in another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveMoved {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which.
    pub wave: u32,
    /// Where it was; refused where it is not. May be where it is now, for another budget.
    pub from: WaveState,
    /// Where it is now.
    pub to: WaveState,
    /// Why.
    pub reason: Text,
    /// How many of its runs may fail from now on, counted from its beginning.
    pub budget: u64,
}
