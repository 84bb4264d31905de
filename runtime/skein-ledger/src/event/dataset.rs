//! What is decided about datasets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_types::{DatasetId, Name, Text};

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
