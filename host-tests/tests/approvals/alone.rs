//! On a machine that is one user's alone nobody has to approve, which is said.

use host_tests::service::Service;
use serde_json::json;

#[test]
fn one_user_needs_nobody_and_is_told_so() {
    let service = Service::start(2).with_module_and_datasets();
    let params = json!({ "name": "x", "steps": [{ "drop": "note" }] });
    let id = service.campaign_of("columns@1", &params, &json!({ "dry_run": { "datasets": 0 } }));
    service.call("campaign").arg("plan").arg(&id).arg("--wait").finish().succeeded();
    let shown = service.call("campaign").arg("show").arg(&id).finish().succeeded().json();
    assert_eq!((&shown["plan"]["risk"], &shown["state"]), (&json!("high"), &json!("planned")));
    let approvals = service.get(&format!("/v1/campaigns/{id}/approvals"));
    assert_eq!(
        (&approvals["single_user"], &approvals["slices"][0]["needs"]["approvals"]),
        (&json!(true), &json!(0))
    );
    let said = service
        .site
        .skein("campaign")
        .env("SKEIN_SERVER", &service.address)
        .arg("approvals")
        .arg(&id)
        .finish()
        .succeeded();
    assert!(said.stdout.contains("** this server is one user's alone"), "{said:?}");
    let page = service.own_browser().page(&format!("/campaigns/{id}/plan"));
    assert!(page.contains("this server is one user's alone"), "{page}");
    service.call("campaign").arg("start").arg(&id).arg("--wait").finish().succeeded();
}

#[test]
fn one_user_lets_the_own_waves_through() {
    let service = Service::start(2).with_module_and_datasets();
    let params = json!({ "name": "x", "steps": [{ "drop": "note" }] });
    let policy = json!({
        "dry_run": { "datasets": 0 }, "approvals": { "promote": "approval" }, "canary": { "datasets": 1 }, "waves": [],
    });
    let id = service.campaign_of("columns@1", &params, &policy);
    let asks = |verb: &str, more: &[&str]| {
        let call = service.call("campaign").arg(verb).arg(&id);
        more.iter().fold(call, host_tests::Call::arg).finish()
    };
    asks("plan", &["--wait"]).succeeded();
    let waits = asks("start", &["--wait"]);
    assert_eq!(waits.status.code(), Some(3), "{waits:?}");
    assert!(waits.stderr.contains(&format!("skein campaign approve {id} --wave 0")), "{waits:?}");
    asks("approve", &["--wave", "0"]).succeeded();
    asks("start", &["--wait"]).succeeded();
    assert_eq!(service.get(&format!("/v1/campaigns/{id}"))["runs"]["published"], 2);
}
