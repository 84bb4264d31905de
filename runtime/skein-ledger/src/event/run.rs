//! What is decided about runs. A run that succeeds is planned, intended, published and, later, finalized.

use serde::{Deserialize, Serialize};
use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, DatasetId, ErrorClass, Fuel, Millis, Name, Rows, RunId, RunState,
    Text, Verdict,
};

use crate::canonical::INTEGER_MAX;

/// What a run's attempts took and made, folded into its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meters {
    /// Attempts at its tasks.
    pub attempts: u64,
    /// Rows read.
    pub rows_in: Rows,
    /// Rows written.
    pub rows_out: Rows,
    /// Rows that the guest refused.
    pub rejects: Rows,
    /// Bytes read.
    pub bytes_in: Bytes,
    /// Bytes written.
    pub bytes_out: Bytes,
    /// Processor time.
    pub cpu: Millis,
    /// Fuel of the guest.
    pub fuel: Fuel,
}

impl Meters {
    /// Both together, up to what a record can hold.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: u64, b: u64| a.saturating_add(b).min(INTEGER_MAX);
        Self {
            attempts: sum(self.attempts, other.attempts),
            rows_in: Rows(sum(self.rows_in.0, other.rows_in.0)),
            rows_out: Rows(sum(self.rows_out.0, other.rows_out.0)),
            rejects: Rows(sum(self.rejects.0, other.rejects.0)),
            bytes_in: Bytes(sum(self.bytes_in.0, other.bytes_in.0)),
            bytes_out: Bytes(sum(self.bytes_out.0, other.bytes_out.0)),
            cpu: Millis(sum(self.cpu.0, other.cpu.0)),
            fuel: Fuel(sum(self.fuel.0, other.fuel.0)),
        }
    }
}

/// What the plan says of one dataset. It is *planned* if it is eligible, else *ineligible*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunPlanned {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it; new.
    pub seq: u64,
    /// The name that the dataset's log knows it by; new.
    pub run: RunId,
    /// Over what.
    pub dataset: DatasetId,
    /// Whose dataset it was when it was planned: the slice that its run is in; none where there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// In which wave; none where there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// What is to be done.
    pub verdict: Verdict,
    /// Why not, where it is not eligible; the plan's remarks otherwise.
    pub reason: Text,
    /// Of the dataset's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Blake3>,
    /// Of the plan for that schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Blake3>,
    /// The dataset's size.
    pub bytes: Bytes,
    /// The dataset's rows.
    pub rows: Rows,
}

/// It is at the door: from here on only this version is published or it is not. From *planned*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunIntended {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// What the publish is called in the dataset's log.
    pub publish: Name,
    /// The blob with all that is needed to publish it or to find out whether it was. Kept while the run is intended.
    pub descriptor: Blake3,
    /// The version that it takes the place of.
    pub base: u64,
    /// Whose work it is.
    pub attempt: AttemptId,
}

/// Its result is staged, and a rule keeps it from being announced: a person decides. From *planned*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunHeld {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Whose work is kept.
    pub attempt: AttemptId,
    /// The rules that are broken or not known to hold, and what may be told of them.
    pub reason: Text,
    /// Teams that read the dataset and whose rules are among them, each with what it may know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<HeldFor>,
}

/// What a team that reads a dataset may know of a run that its rules keep back: of its own rules, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldFor {
    /// Which team.
    pub team: Name,
    /// Its rules.
    pub reason: Text,
}

/// A person lets it go on to the door in spite of its rules, with the very result that is staged. From *held* to *planned*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunReleased {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Why.
    pub reason: Text,
}

/// Its result is current. From *intended*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunPublished {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// The dataset's version from now on.
    pub version: u64,
    /// What it took.
    pub meters: Meters,
    /// The blob with the signed statement of what was published; none of a run that was published before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Blake3>,
}

/// The version before it was given up. From *published*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFinalized {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// The versions of the dataset whose files are gone; empty where there were none of ours any more.
    #[serde(default)]
    pub versions: Vec<u64>,
    /// How many files those were.
    #[serde(default)]
    pub files: u64,
    /// Their size.
    #[serde(default)]
    pub bytes: Bytes,
}

/// It failed for good, and the dataset is as it was. Counts as a failure of its wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFailed {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Where it was; refused where it is not.
    pub from: RunState,
    /// Whose fault.
    pub class: ErrorClass,
    /// The error's code.
    pub code: Name,
    /// The error's message.
    pub message: Text,
    /// What it took.
    pub meters: Meters,
}

/// A person left it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSkipped {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Where it was; refused where it is not.
    pub from: RunState,
    /// Why.
    pub reason: Text,
}

/// It was ended before it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCancelled {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Where it was; refused where it is not.
    pub from: RunState,
    /// Why.
    pub reason: Text,
}

/// The dataset's schema is not the plan's any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunStale {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Where it was; refused where it is not.
    pub from: RunState,
    /// What moved.
    pub reason: Text,
}

/// It is *planned* again: a retry, or a publish that turned out not to have happened and cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRetried {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Where it was; refused where it is not.
    pub from: RunState,
    /// Why.
    pub reason: Text,
}

/// The old version is being made current again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunReverting {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Where it was; refused where it is not.
    pub from: RunState,
    /// Why.
    pub reason: Text,
}

/// The old version is current again. From *reverting*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunReverted {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// The dataset's version from now on.
    pub version: u64,
}

/// The old version could not be made current again. From *reverting*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRevertFailed {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// Whose fault.
    pub class: ErrorClass,
    /// The error's code.
    pub code: Name,
    /// The error's message.
    pub message: Text,
}
