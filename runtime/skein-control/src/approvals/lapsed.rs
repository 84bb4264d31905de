//! Approvals that were given for a plan and were too old before it started. The ledger's row of one is gone by then, and the state of the
//! campaign says it only where the approval was the last that was missing: what was decided says it always.

use std::collections::BTreeSet;

use skein_ledger::{Event, EventFilter, Kind, Limit, Name, Subject};
use skein_types::{CampaignId, CampaignState};

use super::EXPIRED;
use crate::control::Control;
use crate::error::ServiceError;

impl Control {
    /// Teams whose part of the plan somebody approved too long ago, and has not approved again since.
    pub(super) fn lapsed(&self, id: CampaignId) -> Result<BTreeSet<Name>, ServiceError> {
        let kinds = vec![Kind::CampaignMoved, Kind::ApprovalGiven, Kind::ApprovalRevoked];
        let filter = EventFilter { of: Some(Subject::Campaign(id)), kinds, ..EventFilter::default() };
        let (mut lapsed, mut after): (BTreeSet<(Name, Name)>, _) = (BTreeSet::new(), 0);
        loop {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            for recorded in page.items {
                if let Event::CampaignMoved(moved) = &recorded.event
                    && moved.to == CampaignState::Planning
                {
                    lapsed.clear();
                }
                if let Event::ApprovalGiven(given) = &recorded.event {
                    lapsed.remove(&(given.team.clone(), given.person.clone()));
                }
                if let Event::ApprovalRevoked(gone) = recorded.event
                    && recorded.actor == self.itself.actor
                    && gone.reason.as_str() == EXPIRED
                {
                    lapsed.insert((gone.team, gone.person));
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(lapsed.into_iter().map(|(team, _)| team).collect()),
            }
        }
    }
}
