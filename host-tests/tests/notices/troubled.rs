//! Receivers that do not take what they are told.

use std::time::Duration;

use host_tests::service::Service;
use serde_json::json;
use skein_types::codes;

use crate::listener::{Does, Listener};
use crate::server::{HERE, add, deliveries, ended, first_is, service, webhook, with};

#[test]
fn one_that_fails_and_then_does_not_gets_it_once_more() {
    let listener = Listener::that(|number| Does::says(if number == 0 { "500 Oops" } else { "200 OK" }));
    let service = service(1);
    let (id, secret) = add(&service, &listener, "*");
    ended(&service, "one");
    let first = listener.hears();
    let second = listener.hears();
    assert_eq!((second.header("webhook-id"), &second.body), (first.header("webhook-id"), &first.body));
    assert_eq!(second.verified(&secret), Ok(()));
    let done = first_is(&service, &id, "done");
    assert_eq!((&done["topic"], &done["tries"]), (&json!("campaign.completed"), &json!(2)));
    assert_eq!((&done["status"], &done["error"]), (&json!(200), &json!(null)));
    assert!(listener.is_left_alone(Duration::from_millis(300)));
    let (_, page) = Service::page(&service.address, "/metrics");
    for line in [
        r#"skein_notice_tries_total{receiver="http",outcome="taken"} 1"#,
        r#"skein_notice_tries_total{receiver="http",outcome="failed"} 1"#,
        r#"skein_notice_tries_total{receiver="mail",outcome="given_up"} 0"#,
        r#"skein_notices_dropped_total{receiver="http"} 0"#,
        r#"skein_notices_waiting{receiver="http"} 0"#,
    ] {
        assert!(page.lines().any(|had| had == line), "{line} is not in {page}");
    }
}

#[test]
fn one_that_hangs_holds_up_nobody() {
    let (hanging, well) = (Listener::that(|_| Does::Hangs), Listener::start());
    let service = service(1);
    let (id, _) = add(&service, &hanging, "*");
    ended(&service, "one");
    hanging.hears();
    add(&service, &well, "*");
    for name in ["two", "three"] {
        ended(&service, name);
        assert_eq!(well.hears().event()["data"]["name"], name);
    }
    // All that time the first one had its only try.
    let rows = deliveries(&service, &id);
    let tries: Vec<_> = rows.iter().map(|row| (row["state"].clone(), row["tries"].clone())).collect();
    assert_eq!(tries, vec![(json!("waiting"), json!(0)); 3]);
    assert!(hanging.rest().is_empty());
}

#[test]
fn one_that_leads_in_a_circle_is_not_followed() {
    let listener = Listener::that(|_| Does::Says("302 Found", "Location: /in\r\n".to_owned()));
    let service = service(1);
    let (id, _) = add(&service, &listener, "*");
    ended(&service, "one");
    let row = first_is(&service, &id, "given_up");
    assert_eq!((&row["tries"], &row["status"]), (&json!(1), &json!(302)));
    assert!(row["error"].as_str().unwrap().starts_with(codes::RECEIVER_REFUSED.id), "{row}");
    assert_eq!(listener.rest().len(), 1);
}

#[test]
fn one_that_is_gone_for_good_is_told_nothing_more_until_somebody_says_so() {
    let listener = Listener::that(|number| Does::says(if number == 0 { "410 Gone" } else { "200 OK" }));
    let service = service(1);
    let (id, _) = add(&service, &listener, "*");
    ended(&service, "one");
    let row = first_is(&service, &id, "given_up");
    let shown = host_tests::patience::until("it is off", || {
        Some(service.get(&format!("/v1/webhooks/{id}"))).filter(|shown| shown["active"] == false)
    });
    assert!(shown["why"].as_str().unwrap().contains("gone for good"), "{shown}");
    ended(&service, "two");
    let again = webhook(&service, "redeliver").arg("ops").arg(row["delivery"].as_str().unwrap());
    again.finish().refused_json(codes::WEBHOOK_OFF);
    // A test finds out whether it takes notices again.
    let tested = webhook(&service, "test").arg("ops").finish().succeeded().json();
    assert_eq!(tested["state"], "done");
    webhook(&service, "set").arg("ops").arg("--on").finish().succeeded();
    ended(&service, "three");
    listener.hears_of("webhook.test");
    assert_eq!(listener.hears().event()["data"]["name"], "three");
}

#[test]
fn nothing_is_sent_where_the_settings_do_not_allow_it() {
    let listener = Listener::start();
    let mut service = Service::start(0);
    add(&service, &listener, "*");
    let refused = webhook(&service, "test").arg("ops").finish();
    assert_eq!(refused.status.code(), Some(7), "{refused:#?}");
    assert!(refused.stderr.contains(codes::RECEIVER_FORBIDDEN.id), "{refused:#?}");
    assert!(listener.rest().is_empty());
    // Nor to the server itself, wherever that is, and what the operator allows.
    service.kill_and_start_again_as(with(HERE));
    webhook(&service, "test").arg("ops").finish().succeeded();
    let own = format!("{}/v1/status", service.address);
    webhook(&service, "add").arg("own").arg("--url").arg(own).finish().succeeded();
    let refused = webhook(&service, "test").arg("own").finish();
    assert!(refused.stderr.contains("this server itself"), "{refused:#?}");
}

#[test]
fn receivers_that_cannot_be_are_refused_with_what_is_wrong() {
    let service = Service::start(0);
    let post = |body: serde_json::Value| {
        let (status, answer) = service.post("/v1/webhooks", "", &body);
        (status, answer["code"].as_str().unwrap().to_owned())
    };
    let http = |target: &str| json!({ "name": "n", "kind": "http", "target": target });
    assert_eq!(post(http("file:///etc/passwd")), (400, "SK0712".to_owned()));
    assert_eq!(post(http("https://me:telltale@a/")), (400, "SK0712".to_owned()));
    let secret = |kind: &str, secret: &str| json!({ "name": "n", "kind": kind, "target": "https://a/", "secret": secret });
    assert_eq!(post(secret("http", "telltale")), (400, "SK0712".to_owned()));
    assert_eq!(post(secret("slack", &format!("whsec_{}", "QUFB".repeat(10)))), (400, "SK0664".to_owned()));
    let events = json!({ "name": "n", "kind": "http", "target": "https://a/", "events": ["campaign.halt"] });
    assert_eq!(post(events), (400, "SK0712".to_owned()));
    assert_eq!(post(json!({ "name": "n", "kind": "mail", "target": "a@b.c" })), (409, "SK0772".to_owned()));
    let unknown = json!({ "name": "n", "kind": "http", "target": "https://a/", "colour": "red" });
    assert_eq!(post(unknown), (400, "SK0664".to_owned()));
    assert_eq!(service.get("/v1/webhooks")["items"], json!([]));
    for number in 0..200 {
        let (status, _) = service.post("/v1/webhooks", "", &http(&format!("https://a/{number}")));
        assert_eq!(status, 200);
    }
    assert_eq!(post(http("https://a/")), (409, "SK0770".to_owned()));
}
