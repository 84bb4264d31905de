//! Connections that read: as many as are needed at one time, up to a bound, kept for the next.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

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
        let db = Borrowed { pool: self, db: Some(self.take()?) };
        let db = db.db.as_ref().expect("borrowed until it is dropped");
        // A transaction makes all statements of one read see one moment.
        let moment = db.unchecked_transaction()?;
        let answer = read(&moment)?;
        moment.finish()?;
        Ok(answer)
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
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "cache_size", -8_192)?;
        db.set_prepared_statement_cache_capacity(128);
        Ok(db)
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
