//! What a tick decides.

use std::collections::BTreeMap;

use skein_types::{Name, NodeId, QuotaOf, Resource, Timestamp};

use crate::amounts::Amounts;
use crate::demand::QueueKey;
use crate::reason::Reason;

/// Who may use what, from now until the next tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// For each queue, how many agents it may have at a time on each node, those that run included. A node that is not here may
    /// start none for it; what runs there goes on unless it is in `reclaims`.
    pub permits: BTreeMap<QueueKey, BTreeMap<NodeId, u32>>,
    /// How fast a team may read and write on each node where it has agents or may have some, and a campaign that has limits of
    /// its own: its bytes pass both.
    pub rates: BTreeMap<(QuotaOf, NodeId), Rate>,
    /// What is to stop.
    pub reclaims: Vec<Reclaim>,
    /// For each queue in which tasks wait, why. Also for those that get more: what waits behind that.
    pub waits: BTreeMap<QueueKey, Reason>,
    /// What all together have, each team that takes part or has a quota of its own, and each campaign that takes part: for people
    /// who ask.
    pub accounts: BTreeMap<QuotaOf, Account>,
}

/// Bytes a second; none: as fast as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// From stores.
    pub read: Option<u64>,
    /// To stores.
    pub write: Option<u64>,
}

/// Agents that are to stop, so that somebody gets what is theirs. Said again in each tick until they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclaim {
    /// Of which queue.
    pub queue: QueueKey,
    /// Where.
    pub node: NodeId,
    /// How many. Those that lose least are the best to take: what has just made a checkpoint.
    pub agents: u32,
    /// What for.
    pub cause: Cause,
}

/// Why agents are to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// At its next checkpoint: the team has it guaranteed.
    Guaranteed(Name),
    /// At its next checkpoint: a limit was lowered.
    Limit(QuotaOf),
    /// At once: there is a limit beyond which this quota ends work.
    LimitEnds(QuotaOf),
    /// At once: fuel is spent, and this quota ends work then.
    FuelEnds(QuotaOf),
}

impl Cause {
    /// Whether it does not wait for a checkpoint.
    pub const fn at_once(&self) -> bool {
        match self {
            Self::Guaranteed(_) | Self::Limit(_) => false,
            Self::LimitEnds(_) | Self::FuelEnds(_) => true,
        }
    }
}

/// What somebody has.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Promised.
    pub guaranteed: Amounts,
    /// What agents that run take: memory and slots as granted, the rest as measured.
    pub used: Amounts,
    /// What they would take with all that is permitted now.
    pub granted: Amounts,
    /// Of that, beyond what is guaranteed.
    pub borrowed: Amounts,
    /// Of what is guaranteed, what others have.
    pub lent: Amounts,
    /// What they have the largest part of.
    pub dominant: Resource,
    /// That part of what the fleet has, from 0 to 1.
    pub share: f64,
    /// How far they are ahead of others that wait, in seconds of the whole fleet by weight: others come first for as long.
    pub ahead: f64,
    /// Fuel spent in the time that runs, and when a new one begins.
    pub fuel: Option<(u64, Timestamp)>,
    /// Why they have no more; none: they want no more.
    pub why: Option<Reason>,
}

impl Grants {
    /// How many agents of a queue a node may have at a time.
    pub fn permits(&self, queue: &QueueKey, node: NodeId) -> u32 {
        self.permits.get(queue).and_then(|nodes| nodes.get(&node)).copied().unwrap_or(0)
    }

    /// How many more of a queue's tasks a node may be given that has `held` of them.
    pub fn room(&self, queue: &QueueKey, node: NodeId, held: u32) -> u32 {
        self.permits(queue, node).saturating_sub(held)
    }

    /// How `most` tasks are divided over the queues that a node has permits for, where it takes more at once than it runs: in
    /// proportion to permits, the first in order of keys having what does not divide. What a queue has fewer of, `waiting` says,
    /// goes to the others.
    pub fn deal(
        &self,
        node: NodeId,
        most: u32,
        waiting: &BTreeMap<QueueKey, u32>,
    ) -> BTreeMap<QueueKey, u32> {
        let mut left = most;
        let mut dealt: BTreeMap<QueueKey, u32> = BTreeMap::new();
        let mut open: Vec<(&QueueKey, u32, u32)> = waiting
            .iter()
            .map(|(queue, waiting)| (queue, self.permits(queue, node), *waiting))
            .filter(|(_, permits, waiting)| *permits > 0 && *waiting > 0)
            .collect();
        while left > 0 && !open.is_empty() {
            let all: u64 = open.iter().map(|(_, permits, _)| u64::from(*permits)).sum();
            let round = left;
            for (queue, permits, waiting) in &mut open {
                let part = (u64::from(round) * u64::from(*permits)).div_ceil(all);
                let part = u32::try_from(part).unwrap_or(u32::MAX).min(*waiting).min(left);
                *dealt.entry((*queue).clone()).or_default() += part;
                *waiting -= part;
                left -= part;
            }
            open.retain(|(_, _, waiting)| *waiting > 0);
        }
        dealt.retain(|_, tasks| *tasks > 0);
        dealt
    }
}
