//! What somebody has of the fleet now, and why not more.

use std::collections::BTreeMap;

use skein_api::{List, QuotaAccount, QuotaExplained, QuotaQueue, Text, Time};
use skein_fleet::{Account, Amounts, QueueKey, SizeClass};
use skein_types::{Fuel, QuotaOf, Resource};

use crate::control::{Control, State};
use crate::division::TICK_EVERY;
use crate::error::ServiceError;
use crate::quotas::put;

impl Control {
    /// What a quota comes to now.
    pub(crate) fn explain_quota(&self, of: &QuotaOf) -> Result<QuotaExplained, ServiceError> {
        let all = self.all_quotas()?;
        let (own, default) = (all.get(of), all.get(&QuotaOf::Default));
        let (by, set) = match (of, own) {
            (_, Some(set)) => (Some(of.clone()), Some(set)),
            (QuotaOf::Team(_), None) => (default.map(|set| set.of.clone()), default),
            (QuotaOf::Org | QuotaOf::Default | QuotaOf::Campaign(_), None) => (None, None),
        };
        let mut state = self.state();
        let divided = self.divide(&mut state, TICK_EVERY)?;
        let account = state.division.grants.accounts.get(of).map(shown);
        let queues = queues(&state, of);
        drop(state);
        if let (QuotaOf::Team(team), None, None) = (of, own, &account) {
            self.is_somebody(team)?;
        }
        Ok(QuotaExplained {
            of: Text::escaped(&of.to_string()),
            by: by.map(|by| Text::escaped(&by.to_string())),
            quota: set.map(put),
            divided,
            account,
            queues: List::first(queues).0,
        })
    }
}

fn queues(state: &State, of: &QuotaOf) -> Vec<QuotaQueue> {
    let division = &state.division;
    let is_its = |queue: &&QueueKey| match of {
        QuotaOf::Org | QuotaOf::Default => false,
        QuotaOf::Team(team) => queue.team == *team,
        QuotaOf::Campaign(id) => queue.campaign == Some(*id),
    };
    let shown = |queue: &QueueKey| QuotaQueue {
        campaign: queue.campaign,
        large: queue.size == SizeClass::Large,
        waiting: division.waiting.get(queue).copied().unwrap_or(0).into(),
        permits: division
            .grants
            .permits
            .get(queue)
            .map_or(0, |nodes| nodes.values().map(|n| u64::from(*n)).sum()),
        why: division.grants.waits.get(queue).map(|reason| Text::escaped(&reason.to_string())),
    };
    division.known.iter().filter(is_its).map(shown).collect()
}

fn shown(account: &Account) -> QuotaAccount {
    let (spent, until) = account.fuel.unzip();
    QuotaAccount {
        guaranteed: amounts(&account.guaranteed),
        used: amounts(&account.used),
        granted: amounts(&account.granted),
        borrowed: amounts(&account.borrowed),
        lent: amounts(&account.lent),
        dominant: account.dominant,
        share: Text::escaped(&format!("{:.1}%", account.share * 100.0)),
        fuel: spent.map(Fuel),
        fuel_until: until.map(Time),
        why: account.why.as_ref().map(|why| Text::escaped(&why.to_string())),
    }
}

fn amounts(all: &Amounts) -> BTreeMap<Resource, u64> {
    let some = Resource::ALL.iter().map(|resource| (*resource, all[*resource]));
    some.filter(|(_, amount)| *amount > 0).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::Name;
    use skein_types::{QuotaOf, codes};

    use crate::scene::{HandClock, open, planning};

    #[test]
    fn a_team_that_has_nothing_is_not_explained_by_what_is_for_all() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        planning(&control);
        let explained = |team: &str| control.explain_quota(&QuotaOf::Team(Name::new(team).unwrap()));
        assert_eq!(explained("typo").unwrap_err().code, codes::NOT_FOUND);
        // Where there is one user nobody makes teams: what has datasets is one.
        assert_eq!(explained("local").unwrap().by, None);
    }
}
