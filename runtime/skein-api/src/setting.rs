//! What a server is told once and keeps: policies by name (`GET|PUT|DELETE /v1/policies/{name}`) and teams' secrets
//! (`PUT|DELETE /v1/teams/{team}/secrets/{name}`, `GET /v1/teams/{team}/secrets`).

use serde::{Deserialize, Serialize};
use skein_types::Blake3;
use utoipa::ToSchema;

use crate::policy::Policy;
use crate::time::Time;
use crate::{Message, Name};

/// Most bytes of a secret's value, which is the whole body of its `PUT`.
pub const SECRET_BYTES_MAX: usize = 64 << 10;

/// Sets a policy that campaigns can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyPut {
    /// What holds for campaigns with it.
    pub policy: Policy,
    /// For people.
    #[serde(default)]
    pub note: Message,
}

/// A policy that campaigns can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedPolicy {
    /// Its name.
    pub name: Name,
    /// What holds.
    pub policy: Policy,
    /// For people.
    pub note: Message,
    /// Higher each time that it is set; the answer's `ETag`.
    pub version: u64,
    /// Since when.
    pub since: Time,
}

/// A secret, without its value: nothing says that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// Whose.
    pub team: Name,
    /// As parameters name it: `{"$secret": "name"}`.
    pub name: Name,
    /// Higher each time that it is set; the answer's `ETag`.
    pub version: u64,
    /// Tells values apart and nothing else: the server's key is in it.
    pub digest: Blake3,
    /// Since when.
    pub since: Time,
}
