//! A simulated fleet for tests and benchmarks: nodes whose agents share processors and bandwidth, tasks that take as long as they
//! get to, checkpoints, a tick every 250 ms. No randomness but for a seed, no time but its own.

use std::collections::BTreeMap;

use skein_types::{Bytes, CampaignId, Fuel, Millis, Name, NodeId, QuotaOf, Resource, Timestamp};

use crate::amounts::{Amounts, SOLID, real, whole};
use crate::demand::{Demand, Node, Queue, QueueKey, SizeClass, Used};
use crate::grants::{Cause, Grants};
use crate::past::Past;
use crate::quotas::Quotas;
use crate::tick::tick;

/// Between two looks at everything.
const STEP: u64 = 50;
/// Between two ticks.
const TICK: u64 = 250;
const FLOWING: [Resource; 3] = [Resource::Cpu, Resource::Read, Resource::Write];

/// Tasks of one queue, all alike.
#[derive(Clone, Debug)]
pub struct Work {
    /// Which queue.
    pub key: QueueKey,
    /// What the allocator is told that one takes.
    pub said: Amounts,
    /// What one takes if nothing holds it back.
    pub takes: Amounts,
    /// Fuel a second.
    pub fuel: u64,
    /// How long one takes then; tasks differ by up to half of it either way.
    pub time: Millis,
    /// Between two checkpoints, while nothing holds it back.
    pub checkpoint: Millis,
    /// Tasks that wait.
    pub waiting: u64,
}

impl Work {
    /// Endless tasks of a team that take a slot, some memory and a processor each.
    pub fn of(team: &Name, campaign: Option<CampaignId>, time: Millis) -> Self {
        let takes = [(Resource::Slots, 1), (Resource::Memory, 256 << 20), (Resource::Cpu, 1_000)];
        let takes = Amounts::of(takes);
        let store = team.clone();
        Self {
            key: QueueKey { team: team.clone(), campaign, store, size: SizeClass::Small },
            said: takes,
            takes,
            fuel: 1_000_000,
            time,
            checkpoint: Millis(1_000),
            waiting: 1_000_000,
        }
    }
}

#[derive(Clone, Debug)]
struct Agent {
    work: usize,
    node: NodeId,
    left: f64,
    to_checkpoint: f64,
    stops: bool,
}

/// What a team has got since somebody last asked: by the unit of the resource times seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Got {
    /// Seconds of agents.
    pub slots: f64,
    /// Seconds of processors.
    pub cpu: f64,
    /// Bytes read.
    pub read: f64,
    /// Bytes written.
    pub write: f64,
    /// Tasks that ended.
    pub done: f64,
    /// Tasks that had to begin again at a checkpoint.
    pub moved: f64,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct World {
    /// Nodes that are there.
    pub nodes: Vec<Node>,
    /// Queues.
    pub works: Vec<Work>,
    /// What people set.
    pub quotas: Quotas,
    /// What the last tick said.
    pub grants: Grants,
    past: Past,
    now: u64,
    agents: Vec<Agent>,
    got: Vec<Got>,
    used: BTreeMap<usize, [f64; 5]>,
    random: u64,
}

impl World {
    /// An idle one. Everything that differs by chance follows from `seed`.
    pub fn new(nodes: Vec<Node>, quotas: Quotas, seed: u64) -> Self {
        Self {
            nodes,
            works: Vec::new(),
            quotas,
            grants: Grants::default(),
            past: Past::default(),
            now: 1_000_000,
            agents: Vec::new(),
            got: Vec::new(),
            used: BTreeMap::new(),
            random: seed,
        }
    }

    /// So many equal nodes.
    pub fn of_nodes(count: u64, capacity: Amounts, quotas: Quotas, seed: u64) -> Self {
        let node = |at| Node { id: node_id(at), capacity, takes: true };
        Self::new((0..count).map(node).collect(), quotas, seed)
    }

    /// Milliseconds since it began.
    pub const fn now(&self) -> u64 {
        self.now - 1_000_000
    }

    /// Agents of a team that are at work.
    pub fn running(&self, team: &Name) -> usize {
        self.agents.iter().filter(|agent| self.works[agent.work].key.team == *team).count()
    }

    /// What a team has got since the last time that this was asked.
    pub fn take_got(&mut self, team: &Name) -> Got {
        let mut sum = Got::default();
        for (work, got) in self.works.iter().zip(&mut self.got) {
            if work.key.team == *team {
                let got = std::mem::take(got);
                sum.slots += got.slots;
                sum.cpu += got.cpu;
                sum.read += got.read;
                sum.write += got.write;
                sum.done += got.done;
                sum.moved += got.moved;
            }
        }
        sum
    }

    /// Lets time pass, in steps of 50 ms.
    pub fn pass(&mut self, time: Millis) {
        for _ in 0..time.0 / STEP {
            if self.now.is_multiple_of(TICK) {
                self.divide();
            }
            self.start();
            self.work();
            self.now += STEP;
        }
    }

    /// Lets time pass until something is so; answers how long that took, if it came to it.
    pub fn until(&mut self, most: Millis, is_so: impl Fn(&Self) -> bool) -> Option<Millis> {
        let begin = self.now;
        while !is_so(self) {
            if self.now - begin >= most.0 {
                return None;
            }
            self.pass(Millis(STEP));
        }
        Some(Millis(self.now - begin))
    }

    /// A node is gone, with what ran there.
    pub fn lose(&mut self, node: NodeId) {
        self.nodes.retain(|there| there.id != node);
        for agent in self.agents.extract_if(.., |agent| agent.node == node) {
            self.works[agent.work].waiting += 1;
        }
    }

    /// What the next tick will be told.
    pub fn demand(&self) -> Demand {
        let mut queues: Vec<Queue> = self.works.iter().map(queue).collect();
        for agent in &self.agents {
            *queues[agent.work].running.entry(agent.node).or_default() += 1;
        }
        let used = self.used.iter().map(|(work, used)| {
            let key = &self.works[*work].key;
            Used {
                team: key.team.clone(),
                campaign: key.campaign,
                slots: Millis(whole(used[0])),
                cpu: Millis(whole(used[1])),
                read: Bytes(whole(used[2])),
                write: Bytes(whole(used[3])),
                fuel: Fuel(whole(used[4])),
            }
        });
        Demand { nodes: self.nodes.clone(), queues, used: used.collect() }
    }

    fn divide(&mut self) {
        let demand = self.demand();
        self.used.clear();
        let past = std::mem::take(&mut self.past);
        (self.grants, self.past) = tick(&demand, &self.quotas, past, Timestamp(self.now));
        for agent in &mut self.agents {
            agent.stops = false;
        }
        for stop in &self.grants.reclaims {
            let works = &self.works;
            let theirs = |agent: &&mut Agent| works[agent.work].key == stop.queue && agent.node == stop.node;
            let mut agents: Vec<&mut Agent> = self.agents.iter_mut().filter(theirs).collect();
            agents.sort_by(|one, other| one.to_checkpoint.total_cmp(&other.to_checkpoint));
            for agent in agents.into_iter().filter(|agent| !agent.stops).take(index(stop.agents)) {
                agent.stops = true;
                if stop.cause.at_once() {
                    agent.to_checkpoint = 0.0;
                }
            }
        }
    }

    /// Nodes take what they are permitted and have room for.
    fn start(&mut self) {
        let mut held: BTreeMap<(usize, NodeId), u32> = BTreeMap::new();
        let mut taken: BTreeMap<NodeId, Amounts> = BTreeMap::new();
        for agent in &self.agents {
            *held.entry((agent.work, agent.node)).or_default() += 1;
            let taken = taken.entry(agent.node).or_default();
            *taken = taken.plus(self.works[agent.work].said);
        }
        let count = self.works.len();
        self.got.resize(count, Got::default());
        let first = index_of(self.now / STEP);
        for node in self.nodes.iter().filter(|node| node.takes) {
            for work in (0..count).map(|at| (at + first) % count) {
                let (id, said) = (node.id, self.works[work].said);
                let mine = held.entry((work, id)).or_default();
                let taken = taken.entry(id).or_default();
                while self.works[work].waiting > 0
                    && self.grants.room(&self.works[work].key, id, *mine) > 0
                    && taken.plus(said).beyond(&node.capacity, &SOLID).is_none()
                {
                    *mine += 1;
                    *taken = taken.plus(said);
                    self.works[work].waiting -= 1;
                    self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                    let half = self.works[work].time.0 / 2;
                    let left = real(half + (self.random >> 33) % (2 * half).max(1));
                    let to_checkpoint = real(self.works[work].checkpoint.0);
                    self.agents.push(Agent { work, node: id, left, to_checkpoint, stops: false });
                }
            }
        }
    }

    /// How much of what it could do each agent does, for a node shares what it has and its buckets hold back.
    fn paces(&self) -> Vec<f64> {
        let mut wanted: BTreeMap<NodeId, Amounts> = BTreeMap::new();
        let mut of_rates: BTreeMap<(QuotaOf, NodeId), Amounts> = BTreeMap::new();
        for agent in &self.agents {
            let work = &self.works[agent.work];
            let sum = wanted.entry(agent.node).or_default();
            *sum = sum.plus(work.takes);
            for of in parties(work) {
                let sum = of_rates.entry((of, agent.node)).or_default();
                *sum = sum.plus(work.takes);
            }
        }
        let capacity: BTreeMap<NodeId, Amounts> =
            self.nodes.iter().map(|node| (node.id, node.capacity)).collect();
        let pace = |agent: &Agent| {
            let (work, mut pace) = (&self.works[agent.work], 1.0_f64);
            for resource in FLOWING.into_iter().filter(|resource| work.takes[*resource] > 0) {
                let (has, all) = (capacity[&agent.node][resource], wanted[&agent.node][resource]);
                if has > 0 {
                    pace = pace.min(real(has) / real(all));
                }
                for of in parties(work) {
                    let place = (of, agent.node);
                    let rate = self.grants.rates.get(&place).and_then(|rate| match resource {
                        Resource::Read => rate.read,
                        Resource::Write => rate.write,
                        Resource::Cpu | Resource::Memory | Resource::Slots => None,
                    });
                    if let Some(rate) = rate {
                        pace = pace.min(real(rate) / real(of_rates[&place][resource]));
                    }
                }
            }
            pace
        };
        self.agents.iter().map(pace).collect()
    }

    fn work(&mut self) {
        let (paces, step) = (self.paces(), real(STEP));
        for (agent, pace) in self.agents.iter_mut().zip(paces) {
            let (work, got) = (&self.works[agent.work], &mut self.got[agent.work]);
            agent.left -= step * pace;
            agent.to_checkpoint -= step * pace;
            let done = |resource: Resource| real(work.takes[resource]) * pace * step / 1_000.0;
            let (cpu, read, write) =
                (done(Resource::Cpu) / 1_000.0, done(Resource::Read), done(Resource::Write));
            got.slots += step / 1_000.0;
            got.cpu += cpu;
            got.read += read;
            got.write += write;
            let used = self.used.entry(agent.work).or_default();
            let fuel = real(work.fuel) * pace * step / 1_000.0;
            for (sum, more) in used.iter_mut().zip([step, cpu * 1_000.0, read, write, fuel]) {
                *sum += more;
            }
        }
        let mut agents = std::mem::take(&mut self.agents);
        agents.retain_mut(|agent| {
            if agent.left <= 0.0 {
                self.got[agent.work].done += 1.0;
                return false;
            }
            if agent.to_checkpoint <= 0.0 {
                if agent.stops {
                    self.works[agent.work].waiting += 1;
                    self.got[agent.work].moved += 1.0;
                    return false;
                }
                agent.to_checkpoint = real(self.works[agent.work].checkpoint.0);
            }
            true
        });
        self.agents = agents;
    }

    /// Whether somebody waits for what another one is to give back.
    pub fn reclaims_for(&self, team: &Name) -> u32 {
        let theirs = |cause: &Cause| matches!(cause, Cause::Guaranteed(of) if of == team);
        self.grants.reclaims.iter().filter(|stop| theirs(&stop.cause)).map(|stop| stop.agents).sum()
    }

    /// What is in use on each node, as it was granted.
    pub fn taken(&self) -> BTreeMap<NodeId, Amounts> {
        let mut taken: BTreeMap<NodeId, Amounts> = BTreeMap::new();
        for agent in &self.agents {
            let sum = taken.entry(agent.node).or_default();
            *sum = sum.plus(self.works[agent.work].said);
        }
        taken
    }
}

fn parties(work: &Work) -> impl Iterator<Item = QuotaOf> {
    let campaign = work.key.campaign.map(QuotaOf::Campaign);
    std::iter::once(QuotaOf::Team(work.key.team.clone())).chain(campaign)
}

fn queue(work: &Work) -> Queue {
    let waiting = u32::try_from(work.waiting.min(10_000)).unwrap_or(u32::MAX);
    Queue {
        key: work.key.clone(),
        module: None,
        task: work.said,
        waiting,
        running: BTreeMap::new(),
        not_at: None,
    }
}

fn index(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn index_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The id of a node by its number.
pub fn node_id(at: u64) -> NodeId {
    format!("nod_{:032x}", at + 1).parse().expect("a number is an id")
}

/// Jain's index of fairness: 1 if all are equal, one by their number if one has all.
pub fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    let count = values.iter().fold(0.0, |count, _| count + 1.0);
    if squares == 0.0 { 1.0 } else { sum * sum / (count * squares) }
}
