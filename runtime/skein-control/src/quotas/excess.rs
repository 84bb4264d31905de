//! What is refused because a quota is used up: the start of a campaign, where its team's quota, or its own, says `reject`.
//!
//! `throttle` refuses nothing: what is more waits. `terminate` refuses nothing either: the allocator ends what runs.

use skein_fleet::{Account, Quota};
use skein_types::{CampaignId, QuotaOf, Resource, codes};

use crate::control::{Control, State};
use crate::division::TICK_EVERY;
use crate::error::ServiceError;

impl Control {
    /// Refuses to start what would only wait, where that is to be refused.
    pub(crate) fn within_quota(&self, state: &mut State, id: CampaignId) -> Result<(), ServiceError> {
        let owner = self.live(state, id)?.owner.clone();
        let quotas = self.quotas_in_force(state)?;
        self.divide(state, TICK_EVERY)?;
        let of_team = (QuotaOf::Team(owner.clone()), quotas.of_team(&owner));
        for (of, quota) in [of_team, (QuotaOf::Campaign(id), quotas.of_campaign(id))] {
            let account = state.division.grants.accounts.get(&of);
            if let Some(what) =
                used_up(quota, account).filter(|_| quota.excess == skein_types::Excess::Reject)
            {
                return Err(ServiceError::new(
                    codes::QUOTA_SPENT,
                    format!("the quota of {of} is used up: {what}"),
                )
                .hint(Some(format!("start it later; `skein quota explain {of}` says what it has"))));
            }
        }
        Ok(())
    }
}

/// What is used up of a quota, if something is.
fn used_up(quota: &Quota, account: Option<&Account>) -> Option<String> {
    for resource in [Resource::Slots, Resource::Memory] {
        let Some(limit) = quota.bounds.get(&resource).and_then(|bounds| bounds.limit) else { continue };
        let used = account.map_or(0, |account| account.used[resource]);
        if used >= limit {
            let (used, limit) = (skein_fleet::Spoken(resource, used), skein_fleet::Spoken(resource, limit));
            return Some(format!("{used} are in use, of {limit}"));
        }
    }
    let (budget, (spent, until)) = (quota.fuel?, account?.fuel?);
    (spent >= budget.fuel.0).then(|| format!("its fuel is spent until {until}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skein_fleet::{Account, Amounts, Quota};
    use skein_types::{Bounds, Fuel, FuelBudget, Millis, Resource, Timestamp};

    use super::used_up;

    fn account(slots: u64, fuel: u64) -> Account {
        Account {
            guaranteed: Amounts::NONE,
            used: Amounts::of([(Resource::Slots, slots)]),
            granted: Amounts::NONE,
            borrowed: Amounts::NONE,
            lent: Amounts::NONE,
            dominant: Resource::Slots,
            share: 0.0,
            ahead: 0.0,
            fuel: Some((fuel, Timestamp(3_600_000))),
            why: None,
        }
    }

    #[test]
    fn a_quota_is_used_up_at_its_limit_and_when_its_fuel_is_spent() {
        let bounds = Bounds { guaranteed: 0, limit: Some(2), lendable: None };
        let mut quota = Quota { bounds: BTreeMap::from([(Resource::Slots, bounds)]), ..Quota::OPEN };
        quota.fuel = Some(FuelBudget { fuel: Fuel(10), per: Millis(3_600_000) });
        assert_eq!(used_up(&quota, None), None);
        assert_eq!(used_up(&quota, Some(&account(1, 9))), None);
        assert_eq!(used_up(&quota, Some(&account(2, 0))).unwrap(), "2 slots are in use, of 2 slots");
        let spent = used_up(&quota, Some(&account(1, 10))).unwrap();
        assert_eq!(spent, "its fuel is spent until 1970-01-01T01:00:00.000Z");
        quota.bounds.insert(Resource::Slots, Bounds { limit: Some(0), ..bounds });
        assert!(used_up(&quota, None).is_some(), "nothing may ever run");
    }
}
