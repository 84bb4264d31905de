//! Datasets with sensitive columns: what rules see and tell of them.

use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};

use crate::held::notes_of;
use crate::readers::{put, started_with};

/// Two datasets of `shop`; of the second, `note` is named as sensitive. A team `bi`.
fn shop() -> Service {
    let service = Service::start(2).with_module("columns");
    for team in ["shop", "bi"] {
        put(&service, &format!("/v1/teams/{team}"), &json!({}));
    }
    let add = |number: usize| {
        service.call("dataset").arg("add").arg("--owner").arg("shop").arg(&service.datasets[number])
    };
    add(0).finish().succeeded();
    add(1).arg("--sensitive").arg("note").finish().succeeded();
    service
}

/// What was told of a rule in the run over a dataset.
fn told(service: &Service, campaign: &str, dataset: &str, rule: &str) -> String {
    let runs = service.get(&format!("/v1/campaigns/{campaign}/runs"));
    let run = runs["items"].as_array().unwrap().iter().find(|run| run["name"] == dataset).unwrap().clone();
    let notes = notes_of(service, campaign, run["seq"].as_u64().unwrap());
    let at = notes.find(&format!("rule {rule} ")).unwrap_or_else(|| panic!("{rule}: {notes}"));
    notes[at..].chars().take_while(|c| !['"', '\n', '<', '\\'].contains(c)).collect()
}

#[test]
fn of_a_rule_that_could_look_at_a_sensitive_column_only_whether_it_holds_is_told() {
    let service = shop();
    let value = "select ascii(max(note)) * 1000000 from";
    let rules = json!([
        { "name": "own", "severity": "warn", "sql": format!("{value} before") },
        { "name": "other", "severity": "warn", "sql": format!("{value} t"), "with": { "t": "orders-001" } },
        { "name": "years", "severity": "warn", "range": { "column": "year", "max": 1 } },
    ]);
    let id = started_with(&service, &json!({ "dry_run": { "datasets": 1 }, "rules": rules }));
    let done = service.watched(&id);
    assert_eq!(done["runs"]["published"], 2, "{done}");
    let of = |dataset: &str, rule: &str| told(&service, &id, dataset, rule);
    assert!(of("orders-000", "own").ends_with("000000 violations"), "{}", of("orders-000", "own"));
    for (dataset, rule) in [("orders-001", "own"), ("orders-000", "other"), ("orders-001", "other")] {
        assert_eq!(of(dataset, rule), format!("rule {rule} is broken"));
    }
    // A built-in rule says of which columns it is.
    assert_eq!(of("orders-001", "years"), "rule years is broken: 40 rows are out of range");
}

#[test]
fn to_a_readers_rule_a_sensitive_column_is_not_there() {
    let service = shop();
    let set = |name: &str, sql: &str| {
        let body = json!({ "rule": { "name": name, "severity": "hold", "sql": sql } });
        put(&service, &format!("/v1/datasets/orders-001/consumers/bi/rules/{name}"), &body);
    };
    set("rows", "select count(id) > 0 from before");
    set("bit", "select count(*) > 0 from before where note is not null");
    set("all", "select count(*) = 0 from (select * from before) where note = 'x'");
    let id = started_with(&service, &json!({ "dry_run": { "datasets": 1 } }));
    let held: Value = until("a run is held", || {
        let held = service.get(&format!("/v1/campaigns/{id}/runs?state=held"));
        held["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(held["name"], "orders-001");
    let why = held["why"].to_string();
    for name in ["bit", "all"] {
        assert!(why.contains(&format!("rule {name} of bi is inconclusive: why is not shown")), "{why}");
    }
    assert!(!why.contains("rule rows"), "{why}");
}
