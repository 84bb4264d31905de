//! How a campaign's runs came to rest over time, for who draws it. Kept in memory and made up of what was looked at: a campaign has
//! few enough points whatever it takes, and after a restart they begin anew.

use skein_campaign::Tally;
use skein_types::{RunState, Timestamp};

/// Points that are kept; where there are more, every second one goes.
const POINTS: usize = 240;
/// Points are as far apart as this at first.
const APART_MS: u64 = 500;

/// How far a campaign was at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoursePoint {
    /// When.
    pub at: Timestamp,
    /// Runs whose work is not over.
    pub left: u64,
    /// Runs that had failed.
    pub failed: u64,
}

/// The points of a campaign, the oldest first.
#[derive(Debug)]
pub(crate) struct Course {
    points: Vec<CoursePoint>,
    apart: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self { points: Vec::new(), apart: APART_MS }
    }
}

impl Course {
    pub(crate) fn points(&self) -> &[CoursePoint] {
        &self.points
    }

    /// Where it is now. The last point moves on while it is young or nothing changed, and stays where nothing is left.
    pub(crate) fn note(&mut self, runs: Tally, now: Timestamp) {
        let failed = [RunState::Failed, RunState::RevertFailed].map(|state| runs.get(state)).iter().sum();
        let point = CoursePoint { at: now, left: runs.total().saturating_sub(runs.at_rest()), failed };
        let same = |a: &CoursePoint| (a.left, a.failed) == (point.left, point.failed);
        if point.left == 0 && self.points.last().is_some_and(same) {
            return;
        }
        let before = self.points.len().checked_sub(2).and_then(|at| self.points.get(at)).copied();
        match (before, self.points.last_mut()) {
            (Some(before), Some(last))
                if now.0.saturating_sub(before.at.0) < self.apart || (same(&before) && same(last)) =>
            {
                *last = point;
            }
            _ => self.points.push(point),
        }
        if self.points.len() > POINTS {
            let mut at = 0;
            // The first and the last stay: there are an odd number.
            self.points.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.apart = self.apart.saturating_mul(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Course, POINTS};
    use skein_campaign::Tally;
    use skein_types::{RunState, Timestamp};

    #[test]
    fn a_course_has_its_begin_and_its_end_and_no_more_points_than_are_drawn() {
        let mut course = Course::default();
        let runs = |step: u64| {
            let failed = step.div_ceil(10);
            let all = [(RunState::Planned, 10_000 - step), (RunState::Failed, failed)];
            Tally::of(all.into_iter().chain([(RunState::Published, step - failed)]))
        };
        for step in 0..=10_000 {
            course.note(runs(step), Timestamp(step * 600));
        }
        let points = course.points();
        assert!(points.len() <= POINTS && points.len() > POINTS / 4, "{}", points.len());
        assert_eq!((points[0].at.0, points[0].left, points[0].failed), (0, 10_000, 0));
        let last = points[points.len() - 1];
        assert_eq!((last.at.0, last.left, last.failed), (6_000_000, 0, 1_000));
        assert!(points.is_sorted_by(|a, b| a.at < b.at && a.left >= b.left));
    }

    #[test]
    fn where_nothing_changes_the_last_point_moves_on() {
        let mut course = Course::default();
        let runs = Tally::of([(RunState::Planned, 3)]);
        for at in 0..100 {
            course.note(runs, Timestamp(at * 60_000));
        }
        let all = Tally::of([(RunState::Published, 3)]);
        for at in 100..200 {
            course.note(all, Timestamp(at * 60_000));
        }
        assert_eq!(
            course.points().iter().map(|point| point.at.0).collect::<Vec<_>>(),
            [0, 99 * 60_000, 100 * 60_000]
        );
    }
}
