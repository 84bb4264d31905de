//! What a ledger has written since it was opened: for whoever wants to know what a piece of work costs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_types::Bytes;

/// Upper ends of the classes into which the times of commits are counted, in microseconds. What is longer is in one more.
const ENDS: [u64; 11] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// How long transactions took from their begin until they were on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitTimes {
    classes: [u64; ENDS.len() + 1],
    sum_us: u64,
}

impl CommitTimes {
    /// One transaction's.
    pub(crate) fn of(took: Duration) -> Self {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut classes = [0; ENDS.len() + 1];
        classes[ENDS.iter().take_while(|end| us > **end).count()] = 1;
        Self { classes, sum_us: us }
    }

    /// All of them together.
    pub const fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }

    /// How many were in each class, with its upper end; the last has none.
    pub fn classes(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let ends = ENDS.iter().map(|end| Some(Duration::from_micros(*end))).chain([None]);
        ends.zip(self.classes)
    }
}

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
    /// How long the transactions took.
    pub times: CommitTimes,
}

/// The counters behind it. Only the writer adds, so who reads in between sees each of them as of some commit.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    transactions: AtomicU64,
    syncs: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    classes: [AtomicU64; ENDS.len() + 1],
    sum_us: AtomicU64,
}

impl Counted {
    /// One transaction is on the disk.
    pub(crate) fn add(&self, more: Written) {
        let counters = [
            (&self.transactions, more.transactions),
            (&self.syncs, more.syncs),
            (&self.events, more.events),
            (&self.bytes, more.bytes.0),
            (&self.sum_us, more.times.sum_us),
        ];
        for (counter, more) in counters.into_iter().chain(self.classes.iter().zip(more.times.classes)) {
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
            times: CommitTimes {
                classes: std::array::from_fn(|class| self.classes.get(class).map_or(0, of)),
                sum_us: of(&self.sum_us),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CommitTimes, Counted, Written};
    use std::time::Duration;

    #[test]
    fn a_commit_is_counted_in_the_class_that_it_fits_and_all_are_summed() {
        let counted = Counted::default();
        for us in [1, 500, 501, 9_000_000] {
            let times = CommitTimes::of(Duration::from_micros(us));
            counted.add(Written { transactions: 1, times, ..Written::default() });
        }
        let times = counted.read().times;
        let classes: Vec<_> = times.classes().filter(|(_, count)| *count > 0).collect();
        let ms = |us| Some(Duration::from_micros(us));
        assert_eq!(classes, [(ms(500), 2), (ms(1_000), 1), (None, 1)]);
        assert_eq!(times.sum(), Duration::from_micros(9_001_002));
    }
}
