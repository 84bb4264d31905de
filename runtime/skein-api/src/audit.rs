//! The record of decisions, for whoever audits it: `GET /v1/audit`, one of them `GET /v1/audit/{position}`, all of them as they are
//! hashed `GET /v1/audit/records`, and whether they are what they were: `GET /v1/audit/head` and `GET /v1/audit/verification`.

mod attest;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skein_types::{Blake3, TokenId, TraceId};
use utoipa::ToSchema;

use crate::Name;
use crate::bounded::{List, Text};
use crate::time::Time;

pub use attest::{STATEMENT_MAX, SignedStatement, SigningKey, SigningKeys, StatementSignature};

/// Most heads that are compared at a time.
pub const HEADS_MAX: usize = 10_000;

/// The last decision: its hash covers all before it. Written `POSITION:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainHead {
    /// Of the last decision; 0 before the first.
    pub position: u64,
    /// Of it and all before it.
    pub hash: Blake3,
}

/// A decision with all that is known of how it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// In the ledger: gap-free, from 1.
    pub position: u64,
    /// `run.published` and the like; never renamed.
    pub kind: Text<64>,
    /// When it was decided.
    pub at: Time,
    /// Who decided.
    pub actor: Name,
    /// From where: `client:ADDRESS`, `node:ID`, or `control` where no person asked. None of what was decided before that was kept.
    pub from: Option<Text<100>>,
    /// With which token, if one was shown.
    pub token: Option<TokenId>,
    /// What it is about: an id.
    pub subject: Name,
    /// What the kind needs to say.
    pub body: Value,
    /// What was set before it and after it, of a decision that sets something: a quota, a policy, a team, a token, a secret's version, a
    /// receiver, a dataset, the fleet, a node's mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<AuditChange>,
    /// Of this record and all before it.
    pub hash: Blake3,
    /// The request that it was decided in, as the server's log names it.
    #[serde(default)]
    pub trace: Option<TraceId>,
}

/// What a decision changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditChange {
    /// What was set; null if nothing was.
    pub before: Option<Value>,
    /// Where that was decided.
    pub before_at: Option<u64>,
    /// What is set from then on; null if nothing is.
    pub after: Option<Value>,
}

/// A decision as it is stored and hashed. The hash is BLAKE3 over its parts, each behind its length in 8 bytes, big end first: the text
/// "skein event 2", the hash of the one before (32 zeros for the first), position (8 bytes), kind, schema (4 bytes), actor, time (8
/// bytes), body (JSON with sorted keys and no blanks), from, token, trace (16 bytes); what is not there is empty. In envelope 1 there is no text
/// before it, and nothing behind the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// In the ledger: gap-free, from 1.
    pub position: u64,
    /// What the hash covers: 1 or 2.
    pub envelope: u32,
    /// `run.published` and the like.
    pub kind: Text<64>,
    /// Version of its body.
    pub schema: u32,
    /// Who decided.
    pub actor: Name,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// From where; not in envelope 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text<100>>,
    /// With which token, if one was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Text<100>>,
    /// In which trace; not in envelope 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What was decided.
    pub body: Value,
    /// Of this record and all before it.
    pub hash: Blake3,
}

/// Heads that were kept elsewhere, to be compared with the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditVerify {
    /// Each as `POSITION:HASH`.
    #[serde(default)]
    pub heads: List<Text<120>, { HEADS_MAX }>,
    /// Whether to look at what follows from the record and lies beside it, too.
    #[serde(default)]
    pub deep: bool,
}

/// What was verified, and is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerified {
    /// Of the last decision; 0 before the first.
    pub position: u64,
    /// Of it and all before it.
    pub hash: Blake3,
    /// Heads from elsewhere that lie on the record.
    pub heads: u64,
    /// Rows of tables that follow from it; 0 if they were not looked at.
    pub rows: u64,
    /// Blobs that are what they are called; 0 if they were not looked at.
    pub blobs: u64,
    /// Modules whose bytes are those that were submitted, and compiled modules whose signature holds.
    pub modules: u64,
    /// Compiled modules that another key signed, as before that was changed: nodes take none of them, and they were not looked at.
    pub passed_over: u64,
    /// Values of secrets that are there, sealed. Whether they open hangs on a key that is elsewhere.
    pub secrets: u64,
    /// Signed statements of published datasets whose signature holds.
    pub statements: u64,
}

/// A head that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no head such as 123:blake3:… with 64 hex digits")]
pub struct ChainHeadParseError {
    text: String,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl FromStr for ChainHead {
    type Err = ChainHeadParseError;
    fn from_str(text: &str) -> Result<Self, ChainHeadParseError> {
        let parsed = text.split_once(':').and_then(|(position, hash)| {
            Some(Self { position: position.parse().ok()?, hash: hash.parse().ok()? })
        });
        parsed.ok_or_else(|| ChainHeadParseError { text: text.chars().take(100).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::ChainHead;
    use skein_types::Blake3;

    #[test]
    fn a_head_is_parsed_back_and_half_a_one_is_none() {
        let head = ChainHead { position: 12, hash: Blake3::of(b"x") };
        assert_eq!(head.to_string().parse(), Ok(head));
        for bad in ["", "12", "12:", "x:blake3:00", &head.to_string()[..30]] {
            assert!(bad.parse::<ChainHead>().is_err(), "{bad}");
        }
    }
}
