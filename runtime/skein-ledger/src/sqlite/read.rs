//! Reading projections and queue rows. One statement a page; keys bound every list from below, limits from above.

pub(super) mod access;
pub(super) mod approval;
pub(super) mod campaign;
pub(super) mod catalogue;
pub(super) mod event;
pub(super) mod kept;
pub(super) mod key;
pub(super) mod node;
pub(super) mod rule;
pub(super) mod run;
pub(super) mod settings;
pub(super) mod task;

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use skein_types::Name;

use crate::bounds::OWNERS_MAX;
use crate::error::LedgerError;
use crate::page::{Limit, Page};

/// A list's statement while its conditions are gathered. The same conditions give the same text, so that it is prepared once.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) sql: String,
    values: Vec<Value>,
}

impl Query {
    pub(super) fn new(select: &str) -> Self {
        Self { sql: format!("{select} WHERE 1"), values: Vec::new() }
    }

    /// All rows of these, which are at least one.
    fn all(lists: impl IntoIterator<Item = Self>) -> Self {
        let (sql, values): (Vec<_>, Vec<_>) = lists.into_iter().map(|list| (list.sql, list.values)).unzip();
        Self { sql: sql.join(" UNION ALL "), values: values.concat() }
    }

    /// One more condition; `?` stands for the value.
    pub(super) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    /// One more condition with several values, each for a `?`.
    fn and_all(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// One of these; that they are few the caller has seen to.
    fn and_any<'a>(&mut self, column: &str, values: impl IntoIterator<Item = &'a Name>) {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(text));
        let marks = vec!["?"; self.values.len() - before].join(", ");
        self.sql.push_str(&format!(" AND {column} IN ({marks})"));
    }

    /// A page of rows in the order of `key`.
    pub(super) fn page<T, K>(
        mut self,
        db: &Connection,
        (order, limit): (&str, Limit),
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        key: impl Fn(&T) -> K,
    ) -> rusqlite::Result<Page<T, K>> {
        // One row more than asked for says whether there is a next page.
        self.sql.push_str(&format!(" ORDER BY {order} LIMIT {}", limit.rows() + 1));
        let mut find = db.prepare_cached(&self.sql)?;
        let items = find.query_map(params_from_iter(self.values), row)?.collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(items, limit, key))
    }
}

/// A page of several lists that have one order, the columns `order` of each: SQLite merges them as it reads, so each is walked by
/// its own index and only as far as the page goes.
fn merged<T, K>(
    lists: Vec<Query>,
    db: &Connection,
    (order, limit): (&str, Limit),
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    key: impl Fn(&T) -> K,
) -> rusqlite::Result<Page<T, K>> {
    if lists.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    Query::all(lists).page(db, (order, limit), row, key)
}

/// The teams that a list is to be of, each once; none: of everybody.
fn whose<'a>(
    owner: Option<&'a Name>,
    owners: Option<&'a [Name]>,
) -> Result<Option<BTreeSet<&'a Name>>, LedgerError> {
    let found = owners.map_or(0, <[Name]>::len);
    if found > OWNERS_MAX {
        return Err(LedgerError::TooMany { what: "teams", found, most: OWNERS_MAX });
    }
    let owners = owners.map(BTreeSet::from_iter);
    Ok(match (owner, owners) {
        (None, owners) => owners,
        (Some(owner), None) => Some(BTreeSet::from([owner])),
        (Some(owner), Some(owners)) => Some(owners.into_iter().filter(|one| *one == owner).collect()),
    })
}

/// A key or a number as SQLite has it. What is larger than any key finds nothing.
pub(super) fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}
