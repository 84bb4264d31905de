//! Settings as they are. A version is higher after each time that something was set, also if it was removed in between, so that
//! who changes what was read can say so ([`Guard::SettingAt`](crate::Guard::SettingAt)): it is the position of the decision,
//! which is also where to look for who made it. A secret's is the number of its value.

use std::collections::BTreeMap;

use skein_types::{
    Blake3, Bounds, DatasetId, Excess, FuelBudget, Name, QuotaOf, ReceiverKind, Resource, Text, Timestamp,
    WebhookId,
};

/// Somebody's part of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whose.
    pub of: QuotaOf,
    /// Their share of what is left.
    pub weight: u32,
    /// How much of each resource.
    pub bounds: BTreeMap<Resource, Bounds>,
    /// How much their guests may compute.
    pub fuel: Option<FuelBudget>,
    /// What becomes of what would take more.
    pub excess: Excess,
    /// When it was set.
    pub since: Timestamp,
    /// Which setting of it.
    pub version: u64,
}

/// A policy with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What it is called.
    pub name: Name,
    /// The blob with it.
    pub blob: Blake3,
    /// What people say of it.
    pub note: Text,
    /// When it was set.
    pub since: Timestamp,
    /// Which setting of it.
    pub version: u64,
}

/// A secret of a team; not its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Whose.
    pub team: Name,
    /// What it is called.
    pub name: Name,
    /// Which value of it.
    pub version: u64,
    /// Of the value, keyed by the server.
    pub digest: Blake3,
    /// When it was set.
    pub since: Timestamp,
}

/// A receiver of notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Which.
    pub id: WebhookId,
    /// What it is called.
    pub name: Name,
    /// The team that it belongs to; none: everybody's.
    pub team: Option<Name>,
    /// What it is.
    pub kind: ReceiverKind,
    /// Where it is.
    pub target: Text,
    /// Patterns of kinds of events.
    pub events: Vec<Name>,
    /// Whether it is told at all.
    pub active: bool,
    /// When it was set.
    pub since: Timestamp,
    /// Which setting of it.
    pub version: u64,
}

/// A rule of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Of which dataset.
    pub dataset: DatasetId,
    /// The team that reads the dataset and wants it; none: the dataset's owner.
    pub consumer: Option<Name>,
    /// What it is called.
    pub name: Name,
    /// The blob with it.
    pub blob: Blake3,
    /// Why it is passed over, if the dataset's owner said so.
    pub ignored: Option<Text>,
    /// When it was set, or last said to be passed over or not.
    pub since: Timestamp,
    /// Which setting of it.
    pub version: u64,
}

/// A rule that stands with datasets of a campaign's plan. Those of one name and one text that are one team's are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRule {
    /// Whose the datasets are.
    pub owner: Name,
    /// The team that reads them and wants it; none: their owner.
    pub consumer: Option<Name>,
    /// What it is called.
    pub name: Name,
    /// The blob with it.
    pub blob: Blake3,
    /// The datasets' owner said that it is passed over.
    pub ignored: bool,
    /// With how many of the plan's datasets.
    pub datasets: u64,
    /// The first of them by name.
    pub example: Name,
}

/// Whether the fleet works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Nothing starts.
    pub frozen: bool,
    /// Why it is so.
    pub reason: Text,
    /// Since when; 1970 if it was never frozen.
    pub since: Timestamp,
    /// Which setting of it; 0 if it was never frozen.
    pub version: u64,
}
