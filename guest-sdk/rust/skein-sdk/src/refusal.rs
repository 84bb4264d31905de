//! The two ways to say no: [`Refusal`] of a source by `plan`, [`Failure`] of a task.

use crate::schema::SchemaError;

/// Why a migration does not want a source. Nothing ran; the plan shows it beside the dataset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Short and stable, for machines: `missing-column`.
    pub code: String,
    /// One line for people.
    pub message: String,
    /// Column id of the source column at fault.
    pub column: Option<u32>,
}

impl Refusal {
    /// A refusal of the whole source.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), column: None }
    }

    /// Names the source column at fault.
    #[must_use]
    pub fn at(mut self, column: u32) -> Self {
        self.column = Some(column);
        self
    }
}

impl From<SchemaError> for Refusal {
    fn from(error: SchemaError) -> Self {
        Self::new("bad-schema", error.to_string())
    }
}

/// Why a task cannot go on. Ends the attempt; rows that are merely bad are *rejected* instead
/// ([`crate::Output::reject`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// Short and stable, for machines: `state-full`.
    pub code: String,
    /// One line for people.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl From<arrow_schema::ArrowError> for Failure {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::new("arrow", error.to_string())
    }
}

impl From<SchemaError> for Failure {
    fn from(error: SchemaError) -> Self {
        Self::new("bad-schema", error.to_string())
    }
}
