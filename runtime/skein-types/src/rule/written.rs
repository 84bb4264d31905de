//! Rules as people write them, in TOML and in JSON: a name and exactly one thing that must hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::literal::Literal;
use super::{Check, Rule, SQL_MAX, Severity};
use crate::text::Name;

/// Columns, or values, that one rule may name.
const LISTED_MAX: usize = 200;
/// Other datasets that one rule may look at.
const WITH_MAX: usize = 8;
/// Bytes of a column's name.
const COLUMN_MAX: usize = 1_000;
/// Tables that every rule has.
const TABLES: [&str; 3] = ["before", "after", "rejects"];

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It says nothing, or several things.
    #[error("rule {0} says {1} things that must hold, and has to say one")]
    NotOne(Name, usize),
    /// Something that no rule can be like.
    #[error("rule {rule}: {what}")]
    Wrong {
        /// Which.
        rule: Name,
        /// What.
        what: String,
    },
}

/// One rule. Beside name and severity it says exactly one thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenRule {
    /// What of a column is one of some values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_values: Option<AcceptedValues>,
    /// What it is called, among those of its set.
    pub name: Name,
    /// Columns in which no value is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_null: Option<Vec<String>>,
    /// What there is of a column lies between two values, both included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// True: as many rows were read as were written and rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<bool>,
    /// What there is of a column is a value of a column of another dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referential: Option<Referential>,
    /// How many rows there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<RowCount>,
    /// What a broken one leads to; `error` if it is not said.
    #[serde(default = "error")]
    pub severity: Severity,
    /// A query over `before`, `after`, `rejects` and the tables of `with`. It answers with one row of one column: true or 0
    /// where the rule holds, false or the number of violations where it is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Columns that together are different in every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<Vec<String>>,
    /// Other datasets that the query looks at, by the name that each has as a table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, Name>,
}

/// See [`WrittenRule::accepted_values`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedValues {
    /// Which column.
    pub column: String,
    /// What it may be.
    pub values: Vec<Literal>,
}

/// See [`WrittenRule::range`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Which column.
    pub column: String,
    /// At most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Literal>,
    /// At least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Literal>,
}

/// See [`WrittenRule::referential`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Referential {
    /// Which column.
    pub column: String,
    /// The other dataset.
    pub dataset: Name,
    /// Its column.
    pub to: String,
}

/// See [`WrittenRule::row_count`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RowCount {
    /// At most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// At most this many for a hundred of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_percent: Option<u64>,
    /// At least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    /// At least this many for a hundred of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_percent: Option<u64>,
}

const fn error() -> Severity {
    Severity::Error
}

impl TryFrom<WrittenRule> for Rule {
    type Error = RuleError;

    fn try_from(written: WrittenRule) -> Result<Self, RuleError> {
        let WrittenRule { name, severity, mut with, .. } = written.clone();
        let mut checks: Vec<Check> = Vec::new();
        checks.extend(written.reconcile.filter(|asked| *asked).map(|_| Check::Reconcile));
        checks.extend(written.not_null.map(Check::NotNull));
        checks.extend(written.unique.map(Check::Unique));
        checks.extend(written.range.map(|Range { column, min, max }| Check::Range { column, min, max }));
        let accepted = written.accepted_values;
        checks.extend(
            accepted.map(|AcceptedValues { column, values }| Check::AcceptedValues { column, values }),
        );
        if let Some(Referential { column, dataset, to }) = written.referential {
            if with.insert(Check::OTHER.to_owned(), dataset).is_some() || with.len() > 1 {
                return Err(wrong(
                    &name,
                    "a referential rule looks at the dataset that it names and at no other",
                ));
            }
            checks.push(Check::Referential { column, to });
        }
        checks.extend(written.row_count.map(|RowCount { min, max, min_percent, max_percent }| {
            Check::RowCount { min, max, min_percent, max_percent }
        }));
        checks.extend(written.sql.map(Check::Sql));
        let said = checks.len();
        let (Some(check), 1) = (checks.pop(), said) else { return Err(RuleError::NotOne(name, said)) };
        let rule = Self { name, severity, check, with };
        rule.examined()
    }
}

impl Rule {
    fn examined(self) -> Result<Self, RuleError> {
        let Self { name, check, with, .. } = &self;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.as_str().len() > 64 || !name.as_str().chars().all(plain) {
            return Err(wrong(name, "a name has up to 64 letters, digits, '-', '_' and '.'"));
        }
        match check {
            Check::NotNull(columns) | Check::Unique(columns) => {
                listed(name, columns.len())?;
                columns.iter().try_for_each(|column| named(name, column))?;
            }
            Check::Range { column, min, max } => {
                named(name, column)?;
                if min.is_none() && max.is_none() {
                    return Err(wrong(name, "a range has min, max or both"));
                }
                if let (Some(min), Some(max)) = (min, max)
                    && min.is_above(max)
                {
                    return Err(wrong(name, "nothing lies in its range: min is above max"));
                }
            }
            Check::AcceptedValues { column, values } => {
                named(name, column)?;
                listed(name, values.len())?;
            }
            Check::Referential { column, to } => {
                named(name, column)?;
                named(name, to)?;
            }
            Check::RowCount { min: None, max: None, min_percent: None, max_percent: None } => {
                return Err(wrong(name, "a row count has a bound"));
            }
            Check::Sql(sql) if sql.trim().is_empty() || sql.len() > SQL_MAX => {
                return Err(wrong(name, &format!("its SQL has from 1 to {SQL_MAX} bytes")));
            }
            Check::RowCount { min, max, min_percent, max_percent } => {
                let above =
                    |(min, max): (&Option<u64>, &Option<u64>)| min.zip(*max).is_some_and(|(a, b)| a > b);
                if [(min, max), (min_percent, max_percent)].into_iter().any(above) {
                    return Err(wrong(name, "no number of rows is in it: min is above max"));
                }
            }
            Check::Reconcile | Check::Sql(_) => {}
        }
        let is_sql = matches!(check, Check::Sql(_) | Check::Referential { .. });
        if !is_sql && !with.is_empty() {
            return Err(wrong(name, "only SQL looks at other datasets by `with`"));
        }
        if with.len() > WITH_MAX {
            return Err(wrong(name, &format!("it looks at more than {WITH_MAX} other datasets")));
        }
        for table in with.keys() {
            let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let begins = table.starts_with(|c: char| c.is_ascii_lowercase());
            if !begins || table.len() > 64 || !table.chars().all(lower) || TABLES.contains(&table.as_str()) {
                let what =
                    format!("{table:?} is no name for a table: a-z, 0-9 and _, and not one of {TABLES:?}");
                return Err(wrong(name, &what));
            }
        }
        Ok(self)
    }
}

fn listed(rule: &Name, count: usize) -> Result<(), RuleError> {
    if (1..=LISTED_MAX).contains(&count) {
        return Ok(());
    }
    Err(wrong(rule, &format!("it lists from 1 to {LISTED_MAX}")))
}

fn named(rule: &Name, column: &str) -> Result<(), RuleError> {
    if (1..=COLUMN_MAX).contains(&column.len()) {
        return Ok(());
    }
    Err(wrong(rule, &format!("a column's name has from 1 to {COLUMN_MAX} bytes")))
}

fn wrong(rule: &Name, what: &str) -> RuleError {
    RuleError::Wrong { rule: rule.clone(), what: what.to_owned() }
}

impl From<Rule> for WrittenRule {
    fn from(Rule { name, severity, check, mut with }: Rule) -> Self {
        let mut written = Self {
            accepted_values: None,
            name,
            not_null: None,
            range: None,
            reconcile: None,
            referential: None,
            row_count: None,
            severity,
            sql: None,
            unique: None,
            with: BTreeMap::new(),
        };
        match check {
            Check::Reconcile => written.reconcile = Some(true),
            Check::NotNull(columns) => written.not_null = Some(columns),
            Check::Unique(columns) => written.unique = Some(columns),
            Check::Range { column, min, max } => written.range = Some(Range { column, max, min }),
            Check::AcceptedValues { column, values } => {
                written.accepted_values = Some(AcceptedValues { column, values });
            }
            Check::Referential { column, to } => {
                let dataset = with.remove(Check::OTHER);
                written.referential = dataset.map(|dataset| Referential { column, dataset, to });
            }
            Check::RowCount { min, max, min_percent, max_percent } => {
                written.row_count = Some(RowCount { max, max_percent, min, min_percent });
            }
            Check::Sql(sql) => written.sql = Some(sql),
        }
        written.with = with;
        written
    }
}
