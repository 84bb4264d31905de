//! Rules: what must hold of a dataset before what was made of it becomes current. What a rule says is here; how it is looked
//! at, and what a broken one leads to, is others' business.
//!
//! ```toml
//! [[rules]]
//! name = "one-row-an-order"
//! unique = ["order_id"]
//!
//! [[rules]]
//! name = "no-gap"
//! severity = "hold"
//! sql = "select count(*) from before b left join after a on a.id = b.id where a.id is null"
//! ```
//! SQL answers with one row of one column: true or 0 where the rule holds, false or the number of violations where it is broken.

mod literal;
mod written;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::{Name, Text};
use crate::word::words;

pub use literal::Literal;
pub use written::{RuleError, WrittenRule};

words! {
    /// What a broken rule leads to.
    Severity {
        /// The run fails, and the dataset stays as it is.
        Error = "error",
        /// It is recorded and shown.
        Warn = "warn",
        /// The result is kept and not published until a person says so.
        Hold = "hold",
    }
}

words! {
    /// What a look at a rule says.
    RuleVerdict {
        /// It holds.
        Pass = "pass",
        /// It does not.
        Broken = "broken",
        /// It could not be evaluated, so nobody knows. It never counts as holding.
        Inconclusive = "inconclusive",
    }
}

/// Most rules of one set: of a policy, or of one dataset.
pub const RULES_MAX: usize = 32;
/// Most bytes of a rule's SQL.
pub const SQL_MAX: usize = 16 * 1024;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenRule", into = "WrittenRule")]
pub struct Rule {
    /// What it is called, among those of its set.
    pub name: Name,
    /// What it leads to if it is broken.
    pub severity: Severity,
    /// What must hold.
    pub check: Check,
    /// Other datasets that it looks at, by the table that each is in its SQL.
    pub with: BTreeMap<String, Name>,
}

impl utoipa::PartialSchema for Rule {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        WrittenRule::schema()
    }
}

impl utoipa::ToSchema for Rule {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        WrittenRule::schemas(schemas);
    }
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// As many rows were read as were written and rejected.
    Reconcile,
    /// No value of these columns is missing.
    NotNull(Vec<String>),
    /// No two rows are equal in these columns. Rows with a value missing in one of them are not compared.
    Unique(Vec<String>),
    /// What there is of a column is between these, both included.
    Range {
        /// Which.
        column: String,
        /// At least.
        min: Option<Literal>,
        /// At most.
        max: Option<Literal>,
    },
    /// What there is of a column is one of these.
    AcceptedValues {
        /// Which.
        column: String,
        /// One of them.
        values: Vec<Literal>,
    },
    /// What there is of a column is a value of a column of another dataset.
    Referential {
        /// Which.
        column: String,
        /// The other dataset's, which is the table `other`.
        to: String,
    },
    /// How many rows there are.
    RowCount {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
        /// At least this many for a hundred of before.
        min_percent: Option<u64>,
        /// At most this many for a hundred of before.
        max_percent: Option<u64>,
    },
    /// What this query says.
    Sql(String),
}

impl Check {
    /// The table of the other dataset of a referential rule.
    pub const OTHER: &'static str = "other";

    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Reconcile => "reconcile",
            Self::NotNull(_) => "not_null",
            Self::Unique(_) => "unique",
            Self::Range { .. } => "range",
            Self::AcceptedValues { .. } => "accepted_values",
            Self::Referential { .. } => "referential",
            Self::RowCount { .. } => "row_count",
            Self::Sql(_) => "sql",
        }
    }

    /// Whether it says something of a result alone, in a way that is cheap to look at: no query of strangers, and nothing about
    /// what was before or was rejected, which may be gone.
    pub const fn is_of_result_alone(&self) -> bool {
        match self {
            Self::NotNull(_)
            | Self::Unique(_)
            | Self::Range { .. }
            | Self::AcceptedValues { .. }
            | Self::Referential { .. } => true,
            Self::RowCount { min_percent, max_percent, .. } => min_percent.is_none() && max_percent.is_none(),
            Self::Reconcile | Self::Sql(_) => false,
        }
    }
}

/// What a look at one rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleResult {
    /// The rule's name.
    pub rule: Name,
    /// The team that wants it as a reader of the dataset; none: the dataset's owner or the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Name>,
    /// What it leads to.
    pub severity: Severity,
    /// What was found.
    pub verdict: RuleVerdict,
    /// What of it can be shown: a number or why it could not be evaluated, never a value of a row.
    pub observed: Text,
}

/// What all results of a run together lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulesLead {
    /// To its publish.
    On,
    /// To a person.
    Hold,
    /// To its end.
    Fail,
}

impl RuleResult {
    /// What this one leads to. A reader's keeps a result back and ends no run: that is for those whose dataset or campaign it is.
    pub const fn leads(&self) -> RulesLead {
        match (self.verdict, self.severity) {
            (RuleVerdict::Pass, _) | (RuleVerdict::Broken, Severity::Warn) => RulesLead::On,
            (RuleVerdict::Broken, Severity::Error) if self.consumer.is_none() => RulesLead::Fail,
            (RuleVerdict::Broken, Severity::Error | Severity::Hold) | (RuleVerdict::Inconclusive, _) => {
                RulesLead::Hold
            }
        }
    }
}

impl RulesLead {
    /// Of many results: the worst.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a RuleResult>) -> Self {
        results.into_iter().map(RuleResult::leads).max().unwrap_or(Self::On)
    }
}

impl std::fmt::Display for RuleResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rule {}", self.rule)?;
        if let Some(team) = &self.consumer {
            write!(f, " of {team}")?;
        }
        let observed = self.observed.as_str();
        match self.verdict {
            RuleVerdict::Pass => f.write_str(" holds"),
            RuleVerdict::Broken if observed.is_empty() => f.write_str(" is broken"),
            RuleVerdict::Broken => write!(f, " is broken: {observed}"),
            RuleVerdict::Inconclusive => write!(f, " is inconclusive: {observed}"),
        }
    }
}

#[cfg(test)]
mod tests;
