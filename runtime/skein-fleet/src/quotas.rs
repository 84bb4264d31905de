//! What people set.

use std::collections::BTreeMap;

use skein_types::{Bounds, CampaignId, Excess, FuelBudget, Name, QuotaOf, Resource};

/// Somebody's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Their share of what is left beside what is guaranteed, against the others'. With 0 they get what nobody else wants.
    pub weight: u32,
    /// Of a resource that is not here nothing is promised, and nothing is bounded.
    pub bounds: BTreeMap<Resource, Bounds>,
    /// How much their guests may compute in a time.
    pub fuel: Option<FuelBudget>,
    /// What becomes of what runs beyond a limit that was lowered, or beyond the fuel.
    pub excess: Excess,
}

impl Quota {
    /// Of somebody of whom nobody said anything.
    pub const OPEN: Self = Self { weight: 1, bounds: BTreeMap::new(), fuel: None, excess: Excess::Throttle };
}

pub(crate) static OPEN: Quota = Quota::OPEN;

/// All quotas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Of all. Its limits bound the fleet; its guarantees, if there are any, bound what may be promised to teams.
    pub org: Option<Quota>,
    /// Of each team that has none of its own.
    pub default: Option<Quota>,
    /// Of teams.
    pub teams: BTreeMap<Name, Quota>,
    /// Of campaigns, each inside its team's.
    pub campaigns: BTreeMap<CampaignId, Quota>,
}

impl Quotas {
    /// A team's: its own, else the default.
    pub fn of_team(&self, team: &Name) -> &Quota {
        self.teams.get(team).or(self.default.as_ref()).unwrap_or(&OPEN)
    }

    /// A campaign's.
    pub fn of_campaign(&self, campaign: CampaignId) -> &Quota {
        self.campaigns.get(&campaign).unwrap_or(&OPEN)
    }

    /// Those that people set, with whose they are.
    pub fn each(&self) -> impl Iterator<Item = (QuotaOf, &Quota)> {
        let teams = self.teams.iter().map(|(team, quota)| (QuotaOf::Team(team.clone()), quota));
        let campaigns = self.campaigns.iter().map(|(id, quota)| (QuotaOf::Campaign(*id), quota));
        let org = self.org.iter().map(|quota| (QuotaOf::Org, quota));
        let default = self.default.iter().map(|quota| (QuotaOf::Default, quota));
        org.chain(default).chain(teams).chain(campaigns)
    }
}
