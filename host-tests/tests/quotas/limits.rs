//! What teams are held to while they work.
//!
//! Tasks are made to last by a rate at which their team may read: each reads about 10 KiB, so at 3 KiB/s it takes longer than two exchanges
//! of its node, and is seen at work. Nothing is asserted about how soon something happens, only that it does, and that what may
//! not be is at no time.

use std::time::Instant;

use host_tests::service::{Fleet, Service};
use host_tests::{Call, fixture};
use serde_json::{Value, json};
use skein_types::codes;

use crate::{put, team, until};

/// A server with 2 nodes of 2 slots, two teams, and the same number of datasets for each.
fn service(of_each: i64) -> Service {
    let service = Service::over(Fleet { nodes: 2, slots: 2 }, 2 * of_each, |number, path| {
        fixture::write(path, &fixture::orders(number * 40, (number + 1) * 40), 30);
    })
    .with_module_and_datasets();
    team(&service, "shop");
    team(&service, "pay");
    service
}

/// A planned campaign of a team over its half of the datasets.
fn planned(service: &Service, owner: &str) -> String {
    let half = service.datasets.len() / 2;
    let own = if owner == "shop" { &service.datasets[..half] } else { &service.datasets[half..] };
    let names: Vec<String> =
        own.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let body = json!({
        "name": owner, "module": "columns@1", "owner": owner,
        "params": { "name": owner, "steps": [{ "drop": "note" }] },
        "policy": { "migration": owner, "canary": { "datasets": 1 }, "waves": [] },
        "selection": { "names": names },
    });
    let (status, made) = service.post("/v1/campaigns", "", &body);
    assert_eq!(status, 200, "{made}");
    let campaign = made["campaign"].as_str().unwrap().to_owned();
    service.act(&campaign, "plan").succeeded();
    until("it is planned", || service.state_of(&campaign).as_deref() == Some("planned"));
    campaign
}

fn bounded(resource: &str, limit: u64) -> Value {
    json!({ resource: { "guaranteed": 0, "limit": limit } })
}

/// Sets a team's quota, whatever it was.
fn set(service: &Service, of: &str, bounds: &[Value], excess: &str) {
    let mut all = serde_json::Map::new();
    bounds.iter().for_each(|bounds| all.extend(bounds.as_object().unwrap().clone()));
    let (status, answer) = put(service, of, "If-Match: *\r\n", &json!({ "bounds": all, "excess": excess }));
    assert_eq!(status, 200, "{answer}");
}

fn running(service: &Service, campaign: &str) -> u64 {
    service.progress(campaign)["running"].as_u64().unwrap()
}

fn published(service: &Service, campaign: &str) -> u64 {
    service.shown(campaign)["runs"]["published"].as_u64().unwrap()
}

/// What the first run that is not done waits for.
fn waits(service: &Service, campaign: &str) -> Value {
    let why: Call = service.call("campaign").arg("why").arg(campaign);
    let runs = why.finish().succeeded().json();
    runs[0]["waiting"].clone()
}

#[test]
fn a_team_with_one_slot_has_never_two_at_work_while_another_uses_the_rest() {
    let service = service(10);
    let (shop, pay) = (planned(&service, "shop"), planned(&service, "pay"));
    let slots = || service.get("/v1/usage?by=team&team=shop")["sums"][0]["slot_ms"].as_u64().unwrap_or(0);
    let for_the_plan = slots();
    set(&service, "team:shop", &[bounded("slots", 1), bounded("read", 3 << 10)], "throttle");
    set(&service, "team:pay", &[bounded("read", 3 << 10)], "throttle");
    let began = Instant::now();
    for campaign in [&shop, &pay] {
        service.act(campaign, "start").succeeded();
    }
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
    let took = slots() - for_the_plan;
    assert!(took > 0 && took <= elapsed + 5_000, "{took} ms of one slot in {elapsed} ms");
}

#[test]
fn a_team_reads_no_faster_than_it_may_and_others_are_not_held_back() {
    let service = service(6);
    let (shop, pay) = (planned(&service, "shop"), planned(&service, "pay"));
    let read = || service.get("/v1/usage?by=team&team=shop")["sums"][0]["bytes_read"].as_u64().unwrap_or(0);
    let before = read();
    let rate = 6 << 10;
    set(&service, "team:shop", &[bounded("read", rate)], "throttle");
    let began = Instant::now();
    service.act(&shop, "start").succeeded();
    service.act(&pay, "start").succeeded();
    until("the other is through", || published(&service, &pay) == 6);
    assert!(published(&service, &shop) < 6, "the one that is held back is not through by then");
    until("it is through", || published(&service, &shop) == 6);
    let (took, bytes) = (began.elapsed(), read() - before);
    // Two threads help with each, and what they write is counted too.
    let written = service.get("/v1/usage?by=team&team=shop")["sums"][0]["bytes_written"].as_u64().unwrap();
    let own = service.datasets[..6].iter().map(|path| {
        let files = std::fs::read_dir(path).unwrap().flatten();
        let data = files.filter(|file| file.path().extension().is_some_and(|ext| ext == "parquet"));
        data.map(|file| file.metadata().unwrap().len()).sum::<u64>()
    });
    let lies_there: u64 = own.sum();
    assert!(written >= lies_there && lies_there > 0, "{written} of {lies_there}");
    // As the nodes counted them; what gathers at a gate while nobody goes through is a twentieth of a second on each node.
    let least = bytes as f64 / rate as f64 - 0.3;
    assert!(took.as_secs_f64() >= least, "{bytes} bytes in {took:?} at {rate} a second");
}

#[test]
fn a_quota_that_is_cut_while_its_team_works_holds_from_then_on_and_can_end_what_runs() {
    let service = service(12);
    let shop = planned(&service, "shop");
    set(&service, "team:shop", &[bounded("read", 1 << 10), bounded("slots", 4)], "terminate");
    service.act(&shop, "start").succeeded();
    until("one is at work", || running(&service, &shop) > 0);
    set(&service, "team:shop", &[bounded("read", 1 << 10), bounded("slots", 0)], "terminate");
    until("all are ended", || running(&service, &shop) == 0);
    let through = published(&service, &shop);
    assert!(through < 12);
    until("it says why", || {
        let waits = waits(&service, &shop);
        waits["reason"] == "quota" && waits["message"].as_str().unwrap().contains("limit of 0 slots")
    });
    let explained = service.call("quota").arg("explain").arg("team:shop").finish().succeeded().json();
    assert_eq!((&explained["divided"], &explained["by"]), (&json!(true), &json!("team:shop")), "{explained}");
    assert!(
        explained["queues"].as_array().unwrap().iter().any(|queue| !queue["why"].is_null()),
        "{explained}"
    );
    // With room again it goes on, and nothing was lost or done twice.
    set(&service, "team:shop", &[bounded("slots", 1)], "throttle");
    until("it is through", || published(&service, &shop) == 12);
    for dataset in &service.datasets[..12] {
        assert_eq!(service.published(dataset), 1);
    }
}

#[test]
fn a_campaign_is_refused_where_its_team_has_nothing_left_and_says_what_it_waits_for_where_it_is_not() {
    let service = service(2);
    let shop = planned(&service, "shop");
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
