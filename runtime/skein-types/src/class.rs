//! Whose fault an error is and who may try again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every public error of Skein answers with one of these. The class decides retries and blame and gives the
/// default exit code and HTTP status; a [`crate::Code`] may name more exact ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The guest failed: a trap, a wrong answer, a limit of its own. Tried once more on another node.
    Fault,
    /// A policy, quota or permission refuses. Never retried.
    Denied,
    /// What the caller gave cannot be used: a module, a parameter, a file. Never retried.
    BadInput,
    /// Somebody else was faster or the thing moved. Never retried blindly.
    Conflict,
    /// The outside world failed in a way that passes. Retried with backoff.
    Transient,
    /// A mistake of ours. Never retried; worth a report.
    Bug,
}

/// What a scheduler may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a person.
    Never,
    /// Once, on another node.
    OnceElsewhere,
    /// With backoff, as long as the run's retry budget lasts.
    Backoff,
}

impl ErrorClass {
    /// All classes, in the order of the table in `docs/errors/README.md`.
    pub const ALL: [Self; 6] =
        [Self::Fault, Self::Denied, Self::BadInput, Self::Conflict, Self::Transient, Self::Bug];

    /// The word used in JSON, logs and docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Denied => "denied",
            Self::BadInput => "bad_input",
            Self::Conflict => "conflict",
            Self::Transient => "transient",
            Self::Bug => "bug",
        }
    }

    /// Default exit code of the `skein` binary.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Fault => 1,
            Self::Denied => 7,
            Self::BadInput => 65,
            Self::Conflict => 6,
            Self::Transient => 75,
            Self::Bug => 70,
        }
    }

    /// Default HTTP status.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Fault => 422,
            Self::Denied => 403,
            Self::BadInput => 400,
            Self::Conflict => 409,
            Self::Transient => 503,
            Self::Bug => 500,
        }
    }

    /// Who may try again.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Fault => Retry::OnceElsewhere,
            Self::Transient => Retry::Backoff,
            Self::Denied | Self::BadInput | Self::Conflict | Self::Bug => Retry::Never,
        }
    }
}
