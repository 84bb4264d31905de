//! What is decided about who may do what: teams, and tokens with their grants. No secret is ever in a record.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Name, Role, Text, Timestamp, TokenId, TokenKind};

/// Grants of one token.
pub const GRANTS_MAX: usize = 64;

/// There is such a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamCreated {
    /// Which; no other has the name.
    pub team: Name,
    /// What people say of it.
    pub note: Text,
}

/// What is said of it from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamChanged {
    /// Which.
    pub team: Name,
    /// What people say of it.
    pub note: Text,
}

/// There is no such team any more. What is its own stays under its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamRemoved {
    /// Which.
    pub team: Name,
    /// Why.
    pub reason: Text,
}

/// What somebody is, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// In which team; none: in every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// What.
    pub role: Role,
}

/// Whoever shows the secret behind this hash is somebody from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenIssued {
    /// Which; new.
    pub token: TokenId,
    /// What it is called, which is who acts with it.
    pub name: Name,
    /// Who stands behind it.
    pub kind: TokenKind,
    /// Of the secret; no other token has it. The secret is random and long, so nothing leads back to it.
    pub hash: Blake3,
    /// What it may do. At most [`GRANTS_MAX`].
    pub grants: Vec<Grant>,
    /// From when on it opens nothing; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// It opens nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRevoked {
    /// Which.
    pub token: TokenId,
    /// Why.
    pub reason: Text,
}
