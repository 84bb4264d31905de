//! Connections that read: as many as are needed at one time, up to a bound, kept for the next.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use crate::bounds::READERS_MAX;
use crate::error::LedgerError;

/// The pool. Who finds all in use waits for the next that is free: reads end by themselves, pages are bounded.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    idle: Vec<Connection>,
    open: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::new(State { idle: Vec::new(), open: 0 }), freed: Condvar::new() }
    }

    /// Reads one moment.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        self.read_checked(|db| Ok(read(db)?))
    }

    /// The like, for what has more to say than SQLite.
    pub(super) fn read_checked<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        if self.is_now() {
            return NOW.with_borrow(|now| read(&now.as_ref().expect("it is this thread's").db));
        }
        let db = Borrowed { pool: self, db: Some(self.take()?) };
        let db = db.db.as_ref().expect("borrowed until it is dropped");
        // A transaction makes all statements of one read see one moment.
        let moment = db.unchecked_transaction()?;
        let answer = read(&moment)?;
        moment.finish()?;
        Ok(answer)
    }

    /// Calls what reads several times on this thread: all of it sees one moment, on one connection that was waited for once.
    pub(super) fn moment(&self, reads: &mut dyn FnMut()) -> Result<(), LedgerError> {
        // One within another is the same; one within another pool's goes without.
        if NOW.with_borrow(Option::is_some) {
            reads();
            return Ok(());
        }
        let mut db = Borrowed { pool: self, db: Some(self.take()?) };
        db.db.as_ref().expect("borrowed until it is dropped").execute_batch("BEGIN")?;
        NOW.set(db.db.take().map(|db| Moment { of: self.place(), db }));
        let _over = Over(db);
        reads();
        Ok(())
    }

    /// Whether this thread reads a moment of this pool.
    fn is_now(&self) -> bool {
        NOW.with_borrow(|now| now.as_ref().is_some_and(|now| now.of == self.place()))
    }

    /// Which pool this is, as long as it is borrowed.
    fn place(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn take(&self) -> Result<Connection, LedgerError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(db) = state.idle.pop() {
                return Ok(db);
            }
            if state.open < READERS_MAX {
                state.open += 1;
                drop(state);
                return self.connect().inspect_err(|_| self.give(None));
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give(&self, db: Option<Connection>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match db {
            Some(db) => state.idle.push(db),
            None => state.open -= 1,
        }
        self.freed.notify_one();
    }

    fn connect(&self) -> Result<Connection, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags)?;
        #[cfg(all(test, feature = "conformance"))]
        let db = super::statements::heard(db);
        db.pragma_update(None, "cache_size", -8_192)?;
        super::open::prepared(&db, 128)?;
        Ok(db)
    }
}

thread_local! {
    /// The moment that this thread reads.
    static NOW: RefCell<Option<Moment>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct Moment {
    of: usize,
    db: Connection,
}

/// Ends this thread's moment, also when what reads it panics.
struct Over<'a>(Borrowed<'a>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let db = NOW.take().map(|now| now.db);
        // One that cannot end its transaction is not used again: the pool opens another.
        self.0.db = db.filter(|db| db.execute_batch("COMMIT").is_ok());
    }
}

/// Goes back to the pool, also when a read panics.
struct Borrowed<'a> {
    pool: &'a Readers,
    db: Option<Connection>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.pool.give(self.db.take());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::{Connection, StatementStatus};

    use super::Readers;
    use crate::sqlite::open::open;

    fn ledger(directory: &Path) -> (Readers, Connection) {
        let path = directory.join("ledger");
        let writer = open(&path).unwrap().db;
        (Readers::new(path), writer)
    }

    #[test]
    fn what_is_read_in_one_moment_does_not_see_what_is_written_meanwhile() {
        let directory = tempfile::tempdir().unwrap();
        let (readers, writer) = ledger(directory.path());
        let term = || readers.read(|db| db.query_row("SELECT term FROM meta", [], |row| row.get(0)));
        let mut seen = Vec::<u64>::new();
        readers
            .moment(&mut || {
                seen.push(term().unwrap());
                writer.execute_batch("UPDATE meta SET term = 2").unwrap();
                readers.moment(&mut || seen.push(term().unwrap())).unwrap();
            })
            .unwrap();
        seen.push(term().unwrap());
        assert_eq!(seen, [1, 1, 2]);
        assert_eq!(readers.state.lock().unwrap().open, 1);
    }

    #[test]
    fn a_moment_that_panics_gives_its_connection_back() {
        let directory = tempfile::tempdir().unwrap();
        let (readers, _writer) = ledger(directory.path());
        let panics = std::panic::AssertUnwindSafe(|| readers.moment(&mut || panic!("a reader's fault")));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(readers.state.lock().unwrap().idle.len(), 1);
        readers.read(|db| db.execute_batch("SELECT term FROM meta")).unwrap();
    }

    #[test]
    fn a_statement_is_prepared_once_whatever_values_it_is_asked_with() {
        let directory = tempfile::tempdir().unwrap();
        let (readers, _writer) = ledger(directory.path());
        let again = readers.read(|db| {
            // Whether the index of intended runs serves would be a matter of the value, if SQLite looked at it.
            let mut find =
                db.prepare_cached("SELECT seq FROM run WHERE campaign = ?1 AND seq > ?2 AND state = ?3")?;
            for state in ["intended", "published"] {
                find.exists(("none", 0, state))?;
            }
            Ok(find.get_status(StatementStatus::RePrepare))
        });
        assert_eq!(again.unwrap(), 0);
    }
}
