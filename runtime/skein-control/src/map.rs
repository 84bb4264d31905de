//! Where all runs of a campaign are, as little as it takes to draw them: all of them first, then those that moved.

mod course;

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use skein_campaign::Tally;
use skein_ledger::{EventFilter, Limit, Subject};
use skein_types::{CampaignId, RunState};

use crate::control::Control;
use crate::error::ServiceError;
use crate::live::tally;
pub(crate) use course::Course;
pub use course::CoursePoint;

/// Where more was decided since, all runs are said again: that is less to read.
const MOVES: usize = 1_000;

/// Runs of a campaign and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMap {
    /// The decision that it is as of.
    pub position: u64,
    /// Which.
    pub runs: MapRuns,
}

/// Which runs a map has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapRuns {
    /// All of them: by state, their numbers in order.
    All(Vec<(RunState, Vec<u64>)>),
    /// Those that something was decided about, in order.
    Moved(Vec<(u64, RunState)>),
}

impl Control {
    /// Where the runs of a campaign are, those that moved behind a position or all.
    pub(crate) fn run_map(&self, id: CampaignId, after: Option<u64>) -> Result<RunMap, ServiceError> {
        self.ledger.at_once(|| {
            let position = self.ledger.head()?.position;
            let moved = after.filter(|after| *after <= position).map(|after| self.moved_since(id, after));
            let runs = match moved.transpose()?.flatten() {
                Some(moved) => MapRuns::Moved(moved),
                None => MapRuns::All(self.ledger.run_states(id)?),
            };
            Ok(RunMap { position, runs })
        })?
    }

    /// Nothing, if it is too much or about all of them.
    fn moved_since(&self, id: CampaignId, after: u64) -> Result<Option<Vec<(u64, RunState)>>, ServiceError> {
        let filter = EventFilter::about(Some(Subject::Campaign(id)));
        let page = self.ledger.events(after, &filter, Limit::new(MOVES))?;
        let mut seqs = BTreeSet::new();
        for recorded in &page.items {
            if let Subject::Run(_, seq) = recorded.event.subject() {
                seqs.insert(seq);
            } else if recorded.event.kind().as_str().starts_with("campaign.") {
                // A plan is made or taken back in one of these.
                return Ok(None);
            }
        }
        if page.next.is_some() {
            return Ok(None);
        }
        let state = |seq| Ok(self.ledger.run(id, seq)?.map(|run| (seq, run.state)));
        seqs.into_iter().filter_map(|seq| state(seq).transpose()).collect::<Result<_, _>>().map(Some)
    }

    /// How a campaign came on. Made of the ledger when it is first asked for, and kept up from then on by each look at it.
    pub(crate) fn course(&self, id: CampaignId) -> Result<Vec<CoursePoint>, ServiceError> {
        let state = &mut *self.state();
        let course = match state.courses.entry(id) {
            Entry::Occupied(kept) => kept.into_mut(),
            Entry::Vacant(entry) => {
                let made = self.ledger.at_once(|| {
                    let runs = self.ledger.campaign(id)?.map_or(Tally::planned(0), |row| tally(&row.runs));
                    let now = CoursePoint::of(runs, self.clock.now());
                    Ok::<_, ServiceError>(Course::of(&self.ledger.course(id)?, now))
                })??;
                entry.insert(made)
            }
        };
        Ok(course.points().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::{RunSkipped, Text};
    use skein_types::{RunState, Timestamp};

    use super::{CoursePoint, MapRuns, RunMap};
    use crate::reconcile::tests::look;
    use crate::scene::{HandClock, campaign, open, planned_for};

    #[test]
    fn how_a_campaign_came_on_is_known_to_the_next_process_and_kept_up_by_it() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let at = |ms| clock.0.store(ms, std::sync::atomic::Ordering::SeqCst);
        let control = open(place.path(), &clock);
        planned_for(&control, &["a", "b", "c"]);
        assert_eq!(control.course(campaign()).unwrap(), []);
        let skip = |control: &crate::Control, seq, ms| {
            at(ms);
            let (from, reason) = (RunState::Planned, Text::clip("not this one"));
            let skipped = RunSkipped { campaign: campaign(), seq, from, reason };
            control.write(control.itself.unit().decide(skipped)).unwrap();
            control.state().campaigns.clear();
        };
        skip(&control, 0, 60_000);
        skip(&control, 1, 90_500);
        drop(control);
        let control = open(place.path(), &clock);
        let point = |at, left| CoursePoint { at: Timestamp(at), left, failed: 0 };
        let before = [point(60_000, 3), point(61_000, 2), point(90_500, 1)];
        assert_eq!(control.course(campaign()).unwrap(), before);
        skip(&control, 2, 120_000);
        look(&control);
        assert_eq!(control.course(campaign()).unwrap(), [&before[..], &[point(120_000, 0)]].concat());
    }

    #[test]
    fn a_map_is_whole_first_and_then_what_moved() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        planned_for(&control, &["a", "b", "c"]);
        let map = |after| control.run_map(campaign(), after).unwrap();
        let RunMap { position, runs } = map(None);
        assert_eq!(runs, MapRuns::All(vec![(RunState::Planned, vec![0, 1, 2])]));
        assert_eq!(map(Some(position)), RunMap { position, runs: MapRuns::Moved(Vec::new()) });
        let skipped = RunSkipped {
            campaign: campaign(),
            seq: 1,
            from: RunState::Planned,
            reason: Text::clip("not this one"),
        };
        control.write(control.itself.unit().decide(skipped)).unwrap();
        let moved = map(Some(position));
        assert_eq!(moved.runs, MapRuns::Moved(vec![(1, RunState::Skipped)]));
        assert_eq!(map(Some(moved.position)).runs, MapRuns::Moved(Vec::new()));
        // What was before the plan, and what no head ever was.
        assert!(matches!(map(Some(0)).runs, MapRuns::All(_)));
        assert!(matches!(map(Some(u64::MAX)).runs, MapRuns::All(_)));
    }
}
