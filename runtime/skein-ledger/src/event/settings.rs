//! What is decided about how things are to be: quotas, policies, secrets, receivers of notices, and whether the fleet works.
//! Who sets something again sets all of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_types::{
    Blake3, Bounds, Excess, FuelBudget, Name, QuotaOf, ReceiverKind, Resource, Text, WebhookId,
};

/// Patterns of one receiver.
pub const PATTERNS_MAX: usize = 32;

/// How somebody's part of the fleet is measured from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaSet {
    /// Whose.
    pub of: QuotaOf,
    /// Their share of what is left, against the others'.
    pub weight: u32,
    /// How much of each resource; of one that is not here nothing is promised, and nothing is bounded.
    pub bounds: BTreeMap<Resource, Bounds>,
    /// How much their guests may compute; none: as much as they get to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<FuelBudget>,
    /// What becomes of what would take more.
    pub excess: Excess,
}

/// It is measured as if nobody had ever said how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaRemoved {
    /// Whose.
    pub of: QuotaOf,
    /// Why.
    pub reason: Text,
}

/// Campaigns may name this policy, and mean these bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// What it is called.
    pub name: Name,
    /// The blob with it. Kept while it is set.
    pub blob: Blake3,
    /// What people say of it.
    pub note: Text,
}

/// No policy has this name any more. Campaigns that were made with it have it still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRemoved {
    /// Which.
    pub name: Name,
    /// Why.
    pub reason: Text,
}

/// A team's secret has another value. The value is not here, and nothing that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSet {
    /// Whose.
    pub team: Name,
    /// What it is called.
    pub name: Name,
    /// Which value of it, counted by whoever keeps them. Refused if it is not higher than the last.
    pub version: u64,
    /// Of the value, keyed by the server: a digest of the bare value would let whoever reads the record guess short ones.
    pub digest: Blake3,
}

/// The team has no such secret any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRemoved {
    /// Whose.
    pub team: Name,
    /// Which.
    pub name: Name,
    /// Why.
    pub reason: Text,
}

/// A receiver is told of what fits from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSet {
    /// Which; new, or known.
    pub webhook: WebhookId,
    /// What it is called.
    pub name: Name,
    /// The team that it belongs to; none: everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// What it is.
    pub kind: ReceiverKind,
    /// Where it is. Whoever reads the record reads it: what opens a door by being known is a secret's, and named here.
    pub target: Text,
    /// Patterns of kinds of events. At most [`PATTERNS_MAX`].
    pub events: Vec<Name>,
    /// Whether it is told at all.
    pub active: bool,
}

/// It is told nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookRemoved {
    /// Which.
    pub webhook: WebhookId,
    /// Why.
    pub reason: Text,
}

/// Nothing starts anywhere until it is thawed. Refused if it is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetFrozen {
    /// Why.
    pub reason: Text,
}

/// Work starts again. Refused if it is not frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetThawed {
    /// Why.
    pub reason: Text,
}
