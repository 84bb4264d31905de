//! What people may ask about single runs and about the end: skip, retry, finalize.

use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

use crate::datasets::versions;
use crate::failures;

/// Runs of a campaign.
fn runs(service: &Service, campaign: &str) -> Vec<Value> {
    let runs = service.get(&format!("/v1/campaigns/{campaign}/runs?limit=1000"));
    runs["items"].as_array().unwrap().clone()
}

/// The decisions of a kind about a campaign.
fn decided(service: &Service, campaign: &str, kind: &str) -> Vec<Value> {
    let events = service.get(&format!("/v1/campaigns/{campaign}/events?limit=1000"));
    let events = events["items"].as_array().unwrap().iter();
    events.filter(|event| event["kind"] == kind).map(|event| event["body"].clone()).collect()
}

#[test]
fn a_run_is_left_out_with_a_reason_and_taken_in_again() {
    let service = Service::start(6).with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    let named = service.call("campaign").arg("show").arg("without-note").finish();
    named.refused_json(codes::NOT_FOUND);
    let hint = named.json()["error"]["hint"].to_string();
    assert!(hint.contains("by its id") && hint.contains("campaign list"), "{hint}");
    let before = service.trees();
    let skip = |run: &str| service.acting(&campaign, "skip").arg("--run").arg(run);
    skip("2").arg("--reason").arg("the owner is on holiday").finish().succeeded();
    let skipped = decided(&service, &campaign, "run.skipped");
    assert_eq!(skipped.len(), 1);
    assert_eq!((&skipped[0]["seq"], &skipped[0]["reason"]), (&json!(2), &json!("the owner is on holiday")));

    service.act(&campaign, "start").succeeded();
    let done = service.watched(&campaign);
    let counts =
        |now: &Value| [&now["runs"]["published"], &now["runs"]["skipped"]].map(|n| n.as_u64().unwrap());
    assert_eq!((&done["state"], counts(&done)), (&json!("soaking"), [5, 1]));
    assert_eq!(service.trees()[2], before[2], "it was left out");
    skip("2").finish().refused_json(codes::CAMPAIGN_STATE);

    let retry = |run: &str| service.acting(&campaign, "retry").arg("--run").arg(run).finish();
    // There is a run to try again, but it is another than the one that is named.
    retry("3").refused_json(codes::NO_RUN_FOR_IT);
    retry("2").succeeded();
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], counts(&done)), (&json!("soaking"), [6, 0]));
    assert!(service.datasets.iter().all(|dataset| versions(dataset) == (1, 0)));
}

#[test]
fn what_failed_is_tried_again_when_its_data_was_mended() {
    let service = failures::service(8, 4);
    let campaign =
        service.campaign_of("guest-hostile@1", &failures::params(), &json!({ "budget": { "runs": 8 } }));
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    let mut done = service.watched(&campaign);
    if done["state"] == "halted" {
        // The canary, which affords no failure, is a bad one.
        service.acting(&campaign, "resume").arg("--now").finish().succeeded();
        done = service.watched(&campaign);
    }
    assert_eq!((&done["state"], &done["runs"]["failed"]), (&json!("soaking"), &json!(2)), "{done}");
    let failed: Vec<Value> =
        runs(&service, &campaign).into_iter().filter(|run| run["state"] == "failed").collect();
    assert_eq!(failed.iter().map(|run| run["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 7]);
    assert!(failed.iter().all(|run| run["why"]["code"] == codes::GUEST_TRAP.id), "{failed:?}");

    // One of them is named, and not mended: it fails again. Then both are mended, and all that failed is tried.
    service.acting(&campaign, "retry").arg("--run").arg("3").finish().succeeded();
    assert_eq!(service.watched(&campaign)["runs"]["failed"], 2);
    assert_eq!(decided(&service, &campaign, "run.failed").len(), 3);
    for number in [3, 7] {
        failures::notes(&service.datasets[number].join("part.parquet"), false);
    }
    service.act(&campaign, "retry").succeeded();
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(8)), "{done}");
    assert!(service.datasets.iter().all(|dataset| versions(dataset) == (1, 0)));
    service.act(&campaign, "retry").refused_json(codes::NO_RUN_FOR_IT);
}

#[test]
fn old_versions_are_kept_for_the_window_and_then_given_up_by_themselves() {
    let service = Service::start(4).with_module_and_datasets();
    let params = |name: &str, from: &str| json!({ "name": name, "steps": [{ "rename": from, "to": name }] });
    let run = |window: Value, params: Value| {
        let policy = json!({ "window_ms": window, "migration": params["name"] });
        let campaign = service.campaign_of("columns@1", &params, &policy);
        for verb in ["plan", "start"] {
            service.act(&campaign, verb).succeeded();
            service.watched(&campaign);
        }
        campaign
    };
    let kept = run(json!(3_600_000), params("client", "customer"));
    service.act(&kept, "finalize").refused_json(codes::WINDOW_OPEN);
    assert_eq!(service.shown(&kept)["state"], "soaking");
    let available = |of: &str| service.shown(of)["runs"]["finalized"].as_u64().unwrap();
    assert_eq!(available(&kept), 0);

    let over = run(json!(1), params("buyer", "client"));
    host_tests::patience::until("the end of the window", || {
        (service.shown(&over)["state"] == "succeeded").then_some(())
    });
    assert_eq!(available(&over), 4);
    for dataset in &service.datasets {
        let history =
            service.site.skein("history").arg(dataset).arg("-o").arg("json").finish().succeeded().json();
        let versions = history["versions"].as_array().unwrap().iter();
        // Whether or not their dataset was in the canary, and so went back and forth.
        let versions = versions.filter(|version| !version["kind"].as_str().unwrap().starts_with("rolled"));
        let available: Vec<&Value> = versions.map(|version| &version["available"]).collect();
        assert_eq!(available, [true, false, true], "{history}");
    }
    // What came after it is current: the first campaign cannot be undone any more, and says so for each run.
    service.act(&kept, "roll_back").succeeded();
    let undone = service.watched(&kept);
    assert_eq!(
        (&undone["state"], &undone["runs"]["revert_failed"]),
        (&json!("rollback_incomplete"), &json!(4))
    );
    assert!(runs(&service, &kept).iter().all(|run| run["why"]["code"] == codes::RUN_NOT_CURRENT.id));
    // Asked for again it is tried again.
    service.act(&kept, "roll_back").succeeded();
    assert_eq!(service.watched(&kept)["state"], "rollback_incomplete");
    assert_eq!(decided(&service, &kept, "run.reverting").len(), 8);
}
