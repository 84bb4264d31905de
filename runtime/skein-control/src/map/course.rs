//! How a campaign's runs came to rest over time, for who draws it: made of what the ledger notes second by second, and from then on of
//! what is looked at. A campaign has few enough points whatever it takes.

use skein_campaign::Tally;
use skein_ledger::CourseStep;
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

impl CoursePoint {
    /// Of runs as they are now.
    pub(crate) fn of(runs: Tally, now: Timestamp) -> Self {
        let failed =
            RunState::ALL.iter().filter(|state| state.is_failed()).map(|state| runs.get(*state)).sum();
        Self { at: now, left: runs.total().saturating_sub(runs.at_rest()), failed }
    }

    /// How far it was before that happened.
    fn before(self, step: &CourseStep) -> Self {
        Self {
            at: Timestamp(step.second * 1_000),
            left: self.left.saturating_add_signed(step.rested),
            failed: self.failed.saturating_add_signed(step.failed.saturating_neg()),
        }
    }
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

    /// Of what happened and where that led to. Nothing of a campaign of which no run has come to rest.
    pub(crate) fn of(steps: &[CourseStep], now: CoursePoint) -> Self {
        let mut course = Self::default();
        // Where it is now is known, and so is what it was before: backwards from there, and told forwards.
        let mut at = now;
        let mut points: Vec<CoursePoint> = Vec::new();
        for step in steps.iter().rev() {
            points.push(CoursePoint { at: Timestamp(((step.second + 1) * 1_000).min(now.at.0)), ..at });
            at = at.before(step);
        }
        points.extend((!steps.is_empty()).then_some(at));
        points.into_iter().rev().for_each(|point| course.note(point));
        course
    }

    /// Where it is now. The last point moves on while it is young or nothing changed, and stays where nothing is left.
    pub(crate) fn note(&mut self, point: CoursePoint) {
        let same = |a: &CoursePoint| (a.left, a.failed) == (point.left, point.failed);
        if point.left == 0 && self.points.last().is_some_and(same) {
            return;
        }
        let before = self.points.len().checked_sub(2).and_then(|at| self.points.get(at)).copied();
        match (before, self.points.last_mut()) {
            (Some(before), Some(last))
                if point.at.0.saturating_sub(before.at.0) < self.apart || (same(&before) && same(last)) =>
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
    use super::{Course, CoursePoint, CourseStep, POINTS};
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
            course.note(CoursePoint::of(runs(step), Timestamp(step * 600)));
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
            course.note(CoursePoint::of(runs, Timestamp(at * 60_000)));
        }
        let all = Tally::of([(RunState::Published, 3)]);
        for at in 100..200 {
            course.note(CoursePoint::of(all, Timestamp(at * 60_000)));
        }
        assert_eq!(
            course.points().iter().map(|point| point.at.0).collect::<Vec<_>>(),
            [0, 99 * 60_000, 100 * 60_000]
        );
    }

    #[test]
    fn what_was_before_follows_from_what_is_now_and_what_happened() {
        let step = |second, rested, failed| CourseStep { second, rested, failed };
        let runs = Tally::of([(RunState::Planned, 4), (RunState::Published, 5), (RunState::Failed, 1)]);
        let now = CoursePoint::of(runs, Timestamp(20_400));
        let steps = [step(10, 3, 2), step(12, 4, 0), step(20, -1, -1)];
        let course = Course::of(&steps, now);
        let told = |course: &Course| {
            course.points().iter().map(|point| (point.at.0, point.left, point.failed)).collect::<Vec<_>>()
        };
        assert_eq!(told(&course), [(10_000, 10, 0), (11_000, 7, 2), (13_000, 3, 2), (20_400, 4, 1)]);
        assert_eq!(told(&Course::of(&[], now)), []);
        // As many as there are: no more than are drawn.
        let many: Vec<_> = (0..50_000).map(|second| step(second, 1, 0)).collect();
        let all = Tally::of([(RunState::Published, 50_000)]);
        let course = Course::of(&many, CoursePoint::of(all, Timestamp(50_000_000)));
        let points = course.points();
        assert!(points.len() <= POINTS, "{}", points.len());
        assert_eq!((points[0].left, points[points.len() - 1].left), (50_000, 0));
    }
}
