//! A clock that only the guest's own calls move.

/// Seconds of 2020-01-01, the earliest start: late enough for code that checks certificates' or files' ages.
const EPOCH_SECONDS: u64 = 1_577_836_800;
/// Starts are spread over a year.
const SPREAD_SECONDS: u64 = 365 * 86_400;
/// Each look at the clock takes this long, so that a guest that waits by looking comes to an end.
const LOOK_NANOS: u64 = 1_000;

/// Time of one guest: fixed by its seed, advanced by looking and by sleeping.
#[derive(Debug)]
pub(crate) struct VirtualTime {
    start_seconds: u64,
    elapsed_nanos: u64,
}

impl VirtualTime {
    pub(crate) const fn starting_at(random: u64) -> Self {
        Self { start_seconds: EPOCH_SECONDS + random % SPREAD_SECONDS, elapsed_nanos: 0 }
    }

    /// Nanoseconds since the start.
    pub(crate) const fn monotonic(&mut self) -> u64 {
        self.elapsed_nanos = self.elapsed_nanos.saturating_add(LOOK_NANOS);
        self.elapsed_nanos
    }

    /// Seconds and nanoseconds since 1970.
    pub(crate) fn wall(&mut self) -> (u64, u32) {
        let nanos = self.monotonic();
        let rest = u32::try_from(nanos % 1_000_000_000).expect("a remainder below 10^9 fits");
        (self.start_seconds + nanos / 1_000_000_000, rest)
    }

    /// A sleep of this long is over.
    pub(crate) const fn advance(&mut self, nanos: u64) {
        self.elapsed_nanos = self.elapsed_nanos.saturating_add(nanos);
    }

    /// A sleep until this moment is over.
    pub(crate) const fn advance_to(&mut self, nanos: u64) {
        if nanos > self.elapsed_nanos {
            self.elapsed_nanos = nanos;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::VirtualTime;

    #[test]
    fn sleeping_takes_no_time_but_is_seen() {
        let mut time = VirtualTime::starting_at(7);
        let before = time.monotonic();
        time.advance(5_000_000_000);
        assert_eq!(time.monotonic() - before, 5_000_001_000);
        time.advance_to(1);
        assert_eq!(time.wall().0, super::EPOCH_SECONDS + 7 + 5);
    }

    #[test]
    fn endless_sleeps_saturate() {
        let mut time = VirtualTime::starting_at(u64::MAX);
        time.advance(u64::MAX);
        time.advance(u64::MAX);
        assert_eq!(time.monotonic(), u64::MAX);
        assert!(time.wall().0 > super::EPOCH_SECONDS);
    }
}
