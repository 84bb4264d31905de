//! What a module burns without coming to an end is paid for.

use host_tests::fixture;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};
use skein_types::codes;

use crate::{put, team, until};

/// Longer than this test: what is spent in it is not there again.
const FOR_EVER_MS: u64 = 3_000_000_000_000;

fn fuel(service: &Service) -> u64 {
    let usage = service.get("/v1/usage?by=team&team=shop");
    usage["sums"][0]["fuel"].as_u64().unwrap_or(0)
}

fn account(service: &Service) -> Value {
    service.call("quota").arg("explain").arg("team:shop").finish().succeeded().json()["account"].clone()
}

#[test]
fn a_module_that_fails_at_each_try_is_held_by_the_budget_of_its_team() {
    let write = |number: i64, path: &std::path::Path| {
        let orders = fixture::orders(number * 40, (number + 1) * 40);
        fixture::write(path, &orders.project(&[0, 3]).unwrap(), 30);
    };
    let service = Service::over(Fleet::SMALL, 3, write).with_module("guest-hostile").with_datasets();
    team(&service, "shop");
    let body = json!({
        "name": "bad", "module": "guest-hostile@1", "owner": "shop",
        "params": { "behave": "panic", "shape": "same" },
        "policy": { "migration": "bad", "canary": { "datasets": 1 }, "waves": [] },
    });
    let (status, made) = service.post("/v1/campaigns", "", &body);
    assert_eq!(status, 200, "{made}");
    let campaign = made["campaign"].as_str().unwrap();
    service.act(campaign, "plan").succeeded();
    let planned = service.watched(campaign);
    assert_eq!(planned["state"], "planned", "{planned}");
    let report = service.get(&format!("/v1/campaigns/{campaign}/plan"));
    assert_eq!(report["samples"]["failures"][0]["code"], codes::GUEST_TRAP.id, "{report}");
    // Charged when it ends, with the exchange that says so.
    let tried = fuel(&service);
    assert!(tried > 0, "a dry run that fails has burnt something");

    let budget = json!({ "bounds": {}, "fuel": { "fuel": tried + 1, "per": FOR_EVER_MS } });
    let (status, answer) = put(&service, "team:shop", "", &budget);
    assert_eq!(status, 200, "{answer}");
    service.act(campaign, "start").succeeded();
    // It fails, and that it is tried again on the other node is more than the budget has.
    until("the budget is spent", || {
        let account = account(&service);
        account["fuel"].as_u64().is_some_and(|fuel| fuel > tried) && !account["fuel_until"].is_null()
    });
    assert!(fuel(&service) > tried, "a run that fails has burnt something");
    until("it is held", || {
        let why = service.call("campaign").arg("why").arg(campaign).finish().succeeded().json();
        why[0]["waiting"]["message"]
            .as_str()
            .is_some_and(|why| why.contains("fuel budget of team shop is spent"))
    });
    let attempts = service.get(&format!("/v1/campaigns/{campaign}/attempts"));
    let failed = attempts["items"].as_array().unwrap().iter().find(|one| one["kind"] == "run").unwrap();
    assert!(failed["meters"]["fuel"].as_u64().unwrap() > 0, "{failed}");
}
