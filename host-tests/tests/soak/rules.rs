//! Rules that held when a result was published, and are looked at again.

use std::path::Path;

use host_tests::fixture;
use host_tests::guard::tree;
use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};

use crate::{alarm, events, only_file, run, started};

/// Rows as the migration leaves them.
fn new_file(path: &Path, (from, to): (i64, i64)) {
    let rows = fixture::orders(from, to);
    fixture::write(path, &rows.project(&[0, 1, 2, 4]).unwrap(), 10);
}

fn put(service: &Service, path: &str, body: &Value) {
    let (status, answer) = service.send(&format!("PUT {path}"), "", body.to_string().as_bytes());
    assert_eq!(status, 200, "{path}: {answer}");
}

/// How many checks nodes have made.
fn made_by_nodes(service: &Service) -> String {
    let (_, metrics) = Service::page(&service.address, "/metrics");
    let line = metrics.lines().find(|line| line.contains("outcome=\"checked\"")).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

/// The names of rules that alarms of a run are about.
fn named(service: &Service, campaign: &str, seq: u64) -> Vec<String> {
    let run = run(service, campaign, seq);
    let alarms = run["soak"]["alarms"].as_array().unwrap().iter();
    alarms.map(|alarm| alarm["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rows_that_others_add_and_that_break_a_rule_are_told_of_by_its_name_and_nothing_is_undone() {
    let service = Service::start(1).with_module_and_datasets();
    put(&service, "/v1/teams/bi", &json!({}));
    let receiver = json!({ "name": "bi", "team": "bi", "kind": "http", "target": "https://192.0.2.1/", "events": ["rule.broken"] });
    let (status, made) = service.post("/v1/webhooks", "", &receiver);
    assert_eq!(status, 200, "{made}");
    let of_reader = json!({ "rule": { "name": "report", "unique": ["id"] } });
    put(&service, "/v1/datasets/orders-000/consumers/bi/rules/report", &of_reader);
    let rules = json!([
        { "name": "ids", "unique": ["id"] },
        { "name": "few", "severity": "warn", "row_count": { "max": 45 } },
        { "name": "names", "not_null": ["customer"] },
        // It was broken when it was published; it is no rule of the result alone; it is another's business.
        { "name": "years", "severity": "warn", "range": { "column": "year", "max": 1 } },
        { "name": "query", "sql": "select count(*) = 40 from after" },
        { "name": "all", "row_count": { "max_percent": 100 } },
    ]);
    let soak = json!({ "checks_ms": [1_500, 3_000], "on_failure": "revert" });
    let campaign = started(&service, &json!({ "rules": rules, "soak": soak }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 1);
    let late = service.datasets[0].join("late.parquet");
    new_file(&late, (0, 10));
    let told = alarm(&service, &campaign, 0, "SK0366");
    assert_eq!(told["path"], "ids", "{told}");
    let message = told["message"].as_str().unwrap();
    assert!(message.starts_with("rule ids is broken: 10 rows are there again; not rolled back"), "{told}");
    assert!(message.contains("a later write would be undone"), "{told}");
    until("both checks", || service.shown(&campaign)["soak"]["checked"] == 2);
    let mut names = named(&service, &campaign, 0);
    names.sort();
    assert_eq!(names, ["few", "ids", "report of bi"]);
    let all = events(&service, "run.alarmed");
    let of_bi = all.iter().find(|event| event["body"]["consumer"] == "bi").unwrap();
    assert_eq!(of_bi["body"]["message"], "rule report of bi is broken", "{of_bi}");
    assert_eq!(run(&service, &campaign, 0)["state"], "published");
    assert!(late.exists());
    let webhook = made["webhook"]["webhook"].as_str().unwrap();
    until("the reader's team is told", || {
        let page = service.get(&format!("/v1/webhooks/{webhook}/deliveries"));
        let rows = page["items"].as_array().unwrap().clone();
        rows.iter().any(|row| row["topic"] == "rule.broken").then_some(())
    });
}

#[test]
fn a_result_that_names_what_is_gone_elsewhere_is_reverted_where_the_policy_says_so() {
    let service = Service::start(2).with_module_and_datasets();
    let before = tree(&service.datasets[0]);
    let years = json!({ "column": "year", "dataset": "orders-001", "to": "year" });
    let soak = json!({ "checks_ms": [1_500, 3_000], "on_failure": "revert" });
    let rules = json!([{ "name": "known-years", "severity": "hold", "referential": years }]);
    let campaign = started(&service, &json!({ "rules": rules, "soak": soak }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 2);
    new_file(&only_file(&service.datasets[1]), (0, 5));
    let told = alarm(&service, &campaign, 0, "SK0366");
    assert_eq!(told["path"], "known-years", "{told}");
    until("reverted", || run(&service, &campaign, 0)["state"] == "reverted");
    assert_eq!(tree(&service.datasets[0]), before);
    // Of files that are damaged rules say nothing.
    assert_eq!(alarm(&service, &campaign, 1, "SK0363")["check"], told["check"]);
    assert_eq!(named(&service, &campaign, 1).len(), 1);
    assert_eq!(run(&service, &campaign, 1)["state"], "published");
}

#[test]
fn what_is_not_looked_at_again_costs_no_node_anything() {
    let service = Service::start(1).with_module_and_datasets();
    let rules = json!([
        { "name": "query", "sql": "select count(*) = 40 from after" },
        { "name": "all", "reconcile": true },
    ]);
    let campaign = started(&service, &json!({ "rules": rules, "soak": { "checks_ms": [1_500] } }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 1);
    // It does not hold, and never did.
    let later = json!({ "rule": { "name": "later", "range": { "column": "year", "max": 1 } } });
    put(&service, "/v1/datasets/orders-000/rules/later", &later);
    until("the check", || service.shown(&campaign)["soak"]["checked"] == 1);
    assert_eq!(made_by_nodes(&service), "0");
    assert_eq!(events(&service, "run.alarmed"), Vec::<Value>::new());
}

#[test]
fn the_result_of_every_run_is_looked_at_by_a_node_once_a_check() {
    let service = Service::start(80).with_module_and_datasets();
    let rules = json!([{ "name": "ids", "unique": ["id"] }]);
    let policy = json!({ "rules": rules, "soak": { "checks_ms": [1_500] }, "dry_run": { "datasets": 1 } });
    let campaign = started(&service, &policy);
    assert_eq!(service.watched(&campaign)["runs"]["published"], 80);
    until("the check", || service.shown(&campaign)["soak"]["checked"] == 1);
    assert_eq!(made_by_nodes(&service), "80");
}
