//! Quotas that are cut while their team works.

use host_tests::service::Service;
use serde_json::json;

use crate::until;
use crate::work::{
    Job, LONG, all_once, bounded, ended, explained, lift, published, running, set, slow, start, waits_for,
};

/// A team with four tasks at work, and two that wait.
fn at_work(rows: i64, excess: &str) -> (Service, String) {
    // The smallest is the first.
    let service = slow(&["shop"], 7, |number| if number == 0 { 40 } else { rows });
    let shop = Job::rewrites("shop", &service.datasets).planned(&service);
    set(&service, "team:shop", &[bounded("slots", 4)], excess);
    start(&service, &shop);
    until("four are at work", || running(&service, &shop) == 4);
    (service, shop)
}

#[test]
fn a_limit_that_is_cut_while_a_team_works_holds_as_what_runs_ends() {
    let (service, shop) = at_work(1_500, "throttle");
    set(&service, "team:shop", &[bounded("slots", 1)], "throttle");
    until("it says why", || waits_for(&service, &shop, "team shop is at its limit of 1 slot"));
    until("all are through", || {
        // Looked at in this order: the first and the four that were at work are through, so what is at work began later.
        let through = published(&service, &shop);
        assert!(through < 5 || running(&service, &shop) <= 1, "the limit is one");
        through == 7
    });
    assert_eq!(ended(&service, &shop, "stopped"), 0, "what is so small ends by itself");
    all_once(&service, &service.datasets);
}

#[test]
fn what_runs_beyond_a_limit_that_is_cut_is_ended_at_once_if_the_quota_says_so() {
    let (service, shop) = at_work(LONG, "terminate");
    set(&service, "team:shop", &[bounded("slots", 2)], "terminate");
    until("two are left", || running(&service, &shop) == 2);
    assert_eq!(ended(&service, &shop, "stopped"), 2);
    set(&service, "team:shop", &[bounded("slots", 0)], "terminate");
    until("all are ended", || running(&service, &shop) == 0);
    assert_eq!(published(&service, &shop), 1);
    until("it says why", || waits_for(&service, &shop, "team shop has a limit of 0 slots"));
    let explained = explained(&service, "team:shop");
    assert_eq!((&explained["divided"], &explained["by"]), (&json!(true), &json!("team:shop")), "{explained}");
    let queues = explained["queues"].as_array().unwrap();
    assert!(queues.iter().any(|queue| !queue["why"].is_null()), "{explained}");
    // With room again it goes on, and nothing was lost or done twice.
    lift(&service, "team:shop");
    until("it is through", || published(&service, &shop) == 7);
    assert_eq!(service.shown(&shop)["runs"]["failed"], json!(0));
    all_once(&service, &service.datasets);
}
