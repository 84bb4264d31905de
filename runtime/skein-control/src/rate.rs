//! How fast rows are done, over the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use skein_types::Rows;

/// Over how long.
const SPAN: Duration = Duration::from_secs(10);
/// Most readings that are kept.
const READINGS_MAX: usize = 256;

/// Rows done, from time to time.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    readings: VecDeque<(Duration, Rows)>,
}

impl Rate {
    /// At this time so many were done in all.
    pub(crate) fn read(&mut self, now: Duration, done: Rows) {
        self.readings.push_back((now, done));
        while self.readings.len() > READINGS_MAX
            || self.readings.front().is_some_and(|(then, _)| now.saturating_sub(*then) > SPAN)
        {
            self.readings.pop_front();
        }
    }

    /// Rows per second.
    pub(crate) fn per_second(&self) -> u64 {
        let (Some((first, before)), Some((last, after))) = (self.readings.front(), self.readings.back())
        else {
            return 0;
        };
        let millis = last.saturating_sub(*first).as_millis();
        let rows = u128::from(after.0.saturating_sub(before.0));
        (rows * 1_000).checked_div(millis).and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;
    use skein_types::Rows;
    use std::time::Duration;

    #[test]
    fn only_the_last_seconds_count() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), 0);
        for second in 0..=20_u64 {
            let done = if second <= 10 { second * 1_000 } else { 10_000 + (second - 10) * 10 };
            rate.read(Duration::from_secs(second), Rows(done));
        }
        assert_eq!(rate.per_second(), 10);
    }
}
