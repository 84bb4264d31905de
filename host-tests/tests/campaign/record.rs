//! The ledger of a server that has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use host_tests::service::Service;
use skein_ledger::{
    Campaign, EventFilter, Head, Ledger as _, Limit, Options, PhaseName, Recorded, Run, RunFilter, Sqlite,
    Subject, TaskFilter,
};
use skein_types::{AttemptId, CampaignId, SystemClock};

/// An open ledger.
pub(crate) struct Record(Sqlite);

impl Record {
    /// That of a server which does not run just now.
    pub(crate) fn of(service: &Service) -> Self {
        let options = Options { clock: Arc::new(SystemClock::start()), notify: None };
        Self(Sqlite::open(&service.site.path("server").join("ledger"), options).unwrap())
    }

    /// The chain verifies, goes on from the head that was known, and makes the projections that are there. Answers its head.
    pub(crate) fn checked(&self, known: Option<Head>) -> Head {
        let head = self.0.verify(known).unwrap();
        assert_eq!(self.0.rebuild().unwrap().head, head);
        head
    }

    pub(crate) fn campaign(&self, campaign: CampaignId) -> Campaign {
        self.0.campaign(campaign).unwrap().unwrap()
    }

    /// All that was decided about a campaign, or about everything.
    pub(crate) fn events(&self, of: Option<CampaignId>) -> Vec<Recorded> {
        let filter = EventFilter::about(of.map(Subject::Campaign));
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let page = self.0.events(after, &filter, Limit::MAX).unwrap();
            events.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => return events,
            }
        }
    }

    pub(crate) fn runs(&self, campaign: CampaignId) -> Vec<Run> {
        let (mut runs, mut after) = (Vec::new(), None);
        loop {
            let page = self.0.runs(campaign, RunFilter::default(), after, Limit::MAX).unwrap();
            runs.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return runs,
            }
        }
    }

    /// How many tasks of a campaign are in a phase.
    pub(crate) fn tasks(&self, campaign: CampaignId, phase: PhaseName) -> usize {
        let filter = TaskFilter { campaign: Some(campaign), phase: Some(phase), ..TaskFilter::default() };
        self.0.tasks(filter, 0, Limit::MAX).unwrap().items.len()
    }

    /// Runs of a campaign that are staged, and whose work each is.
    pub(crate) fn staged(&self, campaign: CampaignId) -> BTreeMap<u64, AttemptId> {
        let phase = Some(PhaseName::Staged);
        let filter = TaskFilter { campaign: Some(campaign), phase, ..TaskFilter::default() };
        let page = self.0.tasks(filter, 0, Limit::MAX).unwrap();
        assert_eq!(page.next, None, "more than a page is staged");
        let staged = page.items.iter().map(|task| (task.seq.unwrap(), task.phase.holder().unwrap().attempt));
        staged.collect()
    }
}
