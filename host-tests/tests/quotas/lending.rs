//! What one does not use is others', and comes back; and nobody gets more by asking for more.

use std::path::Path;
use std::time::Instant;

use host_tests::call::Stream;
use host_tests::fixture;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};

use crate::work::{
    Job, READ, all_once, attempts, bounded, ended, explained, guaranteed, lift, orders, planned, published,
    reading, running, service, set, slow, start, used,
};
use crate::{team, until};

fn amount(account: &Value, what: &str, resource: &str) -> u64 {
    account["account"][what][resource].as_u64().unwrap_or(0)
}

#[test]
fn what_is_guaranteed_is_lent_while_it_is_idle_and_comes_back_at_a_checkpoint() {
    // Two agents at a time. The last dataset is too large for one task, and its tasks have checkpoints.
    let write = |number: i64, path: &Path| orders(number, 40, path);
    let mut service = Service::over_as(Fleet::SMALL, (4, write), |call, site| reading(6 << 20, call, site));
    let large = service.site.path("data").join("large");
    fixture::large_directory(&large, 3);
    service.datasets.push(large);
    let service = service.with_module_and_datasets();
    ["shop", "pay"].into_iter().for_each(|name| team(&service, name));
    let (of_pay, of_shop) = service.datasets.split_at(4);
    let [shop, pay] = [("shop", of_shop), ("pay", of_pay)]
        .map(|(name, datasets)| Job::rewrites(name, datasets).planned(&service));
    set(&service, "team:pay", &[guaranteed("slots", 1)], "throttle");
    // The borrower is at work for longer than a slow machine takes to begin with the owner's.
    let slowed = format!("campaign:{shop}");
    set(&service, &slowed, &[bounded("read", 2 << 20)], "throttle");
    start(&service, &shop);
    until("the borrower has all slots, and it is said who lends them", || {
        let (of, by) = (explained(&service, "team:shop"), explained(&service, "team:pay"));
        let has = (amount(&of, "used", "slots"), amount(&of, "borrowed", "slots"));
        (has, amount(&by, "lent", "slots")) == ((2, 2), 1)
    });
    start(&service, &pay);
    until("the owner is through", || published(&service, &pay) == 4);
    let stopped = ended(&service, &shop, "stopped");
    assert!(stopped >= 1, "{:?}", attempts(&service, &shop));
    assert_eq!(ended(&service, &pay, "stopped"), 0, "nobody takes from the owner");
    assert_eq!(published(&service, &shop), 0, "the borrower is not through by then");
    // What stopped goes on where it was: what lay behind its checkpoint is not made anew.
    lift(&service, "team:pay");
    lift(&service, &slowed);
    until("the borrower is through", || published(&service, &shop) == 1);
    assert!(service.running.has_said(Stream::Stderr).contains("taken_over"));
    assert_eq!(ended(&service, &shop, "failed"), 0);
    all_once(&service, &service.datasets);
}

/// Nine teams that want little and one that wants as much as all of them, in as many campaigns.
#[test]
fn a_team_with_many_campaigns_gets_no_more_than_its_share_while_others_wait() {
    const EACH: usize = 4;
    let modest: Vec<String> = (0..9).map(|number| format!("t{number}")).collect();
    let mut names: Vec<&str> = modest.iter().map(String::as_str).collect();
    names.push("greedy");
    let service = service(&names, 18 * 4, |_| 90);
    let some: Vec<_> = service.datasets.chunks(EACH).collect();
    let of_modest = names[..9].iter().zip(&some).map(|(name, some)| Job::drops(name, some));
    let numbered: Vec<String> = (0..9).map(|number| format!("greedy-{number}")).collect();
    let of_greedy = numbered.iter().zip(&some[9..]);
    let of_greedy = of_greedy.map(|(name, some)| Job { name, ..Job::drops("greedy", some) });
    let jobs: Vec<Job<'_>> = of_modest.chain(of_greedy).collect();
    let campaigns = planned(&service, &jobs);
    // Each campaign is as fast as every other, however many a team has of them.
    for campaign in &campaigns {
        set(&service, &format!("campaign:{campaign}"), &[bounded("read", 8 << 10)], "throttle");
    }
    let (modest, greedy) = campaigns.split_at(9);
    greedy.iter().chain(modest).for_each(|campaign| start(&service, campaign));
    let through = |campaigns: &[String]| -> u64 {
        campaigns.iter().map(|campaign| published(&service, campaign)).sum()
    };
    until("the others are through", || through(modest) == 36);
    let by_then = through(greedy);
    // An even part were four. Without parts it had as many as all the others together.
    assert!(by_then <= 14, "{by_then} of 36");
    until("all are through", || through(greedy) == 36);
}

#[test]
fn a_team_that_only_renames_and_burns_no_fuel_gets_no_more_than_its_share_of_bytes() {
    let service = slow(&["greedy", "pay"], 48, |_| 60);
    let (of_pay, of_greedy) = service.datasets.split_at(12);
    let names: Vec<String> = (0..4).map(|number| format!("greedy-{number}")).collect();
    let rename = |name| json!({ "name": name, "steps": [{ "rename": "note", "to": "remark" }] });
    let renames = names.iter().zip(of_greedy.chunks(9));
    let mut jobs: Vec<Job<'_>> = renames
        .map(|(name, some)| Job { name, params: rename(name), ..Job::drops("greedy", some) })
        .collect();
    jobs.push(Job::rewrites("pay", of_pay));
    let campaigns = planned(&service, &jobs);
    let (greedy, [pay]) = campaigns.split_at(4) else { panic!("five campaigns") };
    let fuel = used(&service, "greedy", "fuel");
    // All that there is: the fleet is divided, and as slow as it is to be, also while one team is alone at work.
    set(&service, "org", &[bounded("slots", 4)], "throttle");
    start(&service, pay);
    until("it is at work", || running(&service, pay) > 0);
    let (before, began) = (used(&service, "greedy", "bytes_read"), Instant::now());
    greedy.iter().for_each(|campaign| start(&service, campaign));
    until("the other is through", || published(&service, pay) == 12);
    let (took, read) = (began.elapsed().as_secs_f64(), used(&service, "greedy", "bytes_read") - before);
    let through: u64 = greedy.iter().map(|campaign| published(&service, campaign)).sum();
    assert!(through < 36, "the greedy one is not through by then");
    assert_eq!(used(&service, "greedy", "fuel"), fuel, "it only renames");
    // Half of what there is, and what the other does not want while it has nothing at work.
    let most = 0.75 * took * READ as f64 + 8192.0;
    assert!((read as f64) < most, "{read} bytes in {took} s, and there are {READ} a second for both");
    let of_pay = used(&service, "pay", "bytes_read");
    assert!(of_pay * 2 > read, "{of_pay} of the other, {read} of the greedy one");
}
