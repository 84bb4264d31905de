//! What is asked of an evaluation and what it answers: one line of JSON each, between a process and its child.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, Millis, Rule, RuleResult, RuleVerdict, Text};

/// Rules and what they are about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// `before`, `after`, `rejects`, and other datasets' by the name that [`Asked::tables`] has.
    pub tables: Vec<Table>,
    /// In this order.
    pub rules: Vec<Asked>,
    /// For each of them.
    pub limits: Limits,
}

/// A rule, and which table each of its names is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// What must hold.
    pub rule: Rule,
    /// For each table of its `with`, the place in [`Question::tables`].
    pub tables: Vec<(String, usize)>,
}

/// Files that are one table. Its columns are those of all files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// What every rule may call it; none: only rules that name it.
    pub name: Option<String>,
    /// Parquet files.
    pub files: Vec<TableFile>,
    /// Columns that directories' names give, which no file stores.
    pub partitions: Vec<String>,
    /// Without a file: the columns are those of this table, by its place, and [`Table::added`].
    pub like: Option<usize>,
    /// Text columns that a table without files has too.
    pub added: Vec<String>,
}

/// One file of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableFile {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes that it has to have.
    pub size: u64,
    /// The values of the partition columns.
    pub partitions: Vec<Option<String>>,
}

/// What rules may take, each by itself where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of what queries keep: sorts, groups, joins.
    pub memory: Bytes,
    /// On the clock.
    pub wall: Millis,
    /// On the clock, of all rules of a question together.
    pub all: Millis,
}

impl Limits {
    /// What holds where nobody says otherwise.
    pub const STANDARD: Self = Self { memory: Bytes(256 << 20), wall: Millis(60_000), all: Millis(300_000) };
}

/// What one rule was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What.
    pub verdict: RuleVerdict,
    /// What of it can be shown.
    pub observed: Text,
}

impl Asked {
    /// A rule that names no other dataset.
    pub const fn alone(rule: Rule) -> Self {
        Self { rule, tables: Vec::new() }
    }
}

impl Answer {
    pub(crate) fn inconclusive(why: &str) -> Self {
        let short: String = why.chars().take(300).collect();
        Self { verdict: RuleVerdict::Inconclusive, observed: Text::clip(&short) }
    }

    pub(crate) fn of_bool(holds: bool) -> Self {
        let verdict = if holds { RuleVerdict::Pass } else { RuleVerdict::Broken };
        Self { verdict, observed: Text::clip("") }
    }

    pub(crate) fn of_count(violations: u128, what: &str) -> Self {
        let verdict = if violations == 0 { RuleVerdict::Pass } else { RuleVerdict::Broken };
        Self { verdict, observed: Text::clip(&format!("{violations} {what}")) }
    }

    /// As the result of its rule.
    pub fn of(self, rule: &Rule) -> RuleResult {
        let Self { verdict, observed } = self;
        RuleResult { rule: rule.name.clone(), consumer: None, severity: rule.severity, verdict, observed }
    }
}
