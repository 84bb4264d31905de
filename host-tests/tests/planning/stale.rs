//! What moved between the plan and the start.

use super::{create, drops, made, planned, shown};
use host_tests::fixture;
use host_tests::service::Service;
use serde_json::json;
use skein_types::codes;

#[test]
fn a_dataset_that_came_into_the_selection_makes_the_campaign_stale() {
    let service = Service::start(3);
    let late = service.datasets[2].clone();
    let columns = host_tests::guests::component("columns");
    service.call("module").arg("submit").arg("columns@1").arg(columns).finish().succeeded();
    let first = service.call("dataset").arg("add").arg(&service.datasets[0]).arg(&service.datasets[1]);
    first.finish().succeeded();
    let campaign = made(create(&service, "all").params(&drops("all")).arg("--select").arg("orders-*"));
    planned(&service, &campaign);
    service.call("dataset").arg("add").arg(&late).finish().succeeded();
    service.act(&campaign, "start").refused_json(codes::PLAN_MOVED);
    let there = shown(&service, &campaign);
    assert_eq!(there["state"], "stale", "{there}");
    assert!(
        there["why"].as_str().unwrap().starts_with("membership_moved: since the plan 1 datasets came"),
        "{there}"
    );
    service.act(&campaign, "start").refused_json(codes::CAMPAIGN_STATE);
    assert_eq!(planned(&service, &campaign)["plan"]["eligible"], 3);
    service.act(&campaign, "start").succeeded();
    assert_eq!(service.watched(&campaign)["runs"]["published"], 3);
}

#[test]
fn a_dataset_that_is_no_part_of_the_selection_moves_nothing() {
    let service = Service::start(3);
    let columns = host_tests::guests::component("columns");
    service.call("module").arg("submit").arg("columns@1").arg(columns).finish().succeeded();
    service.call("dataset").arg("add").arg(&service.datasets[0]).finish().succeeded();
    let campaign = made(create(&service, "one").params(&drops("one")).arg("--select").arg("orders-000"));
    planned(&service, &campaign);
    service.call("dataset").arg("add").arg(&service.datasets[1]).finish().succeeded();
    service.act(&campaign, "start").succeeded();
    assert_eq!(service.watched(&campaign)["runs"]["published"], 1);
}

#[test]
fn a_dataset_with_another_schema_is_left_out_and_the_others_go_on() {
    let service = Service::start(3).with_module_and_datasets();
    let campaign = made(create(&service, "all").params(&drops("all")));
    planned(&service, &campaign);
    let wider = fixture::with_copy_of(&fixture::orders(0, 40), "note", "remark");
    fixture::write(&service.datasets[1].join("part.parquet"), &wider, 30);
    service.act(&campaign, "start").succeeded();
    let done = service.watched(&campaign);
    assert_eq!((&done["runs"]["published"], &done["runs"]["stale"]), (&json!(2), &json!(1)), "{done}");
    assert_eq!(service.published(&service.datasets[1]), 0);
}
