//! Durations for people.

use std::fmt;
use std::time::{Duration, Instant};

/// Measures from its creation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time a step took is shown to a person and decides nothing"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn read(self) -> Took {
        Took(self.elapsed())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Prints as `340 ms`, `4.2 s` or `3 min 05 s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0.as_secs() {
            0 => format!("{} ms", self.0.as_millis()),
            1..60 => format!("{:.1} s", self.0.as_secs_f64()),
            seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Took};

    #[test]
    fn a_duration_is_shown_in_the_unit_that_a_person_would_use() {
        let shown = |ms| Took(Duration::from_millis(ms)).to_string();
        assert_eq!(shown(340), "340 ms");
        assert_eq!(shown(4_230), "4.2 s");
        assert_eq!(shown(185_000), "3 min 05 s");
    }
}
