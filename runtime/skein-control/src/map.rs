//! Where all runs of a campaign are, as little as it takes to draw them: all of them first, then those that moved.

mod course;

use std::collections::BTreeSet;

use skein_ledger::{EventFilter, Limit, Subject};
use skein_types::{CampaignId, RunState};

use crate::control::Control;
use crate::error::ServiceError;
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

    /// How a campaign came on since it was first looked at by this process; nothing of one that was over before.
    pub(crate) fn course(&self, id: CampaignId) -> Vec<CoursePoint> {
        self.state().courses.get(&id).map_or_else(Vec::new, |course| course.points().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::{RunSkipped, Text};
    use skein_types::RunState;

    use super::{MapRuns, RunMap};
    use crate::scene::{HandClock, campaign, open, planned_for};

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
