//! Whether and when a task that failed is tried again. The class of its error decides (STYLE, "Errors"); lost nodes never
//! come here: they cost the task nothing, see [`crate::after_death`].

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, ErrorClass, Millis, Retry};

use crate::policy::RetryRule;

/// How often a task has failed so far, by what its failures were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Failures that pass.
    pub transient: u32,
    /// Failures of the guest.
    pub faults: u32,
}

/// What comes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same again, no sooner than after this wait.
    Again {
        /// How long.
        wait: Millis,
        /// What is remembered of it.
        tries: Tries,
    },
    /// Once more, on another node: who failed there may do so again.
    AgainElsewhere {
        /// What is remembered of it.
        tries: Tries,
    },
    /// Never; the run failed.
    GiveUp,
}

/// What comes after a failure of this class, if the task had failed so often before. `seed` differs between tasks, so that
/// those that failed together do not all come back together.
pub fn after_failure(class: ErrorClass, before: Tries, rule: &RetryRule, seed: u64) -> Next {
    match class.retry() {
        Retry::Never => Next::GiveUp,
        Retry::OnceElsewhere if before.faults == 0 => {
            Next::AgainElsewhere { tries: Tries { faults: 1, ..before } }
        }
        Retry::OnceElsewhere => Next::GiveUp,
        Retry::Backoff if before.transient < rule.transient => {
            let wait = backoff(before.transient, rule, seed);
            Next::Again { wait, tries: Tries { transient: before.transient + 1, ..before } }
        }
        Retry::Backoff => Next::GiveUp,
    }
}

/// Doubled from try to try up to the longest; of that, between half and all, as seed and try say.
fn backoff(tries: u32, rule: &RetryRule, seed: u64) -> Millis {
    let doubled = rule.wait.length().0.saturating_mul(1_u64.checked_shl(tries).unwrap_or(u64::MAX));
    let full = doubled.min(rule.longest.length().0);
    let mut input = seed.to_be_bytes().to_vec();
    input.extend(tries.to_be_bytes());
    let part = u64::from(Blake3::of(&input).0[0]);
    Millis(full - (full / 2 * part) / 255)
}

#[cfg(test)]
mod tests {
    use super::{ErrorClass, Next, Tries, after_failure};
    use crate::policy::Policy;

    /// Waits until it is given up.
    fn waits(class: ErrorClass, seed: u64) -> Vec<u64> {
        let (mut tries, mut waits) = (Tries::default(), Vec::new());
        loop {
            match after_failure(class, tries, &Policy::standard().retries, seed) {
                Next::Again { wait, tries: next } => (tries, waits) = (next, [waits, vec![wait.0]].concat()),
                Next::AgainElsewhere { tries: next } => (tries, waits) = (next, [waits, vec![0]].concat()),
                Next::GiveUp => return waits,
            }
        }
    }

    #[test]
    fn what_passes_is_tried_with_longer_and_longer_waits_a_fault_once_elsewhere_the_rest_never() {
        for (most, wait) in
            [1_000, 2_000, 4_000, 8_000, 16_000].into_iter().zip(waits(ErrorClass::Transient, 7))
        {
            assert!((most / 2..=most).contains(&wait), "{wait} of {most}");
        }
        assert_eq!(waits(ErrorClass::Transient, 7).len(), 5);
        assert_eq!(waits(ErrorClass::Fault, 7), [0]);
        for class in [ErrorClass::Denied, ErrorClass::BadInput, ErrorClass::Conflict, ErrorClass::Bug] {
            assert_eq!(waits(class, 7), [0_u64; 0], "{class:?}");
        }
    }

    #[test]
    fn waits_differ_between_tasks_are_the_same_for_one_and_end_at_the_longest() {
        assert_eq!(waits(ErrorClass::Transient, 1), waits(ErrorClass::Transient, 1));
        assert_ne!(waits(ErrorClass::Transient, 1), waits(ErrorClass::Transient, 2));
        let mut rule = Policy::standard().retries;
        rule.transient = u32::MAX;
        for tries in [6, 31, 64, 1_000] {
            let before = Tries { transient: tries, faults: 0 };
            let Next::Again { wait, .. } = after_failure(ErrorClass::Transient, before, &rule, 3) else {
                panic!("given up after {tries}")
            };
            assert!((30_000..=60_000).contains(&wait.0), "{wait:?} after {tries}");
        }
    }

    #[test]
    fn faults_and_what_passes_are_counted_apart() {
        let after_both = Tries { transient: 4, faults: 1 };
        let rule = Policy::standard().retries;
        assert_eq!(after_failure(ErrorClass::Fault, after_both, &rule, 0), Next::GiveUp);
        assert!(matches!(
            after_failure(ErrorClass::Transient, after_both, &rule, 0),
            Next::Again { tries: Tries { transient: 5, faults: 1 }, .. }
        ));
    }
}
