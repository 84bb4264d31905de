//! When it is worth trying again.

use skein_types::{LONGEST_WAIT, Millis};

/// Most tries of one notice. With the waits between them that is about a day.
pub const TRIES_MAX: u32 = 37;

const FIRST_WAIT: Millis = Millis(5_000);

/// How long to wait after so many tries, or nothing once it is to be given up. `retry_after` is what the receiver asked for;
/// `seed` spreads those that failed at the same moment, and gives the same waits each time.
///
/// Waits double from five seconds up to an hour, each shorter by up to a quarter. A receiver may ask for a longer one, but for no
/// longer one than an hour.
pub fn next_try(tries: u32, retry_after: Option<Millis>, seed: u64) -> Option<Millis> {
    let Some(failed_before) = tries.checked_sub(1) else {
        return Some(Millis(0));
    };
    if tries >= TRIES_MAX {
        return None;
    }
    let doubled = FIRST_WAIT.0.saturating_mul(1_u64.checked_shl(failed_before).unwrap_or(u64::MAX));
    let full = doubled.min(LONGEST_WAIT.0);
    let wait = full - mixed(seed ^ u64::from(tries)) % (full / 4);
    let asked = retry_after.unwrap_or_default().0.min(LONGEST_WAIT.0);
    Some(Millis(wait.max(asked)))
}

/// The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skein_types::{LONGEST_WAIT, Millis};

    use super::{TRIES_MAX, next_try};

    const HOUR: u64 = 3_600_000;

    #[test]
    fn waits_double_from_five_seconds_to_an_hour_and_end() {
        let full = [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600];
        for (tries, seconds) in (1..).zip(full) {
            for seed in 0..100 {
                let wait = next_try(tries, None, seed).unwrap().0;
                assert!(wait > seconds * 750 && wait <= seconds * 1_000, "{tries} {seed}: {wait}");
            }
        }
        assert_eq!(next_try(0, None, 7), Some(Millis(0)));
        assert!(next_try(TRIES_MAX - 1, None, 7).is_some());
        assert_eq!(next_try(TRIES_MAX, None, 7), None);
        assert_eq!(next_try(u32::MAX, Some(Millis(1)), 7), None);
    }

    #[test]
    fn two_that_failed_together_do_not_come_back_together() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|seed| next_try(6, None, seed)).collect();
        assert!(waits.len() > 90, "{}", waits.len());
    }

    proptest! {
        #[test]
        fn all_waits_together_are_about_a_day(seed: u64) {
            let waits = (1..TRIES_MAX).map(|tries| next_try(tries, None, seed).unwrap());
            let whole = waits.sum::<Millis>().0;
            prop_assert!((20 * HOUR..28 * HOUR).contains(&whole), "{whole}");
        }

        #[test]
        fn a_wait_is_one_that_was_asked_for_and_no_longer_than_an_hour(
            tries in 1..TRIES_MAX, asked: u64, seed: u64
        ) {
            let wait = next_try(tries, Some(Millis(asked)), seed).unwrap();
            prop_assert!(wait >= Millis(asked.min(LONGEST_WAIT.0)));
            prop_assert!(wait <= LONGEST_WAIT);
            prop_assert_eq!(next_try(tries, Some(Millis(asked)), seed), Some(wait));
        }
    }
}
