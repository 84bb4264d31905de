//! An end that several steps share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use skein_types::Clock;

/// When a try is over.
#[derive(Clone)]
pub(crate) struct Deadline {
    clock: Arc<dyn Clock>,
    until: Duration,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(clock: &Arc<dyn Clock>, patience: Duration) -> Self {
        Self { clock: Arc::clone(clock), until: clock.elapsed().saturating_add(patience) }
    }

    /// What is left of it; never nothing, which a socket would take for no end at all.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.checked_sub(self.clock.elapsed()).filter(|left| *left >= Duration::from_millis(1))
    }

    /// The earlier of this and so long from now.
    pub(crate) fn within(&self, patience: Duration) -> Self {
        let until = self.clock.elapsed().saturating_add(patience).min(self.until);
        Self { clock: Arc::clone(&self.clock), until }
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deadline").field(&self.until).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use skein_types::{Clock, Timestamp};

    use super::Deadline;

    /// Stands where it is put.
    #[derive(Debug, Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn elapsed(&self) -> Duration {
            Duration::from_micros(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn what_is_left_is_something_or_the_end() {
        let hand = Arc::new(Hand::default());
        let clock: Arc<dyn Clock> = hand.clone();
        let deadline = Deadline::after(&clock, Duration::from_millis(5));
        let (sooner, later) =
            (deadline.within(Duration::from_millis(2)), deadline.within(Duration::from_secs(9)));
        let at = |micros: u64| {
            hand.0.store(micros, Ordering::Relaxed);
            [&deadline, &sooner, &later].map(|deadline| deadline.left().map(|left| left.as_micros()))
        };
        assert_eq!(at(0), [Some(5_000), Some(2_000), Some(5_000)]);
        assert_eq!(at(1_001), [Some(3_999), None, Some(3_999)]);
        assert_eq!(at(4_000), [Some(1_000), None, Some(1_000)]);
        assert_eq!(at(4_001), [None; 3]);
        assert_eq!(at(u64::MAX), [None; 3]);
    }
}
