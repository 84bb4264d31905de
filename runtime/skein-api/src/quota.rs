//! How the fleet is divided, and what was used of it: `GET /v1/quotas`, `GET|PUT|DELETE /v1/quotas/{of}`,
//! `POST /v1/quotas/actions/apply`, `GET /v1/usage`. `{of}` is `org`, `default`, `team:NAME` or `campaign:ID`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_types::{Bounds, Bytes, CampaignId, Excess, Fuel, FuelBudget, Millis, Resource};
use utoipa::ToSchema;

use crate::Message;
use crate::bounded::{List, Text};
use crate::time::Time;

/// Most quotas that are set at once.
pub const QUOTAS_MAX: usize = 1_000;
/// Most findings that are told.
pub const FINDINGS_MAX: usize = 100;

/// Whose a quota is: `org`, `default`, `team:NAME` or `campaign:ID`.
pub type QuotaName = Text<220, 1>;

/// Sets all of somebody's quota; what is not said is not promised and not bounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaPut {
    /// Their share of what is left, against the others'; 1 if nothing is said.
    pub weight: u32,
    /// How much of each resource, in its unit: `cpu` in thousandths of a core, `memory` in bytes, `slots` in agents, `read` and
    /// `write` in bytes a second.
    pub bounds: BTreeMap<Resource, Bounds>,
    /// How much their guests may compute in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<FuelBudget>,
    /// What becomes of what would take more; `throttle` if nothing is said.
    pub excess: Excess,
}

impl Default for QuotaPut {
    fn default() -> Self {
        Self { weight: 1, bounds: BTreeMap::new(), fuel: None, excess: Excess::Throttle }
    }
}

/// Somebody's part of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// Whose.
    pub of: QuotaName,
    /// As it was set.
    pub quota: QuotaPut,
    /// Higher each time that it is set; the answer's `ETag`.
    pub version: u64,
    /// Since when.
    pub since: Time,
}

/// One of many that are set together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaEntry {
    /// Whose.
    pub of: QuotaName,
    /// As it shall be.
    pub quota: QuotaPut,
}

/// Sets many quotas, all of them or none: `POST /v1/quotas/actions/apply`. Those that are not named stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotasApply {
    /// These.
    pub quotas: List<QuotaEntry, { QUOTAS_MAX }>,
    /// Only say what would change, and what does not add up.
    #[serde(default)]
    pub dry_run: bool,
}

/// What one of them was and is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaChange {
    /// Whose.
    pub of: QuotaName,
    /// As it was; none: it was not set.
    pub before: Option<QuotaPut>,
    /// As it is, or would be.
    pub after: QuotaPut,
}

/// What became of many quotas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotasApplied {
    /// They are set. Not so after a dry run, nor where they do not add up.
    pub applied: bool,
    /// Those that change; those that stay as they were are not here.
    pub changes: List<QuotaChange, { QUOTAS_MAX }>,
    /// What does not add up. Told by a dry run only: otherwise it is a problem (`SK0700`) with the same findings.
    pub findings: List<Message, { FINDINGS_MAX }>,
}

/// What use is summed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// Teams.
    #[default]
    Team,
    /// Campaigns.
    Campaign,
    /// Modules.
    Module,
    /// Hours.
    Hour,
}

/// What somebody's work took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageSum {
    /// A team's name, a campaign's id, a module's digest or an hour's beginning; empty for what is in no campaign or of no module.
    pub of: QuotaName,
    /// Processor time: an hour of one core is 3,600,000.
    pub cpu_ms: Millis,
    /// Time in which slots were held, all slots together.
    pub slot_ms: Millis,
    /// Fuel of guests.
    pub fuel: Fuel,
    /// Bytes read from stores.
    pub bytes_read: Bytes,
    /// Bytes written to stores.
    pub bytes_written: Bytes,
    /// Attempts that ended.
    pub attempts: u64,
    /// What old versions take that are kept now for campaigns that are not over; only of teams and campaigns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Bytes>,
    /// By the prices of the server's settings, with two decimals; none without prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Text<40>>,
}

/// What was used: `GET /v1/usage?by=team&from=…&to=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageReport {
    /// What it is summed by.
    pub by: UsageBy,
    /// Hours that begin from then on; none: all that are kept.
    pub from: Option<Time>,
    /// Hours that begin before then; none: until now.
    pub to: Option<Time>,
    /// Hours in their order; anything else by processor time, the most first.
    pub sums: List<UsageSum, 1_000>,
    /// Whether that is all.
    pub whole: bool,
    /// Of costs, if there are prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Text<16>>,
}

/// What somebody has of the fleet now: `GET /v1/quotas/{of}/explain`. Amounts are in the units of quotas; what is 0 is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaExplained {
    /// Whose.
    pub of: QuotaName,
    /// Which quota holds for it: its own, or the default; none: nobody set any.
    pub by: Option<QuotaName>,
    /// As that was set.
    pub quota: Option<QuotaPut>,
    /// Whether the fleet is divided now. It is not while one team is at work and nobody set a quota.
    pub divided: bool,
    /// What it has; none: it takes no part now.
    pub account: Option<QuotaAccount>,
    /// Its work, by campaign and size.
    pub queues: List<QuotaQueue, 1_000>,
}

/// What somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaAccount {
    /// Promised.
    pub guaranteed: BTreeMap<Resource, u64>,
    /// What its agents take: memory and slots as granted, the rest as measured.
    pub used: BTreeMap<Resource, u64>,
    /// What they would take with all that is permitted now.
    pub granted: BTreeMap<Resource, u64>,
    /// Of that, beyond what is guaranteed.
    pub borrowed: BTreeMap<Resource, u64>,
    /// Of what is guaranteed, what others have.
    pub lent: BTreeMap<Resource, u64>,
    /// What it has the largest part of.
    pub dominant: Resource,
    /// That part of what the fleet has.
    pub share: Text<16>,
    /// Fuel that is spent in the time that runs.
    pub fuel: Option<Fuel>,
    /// When a new one begins.
    pub fuel_until: Option<Time>,
    /// Why it has no more; none: it wants no more.
    pub why: Option<Message>,
}

/// Tasks of one size in one campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaQueue {
    /// The campaign.
    pub campaign: Option<CampaignId>,
    /// Whether they may take long.
    pub large: bool,
    /// Those that wait to be given to a node, as far as they were counted: no more than 64.
    pub waiting: u64,
    /// How many agents may be at work on them at a time.
    pub permits: u64,
    /// Why those that wait do.
    pub why: Option<Message>,
}
