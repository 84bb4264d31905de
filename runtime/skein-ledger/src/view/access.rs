//! Teams and tokens.

use skein_types::{Blake3, Name, Text, Timestamp, TokenId, TokenKind};

use crate::event::access::Grant;

/// A team as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Which.
    pub name: Name,
    /// What people say of it.
    pub note: Text,
    /// When it was made.
    pub since: Timestamp,
    /// Position of the last decision about it: higher each time, also if it was removed in between.
    pub version: u64,
}

/// A token as it is. That it is here does not say that it opens anything: look at `expires` and `revoked`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Which.
    pub id: TokenId,
    /// What it is called.
    pub name: Name,
    /// Who stands behind it.
    pub kind: TokenKind,
    /// Of its secret.
    pub hash: Blake3,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// When it was issued.
    pub issued: Timestamp,
    /// From when on it opens nothing.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was last used, as far as that was noted.
    pub last_used: Option<Timestamp>,
}
