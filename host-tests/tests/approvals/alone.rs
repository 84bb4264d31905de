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
    let (status, page) = Service::page(&service.address, &format!("/campaigns/{id}"));
    assert!(status == 200 && page.contains("this server is one user's alone"), "{page}");
    service.call("campaign").arg("start").arg(&id).arg("--wait").finish().succeeded();
}
