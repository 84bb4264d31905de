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
mod power;
mod tamper;
mod upgrade;

use std::path::Path;
use std::sync::Arc;

use skein_ledger::{Actor, LedgerError, Name, NodeJoined, Options, Sqlite, Unit};
use skein_types::{NodeId, SystemClock};
use uuid::Uuid;

fn try_open(directory: &Path) -> Result<Sqlite, LedgerError> {
    Sqlite::open(directory, Options { clock: Arc::new(SystemClock::start()), notify: None })
}

fn open(directory: &Path) -> Sqlite {
    try_open(directory).unwrap()
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
