//! Which part of a list somebody asks for.

use serde::Deserialize;
use skein_api::Time;
use skein_ledger::Limit;
use skein_types::RunState;

/// Items of a page where nothing is said.
const ITEMS: usize = 100;

/// A part of a list, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListPart {
    /// Those that come after this key, as a page before gave it.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Of runs: in this state.
    pub state: Option<RunState>,
    /// Of attempts: failed ones alone.
    pub failed: bool,
    /// Of datasets: whose names begin so.
    pub prefix: Option<String>,
    /// Of datasets: of this team.
    pub owner: Option<String>,
}

/// Which events, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventPart {
    /// Those that come after this position.
    pub after: Option<u64>,
    /// At most so many; a stream has no most.
    pub limit: Option<usize>,
    /// Of these kinds, with commas between them, or of all kinds that begin so: `campaign.,run.failed`.
    pub kind: Option<String>,
}

/// A part of the audit trail, as a query says it; all that is said holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditPart {
    /// Those that come after this position.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Decided by this one.
    pub actor: Option<String>,
    /// Of these kinds, with commas between them, or of all kinds that begin so: `campaign.`.
    pub kind: Option<String>,
    /// About this: an id, or `team:NAME` and the like, as events show it.
    pub subject: Option<String>,
    /// Not before this time.
    pub from: Option<Time>,
    /// Before this time.
    pub to: Option<Time>,
}

/// What the record is verified against, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyPart {
    /// A head that was kept elsewhere, as `POSITION:HASH`.
    pub against: Option<String>,
}

impl ListPart {
    /// How many items.
    pub(crate) fn items(&self) -> usize {
        self.limit.unwrap_or(ITEMS).clamp(1, skein_api::PAGE_ITEMS_MAX)
    }

    pub(crate) fn limit(&self) -> Limit {
        Limit::new(self.limit.unwrap_or(ITEMS))
    }
}
