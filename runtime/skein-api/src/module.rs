//! Modules: `PUT /v1/modules/{name}/versions/{version}` takes the component's bytes as they are and answers with a
//! [`Module`]; `GET` on it and `GET /v1/modules` show what is there.

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, ModuleDigest};
use utoipa::ToSchema;

use crate::run::Why;
use crate::time::Time;
use crate::{Message, Name};

/// Most bytes of a module's body.
pub const MODULE_BYTES_MAX: usize = 64 << 20;

/// Where a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// It is being checked and compiled.
    Compiling,
    /// It may run.
    Ready,
    /// It was refused; `why` says for what. The end.
    Refused,
    /// It ended nodes; nothing of it starts until somebody says so.
    Suspended,
    /// Somebody banned it; nothing of it starts until somebody takes that back.
    Banned,
}

/// Asks that a suspended module may run again: `POST /v1/modules/{name}/versions/{version}/actions/restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleRestore {
    /// Why it was not the module's fault, for the record.
    pub reason: Message,
}

/// Asks that a module runs no more, under whatever name: `POST /v1/modules/{name}/versions/{version}/actions/ban`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleBan {
    /// Why, for the record and for those whose campaigns end with it.
    pub reason: Message,
}

/// A submitted module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Module {
    /// As submitted.
    pub name: Name,
    /// As submitted.
    pub version: Name,
    /// The team that it belongs to; `local` is for everybody.
    pub owner: Option<Name>,
    /// What it is.
    pub digest: ModuleDigest,
    /// Size of the component.
    pub bytes: Bytes,
    /// Where it is.
    pub state: ModuleState,
    /// Why it is there, if that needs saying.
    pub why: Option<Why>,
    /// When it was submitted.
    pub submitted: Time,
    /// Where its source is, as whoever submitted it said.
    #[serde(default)]
    pub source: Option<Message>,
    /// Of which commit there.
    #[serde(default)]
    pub commit: Option<Name>,
}
