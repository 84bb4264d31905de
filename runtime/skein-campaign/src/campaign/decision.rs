//! What a campaign decides, as the ledger records it.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, CampaignState, Reason, Timestamp, WaveState};

use crate::run::RunMoved;

/// One thing that is decided. What a person wrote, what failed and what was published stand beside it in the ledger's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The campaign moves.
    Moved(Moved),
    /// The campaign has this plan from now on.
    Planned(PlanTaken),
    /// A wave moves.
    Wave(WaveMoved),
    /// A run moves.
    Run(RunMoved),
}

/// A campaign that moves. It must be in state `from` at `epoch`, and is at the next epoch afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The epoch that it must have.
    pub epoch: u64,
    /// The state that it must have.
    pub from: CampaignState,
    /// The state that it has afterwards. [`CampaignState::Soaking`] is *rolled out*, which completion notices wait for.
    pub to: CampaignState,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// A plan that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTaken {
    /// Its digest.
    pub digest: Blake3,
    /// Its waves, the canary first.
    pub waves: Vec<WavePlan>,
    /// Datasets that are in no wave.
    pub ineligible: u64,
}

/// A wave of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WavePlan {
    /// Its runs.
    pub runs: u64,
    /// How many of them may fail.
    pub budget: u64,
}

/// A wave that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveMoved {
    /// Its number.
    pub wave: u32,
    /// The state that it must have.
    pub from: WaveState,
    /// The state that it has afterwards.
    pub to: WaveState,
    /// Why.
    pub reason: Reason,
    /// How many of its runs may fail afterwards.
    pub budget: u64,
}
