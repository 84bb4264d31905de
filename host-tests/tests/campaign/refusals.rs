//! What a server refuses.

use host_tests::guests;
use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

#[test]
fn what_a_server_manages_is_left_to_it_until_it_gives_it_back() {
    let service = Service::start(1).with_module_and_datasets();
    let dataset = &service.datasets[0];
    let columns = guests::component("columns");
    let params = json!({ "name": "mine", "steps": [{ "drop": "note" }] });
    let run = || service.site.run(&columns, dataset).params(&params).finish();
    run().refused(codes::DATASET_MANAGED);
    service.call("dataset").arg("remove").arg("orders-000").finish().refused_json(codes::USAGE);
    service.call("dataset").arg("remove").arg("--yes").arg("orders-000").finish().succeeded();
    run().succeeded();
    service.call("dataset").arg("show").arg("orders-000").finish().refused_json(codes::NOT_FOUND);
}

#[test]
fn what_a_server_does_not_do_yet_is_refused_and_so_are_pages_of_browsers() {
    let service = Service::start(1).with_module_and_datasets();
    let campaign = |policy: Value| json!({ "name": "c", "module": "columns@1", "policy": policy });
    for policy in [json!({ "publish": { "mode": "hold" } }), json!({ "pin": "snapshot" })] {
        let (status, body) = service.post("/v1/campaigns", "", &campaign(policy));
        assert_eq!((status, &body["code"]), (400, &json!("SK0664")), "{body}");
    }
    let elsewhere = json!({ "name": "n", "location": service.datasets[0], "owner": "o", "state": "/s" });
    let (status, body) = service.post("/v1/datasets", "", &json!({ "datasets": [elsewhere] }));
    assert_eq!((status, &body["datasets"][0]["refused"]["code"]), (200, &json!("SK0664")), "{body}");
    for header in ["Origin: https://evil.example\r\n", "Host: evil.example\r\n"] {
        let (status, body) = service.post("/v1/campaigns", header, &campaign(json!({})));
        assert_eq!((status, &body["code"]), (403, &json!("SK0681")), "{body}");
    }
    let (status, body) = service.post("/node/v1/register", "", &json!({}));
    assert_eq!((status, &body["code"]), (401, &json!("SK0661")), "{body}");
}

#[test]
fn a_state_directory_has_one_server_and_a_server_that_is_not_there_is_named() {
    let service = Service::start(0);
    let second = service.site.skein("serve").arg("--listen").arg("127.0.0.1:0");
    second.arg("--dir").arg(service.site.path("server")).finish().refused(codes::LEDGER_LOCKED);
    let outside = service.site.skein("serve").arg("--listen").arg("0.0.0.0:0");
    outside.arg("--dir").arg(service.site.path("other")).finish().refused(codes::USAGE);
    let nowhere = service.site.skein("campaign").arg("list").arg("--server").arg("http://127.0.0.1:1");
    nowhere.finish().refused(codes::SERVER_UNREACHABLE);
}
