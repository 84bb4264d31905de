//! How fast a campaign goes and when it will be there: from counters that somebody read now and then.

use std::collections::VecDeque;

use skein_types::{Bytes, Millis, Rows};

/// Counters at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Time since some fixed point.
    pub at: Millis,
    /// Runs at rest.
    pub done: u64,
    /// All runs.
    pub runs: u64,
    /// Rows read so far.
    pub rows: Rows,
    /// Bytes read so far.
    pub bytes: Bytes,
}

/// What readings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Runs that came to rest, per minute.
    pub runs_per_minute: u64,
    /// Rows read, per second.
    pub rows_per_second: Rows,
    /// Bytes read, per second.
    pub bytes_per_second: Bytes,
    /// Time until all runs are at rest, at this rate. None if nothing moves: nobody can say.
    pub left: Option<Millis>,
}

/// The last readings.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    readings: VecDeque<Reading>,
}

/// Rates are of so much time: long enough that one large dataset does not make them jump, short enough to follow.
const WINDOW: Millis = Millis(30_000);
/// Readings that are kept; more often than this in a window nobody looks.
const READINGS_MAX: usize = 128;

impl Progress {
    /// Adds a reading. One that is not later than the last replaces it: the counters are newer, the time is not.
    pub fn read(&mut self, reading: Reading) {
        while self.readings.pop_back_if(|last| last.at >= reading.at).is_some() {}
        let old = |kept: &Reading| kept.at.0 + WINDOW.0 <= reading.at.0;
        // The one before the window is kept, or a slow reader would never have two.
        while self.readings.get(1).is_some_and(old) || self.readings.len() >= READINGS_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
    }

    /// What the readings say; nothing before there are two.
    pub fn estimate(&self) -> Option<Estimate> {
        let (first, last) = (self.readings.front()?, self.readings.back()?);
        let took = last.at.0.checked_sub(first.at.0).filter(|took| *took > 0)?;
        let per = |from: u64, to: u64, unit: u64| {
            let rate = u128::from(to.saturating_sub(from)) * u128::from(unit) / u128::from(took);
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        let (done, left) = (last.done.saturating_sub(first.done), last.runs.saturating_sub(last.done));
        let time = u128::from(left) * u128::from(took);
        let left = match (left, done) {
            (0, _) => Some(Millis(0)),
            (_, 0) => None,
            (_, done) => Some(Millis(u64::try_from(time / u128::from(done)).unwrap_or(u64::MAX))),
        };
        Some(Estimate {
            runs_per_minute: per(first.done, last.done, 60_000),
            rows_per_second: Rows(per(first.rows.0, last.rows.0, 1_000)),
            bytes_per_second: Bytes(per(first.bytes.0, last.bytes.0, 1_000)),
            left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Estimate, Millis, Progress, READINGS_MAX, Reading, Rows};

    fn reading(seconds: u64, done: u64) -> Reading {
        let (rows, bytes) = (Rows(done * 1_000), Bytes(done * 4_000));
        Reading { at: Millis(seconds * 1_000), done, runs: 600, rows, bytes }
    }

    fn after(readings: &[(u64, u64)]) -> Option<Estimate> {
        let mut progress = Progress::default();
        readings.iter().for_each(|(seconds, done)| progress.read(reading(*seconds, *done)));
        progress.estimate()
    }

    #[test]
    fn rates_and_the_time_that_is_left_are_of_the_last_half_minute() {
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[(5, 100)]), None);
        let steady = after(&[(0, 0), (10, 50), (20, 100)]).unwrap();
        assert_eq!(
            (steady.runs_per_minute, steady.rows_per_second, steady.bytes_per_second),
            (300, Rows(5_000), Bytes(20_000))
        );
        assert_eq!(steady.left, Some(Millis(100_000)));
        let slower = after(&[(0, 0), (10, 500), (60, 500), (70, 510), (80, 520), (90, 530)]).unwrap();
        assert_eq!((slower.runs_per_minute, slower.left), (60, Some(Millis(70_000))));
    }

    #[test]
    fn nothing_that_moves_has_no_end_and_nothing_left_is_no_time() {
        assert_eq!(after(&[(0, 10), (20, 10)]).unwrap().left, None);
        assert_eq!(after(&[(0, 600), (20, 600)]).unwrap().left, Some(Millis(0)));
        // Runs that are tried again leave rest.
        assert_eq!(after(&[(0, 20), (20, 10)]).unwrap().runs_per_minute, 0);
    }

    #[test]
    fn readings_far_apart_and_a_time_that_stands_still_are_no_trouble() {
        assert_eq!(after(&[(0, 0), (600, 300)]).unwrap().left, Some(Millis(600_000)));
        assert_eq!(after(&[(10, 0), (10, 100)]), None);
        assert_eq!(after(&[(0, 0), (10, 100), (5, 150)]).unwrap().runs_per_minute, 1_800);
        let mut progress = Progress::default();
        (0..10_000).for_each(|at| progress.read(Reading { at: Millis(at), ..reading(0, at / 100) }));
        assert_eq!(
            (progress.readings.len(), progress.estimate().map(|estimate| estimate.left)),
            (READINGS_MAX, Some(Some(Millis(63_627))))
        );
    }
}
