//! Decisions: `GET /v1/events?after=POSITION`, `GET /v1/campaigns/{id}/events`, as a page or as a stream.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skein_types::{Blake3, TraceId};
use utoipa::ToSchema;

use crate::Name;
use crate::bounded::Text;
use crate::time::Time;

/// A record of the ledger, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// In the ledger: gap-free, from 1.
    pub position: u64,
    /// `run.published` and the like; never renamed.
    pub kind: Text<64>,
    /// When it was decided.
    pub at: Time,
    /// Who decided.
    pub actor: Name,
    /// What it is about: an id.
    pub subject: Name,
    /// What the kind needs to say.
    pub body: Value,
    /// Of this record and all before it.
    pub hash: Blake3,
    /// The request that it was decided in, as the server's log names it.
    #[serde(default)]
    pub trace: Option<TraceId>,
}
