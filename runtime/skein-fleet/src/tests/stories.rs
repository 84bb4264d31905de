//! What comes of it over time, in the simulated fleet.

use skein_types::{Excess, Fuel, FuelBudget, Millis, Name, QuotaOf, Resource};

use super::{bounded, campaign, slots, team};
use crate::simulation::{Got, Work, World, jain, node_id};
use crate::{Amounts, Quota, Quotas, Reason, SizeClass};

const TICK: u64 = 250;
const STEP: u64 = 50;

fn names(count: usize) -> Vec<Name> {
    (0..count).map(|at| team(&format!("team-{at}"))).collect()
}

fn of_teams<'a>(teams: impl IntoIterator<Item = (&'a Name, Quota)>) -> Quotas {
    let teams = teams.into_iter().map(|(name, quota)| (name.clone(), quota)).collect();
    Quotas { teams, ..Quotas::default() }
}

fn got(world: &mut World, names: &[Name]) -> Vec<Got> {
    names.iter().map(|name| world.take_got(name)).collect()
}

/// Nothing is in use that is not there, now.
fn holds(world: &World) {
    let taken = world.taken();
    for node in &world.nodes {
        let sum = taken.get(&node.id).copied().unwrap_or_default();
        for resource in [Resource::Slots, Resource::Memory] {
            assert!(sum[resource] <= node.capacity[resource], "{resource} at {} ms: {sum:?}", world.now());
        }
    }
}

#[test]
fn one_greedy_of_ten_teams_gets_a_tenth() {
    let names = names(10);
    for seed in 0..3 {
        let mut world = World::of_nodes(4, slots(4), Quotas::default(), seed);
        for (at, name) in names.iter().enumerate() {
            // The greedy one has thirty campaigns, and says that its tasks are next to nothing.
            for of in 0..if at == 0 { 30 } else { 1 } {
                let mut work = Work::of(name, Some(campaign(of)), Millis(700));
                if at == 0 {
                    work.said = work.said.with(Resource::Cpu, 1);
                }
                world.works.push(work);
            }
        }
        world.pass(Millis(5_000));
        got(&mut world, &names);
        world.pass(Millis(60_000));
        holds(&world);
        let cpu: Vec<f64> = got(&mut world, &names).iter().map(|got| got.cpu).collect();
        assert!(jain(&cpu) >= 0.99, "seed {seed}: {} {cpu:?}", jain(&cpu));
        assert!(cpu.iter().sum::<f64>() > 16.0 * 60.0 * 0.9, "seed {seed}: {cpu:?}");
    }
}

#[test]
fn more_teams_than_slots_take_turns() {
    let names = names(7);
    let mut world = World::of_nodes(1, slots(2), Quotas::default(), 1);
    world.works.extend(names.iter().map(|name| Work::of(name, None, Millis(300))));
    world.pass(Millis(60_000));
    let cpu: Vec<f64> = got(&mut world, &names).iter().map(|got| got.cpu).collect();
    assert!(jain(&cpu) >= 0.95, "{} {cpu:?}", jain(&cpu));
}

#[test]
fn both_size_classes_of_one_campaign_go_on() {
    let a = team("a");
    let mut world = World::of_nodes(1, slots(1), Quotas::default(), 1);
    let small = Work::of(&a, Some(campaign(1)), Millis(100));
    let mut large = Work { time: Millis(1_000), ..small.clone() };
    large.key.size = SizeClass::Large;
    world.works.extend([small, large]);
    world.pass(Millis(30_000));
    let done: Vec<u64> = world.works.iter().map(|work| 1_000_000 - work.waiting).collect();
    assert!(done[0] >= 60 && done[1] >= 6, "{done:?}");
}

#[test]
fn what_is_guaranteed_is_there_within_two_ticks_and_a_task() {
    let names = names(3);
    let quotas = of_teams([(&names[0], bounded(Resource::Slots, 6, None, None))]);
    let mut world = World::of_nodes(4, slots(4), quotas, 3);
    let long = Millis(20_000);
    world.works.extend(names[1..].iter().map(|name| Work::of(name, None, long)));
    world.pass(Millis(10_000));
    // Idle, it is lent.
    assert_eq!(world.running(&names[1]) + world.running(&names[2]), 16);
    world.works.push(Work::of(&names[0], None, long));
    // A task gives its place back at its next checkpoint: here one second apart.
    let took = world.until(Millis(10_000), |world| {
        holds(world);
        world.running(&names[0]) >= 6
    });
    let took = took.expect("it never had what it is guaranteed").0;
    assert!(took <= 2 * TICK + 1_000 + 2 * STEP, "{took} ms");
    assert_eq!(world.reclaims_for(&names[0]), 0);
    let moved: f64 = got(&mut world, &names).iter().map(|got| got.moved).sum();
    assert!(moved <= 6.0, "{moved} were moved for 6");
    // And lent again when it has nothing to do.
    world.works.iter_mut().find(|work| work.key.team == names[0]).unwrap().waiting = 0;
    let back = world.until(Millis(60_000), |world| {
        world.running(&names[0]) == 0 && world.running(&names[1]) + world.running(&names[2]) == 16
    });
    assert!(back.is_some_and(|back| back.0 <= 30_000 + 2 * TICK), "{back:?}");
}

#[test]
fn a_limit_that_is_lowered_while_it_runs_holds_after_the_next_checkpoint() {
    for (excess, most) in [(Excess::Throttle, TICK + 1_000 + 2 * STEP), (Excess::Terminate, TICK + 2 * STEP)]
    {
        let names = names(2);
        let mut world = World::of_nodes(2, slots(4), Quotas::default(), 5);
        world.works.push(Work::of(&names[0], None, Millis(20_000)));
        world.pass(Millis(3_000));
        assert_eq!(world.running(&names[0]), 8);
        let quota = Quota { excess, ..bounded(Resource::Slots, 0, Some(3), None) };
        world.quotas = of_teams([(&names[0], quota)]);
        world.works.push(Work::of(&names[1], None, Millis(20_000)));
        let took = world.until(Millis(10_000), |world| world.running(&names[0]) <= 3).unwrap().0;
        assert!(took <= most, "{excess}: {took} ms");
        for _ in 0..200 {
            world.pass(Millis(100));
            assert!(world.running(&names[0]) <= 3);
        }
        assert_eq!([world.running(&names[0]), world.running(&names[1])], [3, 5]);
    }
}

#[test]
fn a_team_that_burns_no_fuel_is_held_to_its_share_of_bytes() {
    let names = names(4);
    let flow: u32 = 400 << 20;
    let capacity = slots(16).with(Resource::Read, flow.into()).with(Resource::Write, flow.into());
    let mut world = World::of_nodes(2, capacity, Quotas::default(), 7);
    for (at, name) in names.iter().enumerate() {
        let mut work = Work::of(name, None, Millis(500));
        if at == 0 {
            // Rename only: no guest, nothing said, and as many bytes as there are.
            work.fuel = 0;
            work.said = work.said.with(Resource::Cpu, 0);
            work.takes = work.takes.with(Resource::Cpu, 50);
        }
        work.takes = work.takes.with(Resource::Read, 300 << 20).with(Resource::Write, 300 << 20);
        world.works.push(work);
    }
    world.pass(Millis(5_000));
    got(&mut world, &names);
    world.pass(Millis(30_000));
    let read: Vec<f64> = got(&mut world, &names).iter().map(|got| got.read).collect();
    assert!(jain(&read) >= 0.99, "{read:?}");
    let all: f64 = read.iter().sum();
    assert!(all >= 0.9 * 2.0 * f64::from(flow) * 30.0, "{all}: bytes were left");
}

#[test]
fn a_team_that_takes_more_than_it_says_is_charged_for_what_it_takes() {
    let names = names(2);
    // Slots are plenty; processors are what there is not enough of.
    let capacity = slots(16).with(Resource::Cpu, 8_000);
    let mut world = World::of_nodes(2, capacity, Quotas::default(), 11);
    let honest = Work::of(&names[0], None, Millis(400));
    let mut liar = Work::of(&names[1], None, Millis(400));
    liar.said = liar.said.with(Resource::Cpu, 10);
    liar.takes = liar.takes.with(Resource::Cpu, 4_000);
    world.works.extend([honest, liar]);
    world.pass(Millis(5_000));
    got(&mut world, &names);
    world.pass(Millis(60_000));
    let got = got(&mut world, &names);
    // What each has most of: one of 32 slots, the other of 16 processors.
    let shares = [got[0].slots / 32.0, got[1].cpu / 16.0];
    assert!(jain(&shares) >= 0.99, "{shares:?} {got:?}");
}

#[test]
fn a_team_with_a_limit_of_processors_takes_no_more_of_them_whatever_its_agents_take() {
    let names = names(2);
    for (limit, takes) in [(1_000, 1_000), (2_000, 500), (1_000, 2_000), (400, 1_000)] {
        let quotas = of_teams([(&names[0], bounded(Resource::Cpu, 0, Some(limit), None))]);
        let mut world = World::of_nodes(2, slots(4), quotas, 31);
        for name in &names {
            let mut work = Work::of(name, None, Millis(700));
            work.takes = work.takes.with(Resource::Cpu, takes);
            world.works.push(work);
        }
        world.pass(Millis(5_000));
        got(&mut world, &names);
        world.pass(Millis(60_000));
        let took = got(&mut world, &names)[0].cpu / 60.0 * 1_000.0;
        let limit = f64::from(u32::try_from(limit).unwrap());
        assert!((0.75 * limit..1.05 * limit).contains(&took), "{took} of {limit} by agents of {takes}");
    }
}

#[test]
fn a_team_at_a_rate_stays_within_a_twentieth_of_it_while_others_keep_theirs() {
    let names = names(2);
    let rate = 50_000_000;
    let flow = 200_000_000;
    let quotas = of_teams([(&names[0], bounded(Resource::Read, 0, Some(rate), None))]);
    let mut world = World::of_nodes(2, slots(4).with(Resource::Read, flow), quotas, 13);
    for name in &names {
        let mut work = Work::of(name, None, Millis(400));
        work.said = work.said.with(Resource::Read, 100_000_000);
        work.takes = work.takes.with(Resource::Read, 100_000_000);
        world.works.push(work);
    }
    world.pass(Millis(6_000));
    got(&mut world, &names);
    for _ in 0..20 {
        world.pass(Millis(2_000));
        let read: Vec<f64> = got(&mut world, &names).iter().map(|got| got.read / 2.0).collect();
        assert!((read[0] / 5e7 - 1.0).abs() <= 0.05, "{read:?}");
        assert!(read[1] >= 2.5e8, "{read:?}");
    }
}

#[test]
fn what_ran_on_a_lost_node_runs_elsewhere_and_shares_stay_even() {
    let names = names(3);
    let mut world = World::of_nodes(3, slots(4), Quotas::default(), 17);
    world.works.extend(names.iter().map(|name| Work::of(name, None, Millis(1_000))));
    world.pass(Millis(5_000));
    world.lose(node_id(1));
    world.pass(Millis(5_000));
    got(&mut world, &names);
    world.pass(Millis(30_000));
    let got = got(&mut world, &names);
    let cpu: Vec<f64> = got.iter().map(|got| got.cpu).collect();
    assert!(jain(&cpu) >= 0.99, "{cpu:?}");
    assert!(cpu.iter().sum::<f64>() >= 8.0 * 30.0 * 0.9, "{cpu:?}");
    assert_eq!(got.iter().map(|got| got.moved).sum::<f64>(), 0.0, "nothing is moved for even shares");
}

#[test]
fn what_is_guaranteed_beyond_what_nodes_were_lost_is_cut_alike() {
    let names = names(2);
    let quotas = of_teams(names.iter().map(|name| (name, bounded(Resource::Slots, 8, None, Some(0)))));
    let mut world = World::of_nodes(4, slots(4), quotas, 19);
    world.works.extend(names.iter().map(|name| Work::of(name, None, Millis(500))));
    world.lose(node_id(0));
    world.lose(node_id(1));
    world.pass(Millis(10_000));
    assert_eq!(names.iter().map(|name| world.running(name)).collect::<Vec<_>>(), [4, 4]);
}

#[test]
fn a_large_task_is_not_starved_by_small_ones() {
    let names = names(2);
    let mut world = World::of_nodes(1, slots(8), Quotas::default(), 23);
    let mut large = Work::of(&names[1], None, Millis(400));
    large.said = large.said.with(Resource::Memory, 7 << 30);
    let mut filling = Work::of(&names[0], None, Millis(400));
    filling.said = filling.said.with(Resource::Memory, 1 << 30);
    world.works.extend([filling, large]);
    world.pass(Millis(60_000));
    let done: Vec<f64> = got(&mut world, &names).iter().map(|got| got.done).collect();
    assert!(done[1] >= 20.0, "{done:?}");
}

#[test]
fn fuel_that_is_spent_ends_at_the_next_time() {
    let name = team("a");
    let budget = FuelBudget { fuel: Fuel(3_000_000), per: Millis(5_000) };
    let quotas = of_teams([(&name, Quota { fuel: Some(budget), ..Quota::OPEN })]);
    let mut world = World::of_nodes(1, slots(4), quotas, 29);
    world.works.push(Work::of(&name, None, Millis(200)));
    let spent = world.until(Millis(5_000), |world| world.running(&name) == 0 && world.now() > 500);
    assert!(spent.is_some(), "four agents burn it in less than a second");
    let reason = world.grants.waits.values().next().unwrap();
    assert!(matches!(reason, Reason::FuelSpent { of: QuotaOf::Team(_), .. }), "{reason}");
    let again = world.until(Millis(6_000), |world| world.running(&name) > 0);
    assert!(again.is_some_and(|again| again.0 > 2_000), "{again:?}");
}

#[test]
fn what_some_do_not_use_others_do() {
    let names = names(2);
    let flow = 100_000_000;
    let mut world = World::of_nodes(1, slots(8).with(Resource::Read, flow), Quotas::default(), 31);
    let with = |name: &Name, read: u64| {
        let mut work = Work::of(name, None, Millis(500));
        work.takes = work.takes.with(Resource::Read, read);
        work
    };
    world.works.extend([with(&names[0], 1_000_000), with(&names[1], 100_000_000)]);
    world.pass(Millis(8_000));
    got(&mut world, &names);
    world.pass(Millis(20_000));
    let read: Vec<f64> = got(&mut world, &names).iter().map(|got| got.read / 20.0).collect();
    assert!(read[1] >= 0.85 * 1e8, "{read:?}");
    assert_eq!(world.nodes[0].capacity, slots(8).with(Resource::Read, flow));
    assert_ne!(Amounts::NONE, world.nodes[0].capacity);
}
