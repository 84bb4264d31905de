//! The fleet by number instead of by name, with what each has been granted so far in this tick.

use std::collections::BTreeMap;
use std::ops::Range;

use skein_types::{CampaignId, Excess, Name, NodeId, QuotaOf, Resource, Timestamp};

use super::number::number;
use crate::amounts::{Amounts, SOLID, Whole};
use crate::demand::{Demand, Queue};
use crate::past::{CampaignPast, Lead, Past, level};
use crate::quotas::{OPEN, Quota, Quotas};
use crate::reason::Reason;

/// What bounds how many agents somebody has, to the last one; flows are held back by rates.
pub(super) const COUNTED: [Resource; 3] = [Resource::Slots, Resource::Memory, Resource::Cpu];

/// A quota as a tick needs it.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) guaranteed: Amounts,
    guaranteed_whole: Whole,
    pub(super) limit: Amounts,
    /// Guaranteed and not lent.
    pub(super) kept: Amounts,
    pub(super) weight: f64,
    pub(super) excess: Excess,
}

impl Terms {
    fn of(quota: &Quota) -> Self {
        let mut terms = Self {
            guaranteed: Amounts::NONE,
            guaranteed_whole: Whole::default(),
            limit: Amounts::of(Resource::ALL.iter().map(|resource| (*resource, u64::MAX))),
            kept: Amounts::NONE,
            weight: f64::from(quota.weight),
            excess: quota.excess,
        };
        for (resource, bounds) in &quota.bounds {
            let lent = bounds.lendable.unwrap_or(u64::MAX);
            let limit = bounds.limit.unwrap_or(u64::MAX);
            // Where the two contradict each other, the lower one wins.
            let guaranteed = bounds.guaranteed.min(limit);
            terms.guaranteed = terms.guaranteed.with(*resource, guaranteed);
            terms.kept = terms.kept.with(*resource, guaranteed.saturating_sub(lent));
            terms.limit = terms.limit.with(*resource, limit);
        }
        terms.guaranteed_whole = Whole::new(&terms.guaranteed);
        terms
    }

    /// Whether one more task is part of what is promised, if so much of that is taken. A promise of slots, memory or processors
    /// makes it one; a promise of bytes alone is kept by rates. What does not come in whole tasks is rounded.
    pub(super) fn covers(&self, taken: &Amounts, task: &Amounts) -> bool {
        let promised = |resource: Resource| self.guaranteed[resource] > 0 && task[resource] > 0;
        COUNTED.iter().any(|resource| promised(*resource))
            && Resource::ALL.iter().copied().filter(|resource| promised(*resource)).all(|resource| {
                let solid = SOLID.contains(&resource);
                let task = if solid { task[resource] } else { task[resource] / 2 };
                taken[resource].saturating_add(task) <= self.guaranteed[resource]
            })
    }
}

/// What comes first: who lacks of what is guaranteed, then who has least for their weight, then who has no weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rank {
    pub(super) tier: u8,
    pub(super) share: f64,
}

/// What somebody has must be so much more than what another one has, so that nothing moves for nothing.
const EPSILON: f64 = 1e-9;

impl Rank {
    /// Whether it comes clearly later.
    pub(super) fn is_beyond(&self, other: &Self) -> bool {
        self.tier > other.tier || (self.tier == other.tier && self.share > other.share + EPSILON)
    }

    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.tier.cmp(&other.tier).then(self.share.total_cmp(&other.share))
    }
}

/// A team, or a campaign in it.
#[derive(Clone, Debug)]
pub(super) struct Party {
    /// None: what belongs to no campaign.
    pub(super) of: Option<QuotaOf>,
    pub(super) terms: Terms,
    pub(super) lead: Lead,
    /// Granted in this tick.
    pub(super) granted: Amounts,
    /// The same with no less than was expected of each: what guarantees count.
    pub(super) promised: Amounts,
    /// Running and not granted again so far, counted likewise.
    pub(super) rest: Amounts,
    pub(super) rest_promised: Amounts,
    /// What runs and was not given to somebody else, counted likewise: nobody loses of that what is guaranteed.
    pub(super) stays: Amounts,
    /// What runs and is to stop for somebody else.
    pub(super) going: Amounts,
    /// All that runs, and what may start beside it.
    pub(super) real: Amounts,
    /// All that runs.
    pub(super) running: Amounts,
    /// The least that one of its agents takes.
    pub(super) least: Amounts,
    /// Fuel: spent, and when the next time begins.
    pub(super) fuel: Option<(u64, Timestamp)>,
    /// More time of processors was taken than the limit of them lets.
    pub(super) overdrawn: bool,
}

impl Party {
    pub(super) fn new(of: Option<QuotaOf>, quota: &Quota, lead: Lead) -> Self {
        let none = Amounts::NONE;
        Self {
            of,
            terms: Terms::of(quota),
            lead,
            granted: none,
            promised: none,
            rest: none,
            rest_promised: none,
            stays: none,
            going: none,
            real: none,
            running: none,
            least: Amounts::of(Resource::ALL.iter().map(|resource| (*resource, u64::MAX))),
            fuel: None,
            overdrawn: false,
        }
    }

    /// Whether one more agent beside these is beyond the limit of processors. One alone is enough to use all of it: it is let while
    /// nothing is owed.
    pub(super) fn is_busy(&self, beside: &Amounts, one: &Amounts) -> bool {
        let [limit, beside, one] = [self.terms.limit, *beside, *one].map(|amounts| amounts[Resource::Cpu]);
        let several = beside > 0 && beside.saturating_add(one) > limit;
        self.overdrawn || (limit == 0 && one > 0) || several
    }

    /// Its place if it asks for this task.
    pub(super) fn rank(&self, line: &Line<'_>, whole: &Whole) -> Rank {
        if self.lacks(line) {
            return Rank { tier: 0, share: self.promised.share(&self.terms.guaranteed_whole) };
        }
        self.rank_with(&self.granted, whole)
    }

    /// Whether one more agent is part of what it is guaranteed. One that runs is counted with those granted so far; a new one with
    /// all that run as well: as many as are guaranteed may be there already.
    pub(super) fn lacks(&self, line: &Line<'_>) -> bool {
        let runs = if line.rest.is_empty() { self.rest_promised } else { Amounts::NONE };
        self.terms.covers(&self.promised.plus(runs), &line.promise)
    }

    /// Its place beyond what is guaranteed with so much.
    pub(super) fn rank_with(&self, amounts: &Amounts, whole: &Whole) -> Rank {
        let beyond = amounts.minus(self.terms.guaranteed).share(whole);
        if self.terms.weight > 0.0 {
            Rank { tier: 1, share: beyond / self.terms.weight + self.lead.penalty() }
        } else {
            Rank { tier: 2, share: beyond }
        }
    }
}

/// A queue.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) queue: &'a Queue,
    pub(super) team: usize,
    pub(super) campaign: usize,
    pub(super) module: Option<usize>,
    /// What one of its agents takes: measured where it is.
    pub(super) cost: Amounts,
    /// The same, and no less than expected.
    pub(super) promise: Amounts,
    pub(super) wants: u32,
    pub(super) count: u32,
    pub(super) lead: Lead,
    /// Running and not granted again so far, by node.
    pub(super) rest: Vec<(usize, u32)>,
    /// Running, to end by itself for somebody else, by node.
    pub(super) lost: Vec<(usize, u32)>,
    /// Granted, by node.
    pub(super) granted: Vec<(usize, u32)>,
    /// Of what it is granted, the places of tasks that run.
    pub(super) places: Places,
    /// Nothing of it may start.
    pub(super) closed: Option<Reason>,
    pub(super) blocked: Option<Reason>,
}

/// Places of tasks that run, which somebody else gets.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// When they end.
    pub(super) ending: u32,
    /// At their next checkpoint, by team.
    pub(super) reclaimed: BTreeMap<usize, u32>,
}

impl Line<'_> {
    pub(super) fn rank(&self, count: u32, whole: &Whole) -> Rank {
        Rank { tier: 1, share: self.cost.times(count).share(whole) + self.lead.penalty() }
    }

    /// Whether something of it may begin there.
    pub(super) fn may_begin_at(&self, spot: &Spot) -> bool {
        spot.takes && self.queue.not_at != Some(spot.id)
    }

    pub(super) fn rest_count(&self) -> u32 {
        self.rest.iter().map(|(_, agents)| *agents).sum()
    }
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) id: NodeId,
    pub(super) capacity: Amounts,
    pub(super) whole: Whole,
    pub(super) takes: bool,
    pub(super) granted: Amounts,
    /// Running and not granted again, nor promised to somebody else.
    pub(super) rest: Amounts,
    /// Queues of which something runs here.
    pub(super) residents: Vec<usize>,
    /// Modules that run here.
    pub(super) modules: Vec<usize>,
}

impl Spot {
    /// Whether there is room for a task when so much of what runs is gone.
    pub(super) fn fits_without(&self, gone: Amounts, task: Amounts) -> bool {
        SOLID.iter().all(|resource| {
            let rest = self.rest[*resource].saturating_sub(gone[*resource]);
            let with = self.granted[*resource].saturating_add(rest).saturating_add(task[*resource]);
            with <= self.capacity[*resource]
        })
    }
}

/// Agents that are to stop.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) line: usize,
    pub(super) spot: usize,
    pub(super) cause: StopCause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StopCause {
    /// For this team.
    Guaranteed(usize),
    /// Beyond the limit of all, of a team or of a campaign.
    OrgLimit,
    TeamLimit(usize),
    CampaignLimit(usize),
    OrgFuel,
    TeamFuel(usize),
    CampaignFuel(usize),
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    pub(super) spots: Vec<Spot>,
    pub(super) teams: Vec<Party>,
    pub(super) campaigns: Vec<Party>,
    /// The team of each campaign.
    pub(super) team_of: Vec<usize>,
    /// By team, and in a team by campaign.
    pub(super) lines: Vec<Line<'a>>,
    /// Those of each team.
    pub(super) lines_of: Vec<Range<usize>>,
    pub(super) org: Party,
    /// What the fleet has, as far as all together may have it.
    pub(super) total: Amounts,
    pub(super) whole: Whole,
    /// What teams have been granted, or keep for themselves.
    pub(super) held: Amounts,
    /// What teams keep for themselves.
    pub(super) kept: Amounts,
    pub(super) stops: Vec<Stop>,
    /// What was to stop before.
    pub(super) stopping: Vec<(usize, usize)>,
}

impl<'a> Table<'a> {
    /// Numbers everything, charges what ran, and closes what has no fuel.
    pub(super) fn new(demand: &'a Demand, quotas: &Quotas, past: &mut Past, now: Timestamp) -> Self {
        let step = past.pass(&demand.used, now);
        let mut table = Self::of_nodes(demand, quotas);
        number(&mut table, demand, quotas, past);
        let end = |team: usize| table.lines.partition_point(|line| line.team < team);
        table.lines_of = (0..table.teams.len()).map(|team| end(team)..end(team + 1)).collect();
        table.charge(past, step);
        super::cpu::settle(&mut table, past);
        super::fuel::close(&mut table, quotas, past, now);
        table.kept = table.teams.iter().fold(table.kept, |kept, team| kept.plus(team.terms.kept));
        table.held = table.kept;
        table.stopping = table.stopped_before(past);
        table
    }

    fn of_nodes(demand: &Demand, quotas: &Quotas) -> Self {
        let mut spots: Vec<Spot> = demand
            .nodes
            .iter()
            .map(|node| Spot {
                id: node.id,
                capacity: node.capacity,
                whole: Whole::new(&node.capacity),
                takes: node.takes,
                granted: Amounts::NONE,
                rest: Amounts::NONE,
                residents: Vec::new(),
                modules: Vec::new(),
            })
            .collect();
        spots.sort_by_key(|spot| spot.id);
        spots.dedup_by_key(|spot| spot.id);
        let org = Party::new(Some(QuotaOf::Org), quotas.org.as_ref().unwrap_or(&OPEN), Lead::default());
        let there = spots.iter().fold(Amounts::NONE, |sum, spot| sum.plus(spot.capacity));
        // What nobody said there is of processors or bytes is as much as all together may have, if that is said.
        let total = Amounts::of(Resource::ALL.iter().copied().map(|resource| {
            let limit = org.terms.limit[resource];
            let unsaid = there[resource] == 0 && !SOLID.contains(&resource);
            let total = if unsaid && limit < u64::MAX { limit } else { there[resource].min(limit) };
            (resource, total)
        }));
        Self {
            spots,
            teams: Vec::new(),
            campaigns: Vec::new(),
            team_of: Vec::new(),
            lines: Vec::new(),
            lines_of: Vec::new(),
            org,
            total,
            whole: Whole::new(&total),
            held: Amounts::NONE,
            kept: Amounts::NONE,
            stops: Vec::new(),
            stopping: Vec::new(),
        }
    }

    /// The parties of a line: its campaign, its team, all.
    pub(super) fn parties(&mut self, at: usize) -> [&mut Party; 3] {
        let (team, campaign) = (self.lines[at].team, self.lines[at].campaign);
        [&mut self.campaigns[campaign], &mut self.teams[team], &mut self.org]
    }

    /// Everybody pays for what they had since the tick before, beyond what is guaranteed.
    fn charge(&mut self, past: &mut Past, step: u32) {
        let (whole, step_s) = (self.whole, f64::from(step) / 1_000.0);
        let by_weight = |party: &Party, charge: Amounts| {
            let weight = if party.terms.weight > 0.0 { party.terms.weight } else { 1.0 };
            charge.minus(party.terms.guaranteed.times(step)).share(&whole) / 1_000.0 / weight
        };
        let mut of_teams = vec![Amounts::NONE; self.teams.len()];
        for (at, campaign) in self.campaigns.iter_mut().enumerate() {
            let team = self.team_of[at];
            let Some((team_name, id)) = campaign_key(&self.teams[team], campaign) else { continue };
            let Some(kept) = past.teams.get_mut(team_name).and_then(|team| team.campaigns.get_mut(&id))
            else {
                continue;
            };
            let charge = kept.charge(&campaign.running, step);
            of_teams[team] = of_teams[team].plus(charge);
            campaign.lead.seconds += by_weight(campaign, charge);
        }
        for (team, sum) in self.teams.iter().zip(&mut of_teams) {
            let Some(QuotaOf::Team(name)) = &team.of else { continue };
            let kept = past.teams.get_mut(name).into_iter().flat_map(|kept| kept.campaigns.values_mut());
            // Of campaigns that are no longer here: their last tasks were not free.
            for charge in kept.filter_map(CampaignPast::rest) {
                *sum = sum.plus(charge);
            }
        }
        for (team, charge) in self.teams.iter_mut().zip(of_teams) {
            team.lead.seconds += by_weight(team, charge);
        }
        for line in &mut self.lines {
            line.lead.seconds += line.cost.times(line.rest_count()).share(&whole) * step_s;
        }
        let part = level(self.teams.iter_mut().map(|team| (team.terms.weight, &mut team.lead)), 1.0);
        let mut parts = vec![part; self.campaigns.len()];
        let mut begin = 0;
        // Campaigns stand by team, queues by campaign, for queues were sorted by their keys.
        for group in self.team_of.chunk_by(|one, other| one == other) {
            let end = begin + group.len();
            let campaigns = self.campaigns[begin..end].iter_mut();
            let own = level(campaigns.map(|campaign| (campaign.terms.weight, &mut campaign.lead)), part);
            parts[begin..end].fill(own);
            begin = end;
        }
        for group in self.lines.chunk_by_mut(|one, other| one.campaign == other.campaign) {
            let part = group.first().map_or(part, |line| parts[line.campaign]);
            level(group.iter_mut().map(|line| (1.0, &mut line.lead)), part);
        }
    }

    fn stopped_before(&self, past: &Past) -> Vec<(usize, usize)> {
        let find = |(key, node): &(crate::demand::QueueKey, NodeId)| {
            let line = self.lines.binary_search_by(|line| line.queue.key.cmp(key)).ok()?;
            let spot = self.spots.binary_search_by_key(node, |spot| spot.id).ok()?;
            Some((line, spot))
        };
        let mut stopping: Vec<_> = past.reclaimed.iter().filter_map(find).collect();
        stopping.sort_unstable();
        stopping
    }
}

/// The name of a campaign's team, and its id.
pub(super) fn campaign_key<'a>(team: &'a Party, campaign: &Party) -> Option<(&'a Name, Option<CampaignId>)> {
    let Some(QuotaOf::Team(name)) = &team.of else { return None };
    let id = match &campaign.of {
        Some(QuotaOf::Campaign(id)) => Some(*id),
        Some(QuotaOf::Org | QuotaOf::Default | QuotaOf::Team(_)) | None => None,
    };
    Some((name, id))
}
