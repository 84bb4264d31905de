//! The suite of every engine, over SQLite.

use std::sync::Arc;

use skein_ledger::conformance::Place;
use skein_ledger::{Ledger, LedgerError, Options, Sqlite};
use skein_types::Clock;

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory can be made"))
    }
}

impl Place for Directory {
    fn open(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Ledger>, LedgerError> {
        Ok(Box::new(Sqlite::open(self.0.path(), Options { clock, notify: None })?))
    }
}

skein_ledger::conformance!(Directory::new());
