//! The allocator: how long a tick takes, and how even, how prompt and how exact it is, in its own simulated fleet.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use skein_bench::report::{Figure, Report};
use skein_bench::rows;
use skein_bench::series::Series;
use skein_fleet::simulation::{Work, World, jain};
use skein_fleet::{Amounts, Bucket, Demand, Past, Quota, Quotas, tick};
use skein_types::{Bounds, CampaignId, Clock, Millis, Name, Resource, Timestamp};
use uuid::Uuid;

const NODES: u64 = 50;
const SLOTS: u64 = 16;
const TEAMS: usize = 40;
const CAMPAIGNS: usize = 25;
const TICKS: u64 = 200;
/// Between two ticks.
const TICK: u64 = 250;

/// Everything about it.
pub(crate) fn measure(clock: &Arc<dyn Clock>) -> anyhow::Result<Report> {
    let mut figures = ticks(clock)?;
    figures.extend(fairness());
    figures.extend(guarantee()?);
    figures.push(Figure { value: bucket_error() * 100.0, ..rows::bucket_error() });
    Ok(Report {
        name: "fleet",
        timed: "ticks over 50 nodes of 16 slots and 1,000 queues of 40 teams; the rest in a simulated fleet",
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        contenders: Vec::new(),
        figures,
    })
}

fn team(at: usize) -> Name {
    format!("team-{at}").parse().expect("a name")
}

fn node(slots: u64) -> Amounts {
    Amounts::of([
        (Resource::Slots, slots),
        (Resource::Memory, slots << 30),
        (Resource::Cpu, slots * 1_000),
        (Resource::Read, 1 << 30),
        (Resource::Write, 1 << 30),
    ])
}

fn guaranteed(slots: u64) -> Quota {
    let bounds = Bounds { guaranteed: slots, limit: None, lendable: None };
    Quota { bounds: [(Resource::Slots, bounds)].into(), ..Quota::OPEN }
}

/// A fleet in which each team has an eightieth guaranteed, and all campaigns have something to do.
fn large() -> World {
    let quotas = Quotas {
        teams: (0..TEAMS).map(|at| (team(at), guaranteed(NODES * SLOTS / 80))).collect(),
        ..Quotas::default()
    };
    let mut world = World::of_nodes(NODES, node(SLOTS), quotas, 1);
    for at in 0..TEAMS * CAMPAIGNS {
        let campaign = CampaignId::new(Uuid::from_u128(at as u128 + 1));
        world.works.push(Work::of(&team(at / CAMPAIGNS), Some(campaign), Millis(2_000)));
    }
    world
}

fn ticks(clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<Figure>> {
    let empty = large();
    let (quotas, nothing) = (empty.quotas.clone(), empty.demand());
    let mut steady = empty.clone();
    steady.pass(Millis(10_000));
    // The first team had all of it, and the others come.
    let mut taken = empty.clone();
    taken.works.truncate(CAMPAIGNS);
    taken.pass(Millis(1_000));
    taken.works.clone_from(&empty.works);
    let mut figures = Vec::new();
    for (demand, median, tail) in [
        (&steady.demand(), rows::fleet_tick(), "99th percentile"),
        (&nothing, rows::fleet_tick_beside("tick, everything begins"), ""),
        (&taken.demand(), rows::fleet_tick_beside("tick, one team has all and the others come"), ""),
    ] {
        let times = Series::new(timed(clock, demand, &quotas)).context("ticks")?.summary();
        figures.push(Figure { value: times.median * 1e3, ..median });
        if !tail.is_empty() {
            figures.push(Figure { value: times.p99 * 1e3, ..rows::fleet_tick_beside(tail) });
        }
    }
    Ok(figures)
}

fn timed(clock: &Arc<dyn Clock>, demand: &Demand, quotas: &Quotas) -> Vec<f64> {
    let mut past = Past::default();
    let one = |at: u64| {
        let before = std::mem::take(&mut past);
        let started = clock.elapsed();
        let (grants, after) = tick(demand, quotas, before, Timestamp(1_000_000 + at * TICK));
        let took = (clock.elapsed() - started).as_secs_f64();
        past = after;
        drop(grants);
        took
    };
    (0..TICKS).map(one).collect()
}

/// One greedy of ten teams: with thirty campaigns to one of each of the others, and with bytes instead of fuel.
fn fairness() -> Vec<Figure> {
    let even = |prepare: &dyn Fn(&mut Vec<Work>)| {
        let mut world = World::of_nodes(4, node(8), Quotas::default(), 2);
        for at in 0..10 {
            world.works.push(Work::of(&team(at), None, Millis(700)));
        }
        prepare(&mut world.works);
        world.pass(Millis(5_000));
        for at in 0..10 {
            world.take_got(&team(at));
        }
        world.pass(Millis(120_000));
        (0..10).map(|at| world.take_got(&team(at))).collect::<Vec<_>>()
    };
    let campaigns = even(&|works| {
        for at in 1..30 {
            let campaign = CampaignId::new(Uuid::from_u128(at));
            works.push(Work::of(&team(0), Some(campaign), Millis(700)));
        }
    });
    let bytes = even(&|works| {
        for work in works.iter_mut() {
            work.takes = work.takes.with(Resource::Read, 300 << 20);
        }
        works[0].fuel = 0;
        works[0].takes = works[0].takes.with(Resource::Cpu, 20);
        works[0].said = works[0].said.with(Resource::Cpu, 0);
    });
    let slots: Vec<f64> = campaigns.iter().map(|got| got.slots).collect();
    let read: Vec<f64> = bytes.iter().map(|got| got.read).collect();
    vec![
        Figure {
            value: 1.0 - jain(&slots),
            ..rows::unfairness("1 - Jain, one of ten with 30 campaigns, slots")
        },
        Figure {
            value: 1.0 - jain(&read),
            ..rows::unfairness("1 - Jain, one of ten burns no fuel, bytes read")
        },
    ]
}

/// What is guaranteed and lent, from asking until it is there, and from ending until it is lent again.
fn guarantee() -> anyhow::Result<Vec<Figure>> {
    let checkpoint = 1_000.0;
    let quotas = Quotas { teams: [(team(0), guaranteed(6))].into(), ..Quotas::default() };
    let mut world = World::of_nodes(4, node(4), quotas, 3);
    let long = Millis(20_000);
    world.works.push(Work::of(&team(1), None, long));
    let begin = |world: &World| world.running(&team(1)) == 16;
    let lent = world.until(Millis(5_000), begin).context("what is idle is not lent")?;
    world.pass(Millis(10_000));
    world.works.push(Work::of(&team(0), None, long));
    let there = world.until(Millis(20_000), |world| world.running(&team(0)) >= 6);
    let there = there.context("what is guaranteed does not come")?;
    let ticks = (there.0 as f64 - checkpoint).max(0.0) / TICK as f64;
    Ok(vec![
        Figure { value: ticks, ..rows::ticks_to_guaranteed() },
        rows::fleet_beside("guaranteed, from asking to all of it, checkpoints 1 s apart", there.0 as f64),
        rows::fleet_beside("idle, from asking to all of it lent", lent.0 as f64),
    ])
}

/// The most that what passes a bucket differs from its rate over any two seconds, of several takers and rates.
fn bucket_error() -> f64 {
    let span = Duration::from_secs(2);
    let mut most = 0.0_f64;
    for rate in [1_000_000_u64, 50_000_000, 1_000_000_000] {
        let (mut bucket, mut free, mut passed) =
            (Bucket::new(rate, Duration::ZERO), [Duration::ZERO; 4], Vec::new());
        while let Some(at) = (0..free.len()).min_by_key(|at| free[*at]).filter(|at| free[*at] < span * 5) {
            let Some(take) = bucket.take(free[at], 4 << 20) else { break };
            free[at] += take.wait.max(Duration::from_micros(1));
            passed.push((free[at], take.bytes));
        }
        for begin in (100..8_000).step_by(50).map(Duration::from_millis) {
            let within = passed.iter().filter(|(at, _)| *at > begin && *at <= begin + span);
            let bytes: u64 = within.map(|(_, bytes)| *bytes).sum();
            most = most.max((bytes as f64 / (rate as f64 * 2.0) - 1.0).abs());
        }
    }
    most
}
