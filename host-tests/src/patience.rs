//! Waiting for something that will be so, with an end if it never is.

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes as long, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(300);
const NAP: Duration = Duration::from_millis(20);

/// What a look finds: that something is so, or what was looked for.
pub trait Look {
    /// What there is to see.
    type Seen;

    /// It, if it is there.
    fn seen(self) -> Option<Self::Seen>;
}

impl Look for bool {
    type Seen = ();

    fn seen(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Look for Option<T> {
    type Seen = T;

    fn seen(self) -> Self {
        self
    }
}

/// Looks again and again until there is something to see; fails with `what` if there never is.
#[track_caller]
pub fn until<L: Look>(what: &str, mut look: impl FnMut() -> L) -> L::Seen {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().seen() {
            return seen;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(NAP);
    }
}
