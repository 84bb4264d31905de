//! Budgets of fuel: what is spent, what waits for more, what is refused and what is ended.

use serde_json::json;
use skein_types::codes;

use crate::until;
use crate::work::{
    Job, all_once, bounded, ended, explained, hostile, planned, published, running, service, set_fuel, start,
    used, waits_for,
};

/// More than anybody burns here.
const PLENTY: u64 = 1 << 50;

#[test]
fn nothing_begins_when_fuel_is_spent_and_what_waits_says_so() {
    let service = service(&["shop"], 9, |_| 90);
    let (most, one) = service.datasets.split_at(8);
    let jobs = [Job::rewrites("shop", most), Job { name: "more", ..Job::rewrites("shop", one) }];
    let [shop, more] = planned(&service, &jobs).try_into().unwrap();
    // As much as one run burns, or a little more: known when it has run.
    let before = used(&service, "shop", "fuel");
    set_fuel(&service, "team:shop", (before + 1, &[bounded("slots", 1)]), "throttle");
    start(&service, &shop);
    until("fuel is spent", || {
        let account = explained(&service, "team:shop")["account"].clone();
        account["fuel"].as_u64().is_some_and(|fuel| fuel > before) && !account["fuel_until"].is_null()
    });
    until("it says why", || waits_for(&service, &shop, "the fuel budget of team shop is spent until"));
    until("what has begun is through", || published(&service, &shop) > 0 && running(&service, &shop) == 0);
    let through = published(&service, &shop);
    assert!(through < 8, "{through}");
    // Who has nothing left is refused, if they are to be, and begins later, if not.
    set_fuel(&service, "team:shop", (before + 1, &[bounded("slots", 1)]), "reject");
    let refused = service.act(&more, "start");
    refused.refused_json(codes::QUOTA_SPENT);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("its fuel is spent until"));
    assert_eq!(published(&service, &shop), through, "nothing has begun meanwhile");
    set_fuel(&service, "team:shop", (PLENTY, &[]), "reject");
    start(&service, &more);
    until("all are through", || published(&service, &shop) == 8 && published(&service, &more) == 1);
    all_once(&service, &service.datasets);
}

#[test]
fn what_runs_is_ended_when_fuel_is_spent_if_the_quota_says_so() {
    let service = hostile(&["shop"], (2, 2_700));
    // Each of 90 row groups takes a good part of a second.
    let shop = Job::behaves("shop", &service.datasets, "work").planned(&service);
    set_fuel(&service, "team:shop", (PLENTY, &[bounded("slots", 1)]), "terminate");
    start(&service, &shop);
    until("one runs", || running(&service, &shop) > 0);
    // What planning took may be heard of late: the budget ends with what the run takes.
    let before = used(&service, "shop", "fuel");
    set_fuel(&service, "team:shop", (before + 1, &[bounded("slots", 1)]), "terminate");
    until("one is ended", || ended(&service, &shop, "stopped") > 0);
    until("nothing runs", || running(&service, &shop) == 0);
    assert_eq!(published(&service, &shop), 0, "it was in the middle");
    until("it says why", || waits_for(&service, &shop, "the fuel budget of team shop is spent until"));
    assert!(used(&service, "shop", "fuel") > before, "what was ended is paid for");
    assert_eq!(service.shown(&shop)["runs"]["failed"], json!(0));
    set_fuel(&service, "team:shop", (PLENTY, &[]), "terminate");
    until("all are through", || published(&service, &shop) == 2);
    all_once(&service, &service.datasets);
}
