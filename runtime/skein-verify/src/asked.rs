//! What is asked of an evaluation and what it answers: one line of JSON each, between a process and its child.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, Millis, Name, Rule, RuleResult, RuleVerdict, Text};

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
    /// For each table of its `with`, and for each that is another one to it than to the others, the place in [`Question::tables`].
    pub tables: Vec<(String, usize)>,
    /// Whose it is. Rules of one set stand together; where one of them takes too long, the rest of its set is not tried.
    pub whose: Whose,
}

/// Whose a rule is, as far as it matters for what it may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// The campaign's.
    Policy,
    /// The dataset's owner's, or of whoever asks for himself.
    #[default]
    Owner,
    /// A team's that reads the dataset.
    Reader(Name),
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
    /// Columns that whoever asks does not see: to queries they are not there. However they are written.
    pub hidden: Vec<String>,
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
    /// Of that, what the rules of all readers together may take.
    pub readers: Millis,
}

impl Limits {
    /// What holds where nobody says otherwise.
    pub const STANDARD: Self = Self {
        memory: Bytes(256 << 20),
        wall: Millis(60_000),
        all: Millis(120_000),
        readers: Millis(30_000),
    };
}

/// What one rule was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What.
    pub verdict: RuleVerdict,
    /// What of it can be shown.
    pub observed: Text,
    /// It took longer than a rule may.
    #[serde(default)]
    pub late: bool,
}

impl Asked {
    /// A rule that names no other dataset.
    pub const fn alone(rule: Rule) -> Self {
        Self { rule, tables: Vec::new(), whose: Whose::Owner }
    }
}

impl Answer {
    /// Nobody knows whether the rule holds.
    pub fn inconclusive(why: &str) -> Self {
        let short: String = why.chars().take(300).collect();
        Self { verdict: RuleVerdict::Inconclusive, observed: Text::clip(&short), late: false }
    }

    pub(crate) fn too_late(wall: u128) -> Self {
        Self { late: true, ..Self::inconclusive(&format!("it takes longer than {wall} ms")) }
    }

    pub(crate) fn of_bool(holds: bool) -> Self {
        let verdict = if holds { RuleVerdict::Pass } else { RuleVerdict::Broken };
        Self { verdict, observed: Text::clip(""), late: false }
    }

    pub(crate) fn of_count(violations: u128, what: &str) -> Self {
        let verdict = if violations == 0 { RuleVerdict::Pass } else { RuleVerdict::Broken };
        Self { verdict, observed: Text::clip(&format!("{violations} {what}")), late: false }
    }

    /// As the result of its rule.
    pub fn of(self, rule: &Rule) -> RuleResult {
        let Self { verdict, observed, late: _ } = self;
        RuleResult { rule: rule.name.clone(), consumer: None, severity: rule.severity, verdict, observed }
    }
}
