//! Campaigns over the datasets of a table, with what it says of single ones.

use super::{create, drops, get, made, planned, shown};
use host_tests::fixture;
use host_tests::patience::until;
use host_tests::service::{Service, from_now};
use serde_json::json;
use skein_types::codes;

/// The columns of a dataset as it is now.
pub(crate) fn columns(service: &Service, number: usize) -> Vec<String> {
    let file = std::fs::read_dir(&service.datasets[number]).unwrap().next().unwrap().unwrap();
    let schema = fixture::read(&file.path()).schema();
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn a_manifest_names_the_datasets_and_gives_some_their_own_parameters() {
    let service = Service::start(4).with_module_and_datasets();
    let table = "dataset,params,owner\norders-000,,\n\
                 orders-002,\"{\"\"steps\"\":[{\"\"drop\"\":\"\"amount\"\"}]}\",local\n";
    let manifest = service.site.file("some.csv", table);
    let campaign = made(create(&service, "some").params(&drops("some")).arg("--manifest").arg(manifest));
    let there = planned(&service, &campaign);
    assert_eq!((&there["plan"]["eligible"], &there["plan"]["samples"]), (&json!(2), &json!(2)), "{there}");
    service.act(&campaign, "start").succeeded();
    assert_eq!(service.watched(&campaign)["runs"]["published"], 2);
    assert_eq!(columns(&service, 0), ["id", "customer", "amount", "year"]);
    assert_eq!(columns(&service, 2), ["id", "customer", "note", "year"]);
    assert_eq!([1, 3].map(|other| service.published(&service.datasets[other])), [0, 0]);
    // The same again is done already, for each by its own parameters.
    let manifest = service.site.path("some.csv");
    let again = made(create(&service, "some").params(&drops("some")).arg("--manifest").arg(manifest));
    assert_eq!(planned(&service, &again)["plan"]["already_migrated"], 2);
}

#[test]
fn a_dataset_that_is_put_off_comes_last_and_not_before_its_time() {
    let service = Service::start(3).with_module_and_datasets();
    let manifest =
        "{\"dataset\":\"orders-000\",\"defer-until\":\"2199-01-01\"}\n{\"dataset\":\"orders-001\"}\n";
    let manifest = service.site.file("later.ndjson", manifest);
    let campaign = made(create(&service, "later").params(&drops("later")).arg("--manifest").arg(manifest));
    let there = planned(&service, &campaign);
    assert_eq!(there["waves"].as_array().unwrap().len(), 2, "{there}");
    assert_eq!(get(&service, &format!("/v1/campaigns/{campaign}/plan"))["deferred"], 1);
    service.act(&campaign, "start").succeeded();
    until("the other to be published", || {
        (shown(&service, &campaign)["runs"]["published"] == 1).then_some(())
    });
    let runs = get(&service, &format!("/v1/campaigns/{campaign}/runs?state=planned"));
    assert_eq!(runs["items"][0]["name"], "orders-000", "{runs}");
    assert_eq!(service.published(&service.datasets[0]), 0);
    service.act(&campaign, "cancel").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "cancelled");
}

#[test]
fn a_dataset_whose_time_comes_is_migrated_then() {
    let service = Service::start(2).with_module_and_datasets();
    let soon = from_now(std::time::Duration::from_secs(4));
    let manifest = json!([{ "dataset": "orders-000", "defer_until": soon }, { "dataset": "orders-001" }]);
    let body = json!({
        "name": "soon", "module": "columns@1", "params": drops("soon"), "selection": { "manifest": manifest },
        "policy": { "migration": "soon" },
    });
    let (status, made) = service.post("/v1/campaigns", "", &body);
    assert_eq!(status, 200, "{made}");
    let campaign = made["campaign"].as_str().unwrap();
    planned(&service, campaign);
    service.act(campaign, "start").succeeded();
    assert_eq!(service.watched(campaign)["runs"]["published"], 2);
    let at = |seq: u64| get(&service, &format!("/v1/campaigns/{campaign}/runs/{seq}"))["since"].clone();
    assert!(at(0).as_str().unwrap() >= soon.as_str(), "{} {soon}", at(0));
}

#[test]
fn a_manifest_that_cannot_be_meant_is_refused_before_anything_is_made() {
    let service = Service::start(2).with_module_and_datasets();
    let with = |text: &str| {
        let call = create(&service, "c").params(&drops("c"));
        call.arg("--manifest").arg(service.site.file("m.csv", text)).finish()
    };
    with("dataset\norders-000\nnobody\n").refused_json(codes::NOT_FOUND);
    with("dataset,owner\norders-000,shop\n").refused_json(codes::BODY_INVALID);
    with("dataset\norders-000\norders-000\n").refused_json(codes::BODY_INVALID);
    with("dataset,params\norders-000,[]\n").refused_json(codes::MANIFEST_UNREADABLE);
    with("dataset\n").refused_json(codes::MANIFEST_UNREADABLE);
    assert_eq!(service.call("campaign").arg("list").finish().succeeded().json(), json!([]));
}
