//! Adds up the closing lines of many test binaries.

use std::fmt;

/// Sums over `test result:` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Looks at one line of output; only closing lines count.
    pub(super) fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        for part in counts.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u64>), words.next()) else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }

    /// Whether something ran and nothing failed or was skipped.
    pub(super) const fn is_sound(&self) -> bool {
        self.passed > 0 && self.failed == 0 && self.skipped == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.add(line));
        tally
    }

    #[test]
    fn closing_lines_add_up_and_other_lines_do_not_count() {
        let sum = tally(&[
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.01s",
        ]);
        assert_eq!(sum.to_string(), "7 passed, 2 failed");
        assert!(!sum.is_sound());
    }

    #[test]
    fn no_test_at_all_and_a_skipped_test_are_not_sound() {
        assert!(!tally(&[]).is_sound());
        let skipped = tally(&["test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"]);
        assert_eq!(skipped.to_string(), "3 passed, 0 failed, 1 skipped");
        assert!(!skipped.is_sound());
    }

    #[test]
    fn passing_tests_are_sound() {
        assert!(
            tally(&["test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"]).is_sound()
        );
    }
}
