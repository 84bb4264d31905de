//! Time as an argument. Logic that needs the time takes a [`Clock`]; only the binary makes the real one.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Millis;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// No retry waits for longer. So a wait that has more before it was set by a clock that has been put back since.
pub const LONGEST_WAIT: Millis = Millis(3_600_000);

/// Where time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day, for records that people read. May step backwards.
    fn now(&self) -> Timestamp;
    /// Time since some fixed point; never steps backwards. For durations and deadlines.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// Starts counting `elapsed` now. Called once, by the composition root.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn start() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        jumped(Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(not(feature = "crash-points"))]
#[inline(always)]
const fn jumped(now: Timestamp) -> Timestamp {
    now
}

/// With the feature `crash-points`, as a person or a time server may set it while the process runs: moved by as many
/// milliseconds as the file says that `SKEIN_CLOCK_OFFSET` names. [`Clock::elapsed`] does not move with it.
#[cfg(feature = "crash-points")]
fn jumped(now: Timestamp) -> Timestamp {
    use std::io::Read as _;
    #[expect(clippy::disallowed_methods, reason = "a test's switch, read once, absent from release builds")]
    static SAID_IN: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("SKEIN_CLOCK_OFFSET").ok());
    let said = || {
        let mut text = String::new();
        std::fs::File::open(SAID_IN.as_ref()?).ok()?.take(32).read_to_string(&mut text).ok()?;
        text.trim().parse::<i64>().ok()
    };
    said().map_or(now, |offset| Timestamp(now.0.saturating_add_signed(offset)))
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (s, ms) = (ms / 1000, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
    }
}

/// Days since 1970-01-01 to a proleptic Gregorian date; the era arithmetic of H. Hinnant's
/// "chrono-compatible low-level date algorithms", for non-negative days only.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn timestamps_print_as_rfc_3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(951_782_400_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Timestamp(1_795_392_000_123).to_string(), "2026-11-23T00:00:00.123Z");
    }
}
