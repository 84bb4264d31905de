//! Which rows keep a blob: a sweep leaves what they name, and a verification asks for it.

use rusqlite::{Connection, Row};
use skein_types::{Blake3, Timestamp};

use crate::error::{Damage, LedgerError};

/// A column with the digest of a blob.
pub(super) struct Names {
    table: &'static str,
    /// The columns that say which row it is.
    key: &'static str,
    column: &'static str,
    /// Of which rows, if not of all: those that need the bytes still.
    of: Option<&'static str>,
}

const fn names(table: &'static str, key: &'static str, column: &'static str) -> Names {
    Names { table, key, column, of: None }
}

/// Tasks, campaigns, modules, policies, rules, and runs that are at the door: those that need its bytes, however old it is.
const NAMES: [Names; 11] = [
    names("task", "id", "input"),
    names("task", "id", "checkpoint_blob"),
    names("task", "id", "result_blob"),
    Names { of: Some("state = 'intended'"), ..names("run", "id", "descriptor") },
    names("module", "digest", "manifest"),
    names("campaign", "id", "params_blob"),
    names("campaign", "id", "policy"),
    names("campaign", "id", "selection"),
    names("campaign", "id", "report"),
    names("policy", "name", "blob"),
    names("rule", "dataset, consumer, name", "blob"),
];

/// Rows that keep nothing, and whose blobs are to be there as long as they are: both have one time. A copy has no blobs that show rows; which
/// those were, it says.
const KEPT_WITH: [Names; 3] = [
    Names { of: Some("log NOT IN (SELECT digest FROM left_out)"), ..names("attempt", "id", "log") },
    Names { of: Some("rejects NOT IN (SELECT digest FROM left_out)"), ..names("attempt", "id", "rejects") },
    // What was told is kept for as long as it waits, and that it was for longer.
    Names { of: Some("state = 'waiting'"), ..names("delivery", "id", "notice") },
];

/// Removes blobs that are past their time and that no row keeps: `?1` is now, `?2` how many.
pub(super) fn sweep() -> String {
    let named = NAMES.iter().map(|Names { table, column, of, .. }| {
        let of = of.map_or_else(String::new, |of| format!(" AND {of}"));
        format!(" AND NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = b.digest{of})")
    });
    let named: String = named.collect();
    format!(
        "DELETE FROM blob WHERE digest IN (SELECT digest FROM blob b WHERE keep_until < ?1{named} LIMIT ?2)"
    )
}

/// Whether every blob is there that a row keeps, or that is kept as long as a row that is not past its time.
pub(super) fn all_there(db: &Connection, now: Timestamp) -> Result<(), LedgerError> {
    NAMES.iter().try_for_each(|names| names.are_there(db, ""))?;
    let due = format!(" AND r.keep_until >= {}", now.0);
    KEPT_WITH.iter().try_for_each(|names| names.are_there(db, &due))
}

impl Names {
    fn are_there(&self, db: &Connection, and: &str) -> Result<(), LedgerError> {
        let Self { table, key, column, of } = self;
        let of = of.map_or_else(String::new, |of| format!(" AND {of}"));
        let sql = format!(
            "SELECT {column}, {key} FROM {table} AS r WHERE {column} IS NOT NULL{of}{and}
             AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.digest = r.{column}) LIMIT 1"
        );
        let mut find = db.prepare(&sql)?;
        let mut rows = find.query([])?;
        match rows.next()? {
            None => Ok(()),
            Some(row) => {
                let (digest, row) = (Blake3(row.get(0)?), key_of(row)?);
                Err(LedgerError::Damaged(Damage::BlobGone { digest, table, row, column }))
            }
        }
    }
}

/// The columns behind the first, as people see them.
fn key_of(row: &Row<'_>) -> rusqlite::Result<String> {
    let columns = row.as_ref().column_count();
    let cells = (1..columns).map(|at| Ok(super::rebuild::shown(&row.get(at)?)));
    Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{KEPT_WITH, NAMES};

    /// A new column with a digest is one that somebody has to think of: it keeps its blob, goes with it, or is listed here.
    #[test]
    fn every_column_of_digests_is_one_that_names_a_blob_or_is_known_not_to() {
        const NO_BLOB: [&str; 20] = [
            "answer.body",
            "answer.request",
            "blob.bytes",
            "blob.digest",
            "campaign.module",
            "campaign.params",
            "campaign.plan",
            "charge.module",
            "event.body",
            "event.hash",
            "event.trace",
            "left_out.digest",
            "meta.head_hash",
            "module.digest",
            "module_label.digest",
            "run.plan",
            "run.schema",
            // Kept for ever: what was published is looked for by the log itself.
            "run.statement",
            "secret.digest",
            "token.hash",
        ];
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&crate::sqlite::open::TABLES.concat()).unwrap();
        let sql = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                   WHERE t.type = 'table' AND c.type = 'BLOB' ORDER BY 1";
        let mut find = db.prepare(sql).unwrap();
        let columns = find.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let columns: Vec<String> = columns.map(Result::unwrap).collect();
        let named: Vec<String> =
            NAMES.iter().chain(&KEPT_WITH).map(|one| format!("{}.{}", one.table, one.column)).collect();
        let unknown: Vec<&String> = columns
            .iter()
            .filter(|column| !named.contains(column) && !NO_BLOB.contains(&column.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert!(named.iter().all(|column| columns.contains(column)), "{named:?} are all in {columns:?}");
    }
}
