//! What holds for any fleet, demand and quotas.

use std::collections::BTreeMap;

use proptest::prelude::*;
use skein_types::{Bounds, Bytes, Excess, Fuel, FuelBudget, Millis, NodeId, QuotaOf, Resource, Timestamp};

use super::{campaign, key, node, team};
use crate::simulation::node_id;
use crate::{Amounts, Demand, Grants, Node, Past, Queue, Quota, Quotas, Reason, Used, tick};

const TEAMS: [&str; 4] = ["a", "b", "c", "d"];
const SOLID: [Resource; 2] = [Resource::Slots, Resource::Memory];

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let one = (0_u64..9, 0_u64..17, prop_oneof![9 => Just(true), 1 => Just(false)], any::<bool>());
    proptest::collection::vec(one, 0..6).prop_map(|nodes| {
        let node = |(at, (slots, memory, takes, flows)): (usize, (u64, u64, bool, bool))| {
            let flow = if flows { 100 << 20 } else { 0 };
            let capacity = Amounts::of([
                (Resource::Slots, slots),
                (Resource::Memory, memory << 28),
                (Resource::Cpu, slots * 1_000),
                (Resource::Read, flow),
                (Resource::Write, flow),
            ]);
            Node { takes, ..node(u64::try_from(at).unwrap(), capacity) }
        };
        nodes.into_iter().enumerate().map(node).collect()
    })
}

type Wants = (usize, Option<u128>, u64, u64, u32, Vec<(u64, u32)>);

fn queues() -> impl Strategy<Value = Vec<Queue>> {
    let running = proptest::collection::vec((0_u64..7, 0_u32..4), 0..4);
    let one = (0..TEAMS.len(), proptest::option::of(0_u128..3), 1_u64..9, 0_u64..50, 0_u32..12, running);
    proptest::collection::vec(one, 0..9).prop_map(|queues| {
        let queue = |(of, campaign, memory, read, waiting, running): Wants| {
            // A campaign belongs to one team.
            let campaign = campaign.map(|at| at * 10 + u128::try_from(of).unwrap());
            let task = Amounts::of([
                (Resource::Slots, 1),
                (Resource::Memory, memory << 27),
                (Resource::Cpu, 1_000),
                (Resource::Read, read << 20),
            ]);
            let key = key(TEAMS[of], campaign);
            Queue { task, ..super::queue(key, waiting, &running) }
        };
        let queues: BTreeMap<_, _> =
            queues.into_iter().map(queue).map(|queue| (queue.key.clone(), queue)).collect();
        queues.into_values().collect()
    })
}

fn quota() -> impl Strategy<Value = Quota> {
    let bounds = (0_u64..7, proptest::option::of(0_u64..12), proptest::option::of(0_u64..7));
    let bounds = proptest::collection::vec(proptest::option::of(bounds), 3);
    let excess = prop_oneof![Just(Excess::Reject), Just(Excess::Throttle), Just(Excess::Terminate)];
    (0_u32..4, bounds, proptest::option::of(0_u64..2_000), excess).prop_map(|(weight, some, fuel, excess)| {
        let resources = [(Resource::Slots, 1), (Resource::Memory, 1 << 28), (Resource::Read, 10 << 20)];
        let bounds = resources.into_iter().zip(some).filter_map(|((resource, unit), bounds)| {
            let (guaranteed, limit, lendable) = bounds?;
            let limit = limit.map(|limit| limit * unit);
            let lendable = lendable.map(|lendable| lendable * unit);
            Some((resource, Bounds { guaranteed: guaranteed * unit, limit, lendable }))
        });
        let fuel = fuel.map(|fuel| FuelBudget { fuel: Fuel(fuel), per: Millis(10_000) });
        Quota { weight, bounds: bounds.collect(), fuel, excess }
    })
}

fn quotas() -> impl Strategy<Value = Quotas> {
    let teams = proptest::collection::vec(proptest::option::of(quota()), TEAMS.len());
    let campaigns = proptest::collection::vec(proptest::option::of(quota()), 12);
    (proptest::option::of(quota()), proptest::option::of(quota()), teams, campaigns).prop_map(
        |(org, default, teams, campaigns)| {
            let teams = TEAMS.iter().zip(teams).filter_map(|(name, quota)| Some((team(name), quota?)));
            let ids = (0_u128..3).flat_map(|at| (0..4).map(move |of| campaign(at * 10 + of)));
            let campaigns = ids.zip(campaigns).filter_map(|(id, quota)| Some((id, quota?)));
            Quotas { org, default, teams: teams.collect(), campaigns: campaigns.collect() }
        },
    )
}

fn used() -> impl Strategy<Value = Vec<Used>> {
    let one = (0..TEAMS.len(), 0_u64..2_000, 0_u64..2_000, 0_u64..(1 << 30), 0_u64..500);
    proptest::collection::vec(one, 0..5).prop_map(|used| {
        let one = |(of, slots, cpu, read, fuel): (usize, u64, u64, u64, u64)| Used {
            team: team(TEAMS[of]),
            campaign: None,
            slots: Millis(slots),
            cpu: Millis(cpu),
            read: Bytes(read),
            write: Bytes(read / 2),
            fuel: Fuel(fuel),
        };
        used.into_iter().map(one).collect()
    })
}

fn demand() -> impl Strategy<Value = Demand> {
    (nodes(), queues(), used()).prop_map(|(nodes, queues, used)| Demand { nodes, queues, used })
}

fn permitted(grants: &Grants, queue: &Queue) -> u32 {
    grants.permits.get(&queue.key).map_or(0, |nodes| nodes.values().sum())
}

/// What a queue runs on nodes that are there.
fn running(demand: &Demand, queue: &Queue) -> u32 {
    let there = |id: &NodeId| demand.nodes.iter().any(|node| node.id == *id);
    queue.running.iter().filter(|(id, _)| there(id)).map(|(_, agents)| *agents).sum()
}

fn limits(quota: &Quota) -> Vec<(Resource, u64)> {
    quota.bounds.iter().filter_map(|(resource, bounds)| Some((*resource, bounds.limit?))).collect()
}

fn without_limits(quotas: &mut Quotas) {
    let lift = |quota: &mut Quota| quota.bounds.values_mut().for_each(|bounds| bounds.limit = None);
    quotas.teams.values_mut().chain(quotas.campaigns.values_mut()).for_each(lift);
    quotas.org.iter_mut().chain(&mut quotas.default).for_each(lift);
}

/// Agents that may run at a time before the next tick: those that run, or are permitted, whichever are more on each node.
fn at_most(demand: &Demand, grants: &Grants, of: impl Fn(&Queue) -> bool) -> Amounts {
    let mut sum = Amounts::NONE;
    for queue in demand.queues.iter().filter(|queue| of(queue)) {
        for node in &demand.nodes {
            let runs = queue.running.get(&node.id).copied().unwrap_or(0);
            sum = sum.plus(queue.task.times(runs.max(grants.permits(&queue.key, node.id))));
        }
    }
    sum
}

fn runs(demand: &Demand, of: impl Fn(&Queue) -> bool) -> Amounts {
    at_most(demand, &Grants::default(), of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_node_is_permitted_more_than_it_has((demand, quotas) in (demand(), quotas())) {
        let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        for node in &demand.nodes {
            let of_all = demand.queues.iter().map(|queue| queue.task.times(grants.permits(&queue.key, node.id)));
            let sum = of_all.fold(Amounts::NONE, Amounts::plus);
            for resource in SOLID {
                prop_assert!(sum[resource] <= node.capacity[resource], "{} {sum:?} {node:?}", resource);
            }
            prop_assert!(node.takes || sum == Amounts::NONE);
        }
    }

    #[test]
    fn nothing_starts_beyond_a_limit_whatever_ends_first((demand, quotas) in (demand(), quotas())) {
        let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        let bound = |quota: &Quota, of: &dyn Fn(&Queue) -> bool| {
            let (most, has) = (at_most(&demand, &grants, of), runs(&demand, of));
            let over = |(resource, limit): &(Resource, u64)| most[*resource] > (*limit).max(has[*resource]);
            limits(quota).into_iter().filter(|(resource, _)| SOLID.contains(resource)).find(over)
        };
        for name in TEAMS.map(team) {
            let of = |queue: &Queue| queue.key.team == name;
            prop_assert_eq!(bound(quotas.of_team(&name), &of), None);
        }
        for (id, quota) in &quotas.campaigns {
            prop_assert_eq!(bound(quota, &|queue| queue.key.campaign == Some(*id)), None);
        }
        if let Some(org) = &quotas.org {
            prop_assert_eq!(bound(org, &|_| true), None);
        }
    }

    #[test]
    fn nobody_is_permitted_more_than_they_want_and_who_waits_is_told_why((demand, quotas) in (demand(), quotas())) {
        let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        for queue in &demand.queues {
            prop_assert!(permitted(&grants, queue) <= queue.waiting + running(&demand, queue));
            prop_assert_eq!(grants.waits.contains_key(&queue.key), queue.waiting > 0);
            let one_line = grants.waits.get(&queue.key).is_none_or(|reason| !reason.to_string().contains('\n'));
            prop_assert!(one_line);
        }
        for stop in &grants.reclaims {
            let queue = demand.queues.iter().find(|queue| queue.key == stop.queue).unwrap();
            prop_assert!(stop.agents > 0 && stop.agents <= queue.running[&stop.node]);
        }
    }

    #[test]
    fn who_waits_for_a_free_place_finds_none((demand, mut quotas) in (demand(), quotas())) {
        // At a limit a place that is handed over stays empty for a tick.
        without_limits(&mut quotas);
        let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        for queue in &demand.queues {
            if let Some(Reason::NoneFree { .. }) = grants.waits.get(&queue.key) {
                for node in demand.nodes.iter().filter(|node| node.takes) {
                    let busy = demand.queues.iter().map(|other| {
                        let runs = other.running.get(&node.id).copied().unwrap_or(0);
                        other.task.times(runs.max(grants.permits(&other.key, node.id)))
                    });
                    let with = busy.fold(queue.task, Amounts::plus);
                    prop_assert!(SOLID.iter().any(|resource| with[*resource] > node.capacity[*resource]));
                }
            }
        }
    }

    #[test]
    fn the_same_gives_the_same_in_whatever_order_it_is_listed(
        (demand, quotas, turn) in (demand(), quotas(), 0_usize..9)
    ) {
        let mut other = demand.clone();
        for list in [other.queues.len()].into_iter().filter(|count| *count > 0) {
            other.queues.rotate_left(turn % list);
        }
        other.nodes.reverse();
        other.used.reverse();
        let one = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        prop_assert_eq!(one, tick(&other, &quotas, Past::default(), Timestamp(1_000)));
    }

    #[test]
    fn only_for_what_is_guaranteed_and_only_from_who_has_more_is_anything_taken_back(
        (demand, mut quotas) in (demand(), quotas())
    ) {
        without_limits(&mut quotas);
        let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        for name in TEAMS.map(team) {
            let quota = quotas.of_team(&name);
            let ends = |stop: &&crate::Reclaim| stop.queue.team == name && !stop.cause.at_once();
            let by_others = |stop: &&crate::Reclaim| match &stop.cause {
                crate::Cause::Guaranteed(of) => *of != name,
                crate::Cause::Limit(_) | crate::Cause::LimitEnds(_) | crate::Cause::FuelEnds(_) => true,
            };
            let stops: u32 = grants.reclaims.iter().filter(ends).filter(by_others).map(|stop| stop.agents).sum();
            let slots = quota.bounds.get(&Resource::Slots).map_or(0, |bounds| bounds.guaranteed);
            let alone = quota.bounds.len() == 1;
            let has: u32 = demand.queues.iter().filter(|queue| queue.key.team == name).map(|queue| running(&demand, queue)).sum();
            prop_assert!(stops == 0 || !alone || slots == 0 || u64::from(has - stops) >= slots.min(u64::from(has)));
        }
    }

    #[test]
    fn no_numbers_make_it_fail_and_the_past_may_be_of_another_fleet(
        (first, then, quotas, more, now) in (demand(), demand(), quotas(), quotas(), any::<u64>())
    ) {
        let (_, past) = tick(&first, &quotas, Past::default(), Timestamp(now));
        let (grants, past) = tick(&then, &more, past, Timestamp(now.wrapping_add(250)));
        let (again, _) = tick(&then, &more, past, Timestamp(0));
        prop_assert_eq!(grants.waits.len(), again.waits.len());
    }

    #[test]
    fn rates_add_up_to_no_more_than_there_is((demand, quotas) in (demand(), quotas())) {
        let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(1_000));
        for node in demand.nodes.iter().filter(|node| node.capacity[Resource::Read] > 0) {
            let here = grants.rates.iter().filter(|((of, id), _)| matches!(of, QuotaOf::Team(_)) && *id == node.id);
            let sum: u64 = here.filter_map(|(_, rate)| rate.read).sum();
            prop_assert!(sum <= node.capacity[Resource::Read] + 8, "{sum}");
        }
        for name in TEAMS.map(team) {
            let limit = quotas.of_team(&name).bounds.get(&Resource::Read).and_then(|bounds| bounds.limit);
            let of = QuotaOf::Team(name);
            let sum: u64 = grants.rates.iter().filter(|((whose, _), _)| *whose == of).filter_map(|(_, rate)| rate.read).sum();
            prop_assert!(limit.is_none_or(|limit| sum <= limit + 8), "{sum}");
        }
    }
}

/// A task needs one slot of one team; `count` of them are spread over three nodes.
fn even(names: &[&str], waiting: u32, slots_each: u64) -> Demand {
    let nodes = (0..3).map(|at| node(at, super::slots(slots_each))).collect();
    let queues = names.iter().map(|name| super::queue(key(name, None), waiting, &[])).collect();
    Demand { nodes, queues, used: Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_of_equals_gets_an_equal_part_and_nothing_is_left(slots in 1_u64..20, waiting in 0_u32..40, teams in 1_usize..5) {
        let demand = even(&TEAMS[..teams], waiting, slots);
        let (grants, _) = tick(&demand, &Quotas::default(), Past::default(), Timestamp(0));
        let each: Vec<u32> = demand.queues.iter().map(|queue| permitted(&grants, queue)).collect();
        let (most, least) = (each.iter().max().unwrap(), each.iter().min().unwrap());
        prop_assert!(most - least <= 1, "{each:?}");
        let all = u64::from(waiting) * u64::try_from(teams).unwrap();
        prop_assert_eq!(u64::from(each.iter().sum::<u32>()), all.min(slots * 3));
    }

    #[test]
    fn who_asks_for_more_than_they_need_takes_nothing_from_others(slots in 1_u64..20, more in 1_u32..40) {
        let honest = even(&TEAMS[..3], 40, slots);
        let mut greedy = honest.clone();
        greedy.queues[0].waiting += more;
        let of = |demand: &Demand| {
            let (grants, _) = tick(demand, &Quotas::default(), Past::default(), Timestamp(0));
            demand.queues.iter().map(|queue| permitted(&grants, queue)).collect::<Vec<_>>()
        };
        prop_assert_eq!(of(&honest), of(&greedy));
    }

    #[test]
    fn more_guaranteed_never_means_less(slots in 1_u64..20, first in 0_u64..20, more in 1_u64..20) {
        let demand = even(&TEAMS[..3], 60, slots);
        let of = |guaranteed| {
            let quota = super::bounded(Resource::Slots, guaranteed, None, None);
            let quotas = Quotas { teams: [(team("a"), quota)].into(), ..Quotas::default() };
            permitted(&tick(&demand, &quotas, Past::default(), Timestamp(0)).0, &demand.queues[0])
        };
        prop_assert!(of(first) <= of(first + more));
        prop_assert!(u64::from(of(first)) >= first.min(slots * 3));
    }

    #[test]
    fn one_more_node_takes_nothing_from_anybody(slots in 1_u64..20, waiting in 1_u32..60) {
        let fewer = even(&TEAMS[..3], waiting, slots);
        let mut more = fewer.clone();
        more.nodes.push(node(9, super::slots(slots)));
        let of = |demand: &Demand| {
            let (grants, _) = tick(demand, &Quotas::default(), Past::default(), Timestamp(0));
            demand.queues.iter().map(|queue| permitted(&grants, queue)).collect::<Vec<_>>()
        };
        prop_assert!(of(&fewer).iter().zip(of(&more)).all(|(less, more)| *less <= more));
    }
}

#[test]
fn lost_nodes_count_for_nothing() {
    let mut demand = even(&["a"], 9, 2);
    demand.queues[0].running = BTreeMap::from([(node_id(77), 4)]);
    let (grants, _) = tick(&demand, &Quotas::default(), Past::default(), Timestamp(0));
    assert_eq!(permitted(&grants, &demand.queues[0]), 6);
}
