//! What is decided about datasets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, DatasetId, Name, Text};

/// Labels of a dataset.
pub type Labels = BTreeMap<Name, Name>;

/// A dataset is known from now on. No other has its name or its location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRegistered {
    /// Which; new.
    pub dataset: DatasetId,
    /// What it is called.
    pub name: Name,
    /// What reads it.
    pub driver: Name,
    /// Where it is.
    pub location: Text,
    /// The team that it belongs to.
    pub owner: Name,
    /// Its labels.
    pub labels: Labels,
}

/// Name, owner and labels from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetChanged {
    /// Which.
    pub dataset: DatasetId,
    /// What it is called.
    pub name: Name,
    /// The team that it belongs to.
    pub owner: Name,
    /// All its labels.
    pub labels: Labels,
}

/// It is not known any more. What was done to it stays on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRemoved {
    /// Which.
    pub dataset: DatasetId,
    /// Why.
    pub reason: Text,
}

/// A rule holds of a dataset from now on: its owner's, or a team's that reads it. Whoever sets it again sets all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Of which dataset.
    pub dataset: DatasetId,
    /// The team that reads it; none: the dataset's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Name>,
    /// What it is called, among those of the dataset and the team.
    pub name: Name,
    /// The blob with it. Kept while it is set.
    pub blob: Blake3,
}

/// The rule is none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRemoved {
    /// Of which dataset.
    pub dataset: DatasetId,
    /// The team that reads it; none: the dataset's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Name>,
    /// Which.
    pub name: Name,
    /// Why.
    pub reason: Text,
}

/// The dataset's owner does not want a rule of a reader looked at, or wants it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleIgnored {
    /// Of which dataset.
    pub dataset: DatasetId,
    /// Whose.
    pub consumer: Name,
    /// Which.
    pub name: Name,
    /// Whether it is passed over.
    pub ignored: bool,
    /// Why.
    pub reason: Text,
}
