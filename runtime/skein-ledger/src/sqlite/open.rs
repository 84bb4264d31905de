//! Opening a file, or making it: whose it is, which version, and whether its end is what was written.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{read, schema, verify};
use crate::bounds::TAIL;
use crate::chain::Head;
use crate::error::{Damage, LedgerError};

/// "Skei", in the file's header: `file` and others can tell whose it is.
const APPLICATION: i64 = 0x536b_6569;
/// The tables, version by version: a new file goes through all of them, an old one through those that came later. So an old
/// file and a new one have the same tables, and no version's text ever changes.
pub(super) const TABLES: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];
/// The version of the tables.
const SCHEMA: i64 = 2;

/// A file that may be written.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) db: Connection,
    pub(super) head: Head,
    pub(super) generation: u64,
}

/// Opens the file for the one writer.
pub(super) fn open(path: &Path) -> Result<Opened, LedgerError> {
    whole(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    #[cfg(all(test, feature = "conformance"))]
    let db = super::statements::heard(db);
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let schema: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (application, schema) {
        (APPLICATION, 1..=SCHEMA) => settings(&db)?,
        (0, 0) if is_empty(&db)? => {
            settings(&db)?;
            create(&db)?;
        }
        (APPLICATION, found) if found > SCHEMA => {
            let known = SCHEMA.unsigned_abs();
            return Err(LedgerError::Newer { found: found.unsigned_abs(), known });
        }
        _ => return Err(LedgerError::Foreign { path: path.to_owned() }),
    }
    checked(&db)?;
    upgrade(&db)?;
    schema::is_a_ledgers(&db)?;
    verify::tail(&db, TAIL)?;
    let head = read::event::head(&db)?;
    let generation = db.query_row("SELECT generation FROM meta", [], |row| row.get(0))?;
    Ok(Opened { db, head, generation })
}

fn settings(db: &Connection) -> Result<(), LedgerError> {
    // Rows of runs are some hundred bytes: larger pages hold more of them side by side. Only a new file heeds it.
    db.pragma_update(None, "page_size", 8192)?;
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(LedgerError::Bug(format!("the journal is {mode} and not wal")));
    }
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "cache_size", -65_536)?;
    db.pragma_update(None, "wal_autocheckpoint", 2_000)?;
    prepared(db, 512)
}

/// What holds for each connection: statements are prepared once and then kept. Their plans hang on no value that is bound (SQLite's
/// query planner stability guarantee), else SQLite would prepare most of them anew each time that one is.
pub(super) fn prepared(db: &Connection, most: usize) -> Result<(), LedgerError> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // There are none. One that somebody adds to the file of a ledger that is open does nothing.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_prepared_statement_cache_capacity(most);
    Ok(db.busy_timeout(Duration::from_secs(10))?)
}

/// All in one transaction: who dies here leaves an empty file, which is none.
fn create(db: &Connection) -> Result<(), LedgerError> {
    let sql = format!(
        "BEGIN IMMEDIATE; {}
         INSERT INTO meta (one, term, generation, head_position, head_hash) VALUES (1, 1, 1, 0, zeroblob(32));
         PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}; COMMIT;",
        TABLES.concat()
    );
    Ok(db.execute_batch(&sql)?)
}

/// Each version in one transaction: who dies here leaves the one before, and the next start goes on from it.
fn upgrade(db: &Connection) -> Result<(), LedgerError> {
    let found: usize = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (version, tables) in (1..).zip(TABLES).skip(found) {
        let sql = format!("BEGIN IMMEDIATE; {tables} PRAGMA user_version = {version}; COMMIT;");
        db.execute_batch(&sql)?;
        tracing::info!(version, "the ledger has the tables of this version now");
    }
    Ok(())
}

fn is_empty(db: &Connection) -> Result<bool, LedgerError> {
    Ok(!db.prepare("SELECT 1 FROM sqlite_schema")?.exists([])?)
}

/// The pages hang together. Finds what no hash covers: a projection's or a queue's page that a disk spoiled.
fn checked(db: &Connection) -> Result<(), LedgerError> {
    let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(LedgerError::Damaged(Damage::File(said.replace('\n', " ")))) }
}

/// A file that is shorter than its own header says was cut. SQLite would say so too, but not where.
fn whole(path: &Path) -> Result<(), LedgerError> {
    use std::io::Read as _;
    let Ok(mut file) = std::fs::File::open(path) else { return Ok(()) };
    let place = |source| LedgerError::Place { path: path.to_owned(), source: std::sync::Arc::new(source) };
    let length = file.metadata().map_err(place)?.len();
    let mut header = [0_u8; 100];
    if length == 0 {
        return Ok(());
    }
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Err(LedgerError::Foreign { path: path.to_owned() });
    }
    let number = |at: usize| header[at..at + 4].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let page = match number(16) >> 16 {
        1 => 65_536,
        size => size,
    };
    // The count is only good if it was written together with the last change (SQLite's file format, 1.3.7).
    let pages = if number(24) == number(92) { number(28) } else { 0 };
    // Pages may still be in the write-ahead log alone, after a crash.
    let logged = std::fs::metadata(path.with_extension("db-wal")).is_ok_and(|log| log.len() > 0);
    if length < pages * page && !logged {
        let what = format!("it ends at byte {length} of {}", pages * page);
        return Err(LedgerError::Damaged(Damage::File(what)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::open;

    /// What becomes of commits if the disk is not waited for, `tests/sqlite/power.rs` shows; this says where it is decided.
    #[test]
    fn the_connection_that_writes_waits_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let opened = open(&directory.path().join("ledger.db")).unwrap();
        let of = |pragma| opened.db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        // 2 is FULL.
        assert_eq!((of("synchronous"), of("foreign_keys"), of("page_size")), (2, 1, 8192));
        let journal: String = opened.db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(journal, "wal");
    }
}
