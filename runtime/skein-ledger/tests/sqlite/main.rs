//! What only this engine has: its directory, its file, its writer, and the ways in which they are harmed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it did not expect has failed; the lints know only functions with the attribute"
)]

mod again;
mod crash;
mod engine;
mod full;
mod gone;
mod power;
mod tamper;
mod upgrade;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use skein_ledger::{Actor, LedgerError, Name, NodeJoined, Options, Sqlite, Unit};
use skein_types::{Clock as _, NodeId, SystemClock};
use uuid::Uuid;

fn try_open(directory: &Path) -> Result<Sqlite, LedgerError> {
    Sqlite::open(directory, Options { clock: Arc::new(SystemClock::start()), notify: None })
}

/// A process that another test starts has all files of this one for a moment, and the lock with them.
fn open(directory: &Path) -> Sqlite {
    let clock = SystemClock::start();
    loop {
        match try_open(directory) {
            Err(LedgerError::Locked { .. }) if clock.elapsed() < Duration::from_secs(30) => {
                thread::yield_now()
            }
            opened => return opened.unwrap(),
        }
    }
}

fn node(number: u64) -> NodeId {
    NodeId::new(Uuid::from_u128(number.into()))
}

fn joined(number: u64) -> NodeJoined {
    NodeJoined { node: node(number), name: Name::new("n").unwrap(), incarnation: 1 }
}

fn by() -> Unit {
    Unit::by(Actor::new("control").unwrap())
}
