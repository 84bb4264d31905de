//! Seats of nodes: who is here, what each holds, when its lease ends.
//!
//! Soft state. A node that control does not know registers again, which gives all that it held to others; so a control that
//! was restarted needs to remember nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use skein_api::Text;
use skein_api::node::{Exchange, Exchanged, Held, Register, Wants};
use skein_campaign::task::{Room, Session, SizeClass};
use skein_fleet::QueueKey;
use skein_ledger::Used;
use skein_types::{Bytes, CampaignId, Millis, NodeId, NodeMark, Resource, TaskId};

use crate::at_work::AtWork;

/// Of a node's lease.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// How long before its end a node stops by itself.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);
/// How long after its end it is given up.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
/// Between two exchanges of a node, at most. Together with the way back and forth less than the two seconds in which a pause
/// is to be acknowledged. So long the answer to a node that has nothing may wait for work.
pub const EXCHANGE_EVERY: Duration = Duration::from_millis(1_500);
/// A node that reaches nobody for so long ends.
pub(crate) const ALONE: Duration = Duration::from_secs(60);

/// How much of each resource there is; of one that is not here nobody has said.
pub(crate) type Capacity = BTreeMap<Resource, u64>;

/// What a node says that it has.
pub(crate) fn capacity_of(asked: &Register) -> Capacity {
    let said = [
        (Resource::Cpu, Some(asked.cpu)),
        (Resource::Memory, Some(asked.memory.0)),
        (Resource::Slots, Some(u64::from(asked.slots))),
        (Resource::Read, asked.read.map(|rate| rate.0)),
        (Resource::Write, asked.write.map(|rate| rate.0)),
    ];
    said.into_iter().filter_map(|(resource, has)| Some((resource, has.filter(|has| *has > 0)?))).collect()
}

/// Memory of a node that does not say how much it has.
const MEMORY: u64 = 1 << 50;

/// Nodes that registered with this process.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) seats: BTreeMap<NodeId, Seat>,
    /// Counts the times that all nodes had to be told something.
    pub(crate) moment: u64,
    /// Nothing begins anywhere.
    pub(crate) frozen: bool,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) name: String,
    /// Of its program.
    pub(crate) version: Text<64>,
    /// Agents at a time.
    pub(crate) slots: usize,
    /// What it has.
    pub(crate) capacity: Capacity,
    /// The last exchange that was answered, and how: it may be asked again.
    pub(crate) session: Session,
    pub(crate) answer: Option<Exchanged>,
    /// What the last answer told it, and what it has done: moments of the fleet.
    pub(crate) told: u64,
    pub(crate) heard: u64,
    /// What it was given last.
    pub(crate) last: Option<SizeClass>,
    /// It gets nothing more until it is free for a task that runs alone.
    pub(crate) emptying: bool,
    /// What it was told last that it may have at a time; none: anything.
    pub(crate) permits: Option<BTreeMap<QueueKey, u32>>,
    /// What people want of it.
    pub(crate) mark: NodeMark,
    /// End of its lease, on the clock that does not step.
    pub(crate) until: Duration,
    pub(crate) holds: BTreeMap<TaskId, Hold>,
    /// How far those are that have been at work for a while.
    pub(crate) at_work: BTreeMap<TaskId, AtWork>,
    /// Tasks that it finished, whatever came of them.
    pub(crate) finished: u64,
}

/// A task at a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub(crate) held: Held,
    pub(crate) campaign: Option<CampaignId>,
    /// The run that it is part of, if it is.
    pub(crate) seq: Option<u64>,
    pub(crate) wave: Option<u32>,
    pub(crate) large: bool,
    pub(crate) alone: bool,
    pub(crate) estimate: Millis,
    pub(crate) started: bool,
    pub(crate) rows: u64,
    /// Of these, rows that are behind checkpoints.
    pub(crate) kept: u64,
    /// What its team was charged for it.
    pub(crate) charged: Used,
    /// What it was last said to have taken.
    pub(crate) seen: Used,
    /// It was told to stop for somebody who has a right to its place.
    pub(crate) recalled: bool,
}

impl Seat {
    /// A node that has just registered.
    pub(crate) fn new(asked: &Register, (incarnation, until): (u64, Duration), moment: u64) -> Self {
        Self {
            name: asked.name.to_string(),
            version: asked.version.clone(),
            slots: usize::try_from(asked.slots).unwrap_or(usize::MAX),
            capacity: capacity_of(asked),
            session: Session { incarnation, sequence: 0 },
            answer: None,
            told: moment,
            heard: moment,
            last: None,
            emptying: false,
            permits: None,
            mark: NodeMark::None,
            until,
            holds: BTreeMap::new(),
            at_work: BTreeMap::new(),
            finished: 0,
        }
    }

    /// Whether it gets anything new.
    pub(crate) const fn takes(&self) -> bool {
        matches!(self.mark, NodeMark::None)
    }

    /// Whether it was drained and has nothing left.
    pub(crate) fn may_go(&self) -> bool {
        self.mark == NodeMark::Draining && self.holds.is_empty()
    }

    /// What it has of it for agents.
    pub(crate) fn memory(&self) -> u64 {
        self.capacity.get(&Resource::Memory).copied().unwrap_or(MEMORY)
    }

    /// It was answered: only that renews its lease, here as there.
    pub(crate) fn renew(&mut self, now: Duration) {
        self.until = now + LEASE;
    }

    /// It speaks: what the last answer told it is done.
    pub(crate) fn hear(&mut self, asked: &Exchange) {
        self.heard = self.told;
        for progress in asked.holding.iter() {
            if let Some(hold) = self.holds.get_mut(&progress.held.task) {
                hold.started |= progress.started;
                hold.rows = progress.rows.0;
            }
        }
        for point in asked.checkpoints.iter() {
            if let Some(hold) = self.holds.get_mut(&point.held.task) {
                hold.kept = point.rows.0;
            }
        }
    }

    /// What it has room for when these tasks are gone.
    pub(crate) fn room(&self, wants: Wants, gone: &BTreeSet<TaskId>) -> Room {
        let has = || self.holds.iter().filter(|(task, _)| !gone.contains(task)).map(|(_, hold)| hold);
        let wanted = |wanted: u32| usize::try_from(wanted).unwrap_or(usize::MAX);
        let unstarted = has().filter(|hold| !hold.large && !hold.started).map(|hold| hold.estimate.0).sum();
        Room {
            small: wanted(wants.small),
            large: wanted(wants.large),
            slots: self.slots,
            holds: has().count(),
            holds_large: has().filter(|hold| hold.large).count(),
            unstarted: Millis(unstarted),
            last: self.last,
            emptying: has().any(|hold| hold.alone),
        }
    }
}

impl Fleet {
    /// Tasks of a campaign that nodes hold.
    pub(crate) fn held_of(&self, campaign: CampaignId) -> impl Iterator<Item = &Hold> {
        self.seats
            .values()
            .flat_map(|seat| seat.holds.values())
            .filter(move |hold| hold.campaign == Some(campaign))
    }

    /// Whether there is another node than this one that could have a task of so much memory.
    pub(crate) fn has_other(&self, than: NodeId, memory: Bytes) -> bool {
        let mut seats = self.seats.iter();
        seats.any(|(node, seat)| *node != than && seat.takes() && seat.memory() >= memory.0)
    }

    /// How many tasks of a size class a node has when these are gone, and how many each of the others has that gets anything new.
    pub(crate) fn dealt(&self, node: NodeId, large: bool, gone: &BTreeSet<TaskId>) -> (usize, Vec<usize>) {
        let of = |seat: &Seat, gone: &BTreeSet<TaskId>| {
            seat.holds.iter().filter(|(task, hold)| hold.large == large && !gone.contains(task)).count()
        };
        let has = self.seats.get(&node).map_or(0, |seat| of(seat, gone));
        let others = self.seats.iter().filter(|(other, seat)| **other != node && seat.takes());
        (has, others.map(|(_, seat)| of(seat, &BTreeSet::new())).collect())
    }

    /// What all of them have; of a resource of which one has not said how much, nobody knows.
    pub(crate) fn capacity(&self) -> Capacity {
        let of = |resource: &Resource| -> Option<u64> {
            let mut seats = self.seats.values();
            let all =
                seats.try_fold(0_u64, |sum, seat| Some(sum.saturating_add(*seat.capacity.get(resource)?)));
            all.filter(|all| *all > 0)
        };
        Resource::ALL.iter().filter_map(|resource| Some((*resource, of(resource)?))).collect()
    }

    /// Nodes whose leases are over.
    pub(crate) fn silent(&self, now: Duration) -> Vec<NodeId> {
        let over = self.seats.iter().filter(|(_, seat)| seat.until + GRACE < now);
        over.map(|(node, _)| *node).collect()
    }

    /// The seat of this name.
    pub(crate) fn named(&self, name: &str) -> Option<NodeId> {
        self.seats.iter().find(|(_, seat)| seat.name == name).map(|(node, _)| *node)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use skein_campaign::task::share;
    use skein_types::{NodeId, NodeMark};
    use uuid::Uuid;

    use super::Fleet;
    use crate::scene::seat;

    #[test]
    fn nothing_waits_for_a_node_that_gets_nothing_new() {
        let [a, b] = [1, 2].map(|number| NodeId::new(Uuid::from_u128(number)));
        let mut fleet = Fleet { seats: [(a, seat("a", 4)), (b, seat("b", 4))].into(), ..Fleet::default() };
        let shared = |fleet: &Fleet| {
            let (has, others) = fleet.dealt(a, false, &BTreeSet::new());
            share(2, has, others)
        };
        assert_eq!(shared(&fleet), 1);
        for mark in [NodeMark::Cordoned, NodeMark::Draining] {
            fleet.seats.get_mut(&b).unwrap().mark = mark;
            assert_eq!(shared(&fleet), 2, "{mark:?}");
        }
    }
}
