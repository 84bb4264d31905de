//! Reading projections and queue rows. One statement a page; keys bound every list from below, limits from above.

pub(super) mod campaign;
pub(super) mod catalogue;
pub(super) mod event;
pub(super) mod node;
pub(super) mod run;
pub(super) mod task;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::page::{Limit, Page};

/// A list's statement while its conditions are gathered. The same conditions give the same text, so that it is prepared once.
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    fn new(select: &str) -> Self {
        Self { sql: format!("{select} WHERE 1"), values: Vec::new() }
    }

    /// One more condition; `?` stands for the value.
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    /// A page of rows in the order of `key`.
    fn page<T, K>(
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

/// A key or a number as SQLite has it. What is larger than any key finds nothing.
fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}
