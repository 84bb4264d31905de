//! Which tasks a node gets with an answer.
//!
//! Properties, each tested over random inputs:
//! - at most [`TASKS_MAX`] tasks together with those that the node holds, and no more of a size class than it wants;
//! - small tasks that the node holds unstarted are not estimated at more than [`UNSTARTED_MAX`], but for one if it holds none: else a
//!   task that takes longer would wait for ever. Large ones are wanted for slots that are free, so they start at once;
//! - while both classes wait, large tasks have at most half of the slots of a node that has more than one, so small ones flow past
//!   them, and a node with one slot gets the classes in turns;
//! - a task that shall run alone comes alone, to a node that holds nothing; a node that is being emptied for one gets nothing else;
//! - the order of each class is the order in which they wait; the first that does not fit ends its class, so that
//!   none is overtaken for ever.
//!
//! Whose tasks wait in front is decided before; so is which node is emptied.

use skein_types::Millis;

/// Most tasks of one answer.
pub const TASKS_MAX: usize = 64;
/// Most estimated work that a node holds unstarted.
pub const UNSTARTED_MAX: Millis = Millis(2_000);

/// Whether a task may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SizeClass {
    /// A dataset of at most 64 MiB, or work like it.
    Small,
    /// More.
    Large,
}

/// What a node has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// It wants so many small tasks.
    pub small: usize,
    /// It wants so many large tasks.
    pub large: usize,
    /// Agents that it runs at a time.
    pub slots: usize,
    /// Tasks that it holds.
    pub holds: usize,
    /// Of those, large ones.
    pub holds_large: usize,
    /// Estimate of the small ones that it holds unstarted.
    pub unstarted: Millis,
    /// What it was given last.
    pub last: Option<SizeClass>,
    /// It holds a task that runs alone, or is being emptied for one.
    pub emptying: bool,
}

/// A task that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyTask<K> {
    /// Which.
    pub task: K,
    /// How long it may take.
    pub estimate: Millis,
    /// It shall be the only one on its node.
    pub alone: bool,
}

/// How many of the tasks that wait are for a node, where they are fewer than it wants: as many as it lacks to what each node
/// would have if all that wait and all that nodes have were dealt evenly, and one at least for a node that has none. `has` is
/// how many the node has, `others` the same of each other node.
pub fn share(waiting: usize, has: usize, others: impl IntoIterator<Item = usize>) -> usize {
    let (nodes, all) =
        others.into_iter().fold((1, waiting + has), |(nodes, all), more| (nodes + 1, all + more));
    all.div_ceil(nodes).saturating_sub(has).max(usize::from(has == 0)).min(waiting)
}

/// The tasks to give, in order. `small` and `large` wait in their order.
pub fn assign<K: Copy>(room: &Room, small: &[ReadyTask<K>], large: &[ReadyTask<K>]) -> Vec<K> {
    if room.holds == 0 && room.small + room.large > 0 {
        // One that runs alone goes first where it can: a node that is never empty would never take it.
        if let Some(alone) = small.iter().chain(large).find(|ready| ready.alone) {
            return vec![alone.task];
        }
    }
    if room.emptying {
        return Vec::new();
    }
    let mut given = Given { room, tasks: Vec::new() };
    let (smalls, larges) = given.shares(waits(small), waits(large));
    given.take_large(large, larges);
    given.take_small(small, smalls);
    given.tasks
}

fn waits<K>(ready: &[ReadyTask<K>]) -> bool {
    ready.iter().any(|task| !task.alone)
}

struct Given<'a, K> {
    room: &'a Room,
    tasks: Vec<K>,
}

impl<K: Copy> Given<'_, K> {
    /// Most small and most large tasks now.
    fn shares(&self, small_waits: bool, large_waits: bool) -> (usize, usize) {
        let Room { small, large, slots, holds_large, last, .. } = *self.room;
        if !(small_waits && large_waits) || small == 0 || large == 0 {
            return (small, large);
        }
        if slots > 1 {
            return (small, large.min((slots / 2).saturating_sub(holds_large)));
        }
        match last {
            Some(SizeClass::Large) => (small, 0),
            Some(SizeClass::Small) | None => (0, large),
        }
    }

    fn take_large(&mut self, ready: &[ReadyTask<K>], most: usize) {
        let free = TASKS_MAX.saturating_sub(self.room.holds + self.tasks.len());
        let fit = ready.iter().filter(|task| !task.alone).take(most.min(free));
        self.tasks.extend(fit.map(|task| task.task));
    }

    fn take_small(&mut self, ready: &[ReadyTask<K>], most: usize) {
        let free = TASKS_MAX.saturating_sub(self.room.holds + self.tasks.len());
        let mut unstarted = self.room.unstarted;
        for task in ready.iter().filter(|task| !task.alone).take(most.min(free)) {
            let first = unstarted == Millis(0);
            unstarted += task.estimate;
            if unstarted > UNSTARTED_MAX && !first {
                return;
            }
            self.tasks.push(task.task);
        }
    }
}
