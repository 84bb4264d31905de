//! The versions of a server's dataset over HTTP: its history, undoing the current one, and where its files are.

use host_tests::guard;
use host_tests::service::Service;
use serde_json::{Value, json};

fn ready() -> (Service, String) {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    (service, campaign)
}

fn history(service: &Service) -> Vec<Value> {
    service.get("/v1/datasets/orders-000/history")["items"].as_array().unwrap().clone()
}

#[test]
fn a_dataset_is_rolled_back_to_identical_bytes_and_its_campaign_knows() {
    let (service, campaign) = ready();
    let before = service.trees();
    let roll = |expect: u64| {
        let body = json!({ "expect": expect, "reason": "wrong rate" });
        service.post("/v1/datasets/orders-000/rollback", "", &body)
    };
    assert_eq!(history(&service), Vec::<Value>::new());
    let (status, answer) = roll(1);
    assert_eq!((status, &answer["code"]), (409, &json!("SK0761")), "{answer}");
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    let all = history(&service);
    let published = all.iter().rfind(|version| version["current"] == true).unwrap().clone();
    assert_eq!((&published["campaign"], &published["files"]), (&json!(campaign), &json!(1)), "{published}");
    assert!(published["what"].as_str().unwrap().starts_with("without-note"), "{published}");
    let current = published["version"].as_u64().unwrap();
    let export = service.get("/v1/datasets/orders-000/export");
    assert_eq!((&export["version"], &export["current"]), (&json!(current), &json!(true)));
    let path = export["files"][0]["path"].as_str().unwrap();
    assert!(std::path::Path::new(path).exists(), "{path}");
    assert!(export["duckdb"].as_str().unwrap().contains(path), "{export}");
    // What is meant has to be what is current.
    let (status, answer) = roll(current - 1);
    assert_eq!(status, 409, "{answer}");
    let after = service.trees();
    assert_ne!(after[0], before[0]);
    let (status, answer) = roll(current);
    assert_eq!((status, &answer["run"]["state"]), (200, &json!("reverted")), "{answer}");
    assert_eq!(guard::tree(&service.datasets[0]), before[0], "byte for byte");
    assert_eq!(guard::tree(&service.datasets[1]), after[1], "and no other");
    let runs = service.runs(&campaign);
    let states: Vec<&Value> = runs.iter().map(|run| &run["state"]).collect();
    assert_eq!(states, ["reverted", "published"]);
    // It stays undone, however often that is asked for.
    let versions = history(&service).len();
    assert_eq!(roll(current).1["run"]["state"], "reverted");
    assert_eq!(history(&service).len(), versions);
    let last = history(&service).pop().unwrap();
    assert_eq!((&last["kind"], &last["current"]), (&json!("rolled back"), &json!(true)));
    let (_, answer) = roll(last["version"].as_u64().unwrap());
    assert_eq!(answer["code"], "SK0763", "{answer}");
    // The same from the newest on, page by page.
    let (mut from, mut back) =
        ("/v1/datasets/orders-000/history?order=newest&limit=1".to_owned(), Vec::new());
    loop {
        let page = service.get(&from);
        back.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        from = format!("/v1/datasets/orders-000/history?order=newest&limit=1&after={next}");
    }
    back.reverse();
    assert_eq!(back, history(&service));
    // And what was tried and decided.
    let items = |path: &str| service.get(path)["items"].as_array().unwrap().clone();
    for path in
        [format!("/v1/campaigns/{campaign}/attempts?limit=500"), "/v1/audit?limit=500&kind=run.".to_owned()]
    {
        let mut back = items(&format!("{path}&order=newest"));
        back.reverse();
        assert!(!back.is_empty(), "{path}");
        assert_eq!(back, items(&path), "{path}");
    }
    // The version that was undone is kept, and is read from where it lies.
    let old = service.get(&format!("/v1/datasets/orders-000/export?version={current}"));
    assert_eq!(old["current"], false);
}

#[test]
fn the_commands_say_the_same_of_a_dataset_and_undo_it_without_being_told_which_version() {
    let (service, campaign) = ready();
    let before = service.trees();
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    let asked = |verb: &str| service.call("dataset").arg(verb).arg("orders-001");
    let all = asked("history").finish().succeeded().json();
    assert_eq!(all.as_array().unwrap().last().unwrap()["campaign"], json!(campaign));
    let export = asked("export").finish().succeeded().json();
    let table = service.site.skein("dataset").env("SKEIN_SERVER", &service.address);
    let stated = table.arg("export").arg("orders-001").arg("--for").arg("polars").finish().succeeded();
    assert_eq!(stated.stdout.trim_end(), export["polars"].as_str().unwrap());
    let unasked = asked("rollback").finish();
    assert!(unasked.stdout.contains("--yes") || unasked.stderr.contains("--yes"), "{unasked:?}");
    let done = asked("rollback").arg("--yes").finish().succeeded().json();
    assert_eq!(done["run"]["state"], "reverted", "{done}");
    assert_eq!(guard::tree(&service.datasets[1]), before[1], "byte for byte");
}

#[test]
fn a_dataset_that_a_running_campaign_will_publish_is_not_rolled_back_under_it() {
    let (service, campaign) = ready();
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    let all = history(&service);
    let current = all.last().unwrap()["version"].as_u64().unwrap();
    // A second one has it in hand, and does not begin.
    let params = json!({ "name": "again", "steps": [{ "drop": "amount" }] });
    let second = service.campaign_of("columns@1", &params, &json!({}));
    service.act(&second, "plan").succeeded();
    crate::brought(&service, &second, "planned");
    let body = json!({ "expect": current });
    let (status, answer) = service.post("/v1/datasets/orders-000/rollback", "", &body);
    assert_eq!((status, &answer["code"]), (409, &json!("SK0762")), "{answer}");
    service.act(&second, "cancel").succeeded();
    crate::brought(&service, &second, "cancelled");
    let (_, answer) = service.post("/v1/datasets/orders-000/rollback", "", &body);
    assert_eq!(answer["run"]["state"], "reverted", "{answer}");
}
