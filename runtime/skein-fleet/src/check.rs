//! Whether quotas add up: what is promised must be there.

use std::collections::BTreeMap;
use std::fmt;

use skein_types::{CampaignId, Name, QuotaOf, Resource};

use crate::amounts::{Amounts, SOLID, Spoken};
use crate::quotas::{Quota, Quotas};

/// Who has which quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// Teams that have none of their own: each is promised what the default says.
    pub by_default: u64,
    /// The team of each campaign that has a quota.
    pub campaigns: BTreeMap<CampaignId, Name>,
}

/// Two numbers that do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Somebody is promised more than they may have.
    GuaranteedOverLimit {
        /// Who.
        of: QuotaOf,
        /// Of what.
        resource: Resource,
        /// What is promised.
        guaranteed: u64,
        /// What they may have.
        limit: u64,
    },
    /// Somebody lends more than they are promised.
    LendsMore {
        /// Who.
        of: QuotaOf,
        /// Of what.
        resource: Resource,
        /// What they lend.
        lendable: u64,
        /// What is promised.
        guaranteed: u64,
    },
    /// Teams are promised more than there is.
    OverCapacity {
        /// Of what.
        resource: Resource,
        /// What all teams are promised.
        guaranteed: u64,
        /// What nodes have.
        capacity: u64,
    },
    /// Teams are promised more than all of them may have, or than was set aside for them.
    OverOrg {
        /// Of what.
        resource: Resource,
        /// What all teams are promised.
        guaranteed: u64,
        /// What the organisation's quota says.
        org: u64,
    },
    /// Campaigns are promised more than their team.
    OverTeam {
        /// Whose.
        team: Name,
        /// Of what.
        resource: Resource,
        /// What its campaigns are promised.
        campaigns: u64,
        /// What it is promised.
        guaranteed: u64,
    },
    /// Fuel in no time.
    NoTime {
        /// Whose.
        of: QuotaOf,
    },
}

impl Finding {
    /// The same thing as before, and by no more: whoever changes something else has not done it.
    pub fn is_no_more_than(&self, before: &Self) -> bool {
        let (of, by) = self.lacks();
        let (of_before, by_before) = before.lacks();
        of == of_before && by <= by_before
    }

    /// What does not fit, and by how much.
    fn lacks(&self) -> ((u8, Option<QuotaOf>, Option<Resource>), u64) {
        let (kind, of, resource, sum, bound) = match self {
            Self::GuaranteedOverLimit { of, resource, guaranteed, limit } => {
                (0, Some(of.clone()), Some(*resource), *guaranteed, *limit)
            }
            Self::LendsMore { of, resource, lendable, guaranteed } => {
                (1, Some(of.clone()), Some(*resource), *lendable, *guaranteed)
            }
            Self::OverCapacity { resource, guaranteed, capacity } => {
                (2, None, Some(*resource), *guaranteed, *capacity)
            }
            Self::OverOrg { resource, guaranteed, org } => (3, None, Some(*resource), *guaranteed, *org),
            Self::OverTeam { team, resource, campaigns, guaranteed } => {
                (4, Some(QuotaOf::Team(team.clone())), Some(*resource), *campaigns, *guaranteed)
            }
            Self::NoTime { of } => (5, Some(of.clone()), None, 0, 0),
        };
        ((kind, of, resource), sum.saturating_sub(bound))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GuaranteedOverLimit { of, resource, guaranteed, limit } => {
                let (promised, limit) = (Spoken(*resource, *guaranteed), Spoken(*resource, *limit));
                write!(f, "{of}: {promised} guaranteed are more than its limit of {limit}")
            }
            Self::LendsMore { of, resource, lendable, guaranteed } => {
                let (lends, has) = (Spoken(*resource, *lendable), Spoken(*resource, *guaranteed));
                write!(f, "{of}: {lends} lendable are more than the {has} guaranteed")
            }
            Self::OverCapacity { resource, guaranteed, capacity } => {
                let (promised, there) = (Spoken(*resource, *guaranteed), Spoken(*resource, *capacity));
                write!(f, "teams are guaranteed {promised}, and the fleet has {there}")
            }
            Self::OverOrg { resource, guaranteed, org } => {
                let (promised, org) = (Spoken(*resource, *guaranteed), Spoken(*resource, *org));
                write!(f, "teams are guaranteed {promised}, and the organisation has {org}")
            }
            Self::OverTeam { team, resource, campaigns, guaranteed } => {
                let (sum, has) = (Spoken(*resource, *campaigns), Spoken(*resource, *guaranteed));
                write!(f, "campaigns of team {team} are guaranteed {sum}, and the team {has}")
            }
            Self::NoTime { of } => write!(f, "{of}: a fuel budget for a time of 0 ms"),
        }
    }
}

/// All that does not add up, in a fixed order. `capacity` is what all nodes have together; what nobody has said there is of
/// processors, reading or writing is not held against what is promised of it.
pub fn check(quotas: &Quotas, holders: &Holders, capacity: &Amounts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = quotas.each().flat_map(|(of, quota)| single(&of, quota)).collect();
    let teams = quotas.teams.values().map(|quota| (quota, 1));
    let all: Vec<(&Quota, u64)> =
        teams.chain(quotas.default.iter().map(|quota| (quota, holders.by_default))).collect();
    for resource in Resource::ALL.iter().copied() {
        let promised = all.iter().map(|(quota, times)| guaranteed(quota, resource).saturating_mul(*times));
        let promised = promised.fold(0, u64::saturating_add);
        let known = SOLID.contains(&resource) || capacity[resource] > 0;
        if known && promised > capacity[resource] {
            let capacity = capacity[resource];
            findings.push(Finding::OverCapacity { resource, guaranteed: promised, capacity });
        }
        let org = quotas.org.as_ref().and_then(|quota| quota.bounds.get(&resource));
        let set_aside = org.map(|bounds| bounds.guaranteed).filter(|guaranteed| *guaranteed > 0);
        let bound = set_aside.into_iter().chain(org.and_then(|bounds| bounds.limit)).min();
        if let Some(org) = bound.filter(|org| promised > *org) {
            findings.push(Finding::OverOrg { resource, guaranteed: promised, org });
        }
    }
    findings.extend(campaigns(quotas, holders));
    findings
}

fn guaranteed(quota: &Quota, resource: Resource) -> u64 {
    quota.bounds.get(&resource).map_or(0, |bounds| bounds.guaranteed)
}

/// What does not fit within one quota.
fn single(of: &QuotaOf, quota: &Quota) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (resource, bounds) in &quota.bounds {
        let (resource, guaranteed) = (*resource, bounds.guaranteed);
        if let Some(limit) = bounds.limit.filter(|limit| guaranteed > *limit) {
            findings.push(Finding::GuaranteedOverLimit { of: of.clone(), resource, guaranteed, limit });
        }
        if let Some(lendable) = bounds.lendable.filter(|lendable| *lendable > guaranteed) {
            findings.push(Finding::LendsMore { of: of.clone(), resource, lendable, guaranteed });
        }
    }
    if quota.fuel.is_some_and(|budget| budget.per.0 == 0) {
        findings.push(Finding::NoTime { of: of.clone() });
    }
    findings
}

/// What campaigns are promised against what their teams are.
fn campaigns(quotas: &Quotas, holders: &Holders) -> Vec<Finding> {
    let mut sums: BTreeMap<(&Name, Resource), u64> = BTreeMap::new();
    for (campaign, quota) in &quotas.campaigns {
        let Some(team) = holders.campaigns.get(campaign) else { continue };
        for (resource, bounds) in &quota.bounds {
            let sum = sums.entry((team, *resource)).or_default();
            *sum = sum.saturating_add(bounds.guaranteed);
        }
    }
    let over = sums.into_iter().filter_map(|((team, resource), campaigns)| {
        let has = guaranteed(quotas.of_team(team), resource);
        let team = team.clone();
        (campaigns > has).then_some(Finding::OverTeam { team, resource, campaigns, guaranteed: has })
    });
    over.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skein_types::{Bounds, CampaignId, Fuel, FuelBudget, Millis, Name, QuotaOf, Resource};
    use uuid::Uuid;

    use super::{Finding, Holders, check};
    use crate::amounts::Amounts;
    use crate::quotas::{Quota, Quotas};

    fn slots(guaranteed: u64, limit: Option<u64>, lendable: Option<u64>) -> Quota {
        let bounds = Bounds { guaranteed, limit, lendable };
        Quota { bounds: BTreeMap::from([(Resource::Slots, bounds)]), ..Quota::OPEN }
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn said(quotas: &Quotas, holders: &Holders) -> Vec<String> {
        let capacity = Amounts::of([(Resource::Slots, 10), (Resource::Memory, 1 << 30)]);
        check(quotas, holders, &capacity).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn quotas_that_fit_are_not_spoken_of() {
        let teams = [("a", slots(4, Some(8), Some(2))), ("b", slots(4, None, None))];
        let quotas = Quotas {
            default: Some(slots(1, None, None)),
            teams: teams.map(|(team, quota)| (name(team), quota)).into(),
            ..Quotas::default()
        };
        assert_eq!(said(&quotas, &Holders { by_default: 2, ..Holders::default() }), Vec::<String>::new());
    }

    #[test]
    fn each_thing_that_does_not_fit_names_both_numbers() {
        let campaign = CampaignId::new(Uuid::from_u128(1));
        let mut hasty = slots(6, Some(5), Some(7));
        hasty.fuel = Some(FuelBudget { fuel: Fuel(1), per: Millis(0) });
        let quotas = Quotas {
            org: Some(slots(9, Some(20), None)),
            default: Some(slots(2, None, None)),
            teams: [(name("shop"), hasty)].into(),
            campaigns: [(campaign, slots(7, None, None))].into(),
        };
        let holders = Holders { by_default: 3, campaigns: [(campaign, name("shop"))].into() };
        assert_eq!(
            said(&quotas, &holders),
            [
                "team:shop: 6 slots guaranteed are more than its limit of 5 slots",
                "team:shop: 7 slots lendable are more than the 6 slots guaranteed",
                "team:shop: a fuel budget for a time of 0 ms",
                "teams are guaranteed 12 slots, and the fleet has 10 slots",
                "teams are guaranteed 12 slots, and the organisation has 9 slots",
                "campaigns of team shop are guaranteed 7 slots, and the team 6 slots",
            ]
        );
    }

    #[test]
    fn who_takes_from_what_is_too_much_already_adds_nothing() {
        let over =
            |guaranteed, capacity| Finding::OverCapacity { resource: Resource::Cpu, guaranteed, capacity };
        assert!(over(10, 8).is_no_more_than(&over(12, 8)));
        assert!(over(12, 8).is_no_more_than(&over(12, 8)));
        assert!(!over(13, 8).is_no_more_than(&over(12, 8)));
        assert!(!over(12, 7).is_no_more_than(&over(12, 8)));
        let org = Finding::OverOrg { resource: Resource::Cpu, guaranteed: 10, org: 9 };
        assert!(!org.is_no_more_than(&over(12, 8)));
        let of = |team: &str| Finding::NoTime { of: QuotaOf::Team(name(team)) };
        assert!(of("a").is_no_more_than(&of("a")) && !of("a").is_no_more_than(&of("b")));
    }

    #[test]
    fn what_nobody_said_there_is_can_be_promised() {
        let bounds = Bounds { guaranteed: 1 << 30, limit: None, lendable: None };
        let quota = Quota { bounds: BTreeMap::from([(Resource::Read, bounds)]), ..Quota::OPEN };
        let quotas = Quotas { teams: [(name("a"), quota)].into(), ..Quotas::default() };
        assert_eq!(said(&quotas, &Holders::default()), Vec::<String>::new());
        let capacity = Amounts::of([(Resource::Read, 1 << 20)]);
        assert_eq!(check(&quotas, &Holders::default(), &capacity).len(), 1);
    }
}
