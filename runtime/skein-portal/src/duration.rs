//! How long something took or takes, in words.

use skein_types::{Millis, grouped};

/// Less than this is said to the millisecond.
const EXACT_MS: u64 = 10_000;

/// A length of time: a short one as it is, a longer one in the two largest units that say it, rounded up. `timeline.js` says it alike.
pub(crate) fn lasting(time: Millis) -> String {
    let seconds = time.0.div_ceil(1_000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if time.0 < EXACT_MS && !time.0.is_multiple_of(1_000) => {
            format!("{}.{:03} s", time.0 / 1_000, time.0 % 1_000)
        }
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{} d {hours} h", grouped(days)),
    }
}

#[cfg(test)]
mod tests {
    use skein_types::Millis;

    use super::lasting;

    #[test]
    fn a_length_of_time_is_said_in_units_that_people_count_in() {
        for (ms, said) in [
            (0, "0 s"),
            (1, "0.001 s"),
            (999, "0.999 s"),
            (1_000, "1 s"),
            (1_250, "1.250 s"),
            (9_999, "9.999 s"),
            (10_000, "10 s"),
            (10_001, "11 s"),
            (59_000, "59 s"),
            (59_001, "1 min 0 s"),
            (61_000, "1 min 1 s"),
            (3_599_000, "59 min 59 s"),
            (3_599_001, "1 h 0 min"),
            (5_400_000, "1 h 30 min"),
            (86_399_000, "23 h 59 min"),
            (86_399_001, "1 d 0 h"),
            (86_400_000 + 7_200_000, "1 d 2 h"),
            (u64::MAX, "213,503,982,334 d 14 h"),
        ] {
            assert_eq!(lasting(Millis(ms)), said, "{ms}");
        }
    }
}
