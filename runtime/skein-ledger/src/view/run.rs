//! Runs.

use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, DatasetId, ErrorClass, Name, Rows, RunId, RunState, Text,
    Timestamp, Verdict,
};

use crate::event::run::Meters;

/// A run as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// The name that the dataset's log knows it by.
    pub id: RunId,
    /// Over what.
    pub dataset: DatasetId,
    /// In which wave.
    pub wave: Option<u32>,
    /// What the plan says.
    pub verdict: Verdict,
    /// Of the dataset's schema.
    pub schema: Option<Blake3>,
    /// Of the plan for that schema.
    pub plan: Option<Blake3>,
    /// The dataset's size when planned.
    pub bytes: Bytes,
    /// The dataset's rows when planned.
    pub rows: Rows,
    /// Where it is.
    pub state: RunState,
    /// How often it moved.
    pub epoch: u64,
    /// Why it is there.
    pub reason: Text,
    /// When it got there.
    pub since: Timestamp,
    /// Its way through the door, from the intent on.
    pub door: Option<Door>,
    /// The dataset's version that it made or, reverted, that followed.
    pub version: Option<u64>,
    /// What went wrong last, if it failed or could not be undone.
    pub failure: Option<Failure>,
    /// What it took, all tries together.
    pub meters: Meters,
    /// The team whose slice of the plan it is in.
    pub team: Option<Name>,
    /// The blob with the signed statement of what was published last.
    pub statement: Option<Blake3>,
    /// How often something was found wrong with what it published.
    pub alarms: u64,
}

/// What was intended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// What the publish is called in the dataset's log.
    pub publish: Name,
    /// The blob with the descriptor.
    pub descriptor: Blake3,
    /// The version that it takes the place of.
    pub base: u64,
    /// Whose work it is.
    pub attempt: AttemptId,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault.
    pub class: ErrorClass,
    /// The error's code.
    pub code: Name,
}

/// Runs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts([u64; RunState::ALL.len()]);

impl RunCounts {
    /// Counts in the order of [`RunState::ALL`].
    pub(crate) fn new(counts: [u64; RunState::ALL.len()]) -> Self {
        Self(counts)
    }

    /// In this state.
    pub fn of(&self, state: RunState) -> u64 {
        RunState::ALL.iter().zip(self.0).find(|(s, _)| **s == state).map_or(0, |(_, count)| count)
    }

    /// In any of these states.
    pub fn among(&self, states: &[RunState]) -> u64 {
        states.iter().map(|state| self.of(*state)).sum()
    }

    /// In any state.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// What happened in a second to the runs of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourseStep {
    /// Since 1970.
    pub second: u64,
    /// How many came to rest, less those that were taken up again.
    pub rested: i64,
    /// How many failed or could not be undone, less those that are tried again.
    pub failed: i64,
}

/// Which runs of a campaign; all that is given must fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// In this state.
    pub state: Option<RunState>,
    /// In this wave.
    pub wave: Option<u32>,
}
