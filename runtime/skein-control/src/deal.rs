//! What a node gets of a fleet that is divided, what it is told of it, and what it has to give back.

use std::collections::{BTreeMap, BTreeSet};

use skein_api::node::{Exchange, Permit, Rate, TASKS_MAX};
use skein_api::{List, Text};
use skein_campaign::task::Recall;
use skein_fleet::{QueueKey, SizeClass};
use skein_ledger::Task;
use skein_types::{Bytes, CampaignId, NodeId, QuotaOf, TaskId};

use crate::control::{Control, State};
use crate::division::{TICK_EVERY, cheapest, class, queue_of};
use crate::error::ServiceError;
use crate::fleet::Hold;

/// Small tasks that a node has for each agent that it may have, where a limit stands behind that.
const AHEAD: u32 = 8;

/// What is dealt to a node, by class in the order in which it is given.
#[derive(Debug, Default)]
pub(crate) struct Dealt {
    pub(crate) small: Vec<Task>,
    pub(crate) large: Vec<Task>,
}

impl Dealt {
    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }
}

impl Control {
    /// What may be given to a node: of each queue what it has permits for, or where nothing is divided of each campaign a share, so
    /// that none waits behind one that does not.
    pub(crate) fn dealt(
        &self,
        state: &mut State,
        asked: &Exchange,
        gone: &BTreeSet<TaskId>,
    ) -> Result<Dealt, ServiceError> {
        let shunned = Self::shunned(state, asked.node);
        if self.divide(state, TICK_EVERY)? {
            return self.deal(state, asked, (gone, &shunned));
        }
        let working = self.working(state);
        let ready = |large, wanted: u32| -> Result<Vec<Task>, ServiceError> {
            let mut left = usize::try_from(wanted).unwrap_or(usize::MAX).min(TASKS_MAX);
            let mut ready = Vec::new();
            for (place, campaign) in working.iter().enumerate() {
                let share = left.div_ceil(working.len() - place);
                let some = self.ready_but(*campaign, (large, share), &shunned)?;
                left -= some.len();
                ready.extend(some);
            }
            Ok(ready)
        };
        Ok(Dealt { small: ready(false, asked.wants.small)?, large: ready(true, asked.wants.large)? })
    }

    /// Tasks for a node, of the queues that it has permits for.
    fn deal(
        &self,
        state: &mut State,
        asked: &Exchange,
        (gone, shunned): (&BTreeSet<TaskId>, &BTreeSet<TaskId>),
    ) -> Result<Dealt, ServiceError> {
        let dealt = self.deal_once(state, asked, (gone, shunned))?;
        if !dealt.is_empty() || (asked.wants.small, asked.wants.large) == (0, 0) {
            return Ok(dealt);
        }
        // What came since the last tick is not in it.
        self.divide_soon(state)?;
        self.deal_once(state, asked, (gone, shunned))
    }

    fn deal_once(
        &self,
        state: &mut State,
        asked: &Exchange,
        (gone, shunned): (&BTreeSet<TaskId>, &BTreeSet<TaskId>),
    ) -> Result<Dealt, ServiceError> {
        let held = self.held(state, asked.node, gone);
        let division = &state.division;
        let grants = std::sync::Arc::clone(&division.grants);
        let (small, large): (BTreeMap<QueueKey, u32>, BTreeMap<QueueKey, u32>) =
            division.waiting.clone().into_iter().partition(|(queue, _)| queue.size == SizeClass::Small);
        let mut counts = grants.deal(asked.node, asked.wants.small.min(most()), &small);
        for (queue, count) in &mut counts {
            // What waits at a node behind a limit keeps others' tasks out: so little of it as lasts until the next exchange.
            if division.is_hard(queue) {
                let has = held.get(queue).copied().unwrap_or(0);
                let most = grants.permits(queue, asked.node).saturating_mul(AHEAD);
                *count = (*count).min(most.saturating_sub(has));
            }
        }
        let mut left = asked.wants.large.min(most());
        for (queue, waiting) in large {
            let room = grants.room(&queue, asked.node, held.get(&queue).copied().unwrap_or(0));
            let some = room.min(waiting).min(left);
            left -= some;
            counts.insert(queue, some);
        }
        let mut dealt = Dealt::default();
        for (queue, count) in counts {
            let (Some(campaign), Ok(count)) = (queue.campaign, usize::try_from(count)) else { continue };
            let large = queue.size == SizeClass::Large;
            let tasks = self.ready_but(campaign, (large, count), shunned)?;
            let given = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
            if let Some(waiting) = state.division.waiting.get_mut(&queue) {
                *waiting = waiting.saturating_sub(given);
                state.division.more |= *waiting == 0;
            }
            if large { dealt.large.extend(tasks) } else { dealt.small.extend(tasks) }
        }
        Ok(dealt)
    }

    /// Tasks of a campaign that may be claimed now, but for these; as many more are looked at, so that nothing waits behind them.
    fn ready_but(
        &self,
        campaign: CampaignId,
        (large, most): (bool, usize),
        shunned: &BTreeSet<TaskId>,
    ) -> Result<Vec<Task>, ServiceError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut tasks = self.ready(campaign, Some(class(large)), most.saturating_add(shunned.len()))?;
        tasks.retain(|task| !shunned.contains(&task.id));
        tasks.truncate(most);
        Ok(tasks)
    }

    /// How many tasks of each queue a node has, but for those that are gone.
    fn held(&self, state: &mut State, node: NodeId, gone: &BTreeSet<TaskId>) -> BTreeMap<QueueKey, u32> {
        let mut held = BTreeMap::new();
        for (campaign, large) in of_campaigns(state, node, gone) {
            if let Ok(live) = self.live(state, campaign) {
                *held.entry(queue_of(live, campaign, large)).or_insert(0) += 1;
            }
        }
        held
    }

    /// The team that a campaign works for, as nodes are told.
    pub(crate) fn team_of(&self, state: &mut State, id: CampaignId) -> Option<skein_api::Name> {
        Some(Text::escaped(self.live(state, id).ok()?.owner.as_str()))
    }

    /// Whether a node that has nothing could be given something.
    pub(crate) fn could_have(&self, state: &mut State, node: NodeId) -> bool {
        let some = |state: &State| {
            let division = &state.division;
            let mut waiting = division.waiting.iter();
            waiting.any(|(queue, tasks)| *tasks > 0 && division.grants.permits(queue, node) > 0)
        };
        some(state) || (self.divide_soon(state).is_ok() && some(state))
    }

    /// What of a node's tasks goes back because somebody else has a right to its place.
    pub(crate) fn goes_back(&self, state: &mut State, node: NodeId) -> BTreeMap<TaskId, Recall> {
        let mut back = BTreeMap::new();
        if !state.division.on {
            return back;
        }
        let grants = std::sync::Arc::clone(&state.division.grants);
        let mut by_queue = BTreeMap::<QueueKey, Vec<(TaskId, Hold)>>::new();
        for (task, hold) in Self::held_tasks(state, node) {
            let Some(campaign) = hold.campaign else { continue };
            let Ok(live) = self.live(state, campaign) else { continue };
            let (queue, works) = (queue_of(live, campaign, hold.large), live.works());
            let waits_for_nothing = !hold.started && works && grants.permits(&queue, node) == 0;
            if waits_for_nothing && state.division.known.contains(&queue) {
                back.insert(task, Recall::Moved);
            }
            by_queue.entry(queue).or_default().push((task, hold));
        }
        for reclaim in grants.reclaims.iter().filter(|reclaim| reclaim.node == node) {
            let Some(holds) = by_queue.get_mut(&reclaim.queue) else { continue };
            holds.retain(|(_, hold)| hold.started);
            cheapest(holds);
            let recall = if reclaim.cause.at_once() { Recall::Cancelled } else { Recall::Moved };
            let agents = usize::try_from(reclaim.agents).unwrap_or(usize::MAX);
            back.extend(holds.iter().take(agents).map(|(task, _)| (*task, recall)));
        }
        if let Some(seat) = state.fleet.seats.get_mut(&node) {
            for task in back.keys() {
                seat.holds.get_mut(task).into_iter().for_each(|hold| hold.recalled = true);
            }
        }
        back
    }

    fn held_tasks(state: &State, node: NodeId) -> Vec<(TaskId, Hold)> {
        let seat = state.fleet.seats.get(&node);
        seat.into_iter().flat_map(|seat| &seat.holds).map(|(task, hold)| (*task, *hold)).collect()
    }

    /// What a node is told: how many agents of each queue it may have at a time, and how fast bytes may pass.
    pub(crate) fn shares_of(
        state: &mut State,
        node: NodeId,
    ) -> (Option<List<Permit, 1_024>>, List<Rate, 1_024>) {
        let division = &state.division;
        let own: BTreeMap<QueueKey, u32> = match division.on {
            true => {
                let grants = division.grants.permits.iter();
                grants.filter_map(|(queue, nodes)| Some((queue.clone(), *nodes.get(&node)?))).collect()
            }
            false => BTreeMap::new(),
        };
        let permits = own.iter().filter_map(|(queue, agents)| {
            Some(Permit {
                team: Text::escaped(queue.team.as_str()),
                campaign: queue.campaign?,
                large: queue.size == SizeClass::Large,
                agents: *agents,
                hard: division.is_hard(queue),
            })
        });
        let permits = division.on.then(|| List::first(permits.collect()).0);
        let rates = division.grants.rates.iter().filter(|((_, at), _)| *at == node);
        let rates = rates.map(|((of, _), rate)| Rate {
            of: said(of),
            read: rate.read.map(Bytes),
            write: rate.write.map(Bytes),
        });
        let rates = List::first(rates.collect()).0;
        let known = division.on.then_some(own);
        if let Some(seat) = state.fleet.seats.get_mut(&node) {
            seat.permits = known;
        }
        (permits, rates)
    }
}

fn of_campaigns(state: &State, node: NodeId, gone: &BTreeSet<TaskId>) -> Vec<(CampaignId, bool)> {
    let seat = state.fleet.seats.get(&node);
    let holds = seat.into_iter().flat_map(|seat| &seat.holds);
    let there = holds.filter(|(task, _)| !gone.contains(task));
    there.filter_map(|(_, hold)| Some((hold.campaign?, hold.large))).collect()
}

fn said(of: &QuotaOf) -> skein_api::QuotaName {
    Text::escaped(&of.to_string())
}

fn most() -> u32 {
    u32::try_from(TASKS_MAX).unwrap_or(u32::MAX)
}
