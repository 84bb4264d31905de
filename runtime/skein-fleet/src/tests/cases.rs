//! Small fleets, one rule each.

use std::collections::BTreeMap;

use skein_types::{Excess, Fuel, FuelBudget, Millis, ModuleDigest, QuotaOf, Resource, Timestamp};

use super::{bounded, campaign, key, node, queue, slots, team};
use crate::simulation::node_id;
use crate::{
    Amounts, Cause, Demand, Grants, Past, Queue, QueueKey, Quota, Quotas, Reason, Reclaim, Used, tick,
};

fn divided(nodes: u64, capacity: u64, queues: Vec<Queue>, quotas: &Quotas) -> Grants {
    let nodes = (0..nodes).map(|at| node(at, slots(capacity))).collect();
    tick(&Demand { nodes, queues, used: Vec::new() }, quotas, Past::default(), Timestamp(1_000)).0
}

fn all(grants: &Grants, queue: &QueueKey) -> u32 {
    grants.permits.get(queue).map_or(0, |nodes| nodes.values().sum())
}

fn of_teams(teams: impl IntoIterator<Item = (&'static str, Quota)>) -> Quotas {
    let teams = teams.into_iter().map(|(name, quota)| (team(name), quota)).collect();
    Quotas { teams, ..Quotas::default() }
}

#[test]
fn one_that_is_alone_gets_all_there_is() {
    let grants = divided(3, 4, vec![queue(key("a", None), 100, &[])], &Quotas::default());
    assert_eq!(all(&grants, &key("a", None)), 12);
    let reason = Reason::NoneFree { resource: Resource::Slots, needs: 1 };
    assert_eq!(grants.waits[&key("a", None)], reason);
}

#[test]
fn what_fits_starts_and_is_spread() {
    let grants = divided(3, 4, vec![queue(key("a", None), 3, &[])], &Quotas::default());
    assert_eq!(grants.permits[&key("a", None)].values().copied().collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(grants.waits[&key("a", None)], Reason::Starting);
}

#[test]
fn shares_are_by_weight_and_of_campaigns_within_a_team_likewise() {
    let mut quotas = of_teams([("a", Quota { weight: 3, ..Quota::OPEN })]);
    quotas.campaigns = BTreeMap::from([(campaign(2), Quota { weight: 2, ..Quota::OPEN })]);
    let (one, two, b) = (key("a", Some(1)), key("a", Some(2)), key("b", Some(3)));
    let queues = [&one, &two, &b].map(|key| queue(key.clone(), 100, &[])).into();
    let grants = divided(4, 3, queues, &quotas);
    assert_eq!([&one, &two, &b].map(|key| all(&grants, key)), [3, 6, 3]);
}

#[test]
fn who_has_no_weight_gets_what_nobody_else_wants() {
    let quotas = of_teams([("b", Quota { weight: 0, ..Quota::OPEN })]);
    let (a, b) = (key("a", None), key("b", None));
    let of = |waiting| vec![queue(a.clone(), waiting, &[]), queue(b.clone(), 100, &[(0, 4)])];
    let grants = divided(1, 4, of(3), &quotas);
    assert_eq!([all(&grants, &a), all(&grants, &b)], [3, 1]);
    assert_eq!(all(&divided(1, 4, of(100), &quotas), &b), 0);
}

#[test]
fn what_runs_beyond_its_share_ends_by_itself_and_is_not_followed() {
    let (a, b) = (key("a", None), key("b", None));
    let queues = vec![queue(a.clone(), 100, &[(0, 4)]), queue(b.clone(), 100, &[])];
    let grants = divided(1, 4, queues, &Quotas::default());
    assert_eq!([all(&grants, &a), all(&grants, &b)], [2, 2]);
    assert_eq!(grants.reclaims, []);
    assert_eq!(grants.room(&a, node_id(0), 4), 0);
}

#[test]
fn what_is_guaranteed_comes_back_at_checkpoints_from_who_has_most() {
    let quotas = of_teams([("a", bounded(Resource::Slots, 3, None, None)), ("b", Quota::OPEN)]);
    let (a, b, c) = (key("a", None), key("b", None), key("c", None));
    let queues = vec![
        queue(a.clone(), 100, &[]),
        queue(b.clone(), 100, &[(0, 2), (1, 4)]),
        queue(c.clone(), 100, &[(0, 2)]),
    ];
    let grants = divided(2, 4, queues, &quotas);
    let reclaimed: u32 = grants.reclaims.iter().map(|stop| stop.agents).sum();
    assert_eq!(reclaimed, 3);
    assert!(grants.reclaims.iter().all(|stop| stop.queue == b), "{:?}", grants.reclaims);
    assert!(grants.reclaims.iter().all(|stop| stop.cause == Cause::Guaranteed(team("a"))));
    assert_eq!(grants.waits[&a], Reason::Reclaiming { from: team("b"), agents: 3 });
    assert!(all(&grants, &a) >= 3);
    assert_eq!(all(&grants, &a) + all(&grants, &b) + all(&grants, &c), 8);
}

#[test]
fn nobody_loses_what_is_guaranteed_to_them() {
    let quotas = of_teams([
        ("a", bounded(Resource::Slots, 2, None, None)),
        ("b", bounded(Resource::Slots, 2, None, None)),
    ]);
    let (a, b) = (key("a", None), key("b", None));
    let queues = vec![queue(a, 100, &[]), queue(b.clone(), 0, &[(0, 4)])];
    let grants = divided(1, 4, queues, &quotas);
    let stop = Reclaim { queue: b, node: node_id(0), agents: 2, cause: Cause::Guaranteed(team("a")) };
    assert_eq!(grants.reclaims, [stop]);
}

#[test]
fn what_failed_at_a_node_begins_at_another_one_and_what_runs_there_stays() {
    let (a, b) = (key("a", None), key("b", None));
    let of = |waiting, running: &[(u64, u32)]| Queue {
        not_at: Some(node_id(0)),
        ..queue(a.clone(), waiting, running)
    };
    let at = |grants: &Grants, queue| [0, 1].map(|at| grants.permits(queue, node_id(at)));
    let one = of_teams([("a", bounded(Resource::Slots, 0, Some(1), None))]);
    assert_eq!(at(&divided(2, 4, vec![of(1, &[])], &one), &a), [0, 1], "behind a limit too");
    let grants = divided(2, 4, vec![of(9, &[(0, 2)])], &Quotas::default());
    assert_eq!(at(&grants, &a), [2, 4]);
    let grants = divided(2, 4, vec![of(1, &[]), queue(b.clone(), 99, &[(1, 4)])], &Quotas::default());
    assert_eq!((at(&grants, &a), at(&grants, &b)), ([0, 1], [4, 3]), "the place of what ends there");
    assert_eq!(grants.waits[&a], Reason::Ending { agents: 1 });
}

#[test]
fn what_is_idle_is_lent_but_for_what_its_owner_keeps() {
    let b = key("b", None);
    let of = |lendable| of_teams([("a", bounded(Resource::Slots, 4, None, lendable))]);
    let queues = || vec![queue(b.clone(), 100, &[])];
    assert_eq!(all(&divided(1, 6, queues(), &of(None)), &b), 6);
    let grants = divided(1, 6, queues(), &of(Some(1)));
    assert_eq!(all(&grants, &b), 3);
    assert_eq!(grants.waits[&b], Reason::Reserved { resource: Resource::Slots });
}

#[test]
fn an_account_says_what_is_borrowed_and_who_lends_it() {
    let quotas = of_teams([
        ("a", bounded(Resource::Slots, 4, None, None)),
        ("b", bounded(Resource::Slots, 1, None, None)),
    ]);
    let queues = vec![queue(key("a", None), 0, &[(0, 1)]), queue(key("b", None), 100, &[])];
    let grants = divided(1, 6, queues, &quotas);
    let account = |name: &str| &grants.accounts[&QuotaOf::Team(team(name))];
    let of = |amounts: Amounts| amounts[Resource::Slots];
    let (a, b) = (account("a"), account("b"));
    assert_eq!([of(a.guaranteed), of(a.granted), of(a.borrowed), of(a.lent)], [4, 1, 0, 3]);
    assert_eq!([of(b.guaranteed), of(b.granted), of(b.borrowed), of(b.lent)], [1, 5, 4, 0]);
    assert!(b.share > 0.8 && b.why.is_some() && a.why.is_none());
}

#[test]
fn a_limit_holds_for_all_that_a_team_does_and_says_so() {
    let mut quotas = of_teams([("a", bounded(Resource::Slots, 0, Some(5), None))]);
    quotas.campaigns.insert(campaign(1), bounded(Resource::Slots, 0, Some(1), None));
    let (one, two) = (key("a", Some(1)), key("a", Some(2)));
    let queues = vec![queue(one.clone(), 100, &[]), queue(two.clone(), 100, &[])];
    let grants = divided(4, 4, queues, &quotas);
    assert_eq!([all(&grants, &one), all(&grants, &two)], [1, 4]);
    let said = |key: &QueueKey| grants.waits[key].to_string();
    assert_eq!(said(&two), "team a is at its limit of 5 slots");
    assert_eq!(said(&one), format!("campaign {} is at its limit of 1 slot", campaign(1)));
}

#[test]
fn a_campaign_waits_for_another_one_of_its_team_to_end_before_it_starts_at_a_limit() {
    let quotas = of_teams([("a", bounded(Resource::Slots, 0, Some(2), None))]);
    let (one, two) = (key("a", Some(1)), key("a", Some(2)));
    let queues = vec![queue(one.clone(), 100, &[(0, 2)]), queue(two.clone(), 100, &[])];
    let grants = divided(2, 4, queues, &quotas);
    assert_eq!([all(&grants, &one), all(&grants, &two)], [1, 0]);
    assert_eq!(grants.reclaims, []);
    let queues = vec![queue(one, 100, &[(0, 1)]), queue(two.clone(), 100, &[])];
    assert_eq!(all(&divided(2, 4, queues, &quotas), &two), 1);
}

#[test]
fn what_runs_beyond_a_limit_that_was_lowered_stops_as_the_quota_says() {
    for (excess, cause) in [
        (Excess::Throttle, Cause::Limit(QuotaOf::Team(team("a")))),
        (Excess::Terminate, Cause::LimitEnds(QuotaOf::Team(team("a")))),
    ] {
        let quota = Quota { excess, ..bounded(Resource::Slots, 0, Some(1), None) };
        let a = key("a", None);
        let grants = divided(1, 8, vec![queue(a.clone(), 9, &[(0, 4)])], &of_teams([("a", quota)]));
        assert_eq!(all(&grants, &a), 1);
        assert_eq!(grants.reclaims, [Reclaim { queue: a, node: node_id(0), agents: 3, cause }]);
    }
}

#[test]
fn what_never_fits_says_what_it_would_need() {
    let a = key("a", None);
    let large = Queue { task: slots(1).with(Resource::Memory, 8 << 30), ..queue(a.clone(), 1, &[]) };
    let grants = divided(2, 4, vec![large.clone()], &Quotas::default());
    let said = "a task needs 8GiB of memory, and the largest node has 4GiB of memory";
    assert_eq!(grants.waits[&a].to_string(), said);
    assert!(grants.waits[&a].code().is_some());
    let quotas = of_teams([("a", bounded(Resource::Memory, 0, Some(2 << 30), None))]);
    let reason = &divided(2, 16, vec![large], &quotas).waits[&a];
    assert_eq!(reason.to_string(), "a task needs 8GiB of memory, and team a has a limit of 2GiB of memory");
}

#[test]
fn a_large_task_gets_the_places_of_several_small_ones_and_nobody_moves_for_nothing() {
    let (a, b) = (key("a", None), key("b", None));
    let large = || Queue { task: slots(1).with(Resource::Memory, 3 << 30), ..queue(a.clone(), 1, &[]) };
    let quotas = of_teams([("a", bounded(Resource::Slots, 1, None, None))]);
    let grants = divided(1, 4, vec![large(), queue(b.clone(), 9, &[(0, 4)])], &quotas);
    assert_eq!([all(&grants, &a), all(&grants, &b)], [1, 1]);
    assert_eq!(grants.reclaims.iter().map(|stop| stop.agents).sum::<u32>(), 3);
    // Most of what is in its way is guaranteed to another one: nothing stops, for it would not be enough.
    let quotas = of_teams([
        ("a", bounded(Resource::Slots, 1, None, None)),
        ("b", bounded(Resource::Slots, 3, None, None)),
    ]);
    let grants = divided(1, 4, vec![large(), queue(b.clone(), 9, &[(0, 4)])], &quotas);
    assert_eq!(grants.reclaims, []);
    assert_eq!(all(&grants, &b), 4);
}

#[test]
fn fuel_that_is_spent_keeps_all_from_starting_until_there_is_more() {
    let budget = FuelBudget { fuel: Fuel(100), per: Millis(60_000) };
    let quotas = of_teams([("a", Quota { fuel: Some(budget), ..Quota::OPEN })]);
    let a = key("a", None);
    let used = |fuel| Used {
        team: team("a"),
        campaign: None,
        slots: Millis(0),
        cpu: Millis(0),
        read: skein_types::Bytes(0),
        write: skein_types::Bytes(0),
        fuel: Fuel(fuel),
    };
    let demand =
        |used| Demand { nodes: vec![node(0, slots(4))], queues: vec![queue(a.clone(), 9, &[(0, 2)])], used };
    let (grants, past) = tick(&demand(vec![used(99)]), &quotas, Past::default(), Timestamp(1_000));
    assert_eq!(all(&grants, &a), 4);
    let (grants, past) = tick(&demand(vec![used(1)]), &quotas, past, Timestamp(1_250));
    assert_eq!(all(&grants, &a), 0);
    let of = QuotaOf::Team(team("a"));
    assert_eq!(grants.waits[&a], Reason::FuelSpent { of: of.clone(), until: Timestamp(60_000) });
    assert_eq!(grants.accounts[&of].fuel, Some((100, Timestamp(60_000))));
    assert_eq!(grants.reclaims, []);
    let (grants, _) = tick(&demand(Vec::new()), &quotas, past, Timestamp(60_000));
    assert_eq!(all(&grants, &a), 4);
    // A control that starts is told what was spent before.
    let mut past = Past::default();
    past.spent((&team("a"), None), &budget, Timestamp(61_000), Fuel(100));
    let (grants, _) = tick(&demand(Vec::new()), &quotas, past, Timestamp(61_000));
    assert_eq!(all(&grants, &a), 0);
}

#[test]
fn fuel_of_all_together_closes_all() {
    let budget = FuelBudget { fuel: Fuel(5), per: Millis(60_000) };
    let org = Some(Quota { fuel: Some(budget), ..Quota::OPEN });
    let quotas = Quotas { org, ..Quotas::default() };
    let queues = vec![queue(key("a", Some(1)), 9, &[]), queue(key("b", None), 9, &[])];
    let demand = Demand { nodes: vec![node(0, slots(4))], queues, used: Vec::new() };
    let mut past = Past::default();
    past.spent_by_all(&budget, Timestamp(1_000), Fuel(5));
    let (grants, past) = tick(&demand, &quotas, past, Timestamp(1_000));
    let reason = Reason::FuelSpent { of: QuotaOf::Org, until: Timestamp(60_000) };
    assert_eq!([&grants.waits[&key("a", Some(1))], &grants.waits[&key("b", None)]], [&reason; 2]);
    assert_eq!(grants.accounts[&QuotaOf::Org].fuel, Some((5, Timestamp(60_000))));
    let (grants, _) = tick(&demand, &quotas, past, Timestamp(60_000));
    assert_eq!(grants.accounts[&QuotaOf::Org].granted[Resource::Slots], 4);
}

#[test]
fn a_team_that_wants_nothing_has_an_account_too() {
    let quotas = of_teams([("a", bounded(Resource::Slots, 3, None, None))]);
    let grants = divided(1, 4, vec![queue(key("b", None), 9, &[])], &quotas);
    let account = &grants.accounts[&QuotaOf::Team(team("a"))];
    assert_eq!([account.guaranteed[Resource::Slots], account.lent[Resource::Slots]], [3, 3]);
}

#[test]
fn a_quota_that_ends_work_does_so_when_its_fuel_is_spent() {
    let budget = FuelBudget { fuel: Fuel(1), per: Millis(60_000) };
    let quota = Quota { fuel: Some(budget), excess: Excess::Terminate, ..Quota::OPEN };
    let mut past = Past::default();
    past.spent((&team("a"), None), &budget, Timestamp(0), Fuel(1));
    let queues = vec![queue(key("a", None), 9, &[(0, 2)])];
    let demand = Demand { nodes: vec![node(0, slots(4))], queues, used: Vec::new() };
    let (grants, _) = tick(&demand, &of_teams([("a", quota)]), past, Timestamp(0));
    let cause = Cause::FuelEnds(QuotaOf::Team(team("a")));
    assert!(cause.at_once());
    assert_eq!(grants.reclaims, [Reclaim { queue: key("a", None), node: node_id(0), agents: 2, cause }]);
}

#[test]
fn a_node_that_takes_nothing_gets_nothing_and_what_runs_there_goes_on() {
    let mut closed = node(0, slots(4));
    closed.takes = false;
    let a = key("a", None);
    let demand = |nodes| Demand { nodes, queues: vec![queue(a.clone(), 9, &[(0, 2)])], used: Vec::new() };
    let of = |nodes| tick(&demand(nodes), &Quotas::default(), Past::default(), Timestamp(0)).0;
    let grants = of(vec![closed.clone(), node(1, slots(4))]);
    assert_eq!(grants.permits[&a], BTreeMap::from([(node_id(1), 4)]));
    assert_eq!(grants.reclaims, []);
    assert_eq!(of(vec![closed]).waits[&a], Reason::NoNode);
    assert_eq!(of(Vec::new()).waits[&a], Reason::NoNode);
}

#[test]
fn the_organisation_s_limit_bounds_all_teams_together() {
    let org = Some(bounded(Resource::Slots, 0, Some(3), None));
    let quotas = Quotas { org, ..Quotas::default() };
    let (a, b) = (key("a", None), key("b", None));
    let queues = vec![queue(a.clone(), 9, &[(0, 3)]), queue(b.clone(), 9, &[])];
    let grants = divided(2, 4, queues, &quotas);
    assert!(all(&grants, &a) <= 2 && all(&grants, &b) == 0, "{grants:?}");
    assert_eq!(grants.reclaims, []);
}

#[test]
fn a_node_that_runs_the_module_already_is_preferred_while_it_has_not_much_more_to_do() {
    let module = Some(ModuleDigest::of(b"module"));
    let of = |waiting, running: &[(u64, u32)]| Queue { module, ..queue(key("a", None), waiting, running) };
    let grants = divided(2, 16, vec![of(1, &[(1, 1)])], &Quotas::default());
    assert_eq!(grants.permits(&key("a", None), node_id(1)), 2);
    let grants = divided(2, 16, vec![of(1, &[(1, 4)])], &Quotas::default());
    assert_eq!(grants.permits(&key("a", None), node_id(0)), 1);
}

#[test]
fn a_rate_is_divided_by_weight_over_those_that_use_it_and_over_their_nodes() {
    let capacity = slots(4).with(Resource::Read, 100 << 20);
    let mut quotas = of_teams([
        ("a", bounded(Resource::Read, 0, Some(40 << 20), None)),
        ("b", Quota { weight: 3, ..Quota::OPEN }),
    ]);
    quotas.campaigns.insert(campaign(7), bounded(Resource::Write, 0, Some(1 << 20), None));
    let queues = vec![queue(key("a", None), 4, &[]), queue(key("b", Some(7)), 4, &[])];
    let demand = Demand { nodes: vec![node(0, capacity), node(1, capacity)], queues, used: Vec::new() };
    let (grants, _) = tick(&demand, &quotas, Past::default(), Timestamp(0));
    let sum = |of: QuotaOf, read: bool| -> u64 {
        let of_nodes = grants.rates.iter().filter(|((whose, _), _)| *whose == of);
        of_nodes.filter_map(|(_, rate)| if read { rate.read } else { rate.write }).sum()
    };
    let near = |is: u64, should: u64| assert!(is.abs_diff(should) < 1 << 10, "{is} {should}");
    near(sum(QuotaOf::Team(team("a")), true), 40 << 20);
    near(sum(QuotaOf::Team(team("b")), true), 160 << 20);
    near(sum(QuotaOf::Campaign(campaign(7)), false), 1 << 20);
    assert_eq!(
        sum(QuotaOf::Team(team("b")), false),
        0,
        "nobody said how much there is, and there is no limit"
    );
}

#[test]
fn tasks_are_dealt_by_permits_and_what_one_has_too_few_of_goes_to_the_others() {
    let (a, b) = (key("a", None), key("b", None));
    let queues = vec![queue(a.clone(), 100, &[]), queue(b.clone(), 100, &[])];
    let quotas = of_teams([("a", Quota { weight: 3, ..Quota::OPEN })]);
    let grants = divided(1, 8, queues, &quotas);
    let waiting = |of_a, of_b| BTreeMap::from([(a.clone(), of_a), (b.clone(), of_b)]);
    assert_eq!(grants.deal(node_id(0), 64, &waiting(100, 100)), waiting(48, 16));
    assert_eq!(grants.deal(node_id(0), 64, &waiting(10, 100)), waiting(10, 54));
    assert_eq!(grants.deal(node_id(0), 64, &waiting(3, 5)), waiting(3, 5));
    assert_eq!(grants.deal(node_id(1), 64, &waiting(100, 100)), BTreeMap::new());
}
