//! Rules that are kept with a dataset: its owner's, and those of teams that read it.

use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

pub(crate) fn put(service: &Service, path: &str, body: &Value) -> Value {
    let (status, answer) = service.send(&format!("PUT {path}"), "", body.to_string().as_bytes());
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// A server with datasets of the team `shop`, and a team `bi`.
fn shop(count: i64) -> Service {
    let service = Service::start(count).with_module("columns");
    for team in ["shop", "bi"] {
        put(&service, &format!("/v1/teams/{team}"), &json!({}));
    }
    let add = service.call("dataset").arg("add").arg("--owner").arg("shop");
    service.datasets.iter().fold(add, host_tests::Call::arg).finish().succeeded();
    service
}

fn started(service: &Service) -> String {
    started_with(service, &json!({ "dry_run": { "datasets": 1 } }))
}

pub(crate) fn started_with(service: &Service, policy: &Value) -> String {
    let params = json!({ "name": "without-note", "steps": [{ "drop": "note" }] });
    let id = service.campaign_of("columns@1", &params, policy);
    service.act(&id, "plan").succeeded();
    assert_eq!(service.watched(&id)["state"], "planned");
    service.act(&id, "start").succeeded();
    id
}

fn receiver(service: &Service, team: &str) -> String {
    let body = json!({ "name": team, "team": team, "kind": "http", "target": "https://192.0.2.1/", "events": ["run.*", "rule.*"] });
    let (status, made) = service.post("/v1/webhooks", "", &body);
    assert_eq!(status, 200, "{made}");
    made["webhook"]["webhook"].as_str().unwrap().to_owned()
}

fn topics(service: &Service, webhook: &str) -> Vec<String> {
    let page = service.get(&format!("/v1/webhooks/{webhook}/deliveries"));
    let rows = page["items"].as_array().unwrap().clone();
    rows.iter().map(|row| row["topic"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_readers_rule_that_breaks_holds_the_run_and_each_team_is_told_its_part() {
    let service = shop(1);
    let (of_shop, of_bi) = (receiver(&service, "shop"), receiver(&service, "bi"));
    let report = json!({ "rule": { "name": "report", "severity": "hold", "sql": "select count(note) > 0 from after" } });
    let set = put(&service, "/v1/datasets/orders-000/consumers/bi/rules/report", &report);
    assert_eq!((&set["consumer"], &set["rule"]["severity"]), (&json!("bi"), &json!("hold")));
    // The record has its digest, and whoever reads it what that says.
    let decided = service.get("/v1/audit?kind=rule.set")["items"][0].clone();
    assert_eq!(decided["change"]["after"].get("rule"), None, "{decided}");
    let decided = service.get(&format!("/v1/audit/{}", decided["position"]));
    assert_eq!(decided["change"]["after"]["rule"], report["rule"], "{decided}");
    // Another of the owner's, which is nobody else's business.
    let margin = json!({ "rule": { "name": "margin", "severity": "hold", "sql": "select count(*) from after where id < 7" } });
    put(&service, "/v1/datasets/orders-000/rules/margin", &margin);
    // And one of the reader's that breaks, of which no number is told.
    let few = json!({ "rule": { "name": "few", "severity": "warn", "sql": "select count(*) from after where id < 9" } });
    put(&service, "/v1/datasets/orders-000/consumers/bi/rules/few", &few);
    let id = started(&service);
    let why = until("a run is held", || {
        let held = service.get(&format!("/v1/campaigns/{id}/runs?state=held"));
        held["items"].as_array().unwrap().first().map(|run| run["why"].to_string())
    });
    assert!(why.contains("rule report of bi is inconclusive"), "{why}");
    let notes = crate::held::notes_of(&service, &id, 0);
    assert!(notes.contains("rule few of bi is broken") && !notes.contains("9 violations"), "{notes}");
    assert!(why.contains("rule margin is broken: 7 violations"), "{why}");
    for (webhook, topic) in [(&of_shop, "run.held"), (&of_bi, "rule.broken")] {
        until("each is told", || (!topics(&service, webhook).is_empty()).then_some(()));
        assert_eq!(topics(&service, webhook), [topic]);
    }
    let removed = service.call("rule").arg("remove").arg("orders-000").arg("margin").arg("--yes");
    removed.finish().succeeded();
    // Its owner passes it over, and says why; the next look finds nothing in the way.
    let ignored = json!({ "ignored": true, "reason": "the report is not used any more" });
    put(&service, "/v1/datasets/orders-000/consumers/bi/rules/report/ignored", &ignored);
    let listed = service.get("/v1/datasets/orders-000/rules");
    assert_eq!(listed["items"][1]["ignored"], "the report is not used any more");
    service
        .call("campaign")
        .arg("recheck")
        .arg(&id)
        .arg("0")
        .arg("--reason")
        .arg("passed over")
        .finish()
        .succeeded();
    assert_eq!(service.watched(&id)["runs"]["published"], 1);
    let call = service.site.skein("audit").env("SKEIN_SERVER", &service.address);
    let said = call.arg("attest").arg("orders-000").finish().succeeded().stdout;
    assert!(said.contains("passed over  report of bi: the report is not used any more\n"), "{said}");
    assert!(!said.contains("released by"), "{said}");
}

#[test]
fn a_rule_looks_at_another_dataset_of_its_own_team_and_at_no_others() {
    let service = shop(2);
    let same = json!({ "rule": { "name": "same", "referential": { "column": "id", "dataset": "orders-001", "to": "id" } } });
    put(&service, "/v1/datasets/orders-000/rules/same", &same);
    let id = started(&service);
    let done = service.watched(&id);
    // The one has ids from 0, the other from 40: the run fails where the rule is.
    let why = service.get(&format!("/v1/campaigns/{id}/runs/0"))["why"].to_string();
    assert!(why.contains("rows name what is not there") || done["runs"]["published"] == 2, "{done} {why}");

    let service = shop(2);
    let spy = json!({ "rule": { "name": "spy", "severity": "warn", "sql": "select count(*) from t", "with": { "t": "orders-001" } } });
    put(&service, "/v1/datasets/orders-000/consumers/bi/rules/spy", &spy);
    let id = started(&service);
    let why = until("a run is held", || {
        let held = service.get(&format!("/v1/campaigns/{id}/runs?state=held"));
        held["items"].as_array().unwrap().first().map(|run| run["why"].to_string())
    });
    assert!(why.contains("no such dataset that its team may look at"), "{why}");
}

#[test]
fn a_name_in_a_rule_means_what_the_team_may_look_at_whoever_else_says_it() {
    let service = Service::start(2).with_module("columns");
    for (team, dataset) in ["shop", "bi"].into_iter().zip(&service.datasets) {
        put(&service, &format!("/v1/teams/{team}"), &json!({}));
        service.call("dataset").arg("add").arg("--owner").arg(team).arg(dataset).finish().succeeded();
    }
    let rule = |name: &str| json!({ "name": name, "sql": "select count(*) > 0 from t", "with": { "t": "orders-001" } });
    put(&service, "/v1/datasets/orders-000/rules/spy", &json!({ "rule": rule("spy") }));
    // The campaign's is everybody's, and may look at the one that the owner's rule may not.
    let id = started_with(&service, &json!({ "dry_run": { "datasets": 1 }, "rules": [rule("full")] }));
    let held = until("a run is held", || {
        let held = service.get(&format!("/v1/campaigns/{id}/runs?state=held"));
        held["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(held["name"], "orders-000", "{held}");
    let why = held["why"].to_string();
    assert!(why.contains("rule spy is inconclusive") && !why.contains("rule full"), "{why}");
    assert!(why.contains("no such dataset that its team may look at"), "{why}");
}

#[test]
fn rules_are_settings_with_versions_and_a_bound() {
    let service = shop(1);
    let at = "/v1/datasets/orders-000/rules/ids";
    let rule = |what: Value| json!({ "rule": { "name": "ids", "unique": what } });
    let first = put(&service, at, &rule(json!(["id"])));
    let (status, moved) =
        service.send(&format!("PUT {at}"), "", rule(json!(["year"])).to_string().as_bytes());
    assert_eq!((status, &moved["code"]), (428, &json!(codes::VERSION_MISSING.id)), "{moved}");
    let head = format!("If-Match: \"{}\"\r\n", first["version"]);
    let (status, second) =
        service.send(&format!("PUT {at}"), &head, rule(json!(["year"])).to_string().as_bytes());
    assert_eq!((status, &second["rule"]["unique"]), (200, &json!(["year"])));
    let (status, stale) = service.send(&format!("DELETE {at}"), &head, b"");
    assert_eq!((status, &stale["code"]), (412, &json!(codes::SETTING_MOVED.id)), "{stale}");
    let other = json!({ "rule": { "name": "other", "reconcile": true } });
    let (_, wrong) = service.send(&format!("PUT {at}"), &head, other.to_string().as_bytes());
    assert_eq!(wrong["code"], codes::RULE_INVALID.id);
    service.call("rule").arg("remove").arg("orders-000").arg("ids").arg("--yes").finish().succeeded();
    for number in 0..32 {
        let rule = json!({ "rule": { "name": format!("r{number}"), "reconcile": true } });
        put(&service, &format!("/v1/datasets/orders-000/rules/r{number}"), &rule);
    }
    let more = json!({ "rule": { "name": "more", "reconcile": true } });
    let (_, full) = service.send("PUT /v1/datasets/orders-000/rules/more", "", more.to_string().as_bytes());
    assert_eq!(full["code"], codes::RULE_INVALID.id, "{full}");
}
