//! What was found out about a result after it was staged: that it can be gone back from, and whether it stays what it was.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, CampaignId, DatasetId, Millis, Name, Text};

/// A run's result went back and forth before it counted as published. Stands before `run.published`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRehearsed {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// The version that the run read.
    pub base: u64,
    /// As which its result was published first.
    pub published: u64,
    /// As which the old content came back; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<u64>,
    /// As which the result became current again; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<u64>,
    /// Files that were read and compared, of both versions.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Of names, sizes and contents of the old version, as it came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Blake3>,
    /// Of names, sizes and contents of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Blake3>,
    /// Why it is not proven; none if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Text>,
}

/// Something is wrong with what a run published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAlarmed {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which run of it.
    pub seq: u64,
    /// What found it: how long after the publish a check was due, or `scrub`.
    pub check: Name,
    /// What it is.
    pub code: Name,
    /// The version that it is about.
    pub version: u64,
    /// The file or the rule, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Text>,
    /// The team that reads the dataset and whose rule it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Name>,
    /// In words.
    pub message: Text,
}

/// All runs of a campaign have had one of its checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignChecked {
    /// Which.
    pub campaign: CampaignId,
    /// Which of its checks, from 0; they come in order.
    pub check: u32,
    /// How long after each publish it was due.
    pub after: Millis,
    /// Runs that were looked at.
    pub runs: u64,
    /// Alarms until now.
    pub alarms: u64,
}

/// A version that is kept, or current, is not what the dataset's log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetDamaged {
    /// Which.
    pub dataset: DatasetId,
    /// Which version.
    pub version: u64,
    /// Whether that is the current one.
    pub current: bool,
    /// The file.
    pub path: Text,
    /// How it differs.
    pub message: Text,
}
