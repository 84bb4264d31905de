//! The fleet is divided among teams: what the allocator is fed, and what nodes are told of what it says.
//!
//! ```text
//! tick     at most every 250 ms, with an exchange: what waits and runs by queue, what was used -> permits, rates, reclaims, reasons
//! choose   a node gets tasks of queues that it has permits for, small ones more than run at a time, in proportion to permits
//! told     with each answer: permits, which the node keeps to when it begins tasks; rates, at which bytes pass
//! ```
//! While nobody set a quota and one team is at work there is nothing to divide: no tick, no permits, nodes take what there is.
//!
//! A permit is *hard* where a limit or a fuel budget stands behind it: never more run than it says. Otherwise it is a share: a node that has
//! nothing else to begin begins more, since what is idle is nobody's.
//!
//! Soft: a process that starts knows nothing of the past, asks the ledger for fuel that is spent, and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use skein_fleet::{Amounts, Demand, Grants, Node, Past, Queue, QueueKey, Quota, Quotas, SizeClass, Used};
use skein_ledger::{Limit, Name, UsageBy, UsageFilter, UsageOf};
use skein_types::{
    Bytes, CampaignId, Fuel, FuelBudget, Millis, NodeId, QuotaOf, Resource, TaskId, Timestamp,
};

use crate::charges::HOUR;
use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::fleet::{Hold, Seat};
use crate::live::Live;
use crate::quotas::in_force;
use crate::work::memory_of;

/// Between two ticks.
pub(crate) const TICK_EVERY: Duration = Duration::from_millis(250);
/// The same, where a node has nothing to do and something came that the last tick did not know.
const TICK_SOON: Duration = Duration::from_millis(25);
/// Thousandths of a core that an agent is expected to take, until it is measured.
const CPU: u64 = 1_000;
/// The one store that there is.
const STORE: &str = "local";
/// Tasks of a queue that are counted: more say no more.
const COUNTED: usize = skein_api::node::TASKS_MAX;

/// How the fleet is divided.
#[derive(Debug, Default)]
pub(crate) struct Division {
    /// As people set them; none: they are to be read.
    quotas: Option<Arc<Quotas>>,
    past: Past,
    pub(crate) grants: Arc<Grants>,
    /// Tasks of each queue that wait in the ledger, as far as they were counted.
    pub(crate) waiting: BTreeMap<QueueKey, u32>,
    /// Queues that took part.
    pub(crate) known: BTreeSet<QueueKey>,
    /// Reported since the last tick.
    used: BTreeMap<(Name, Option<CampaignId>), Used>,
    at: Option<Duration>,
    /// Whether there is anything to divide.
    pub(crate) on: bool,
    /// Memory is scarce: permits are hard because of it.
    tight: bool,
    /// Of the moment at which it was counted what waits.
    queued: u64,
    /// More may wait than was counted.
    pub(crate) more: bool,
}

impl Division {
    /// They were set anew.
    pub(crate) fn quotas_moved(&mut self) {
        (self.quotas, self.at) = (None, None);
    }

    /// An attempt took so much more.
    pub(crate) fn used(&mut self, (team, campaign): (&Name, CampaignId), more: &skein_ledger::Used) {
        let key = (team.clone(), Some(campaign));
        let sum = self.used.entry(key).or_insert_with(|| Used {
            team: team.clone(),
            campaign: Some(campaign),
            slots: Millis(0),
            cpu: Millis(0),
            read: Bytes(0),
            write: Bytes(0),
            fuel: Fuel(0),
        });
        sum.slots += more.slot;
        sum.cpu += more.cpu;
        sum.read += more.bytes_read;
        sum.write += more.bytes_written;
        sum.fuel += more.fuel;
    }

    /// Whether a limit or a budget stands behind the permits of a queue.
    pub(crate) fn is_hard(&self, queue: &QueueKey) -> bool {
        let Some(quotas) = &self.quotas else { return true };
        let bounds = |quota: &Quota| {
            let solid = [Resource::Cpu, Resource::Memory, Resource::Slots];
            let limited = |resource| quota.bounds.get(resource).is_some_and(|bounds| bounds.limit.is_some());
            quota.fuel.is_some() || solid.iter().any(limited)
        };
        self.tight
            || quotas.org.as_ref().is_some_and(bounds)
            || bounds(quotas.of_team(&queue.team))
            || queue.campaign.is_some_and(|campaign| bounds(quotas.of_campaign(campaign)))
    }
}

/// The queue that a campaign's tasks wait in.
pub(crate) fn queue_of(live: &Live, campaign: CampaignId, large: bool) -> QueueKey {
    QueueKey {
        team: live.owner.clone(),
        campaign: Some(campaign),
        store: Name::new(STORE).expect("it is a name"),
        size: if large { SizeClass::Large } else { SizeClass::Small },
    }
}

/// Tasks of a queue at a node.
#[derive(Clone, Copy, Debug, Default)]
struct At {
    held: u32,
    started: u32,
}

impl Control {
    /// Divides the fleet anew, if that was not done for so long. Answers whether there is anything to divide.
    pub(crate) fn divide(&self, state: &mut State, after: Duration) -> Result<bool, ServiceError> {
        let now = self.clock.elapsed();
        if state.division.at.is_some_and(|at| now < at + after) {
            return Ok(state.division.on);
        }
        let quotas = self.quotas_in_force(state)?;
        let works: BTreeSet<CampaignId> = self.working(state).into_iter().collect();
        let tight = is_tight(state, &works);
        let mut teams = BTreeSet::new();
        for id in &works {
            teams.insert(self.live(state, *id)?.owner.clone());
        }
        let on = tight || teams.len() > 1 || quotas.each().next().is_some();
        state.division.at = Some(now);
        if !on {
            let (quotas, past) = (state.division.quotas.take(), Past::default());
            state.division = Division { quotas, past, at: Some(now), ..Division::default() };
            return Ok(false);
        }
        let queued = self.wake.queued();
        let (demand, waiting) = self.demand(state, &works)?;
        let division = &mut state.division;
        let past = std::mem::take(&mut division.past);
        let (grants, past) = skein_fleet::tick(&demand, &quotas, past, self.clock.now());
        let moved = grants.permits != division.grants.permits;
        division.known = demand.queues.into_iter().map(|queue| queue.key).collect();
        (division.past, division.grants, division.waiting) = (past, Arc::new(grants), waiting);
        (division.on, division.tight) = (true, tight);
        (division.queued, division.more) = (queued, false);
        if moved {
            self.wake.permitted();
        }
        Ok(true)
    }

    /// The same for a node that has nothing to do, sooner after the last time, if there is something that was not known then.
    pub(crate) fn divide_soon(&self, state: &mut State) -> Result<bool, ServiceError> {
        let division = &state.division;
        match division.more || division.queued != self.wake.queued() {
            true => self.divide(state, TICK_SOON),
            false => Ok(division.on),
        }
    }

    /// What waits and what runs, by queue; and how much of it waits in the ledger.
    fn demand(
        &self,
        state: &mut State,
        works: &BTreeSet<CampaignId>,
    ) -> Result<(Demand, BTreeMap<QueueKey, u32>), ServiceError> {
        let mut at = BTreeMap::<(CampaignId, bool), BTreeMap<NodeId, At>>::new();
        for (node, seat) in &state.fleet.seats {
            for hold in seat.holds.values() {
                let Some(campaign) = hold.campaign else { continue };
                let here = at.entry((campaign, hold.large)).or_default().entry(*node).or_default();
                here.held += 1;
                here.started += u32::from(hold.started);
            }
        }
        let both = works.iter().flat_map(|id| [(*id, false), (*id, true)]);
        let keys: BTreeSet<(CampaignId, bool)> = both.chain(at.keys().copied()).collect();
        let (mut queues, mut waiting) = (Vec::new(), BTreeMap::new());
        let works: Vec<CampaignId> = works.iter().copied().collect();
        let most = u32::try_from(COUNTED).unwrap_or(u32::MAX);
        let counted = self.ledger.tasks_ready(&works, self.clock.now(), most)?;
        for (id, large) in keys {
            let ready = counted.get(&(id, class(large))).copied().unwrap_or(0);
            let here = at.remove(&(id, large)).unwrap_or_default();
            let live = self.live(state, id)?;
            let (key, memory, module) = (queue_of(live, id, large), memory_of(live), live.module);
            // Which tasks they are matters only where some have failed.
            let which = match ready > 0 && !live.tries.is_empty() {
                true => self.ready(id, Some(class(large)), COUNTED)?,
                false => Vec::new(),
            };
            let shun = live.all_shun(&which);
            let not_at = shun.filter(|node| state.fleet.has_other(*node, memory));
            let seats = &state.fleet.seats;
            let running =
                here.iter().filter_map(|(node, at)| Some((*node, running(seats.get(node)?, &key, *at))));
            let running: BTreeMap<NodeId, u32> = running.filter(|(_, agents)| *agents > 0).collect();
            let held: u32 = here.values().map(|at| at.held).sum();
            let begun: u32 = running.values().sum();
            let wait = ready.saturating_add(held.saturating_sub(begun));
            if wait == 0 && running.is_empty() {
                continue;
            }
            waiting.insert(key.clone(), ready);
            let task =
                Amounts::of([(Resource::Cpu, CPU), (Resource::Memory, memory.0), (Resource::Slots, 1)]);
            queues.push(Queue { key, module: Some(module), task, waiting: wait, running, not_at });
        }
        let frozen = state.fleet.frozen;
        let nodes = state.fleet.seats.iter().map(|(id, seat)| node(*id, seat, frozen)).collect();
        let used = std::mem::take(&mut state.division.used).into_values().collect();
        Ok((Demand { nodes, queues, used }, waiting))
    }

    /// Quotas as the allocator has them.
    pub(crate) fn quotas_in_force(&self, state: &mut State) -> Result<Arc<Quotas>, ServiceError> {
        if let Some(quotas) = &state.division.quotas {
            return Ok(Arc::clone(quotas));
        }
        let quotas = Arc::new(in_force(&self.all_quotas()?));
        if state.division.past == Past::default() {
            self.fuel_of_before(&mut state.division.past, &quotas)?;
            // What was reported meanwhile is in the ledger as well.
            state.division.used.values_mut().for_each(|used| used.fuel = Fuel(0));
        }
        state.division.quotas = Some(Arc::clone(&quotas));
        Ok(quotas)
    }

    /// What was spent of budgets that run, for a process that was not there. Known by hours.
    fn fuel_of_before(&self, past: &mut Past, quotas: &Quotas) -> Result<(), ServiceError> {
        let now = self.clock.now();
        for (of, quota) in quotas.each() {
            let Some(budget) = quota.fuel.filter(|budget| budget.per.0 > 0) else { continue };
            let from = Some(window(&budget, now));
            let since = |team, campaign| {
                let filter = UsageFilter { team, campaign, from, ..UsageFilter::default() };
                Ok::<_, ServiceError>(self.ledger.usage(&filter, UsageBy::Team, Limit::MAX)?.sums)
            };
            let all = |sums: Vec<(UsageOf, skein_ledger::Used)>| -> Fuel {
                sums.iter().map(|(_, used)| used.fuel).sum()
            };
            match of {
                QuotaOf::Org => past.spent_by_all(&budget, now, all(since(None, None)?)),
                QuotaOf::Team(team) => {
                    past.spent((&team, None), &budget, now, all(since(Some(team.clone()), None)?));
                }
                QuotaOf::Default => {
                    for (of, used) in since(None, None)? {
                        let UsageOf::Team(team) = of else { continue };
                        if !quotas.teams.contains_key(&team) {
                            past.spent((&team, None), &budget, now, used.fuel);
                        }
                    }
                }
                QuotaOf::Campaign(id) => {
                    if let Some(row) = self.ledger.campaign(id)? {
                        let fuel = all(since(Some(row.owner.clone()), Some(id))?);
                        past.spent((&row.owner, Some(id)), &budget, now, fuel);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether agents of these campaigns could together need more memory than a node has, if all of its slots had one.
fn is_tight(state: &State, works: &BTreeSet<CampaignId>) -> bool {
    let lives = works.iter().filter_map(|id| state.campaigns.get(id));
    let Some(most) = lives.map(|live| memory_of(live).0).max() else { return false };
    let mut seats = state.fleet.seats.values();
    seats.any(|seat| most.saturating_mul(seat.slots as u64) > seat.memory())
}

/// The hour in which the time of a budget that runs now began: what was used is known by hours, and what of that one was before
/// counts too, since to forget it would be to give it again.
const fn window(budget: &FuelBudget, now: Timestamp) -> Timestamp {
    Timestamp(now.0 / budget.per.0 * budget.per.0 / HOUR * HOUR)
}

/// What of a node's tasks counts as running: those that are started, and those that it may start without being asked.
fn running(seat: &Seat, key: &QueueKey, at: At) -> u32 {
    let slots = u32::try_from(seat.slots).unwrap_or(u32::MAX);
    let may = seat.permits.as_ref().map_or(slots, |permits| permits.get(key).copied().unwrap_or(0));
    at.held.min(may.max(at.started))
}

fn node(id: NodeId, seat: &Seat, frozen: bool) -> Node {
    let said = seat.capacity.iter().map(|(resource, amount)| (*resource, *amount));
    let capacity =
        Amounts::of(said).with(Resource::Memory, seat.memory()).with(Resource::Slots, seat.slots as u64);
    Node { id, capacity, takes: seat.takes() && !frozen }
}

pub(crate) const fn class(large: bool) -> skein_ledger::SizeClass {
    if large { skein_ledger::SizeClass::Large } else { skein_ledger::SizeClass::Small }
}

/// Which of a node's tasks lose least when they stop.
pub(crate) fn cheapest(holds: &mut [(TaskId, Hold)]) {
    holds.sort_by_key(|(task, hold)| (!hold.recalled, hold.rows.saturating_sub(hold.kept), *task));
}

#[cfg(test)]
mod tests;
