//! A campaign made again from what the ledger keeps of it.

use skein_types::{Blake3, CampaignState, Reason, Timestamp, WaveState};

use super::Campaign;
use crate::policy::Policy;
use crate::tally::Tally;
use crate::wave::Wave;

/// A campaign's row and those of its waves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it is.
    pub state: CampaignState,
    /// How often it moved.
    pub epoch: u64,
    /// Why it is there.
    pub reason: Option<Reason>,
    /// When it came there.
    pub since: Timestamp,
    /// Its rules.
    pub policy: Policy,
    /// The digest of its plan.
    pub plan: Option<Blake3>,
    /// Datasets of its plan that are in no wave.
    pub ineligible: u64,
    /// Its waves by number, without a gap.
    pub waves: Vec<WaveRow>,
}

/// A wave's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveRow {
    /// Where it is.
    pub state: WaveState,
    /// Why it is there.
    pub reason: Option<Reason>,
    /// How many of its runs may fail.
    pub budget: u64,
    /// How many of its runs are where.
    pub runs: Tally,
}

impl Campaign {
    /// The campaign of these rows. Its waves start slowly again: how far they had come is in the decisions, not in the rows.
    pub fn restore(stored: Restored) -> Self {
        let Restored { state, epoch, reason, since, policy, plan, ineligible, waves } = stored;
        let wave = |(number, row): (u32, WaveRow)| {
            let wave = Wave::new(number, row.runs, row.budget);
            Wave { state: row.state, reason: row.reason, ..wave }
        };
        let waves = (0..).zip(waves).map(wave).collect();
        Self { state, epoch, reason, since, policy, plan, ineligible, waves }
    }
}
