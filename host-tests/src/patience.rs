//! Waiting for something that will be so, with an end if it never is.

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes as long, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(300);
const NAP: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see; fails with `what` if there never is.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(NAP);
    }
}
