//! Playing the log into an empty database, and comparing every projection with it.

use rusqlite::types::Value;
use rusqlite::{Connection, Statement};

use super::fault::Stop;
use super::project::{When, hour, project};
use super::read::event::head;
use super::verify::walk;
use crate::chain::Head;
use crate::error::{Damage, LedgerError};
use crate::ledger::Rebuilt;

/// Projections and their keys, in an order in which one may refer to those before it.
const TABLES: [(&str, &str); 23] = [
    ("event_hour", "hour"),
    ("module", "digest"),
    ("module_label", "name, version"),
    ("dataset", "id"),
    ("dataset_label", "key, value, name"),
    ("campaign", "id"),
    ("wave", "campaign, number"),
    ("run", "campaign, seq"),
    ("course", "campaign, second"),
    ("slice", "campaign, team"),
    ("approval", "campaign, team, person"),
    ("wave_approval", "campaign, wave"),
    ("comment", "campaign, number"),
    ("node", "id"),
    ("team", "name"),
    ("token", "id"),
    ("quota", "whose"),
    ("policy", "name"),
    ("secret", "team, name"),
    ("webhook", "id"),
    ("fleet", "one"),
    ("rule", "dataset, consumer, name"),
    ("signing_key", "id"),
];

pub(super) fn rebuild(live: &Connection) -> Result<Rebuilt, LedgerError> {
    // A database without a name is a file of its own that nobody sees and that goes with the connection.
    let fresh = Connection::open("")?;
    fresh.set_prepared_statement_cache_capacity(512);
    fresh.execute_batch(&format!("PRAGMA synchronous = OFF; BEGIN; {}", super::open::TABLES.concat()))?;
    super::schema::compared(live, &fresh)?;
    let end = head(live)?;
    walk(live, Head::GENESIS, end, |stored| {
        hour(&fresh, stored.at, (stored.position, stored.position))?;
        let when = When { position: stored.position, at: stored.at };
        project(&fresh, &stored.event()?, when).map_err(|stop| match stop {
            Stop::Failed(error) => error,
            Stop::Refused(found) => {
                let (position, what) = (stored.position, found.to_string());
                LedgerError::Damaged(Damage::Inconsistent { position, what })
            }
        })
    })?;
    let mut tables = Vec::new();
    for (table, key) in TABLES {
        tables.push((table, compare(live, &fresh, table, key)?));
    }
    Ok(Rebuilt { head: end, tables })
}

/// Rows that both have, all alike; or the first that differs.
fn compare(
    live: &Connection,
    fresh: &Connection,
    table: &'static str,
    key: &str,
) -> Result<u64, LedgerError> {
    let sql = format!("SELECT * FROM {table} ORDER BY {key}");
    let (mut live, mut fresh) = (live.prepare(&sql)?, fresh.prepare(&sql)?);
    let columns: Vec<String> = live.column_names().map(str::to_owned).collect();
    let keys = key.split(", ").count();
    let (mut live, mut fresh) = (rows(&mut live)?, rows(&mut fresh)?);
    let mut count = 0;
    loop {
        let (is, should) = (live.next().transpose()?, fresh.next().transpose()?);
        let what = match (&is, &should) {
            (None, None) => return Ok(count),
            (Some(is), Some(should)) => {
                let differs =
                    columns.iter().zip(is.iter().zip(should)).find(|(_, (is, should))| is != should);
                match differs {
                    None => {
                        count += 1;
                        continue;
                    }
                    Some((column, (is, should))) => {
                        format!("{column} is {} and the log makes it {}", shown(is), shown(should))
                    }
                }
            }
            (Some(_), None) => "the log does not make it".to_owned(),
            (None, Some(_)) => "the log makes it, and it is not there".to_owned(),
        };
        let row = is.or(should).unwrap_or_default();
        let row = row.iter().take(keys).map(shown).collect::<Vec<_>>().join(" ");
        return Err(LedgerError::Damaged(Damage::Projection { table, row, what }));
    }
}

fn rows<'a>(
    statement: &'a mut Statement<'_>,
) -> rusqlite::Result<impl Iterator<Item = rusqlite::Result<Vec<Value>>> + 'a> {
    let columns = statement.column_count();
    statement.query_map([], move |row| (0..columns).map(|at| row.get(at)).collect())
}

/// A cell, as people see it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.chars().take(100).collect(),
        Value::Blob(bytes) => bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::TABLES;

    /// A table is played into and compared, or it is the log itself, or what may be lost.
    #[test]
    fn every_table_is_compared_or_known_to_be_none_that_follows_from_the_log() {
        const OTHERS: [&str; 15] = [
            "answer",
            "attempt",
            "blob",
            "cause",
            "charge",
            "delivery",
            "event",
            "held",
            "left_out",
            "meta",
            "node_lease",
            "notified",
            "scrub",
            "task",
            "token_use",
        ];
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&crate::sqlite::open::TABLES.concat()).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        let mut find = db.prepare(sql).unwrap();
        let tables = find.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
        let known = |name: &str| TABLES.iter().any(|(table, _)| *table == name) || OTHERS.contains(&name);
        let unknown: Vec<String> = tables.filter(|name| !known(name)).collect();
        assert_eq!(unknown, Vec::<String>::new());
    }
}
