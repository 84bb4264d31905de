//! Campaigns that somebody who looks at everything should see first.

use skein_api::Campaign;
use skein_ledger::{CampaignFilter, CampaignsFrom, Limit, Name};
use skein_types::CampaignState;

use crate::control::Control;
use crate::error::ServiceError;

/// States of campaigns that are at work or want somebody, most pressing first.
const PRESSING: [CampaignState; 13] = [
    CampaignState::Halted,
    CampaignState::RollbackIncomplete,
    CampaignState::RollingBack,
    CampaignState::Cancelling,
    CampaignState::Running,
    CampaignState::Paused,
    CampaignState::Finalizing,
    CampaignState::AwaitingApproval,
    CampaignState::Planning,
    CampaignState::Approved,
    CampaignState::Stale,
    CampaignState::Planned,
    CampaignState::Soaking,
];
/// Of each of these so many are looked at, the newest.
const LOOKED_AT: usize = 100;

impl Control {
    /// Those that are at work or want somebody, most pressing first, and whether there are more.
    pub(crate) fn active_campaigns(
        &self,
        owners: Option<Vec<Name>>,
        most: usize,
    ) -> Result<(Vec<Campaign>, bool), ServiceError> {
        let mut filter = CampaignFilter { owners, ..CampaignFilter::default() };
        self.ledger.at_once(|| {
            let (mut rows, mut more) = (Vec::new(), false);
            for state in PRESSING {
                filter.state = Some(state);
                let page =
                    self.ledger.campaigns(&filter, &CampaignsFrom::Newest(None), Limit::new(LOOKED_AT))?;
                more |= page.next.is_some() && state != CampaignState::Soaking;
                // Of those that are only kept to go back to, the ones of which a check found something.
                let wants = |row: &skein_ledger::Campaign| state != CampaignState::Soaking || row.alarms > 0;
                rows.extend(page.items.into_iter().filter(wants));
                if rows.len() > most {
                    break;
                }
            }
            more |= rows.len() > most;
            let shown = rows.into_iter().take(most).map(|row| self.shown_campaign(row));
            Ok((shown.collect::<Result<_, _>>()?, more))
        })?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::Name;

    use crate::scene::{HandClock, campaign, open, running};

    #[test]
    fn what_is_at_work_is_seen_by_whose_it_is() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let of = |owners: Option<&str>, most| {
            let owners = owners.map(|owner| vec![Name::new(owner).unwrap()]);
            let (found, more) = control.active_campaigns(owners, most).unwrap();
            (found.iter().map(|one| one.campaign).collect::<Vec<_>>(), more)
        };
        assert_eq!(of(None, 5), (vec![campaign()], false));
        assert_eq!(of(Some("local"), 5), (vec![campaign()], false));
        assert_eq!(of(Some("shop"), 5), (vec![], false));
        assert_eq!(of(None, 0), (vec![], true));
    }
}
