//! A token bucket as a value: bytes of a rate, in pieces.
//!
//! Properties, each tested over random takers and rates:
//! - over any time what is let through is at most the rate times that time and one piece more, and with takers that never pause at least
//!   that less one piece: over two seconds both are far below 5 %;
//! - who is told to wait has taken: there is a debt of at most one piece, so nobody who comes later waits for more than one piece of
//!   each who came before, and nobody who waits as told is told to wait again;
//! - a new rate holds from the moment that it is set: what is owed is paid at it.
//!
//! Whole bytes and nanoseconds, so it does not drift.

use std::time::Duration;

/// The largest piece, however fast it goes.
pub const PIECE_MAX: u64 = 1 << 20;
/// The time in which a piece goes through.
const PIECE_TIME: u64 = 50;
const SECOND: u128 = 1_000_000_000;

/// Bytes of one rate. Times are of a clock that never steps backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: u64,
    /// Bytes times nanoseconds per second that are there, or owed.
    level: i128,
    at: Duration,
}

/// How much of what was asked for may go, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take {
    /// So many bytes: what was asked for, or a piece of it.
    pub bytes: u64,
    /// After so long; they are the taker's, nobody else gets them.
    pub wait: Duration,
}

impl Bucket {
    /// An empty one. A rate of 0 lets nothing through.
    pub const fn new(rate: u64, now: Duration) -> Self {
        Self { rate, level: 0, at: now }
    }

    /// The largest number of bytes that are taken at once, and that gather while nobody takes any.
    pub const fn piece(&self) -> u64 {
        let piece = self.rate / (1_000 / PIECE_TIME);
        if piece > PIECE_MAX {
            PIECE_MAX
        } else if piece == 0 {
            1
        } else {
            piece
        }
    }

    /// Another rate, from now on.
    pub fn set_rate(&mut self, rate: u64, now: Duration) {
        self.fill(now);
        self.rate = rate;
        self.level = self.level.min(self.full());
    }

    /// Takes as much of `bytes` as goes in a piece. None if nothing ever goes: the rate is 0.
    pub fn take(&mut self, now: Duration, bytes: u64) -> Option<Take> {
        if self.rate == 0 {
            return None;
        }
        self.fill(now);
        let bytes = bytes.min(self.piece());
        self.level -= scaled(bytes);
        let owed = u128::try_from(-self.level).unwrap_or(0).div_ceil(u128::from(self.rate));
        let wait = Duration::from_nanos(u64::try_from(owed).unwrap_or(u64::MAX));
        Some(Take { bytes, wait })
    }

    fn full(&self) -> i128 {
        scaled(self.piece())
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_nanos();
        self.at = self.at.max(now);
        let more = passed.saturating_mul(u128::from(self.rate));
        self.level = self.level.saturating_add(i128::try_from(more).unwrap_or(i128::MAX)).min(self.full());
    }
}

fn scaled(bytes: u64) -> i128 {
    i128::from(bytes) * i128::try_from(SECOND).unwrap_or(i128::MAX)
}
