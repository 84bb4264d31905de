//! What teams are held to while they work.

use std::time::Instant;

use host_tests::service::Service;
use serde_json::json;
use skein_types::codes;

use crate::until;
use crate::work::{
    Job, bounded, ended, explained, hostile, planned, published, running, service, set, slow, start, used,
    waits, waits_for,
};

/// Two teams with as many datasets each, and a campaign of each over them.
fn two(service: Service) -> (Service, String, String) {
    let (of_shop, of_pay) = service.datasets.split_at(service.datasets.len() / 2);
    let jobs = [Job::drops("shop", of_shop), Job::drops("pay", of_pay)];
    let [shop, pay] = planned(&service, &jobs).try_into().unwrap();
    (service, shop, pay)
}

#[test]
fn a_team_with_one_slot_has_never_two_at_work_while_another_uses_the_rest() {
    let (service, shop, pay) = two(slow(&["shop", "pay"], 20, |_| 40));
    set(&service, "team:shop", &[bounded("slots", 1)], "throttle");
    let (for_the_plan, began) = (used(&service, "shop", "slot_ms"), Instant::now());
    [&shop, &pay].into_iter().for_each(|campaign| start(&service, campaign));
    let mut most = [0, 0];
    until("both are through", || {
        for (most, campaign) in most.iter_mut().zip([&shop, &pay]) {
            *most = running(&service, campaign).max(*most);
        }
        published(&service, &shop) == 10 && published(&service, &pay) == 10
    });
    let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap();
    assert_eq!(most[0], 1, "the limit is one");
    assert!(most[1] > 1, "the other is not limited");
    let took = used(&service, "shop", "slot_ms") - for_the_plan;
    assert!(took > 0 && took <= elapsed + 5_000, "{took} ms of one slot in {elapsed} ms");
}

/// A team that may let so many bytes pass in a second needs so long, and another one does not wait for it.
fn passes_no_faster((flow, rate): (&str, u64), sum: &str) {
    let (service, shop, pay) = two(service(&["shop", "pay"], 12, |_| 600));
    let before = used(&service, "shop", sum);
    set(&service, "team:shop", &[bounded(flow, rate)], "throttle");
    let began = Instant::now();
    [&shop, &pay].into_iter().for_each(|campaign| start(&service, campaign));
    until("the other is through", || published(&service, &pay) == 6);
    assert!(published(&service, &shop) < 6, "the one that is held back is not through by then");
    let explained = explained(&service, "team:shop");
    assert_eq!(explained["quota"]["bounds"][flow]["limit"], json!(rate), "{explained}");
    until("it is through", || published(&service, &shop) == 6);
    let (took, bytes) = (began.elapsed(), used(&service, "shop", sum) - before);
    // Without a rate they pass in some seconds.
    assert!(bytes > 10 * rate, "{bytes} bytes are no test of {rate} a second");
    // As the nodes counted them; what gathers at a gate while nobody goes through is a twentieth of a second on each node.
    let least = bytes as f64 / rate as f64 - 0.3;
    assert!(took.as_secs_f64() >= least, "{bytes} bytes in {took:?} at {rate} a second");
}

#[test]
fn a_team_reads_no_faster_than_it_may_and_others_are_not_held_back() {
    passes_no_faster(("read", 6 << 10), "bytes_read");
}

#[test]
fn a_team_writes_no_faster_than_it_may_and_others_are_not_held_back() {
    passes_no_faster(("write", 4 << 10), "bytes_written");
}

#[test]
fn a_team_has_no_more_agents_than_its_memory_is_enough_for() {
    let service = slow(&["shop"], 6, |_| 40);
    let shop = Job::drops("shop", &service.datasets).planned(&service);
    set(&service, "team:shop", &[bounded("memory", 1 << 20)], "throttle");
    start(&service, &shop);
    let mut message = String::new();
    until("it says that no task is so small", || {
        message = waits(&service, &shop)["message"].as_str().unwrap().to_owned();
        message.contains("team shop has a limit of 1MiB of memory")
    });
    // Enough for one, and almost for two.
    let needs = message.split_whitespace().find(|word| word.contains("iB")).unwrap();
    let (number, unit) = needs.split_at(needs.find(|at: char| at.is_ascii_alphabetic()).unwrap());
    let needs = number.parse::<u64>().unwrap() << if unit == "GiB" { 30 } else { 20 };
    set(&service, "team:shop", &[bounded("memory", 2 * needs - 1)], "throttle");
    let mut told = false;
    until("all are through", || {
        assert!(running(&service, &shop) <= 1, "two at work");
        told = told || waits_for(&service, &shop, "of memory");
        published(&service, &shop) == 6
    });
    assert!(told, "nobody was told why");
}

#[test]
fn a_team_takes_no_more_time_of_processors_than_it_may() {
    let service = hostile(&["shop"], (6, 60));
    let shop = Job::behaves("shop", &service.datasets, "work").planned(&service);
    let before = used(&service, "shop", "cpu_ms");
    // Less than any agent takes by itself.
    let limit = 400;
    set(&service, "team:shop", &[bounded("cpu", limit)], "throttle");
    let began = Instant::now();
    start(&service, &shop);
    let mut told = false;
    until("all are through", || {
        told = told || waits_for(&service, &shop, "team shop is at its limit of 0.4 cores");
        published(&service, &shop) == 6
    });
    assert!(told, "nobody was told why");
    let took = u64::try_from(began.elapsed().as_millis()).unwrap();
    let cpu = used(&service, "shop", "cpu_ms") - before;
    // What the last one took is made up for by what would come after it, and two seconds' worth may be taken ahead.
    let last = cpu / 6 + 2 * limit;
    assert!(cpu <= took * limit / 1_000 + last, "{cpu} ms of processors in {took} ms");
    assert_eq!(ended(&service, &shop, "stopped"), 0, "what has begun is not disturbed");
}

#[test]
fn a_campaign_is_refused_where_its_team_has_nothing_left_and_says_what_it_waits_for_where_it_is_not() {
    let (service, shop, _) = two(service(&["shop", "pay"], 4, |_| 40));
    assert_eq!(waits(&service, &shop)["reason"], "not_started");
    set(&service, "team:shop", &[bounded("slots", 0)], "reject");
    service.act(&shop, "start").refused_json(codes::QUOTA_SPENT);
    assert_eq!(service.state_of(&shop).as_deref(), Some("planned"));
    set(&service, "team:shop", &[bounded("slots", 0)], "throttle");
    service.act(&shop, "start").succeeded();
    until("it waits for its quota", || waits(&service, &shop)["reason"] == "quota");
    let (status, _) = service.send("POST /v1/fleet/actions/freeze", "", br#"{"reason":"a move"}"#);
    assert_eq!(status, 200);
    until("it waits for the fleet", || waits(&service, &shop)["message"] == "the fleet is frozen: a move");
    service.act(&shop, "pause").succeeded();
    assert_eq!(waits(&service, &shop)["reason"], "paused");
}
