//! How many runs of a wave may be under way before the door. Nothing there is visible, so the window may grow past what may
//! still fail; it does so only as far as runs succeed (05 §6, DESIGN §8).

use serde::{Deserialize, Serialize};

/// A window that is doubled after each window of successes and reset by a failure. Made of decisions alone, so that
/// replaying them gives the same window; one that is lost starts slowly again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowStart {
    window: u64,
    successes: u64,
}

impl SlowStart {
    pub(crate) const fn at(window: u64) -> Self {
        Self { window, successes: 0 }
    }

    /// Runs that may be under way if there are slots.
    pub const fn window(&self) -> u64 {
        self.window
    }

    pub(crate) fn succeeded(&mut self) {
        self.successes += 1;
        if self.successes >= self.window {
            // A window of 0 grows to 1: it is a wave whose budget was spent and whose runs succeed all the same.
            *self = Self::at(self.window.saturating_mul(2).max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SlowStart;

    #[test]
    fn a_window_of_successes_doubles_it() {
        let mut start = SlowStart::at(3);
        let windows: Vec<_> = (0..9)
            .map(|_| {
                start.succeeded();
                start.window()
            })
            .collect();
        assert_eq!(windows, [3, 3, 6, 6, 6, 6, 6, 6, 12]);
    }
}
