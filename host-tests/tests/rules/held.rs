//! Campaigns with rules: runs that fail, that are recorded, and that are held until somebody decides.

use host_tests::guard::{state_directory, tree};
use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

/// A campaign over all datasets that drops a column, with these rules in its policy.
fn campaign(service: &Service, rules: &Value) -> String {
    let params = json!({ "name": "without-note", "steps": [{ "drop": "note" }] });
    let policy = json!({ "rules": rules, "dry_run": { "datasets": 1 }, "budget": { "runs": 9 } });
    let id = service.campaign_of("columns@1", &params, &policy);
    service.act(&id, "plan").succeeded();
    assert_eq!(service.watched(&id)["state"], "planned");
    id
}

fn shown(service: &Service, id: &str) -> Value {
    service.get(&format!("/v1/campaigns/{id}"))
}

fn held(service: &Service, id: &str) -> Vec<Value> {
    service.get(&format!("/v1/campaigns/{id}/runs?state=held"))["items"].as_array().unwrap().clone()
}

/// Waits until a run is held; answers its number.
fn one_is_held(service: &Service, id: &str) -> u64 {
    until("a run is held", || held(service, id).first().map(|run| run["seq"].as_u64().unwrap()))
}

fn decide(service: &Service, id: &str, run: u64, verb: &str) {
    let call = service.call("campaign").arg(verb).arg(id).arg(run.to_string());
    call.arg("--reason").arg("looked at it").finish().succeeded();
}

pub(crate) fn notes_of(service: &Service, id: &str, run: u64) -> String {
    let attempts = service.get(&format!("/v1/campaigns/{id}/runs/{run}/attempts"));
    let attempt = attempts["items"][0]["attempt"].as_str().unwrap().to_owned();
    Service::page(&service.address, &format!("/v1/attempts/{attempt}/log")).1
}

#[test]
fn what_holds_is_published_what_is_a_warning_is_recorded() {
    let service = Service::start(2).with_module_and_datasets();
    let rules = json!([
        { "name": "ids", "unique": ["id"] },
        { "name": "years", "severity": "warn", "range": { "column": "year", "max": 1 } },
        { "name": "nothing-lost", "reconcile": true },
    ]);
    let id = campaign(&service, &rules);
    service.act(&id, "start").succeeded();
    let done = service.watched(&id);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(2)), "{done}");
    let notes = notes_of(&service, &id, 0);
    assert!(notes.contains("rule ids holds") && notes.contains("rule years is broken: 40 rows"), "{notes}");
}

#[test]
fn a_broken_rule_fails_the_run_once_and_leaves_the_dataset_as_it_was() {
    let service = Service::start(2).with_module_and_datasets();
    let before = service.trees();
    let id = campaign(&service, &json!([{ "name": "years", "range": { "column": "year", "max": 1 } }]));
    service.act(&id, "start").succeeded();
    let done = service.watched(&id);
    // The canary may have no failure.
    assert_eq!((&done["state"], &done["runs"]["failed"]), (&json!("halted"), &json!(1)), "{done}");
    let failed = service.get(&format!("/v1/campaigns/{id}/runs?state=failed"));
    assert_eq!(failed["items"][0]["why"]["code"], codes::RULE_BROKEN.id, "{failed}");
    let seq = failed["items"][0]["seq"].as_u64().unwrap();
    let attempts = service.get(&format!("/v1/campaigns/{id}/runs/{seq}/attempts"));
    assert_eq!(attempts["items"].as_array().unwrap().len(), 1, "it is not tried again");
    assert_eq!(service.trees(), before);
}

#[test]
fn a_held_run_is_published_as_it_was_staged_when_a_person_says_so_also_after_a_restart() {
    let mut service = Service::start(1).with_module_and_datasets();
    let rules =
        json!([{ "name": "look", "severity": "hold", "sql": "select count(*) from after where id = 7" }]);
    let id = campaign(&service, &rules);
    let before = service.trees();
    service.act(&id, "start").succeeded();
    let run = one_is_held(&service, &id);
    assert_eq!(service.trees(), before);
    let why = held(&service, &id)[0]["why"].to_string();
    assert!(why.contains("rule look is broken: 1 violations"), "{why}");
    let stage = state_directory(&service.datasets[0]).join("stage");
    let staged = || {
        let attempt = std::fs::read_dir(&stage).unwrap().next().unwrap().unwrap().path();
        tree(&attempt.join("data").join("orders-000"))
    };
    let kept = staged();
    // Nothing is decided by waiting, nor by dying.
    service.stop();
    service.start_again();
    assert_eq!(held(&service, &id).len(), 1);
    assert_eq!(shown(&service, &id)["state"], "running");
    assert_eq!(staged(), kept);
    decide(&service, &id, run, "release");
    let done = service.watched(&id);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(1)), "{done}");
    assert_eq!(tree(&service.datasets[0]), kept, "the very bytes that were looked at");
    let events = service.get(&format!("/v1/campaigns/{id}/events?limit=1000")).to_string();
    assert!(events.contains("run.released") && events.contains("looked at it"), "{events}");
    // Whoever gets the statement reads that the rule did not hold, and who went on and why.
    let call = service.site.skein("audit").env("SKEIN_SERVER", &service.address);
    let said = call.arg("attest").arg("orders-000").finish().succeeded().stdout;
    let line = |what: &str| said.lines().find(|line| line.starts_with(what)).unwrap_or_default().to_owned();
    assert!(line("rules ").ends_with(" look broken"), "{said}");
    assert!(
        line("released by ").contains("local") && line("released by ").contains("looked at it"),
        "{said}"
    );
    // What the campaign's own rules are is shown with its policy.
    let call = service.site.skein("campaign").env("SKEIN_SERVER", &service.address);
    let shown = call.arg("show").arg(&id).finish().succeeded().stdout;
    assert!(shown.contains("rule look: sql, hold if broken\n"), "{shown}");
}

#[test]
fn a_wait_for_a_campaign_of_which_held_runs_are_left_ends_and_says_what_to_ask_for() {
    let service = Service::start(2).with_module_and_datasets();
    let rules = json!([{ "name": "look", "severity": "hold", "sql": "select count(*) from after where id % 10 = 7" }]);
    let id = campaign(&service, &rules);
    let start = || {
        let call = service.call("campaign").arg("start").arg(&id).arg("--wait");
        call.arg("--timeout").arg("120s").finish()
    };
    // The canary is held, which keeps the next wave from beginning.
    let waits = start();
    assert_eq!(waits.status.code(), Some(i32::from(codes::CAMPAIGN_WAITS.exit_code())), "{waits:?}");
    let run = held(&service, &id)[0]["seq"].as_u64().unwrap();
    for said in [
        format!("all that is left of {id} is 1 run that rules hold"),
        format!("run {run} over orders-00{run}: rule look is broken: 4 violations"),
        format!("skein campaign release|recheck|discard {id} {run} --reason WHY"),
    ] {
        assert!(waits.stderr.contains(&said), "{said}: {waits:?}");
    }
    assert!(service.get(&format!("/v1/campaigns/{id}/progress"))["held_waits"].as_bool().unwrap());
    let page = service.own_browser().page(&format!("/campaigns/{id}"));
    assert!(page.contains("all that is left is 1 run that a rule holds"), "{page}");
    // Released, it goes on, until the next wave has nothing but held runs too.
    decide(&service, &id, run, "release");
    assert_eq!(start().status.code(), Some(3));
    let next = held(&service, &id)[0]["seq"].as_u64().unwrap();
    assert_ne!(next, run);
    decide(&service, &id, next, "release");
    start().succeeded();
    assert_eq!(shown(&service, &id)["state"], "soaking");
}

#[test]
fn a_held_run_is_looked_at_again_or_given_up() {
    let service = Service::start(1).with_module_and_datasets();
    let rules = json!([{ "name": "look", "severity": "hold", "sql": "select count(*) from no_such_table" }]);
    let id = campaign(&service, &rules);
    let before = service.trees();
    service.act(&id, "start").succeeded();
    let run = one_is_held(&service, &id);
    assert!(held(&service, &id)[0]["why"].to_string().contains("inconclusive"));
    let epoch = held(&service, &id)[0]["epoch"].as_u64().unwrap();
    decide(&service, &id, run, "recheck");
    until("it is held again", || {
        held(&service, &id).first().filter(|run| run["epoch"].as_u64().unwrap() > epoch).map(|_| ())
    });
    decide(&service, &id, run, "discard");
    let done = service.watched(&id);
    assert_eq!((&done["state"], &done["runs"]["failed"]), (&json!("halted"), &json!(1)), "{done}");
    let failed = service.get(&format!("/v1/campaigns/{id}/runs/{run}"));
    assert_eq!(failed["why"]["code"], codes::RUN_DISCARDED.id, "{failed}");
    assert_eq!(service.trees(), before);
    let again =
        service.call("campaign").arg("release").arg(&id).arg(run.to_string()).arg("--reason").arg("late");
    again.finish().refused_json(codes::RUN_STATE);
}

#[test]
fn cancelling_gives_held_results_up() {
    let service = Service::start(1).with_module_and_datasets();
    let rules = json!([{ "name": "look", "severity": "hold", "sql": "select false" }]);
    let id = campaign(&service, &rules);
    let before = service.trees();
    service.act(&id, "start").succeeded();
    one_is_held(&service, &id);
    service.act(&id, "cancel").succeeded();
    assert_eq!(service.watched(&id)["state"], "cancelled");
    assert_eq!(service.trees(), before);
    let stage = state_directory(&service.datasets[0]).join("stage");
    until("what was staged is gone", || (std::fs::read_dir(&stage).unwrap().count() == 0).then_some(()));
}
