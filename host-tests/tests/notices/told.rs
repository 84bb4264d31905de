//! What happens to campaigns arrives, signed, once.

use host_tests::patience::until;
use host_tests::service::{Fleet, Service};
use host_tests::{Call, Site};
use serde_json::json;
use skein_notify::VerifyError;

use crate::listener::Listener;
use crate::server::{HERE, add, deliveries, ended, first_is, service, webhook, with};

/// In milliseconds.
const DAY: i64 = 24 * 3_600_000;

#[test]
fn a_campaign_that_is_published_and_finalized_says_so_with_figures_and_a_signature() {
    let (service, listener) = (service(3), Listener::start());
    let (id, secret) = add(&service, &listener, "campaign.*");
    let campaign = service.campaign("no-note");
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    service.act(&campaign, "start").succeeded();
    let heard = listener.hears();
    assert_eq!(heard.line, "POST /in?token=telltale-query HTTP/1.1");
    assert_eq!(heard.header("content-type"), "application/cloudevents+json");
    assert_eq!(heard.verified(&secret), Ok(()));
    let other = format!("whsec_{}", "QUFB".repeat(10));
    assert_eq!(heard.verified(&other), Err(VerifyError::Signature));
    let event = heard.event();
    assert_eq!(
        (&event["type"], &event["subject"]),
        (&json!("dev.skein.campaign.published"), &json!(campaign))
    );
    assert_eq!(event["source"], service.address);
    let data = &event["data"];
    assert_eq!(
        (&data["published"], &data["failed"], &data["rows_read"]),
        (&json!(3), &json!(0), &json!(120))
    );
    assert!(data["bytes_written"].as_u64().unwrap() > 0 && data["took_ms"].as_u64().unwrap() > 0, "{data}");
    // The head of the chain is what the log says at that position.
    let head = event["skeinhead"].as_str().unwrap().to_owned();
    let (position, hash) = head.split_once(':').unwrap();
    let position: u64 = position.parse().unwrap();
    let at = service.get(&format!("/v1/events?after={}&limit=1", position - 1));
    assert_eq!((&at["items"][0]["position"], &at["items"][0]["hash"]), (&json!(position), &json!(hash)));

    // As it is, it is what the record is verified against.
    service.call("audit").arg("verify").arg("--against").arg(&head).finish().succeeded();

    service.acting(&campaign, "finalize").arg("--now").finish().succeeded();
    let heard = listener.hears();
    assert_eq!(heard.verified(&secret), Ok(()));
    let event = heard.event();
    assert_eq!(
        (&event["type"], &event["data"]["state"]),
        (&json!("dev.skein.campaign.completed"), &json!("succeeded"))
    );
    assert_eq!(event["data"]["published"], 3);
    let done = first_is(&service, &id, "done");
    assert_eq!(
        (&done["topic"], &done["tries"], &done["status"]),
        (&json!("campaign.published"), &json!(1), &json!(204))
    );
    assert!(listener.rest().is_empty());
}

#[test]
fn what_a_rule_holds_is_told_and_the_campaign_is_published_only_when_somebody_has_decided() {
    let (service, listener) = (service(1), Listener::start());
    add(&service, &listener, "campaign.published,run.held");
    let rules = json!([{ "name": "look", "severity": "hold", "sql": "select false" }]);
    let params = json!({ "name": "no-note", "steps": [{ "drop": "note" }] });
    let policy = json!({ "rules": rules, "dry_run": { "datasets": 0 } });
    let campaign = service.campaign_of("columns@1", &params, &policy);
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    let wait = || service.call("campaign").arg("start").arg(&campaign).arg("--wait").finish();
    assert_eq!(wait().status.code(), Some(3));
    let held = listener.hears().event();
    assert_eq!((&held["type"], &held["data"]["seq"]), (&json!("dev.skein.run.held"), &json!(0)), "{held}");
    let decide = service.call("campaign").arg("release").arg(&campaign).arg("0");
    decide.arg("--reason").arg("looked at it").finish().succeeded();
    wait().succeeded();
    let published = listener.hears().event();
    assert_eq!(
        (&published["type"], &published["data"]["published"]),
        (&json!("dev.skein.campaign.published"), &json!(1)),
        "{published}"
    );
}

#[test]
fn a_campaign_that_halts_says_which_wave_and_each_failure_its_code() {
    let poisoned = |number: i64, path: &std::path::Path| notes(path, number == 0);
    let service = Service::over_as(Fleet::SMALL, (2, poisoned), with(HERE));
    let service = service.with_module("guest-hostile").with_datasets();
    let listener = Listener::start();
    add(&service, &listener, "campaign.halted,run.failed");
    let params = json!({ "behave": "trap-on-poison", "shape": "same" });
    let campaign = service.campaign_of(
        "guest-hostile@1",
        &params,
        &json!({ "dry_run": { "datasets": 0 }, "budget": { "runs": 0 } }),
    );
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    // Both are of one decision.
    let mut heard = [listener.hears().event(), listener.hears().event()];
    heard.sort_by_key(|event| event["type"].to_string());
    let [halted, failed] = heard;
    assert_eq!(
        (&halted["type"], &failed["type"]),
        (&json!("dev.skein.campaign.halted"), &json!("dev.skein.run.failed"))
    );
    assert_eq!((&failed["data"]["code"], &failed["data"]["class"]), (&json!("SK0301"), &json!("fault")));
    assert_eq!(failed["data"]["dataset"], "orders-000");
    let data = &halted["data"];
    assert_eq!(
        (&data["reason"], &data["failed"], &data["budget"]),
        (&json!("budget_spent"), &json!(1), &json!(0))
    );
    assert!(!failed.to_string().contains("poison") && !halted.to_string().contains("poison"));
}

/// Forty notes, one of which may be bad.
fn notes(path: &std::path::Path, bad: bool) {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;
    let note = |row: i64| if bad && row == 17 { "poison".to_owned() } else { format!("note {row}") };
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..40)), false),
        ("note", Arc::new(StringArray::from_iter_values((0..40).map(note))), true),
    ];
    host_tests::fixture::write(path, &RecordBatch::try_from_iter_with_nullable(columns).unwrap(), 30);
}

#[test]
fn a_window_that_ends_is_told_once() {
    // By its clock: how busy the machine is has no part in it.
    let by_its_clock =
        |call: Call, site: &Site| with(HERE)(call.env("SKEIN_CLOCK_OFFSET", site.path("clock")), site);
    let mut service = Service::start_as(1, by_its_clock).with_module_and_datasets();
    let listener = Listener::start();
    let (id, _) = add(&service, &listener, "campaign.*");
    let params = json!({ "name": "four-days", "steps": [{ "drop": "note" }] });
    let campaign = service.campaign_of("columns@1", &params, &json!({ "window_ms": 4 * DAY }));
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    let published = listener.hears().event();
    assert_eq!(published["type"], "dev.skein.campaign.published");
    // From then on the window counts.
    assert_eq!(service.watched(&campaign)["state"], "soaking");
    service.site.clock_is_off_by(3 * DAY + DAY / 2);
    let ending = listener.hears().event();
    assert_eq!(ending["type"], "dev.skein.campaign.window_ending");
    assert_eq!(ending["data"]["published"], 1);
    assert_eq!(ending["data"]["window_ends"], published["data"]["window_ends"]);
    // Another process does not know that it was told; the ledger does, once it is noted.
    until("both are noted", || {
        deliveries(&service, &id).iter().all(|row| row["state"] == "done").then_some(())
    });
    service.kill_and_start_again_as(by_its_clock);
    service.site.clock_is_off_by(4 * DAY);
    let completed = listener.hears().event();
    assert_eq!(
        (&completed["type"], &completed["data"]["state"]),
        (&json!("dev.skein.campaign.completed"), &json!("succeeded"))
    );
    assert!(listener.rest().is_empty());
}

#[test]
fn what_a_receiver_does_not_want_to_know_and_what_was_before_it_is_not_told() {
    let (service, listener) = (service(1), Listener::start());
    ended(&service, "before");
    let (id, _) = add(&service, &listener, "campaign.completed");
    ended(&service, "first");
    assert_eq!(listener.hears().event()["data"]["name"], "first");
    webhook(&service, "set").arg("ops").arg("--off").finish().succeeded();
    ended(&service, "while-off");
    webhook(&service, "set").arg("ops").arg("--on").finish().succeeded();
    ended(&service, "second");
    assert_eq!(listener.hears().event()["data"]["name"], "second");
    webhook(&service, "set").arg("ops").arg("--events").arg("campaign.halted").finish().succeeded();
    ended(&service, "unwanted");
    webhook(&service, "test").arg("ops").finish().succeeded();
    assert_eq!(listener.hears().event()["type"], "dev.skein.webhook.test");
    assert_eq!(deliveries(&service, &id).len(), 3);
    webhook(&service, "remove").arg("ops").arg("--yes").finish().succeeded();
    assert_eq!(service.get("/v1/webhooks")["items"], json!([]));
}

#[test]
fn after_a_rotation_events_bear_both_signatures_and_what_was_told_is_told_again_as_it_was() {
    let (service, listener) = (service(1), Listener::start());
    let (id, old) = add(&service, &listener, "campaign.completed");
    ended(&service, "one");
    let first = listener.hears();
    let rotated = webhook(&service, "rotate").arg("ops").arg("--yes").finish().succeeded().json();
    let new = rotated["secret"].as_str().unwrap();
    let delivery = first_is(&service, &id, "done")["delivery"].as_str().unwrap().to_owned();
    webhook(&service, "redeliver").arg("ops").arg(&delivery).finish().succeeded();
    let again = listener.hears();
    assert_eq!((again.verified(&old), again.verified(new)), (Ok(()), Ok(())));
    assert_eq!(first.verified(new), Err(VerifyError::Signature));
    assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
    assert_eq!(again.header("webhook-id"), delivery);
    let none = webhook(&service, "rotate")
        .arg("ops")
        .arg("--yes")
        .arg("--overlap")
        .arg("0s")
        .finish()
        .succeeded()
        .json();
    ended(&service, "two");
    let last = listener.hears();
    assert_eq!(last.verified(none["secret"].as_str().unwrap()), Ok(()));
    // The one before the last had its day.
    assert_eq!((last.verified(&old), last.verified(new)), (Ok(()), Err(VerifyError::Signature)));
}
