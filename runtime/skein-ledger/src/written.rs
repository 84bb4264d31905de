//! What a ledger has written since it was opened: for whoever wants to know what a piece of work costs.

use std::sync::atomic::{AtomicU64, Ordering};

use skein_types::Bytes;

/// Since the ledger was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Transactions that were committed.
    pub transactions: u64,
    /// Those of them that changed something, and so waited for the disk once each. What an engine syncs by itself when it
    /// tidies its files is not among them.
    pub syncs: u64,
    /// Events that were appended.
    pub events: u64,
    /// Their bodies.
    pub bytes: Bytes,
}

/// The counters behind it. Only the writer adds, so who reads in between sees each of them as of some commit.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    transactions: AtomicU64,
    syncs: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
}

impl Counted {
    /// One transaction is on the disk.
    pub(crate) fn add(&self, more: Written) {
        let counters = [
            (&self.transactions, more.transactions),
            (&self.syncs, more.syncs),
            (&self.events, more.events),
            (&self.bytes, more.bytes.0),
        ];
        for (counter, more) in counters {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Written {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Written {
            transactions: of(&self.transactions),
            syncs: of(&self.syncs),
            events: of(&self.events),
            bytes: Bytes(of(&self.bytes)),
        }
    }
}
