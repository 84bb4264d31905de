//! What is looked at after a publish, when, and what follows.

use serde::{Deserialize, Serialize};

use super::Span;

/// What is looked at after a run is published. Fields stand in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "SoakRule::standard")]
pub struct SoakRule {
    /// How long after its publish a run is looked at, the shortest first.
    pub checks: Vec<Span>,
    /// What follows where something is wrong.
    pub on_failure: OnFailure,
}

/// What follows where a check finds something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It is told.
    Tell,
    /// It is told, and the run is rolled back where nothing that others wrote stands in the way.
    Revert,
}

impl SoakRule {
    pub(super) fn standard() -> Self {
        let checks = vec![Span::seconds(300), Span::seconds(3_600), Span::seconds(24 * 3_600)];
        Self { checks, on_failure: OnFailure::Tell }
    }

    /// Whether each check comes after the one before.
    pub fn is_in_order(&self) -> bool {
        self.checks.windows(2).all(|two| two[0] < two[1])
    }
}
