//! What a server says of itself while it works.

use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};

const DATASETS: i64 = 12;

fn status(service: &Service) -> Value {
    service.call("fleet").arg("status").finish().succeeded().json()
}

fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().expect(name)
}

#[test]
fn a_server_says_what_its_campaigns_cost_it_and_how_its_nodes_are() {
    let service = Service::start(DATASETS).with_module_and_datasets().with_all_nodes();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    let before = status(&service);
    service.act(&campaign, "start").succeeded();
    service.watched(&campaign);
    let after = status(&service);

    let (before, now) = (&before["whole"], &after["whole"]);
    let (work, ledger) = (&now["work"], &now["ledger"]);
    let runs = u64::try_from(DATASETS).unwrap();
    assert_eq!((&work["published"], &work["ended"]), (&json!(runs), &json!(runs)));
    assert!(number(work, "lots") <= runs && number(work, "exchanges") > 0, "{work}");
    let more = |of: &str, name: &str| number(&now[of], name) - number(&before[of], name);
    // Each run is announced and published; each lot is two transactions and three waits for the disk.
    assert!(more("ledger", "events") >= 2 * runs && more("ledger", "bytes") > 0, "{after}");
    assert!(more("ledger", "transactions") >= 2 * number(work, "lots"), "{after}");
    assert!(more("ledger", "transactions") >= more("ledger", "syncs"), "{after}");
    assert!(more("used", "disk_waits") >= 3 * number(work, "lots"), "{after}");
    assert!(more("work", "node_disk_waits") > 0, "{after}");
    assert!(number(ledger, "position") >= number(ledger, "events"), "{ledger}");
    assert!(number(ledger, "size") > 0 && number(&now["used"], "memory_peak") > 0, "{after}");

    // A node says with each exchange what it uses, and also one without work has one now and then.
    let after = until("both nodes to say what they use", || {
        let now = status(&service);
        let nodes = now["nodes"].as_array().unwrap();
        nodes.iter().all(|node| number(&node["seat"]["whole"]["used"], "memory") > 0).then_some(now)
    });
    let nodes = after["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let finished: u64 = nodes.iter().map(|node| number(&node["seat"]["whole"], "finished")).sum();
    // The runs, and for the plan what looked at their datasets and what tried one of them.
    assert_eq!(finished, runs + 2, "{nodes:?}");

    let told = service.site.skein("fleet").env("SKEIN_SERVER", &service.address).arg("status").finish();
    let told = told.succeeded().stdout;
    assert!(told.contains("12 published") && told.contains("local-0#1"), "{told}");
}

#[test]
fn counters_begin_at_nothing_with_a_new_process_and_a_lost_node_is_said_to_be_gone() {
    let mut service = Service::start(1).with_module_and_datasets().with_all_nodes();
    assert!(number(&status(&service)["whole"]["ledger"], "events") > 0);
    service.kill_and_start_again();
    let now = status(&service);
    assert_eq!((&now["whole"]["work"]["published"], &now["whole"]["work"]["lots"]), (&json!(0), &json!(0)));
    let nodes = now["nodes"].as_array().unwrap();
    let gone = nodes.iter().all(|node| node["seat"].is_null() || number(node, "incarnation") > 1);
    assert!(gone, "{nodes:?}");
}
