//! What is signed, and with what: `GET /v1/statements/{named}`, `GET /v1/audit/keys`. What a statement says is in its payload, which
//! is in-toto's; here it is bytes.

use serde::{Deserialize, Serialize};
use skein_types::ServerId;
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::time::Time;

/// Most bytes of a statement, in base64.
pub const STATEMENT_MAX: usize = 1 << 20;

/// A signed statement: an envelope of DSSE, to be verified as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedStatement {
    /// What the payload is.
    #[serde(rename = "payloadType")]
    pub payload_type: Text<200>,
    /// The bytes that are signed, in base64.
    pub payload: Text<{ STATEMENT_MAX }>,
    /// By whom.
    pub signatures: List<StatementSignature, 8>,
}

/// Who signed a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatementSignature {
    /// The key's id.
    pub keyid: Text<100>,
    /// The signature, in base64.
    pub sig: Text<100>,
}

/// A key that statements are or were signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKey {
    /// Its id.
    pub key: Text<100>,
    /// Its public half, in base64.
    pub public: Text<100>,
    /// From when on; it counts to the next one's time.
    pub at: Time,
    /// The one that it took the place of.
    pub before: Option<Text<100>>,
    /// Its own signature of all that, in base64.
    pub by_key: Text<100>,
    /// That of the one before; none where that was lost.
    pub by_before: Option<Text<100>>,
}

/// All of them, in the order in which they were introduced: statements are signed with the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKeys {
    /// Whose.
    pub server: ServerId,
    /// They.
    pub keys: List<SigningKey, 1_000>,
}
