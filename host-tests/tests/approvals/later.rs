//! Later and no.

use std::time::Duration;

use host_tests::patience::until;
use host_tests::service::from_now;
use serde_json::json;

use crate::office::{Office, Risk, refused};

#[test]
fn what_is_declined_is_left_out_with_the_reason_and_all_declined_is_the_end() {
    let office = Office::open();
    let before = office.service.trees();
    let high = office.planned("high", Risk::High, json!({}));
    refused(high.asks("cy", "decline", json!({ "slice": "shop" })), "400 SK0422");
    refused(high.asks("ben", "decline", json!({ "slice": "shop", "reason": "no" })), "403 SK0691");
    let no = json!({ "slice": "shop", "reason": "we need the old notes" });
    high.asks("cy", "decline", no.clone()).unwrap();
    refused(high.asks("cy", "decline", no), "409 SK0419");
    refused(high.approves("cy", "shop"), "409 SK0419");
    let table = office.told(&["campaign", "approvals", &high.id]);
    assert!(table.contains("declined by cy: we need the old notes"), "{table}");
    assert_eq!(high.runs(3..6), ["skipped"; 3]);
    assert_eq!(high.runs(0..3), ["planned"; 3]);
    high.approves("ben", "pay").unwrap();
    assert_eq!(high.approves("cy", "pay").unwrap(), "approved");
    high.starts().unwrap();
    high.is("soaking");
    assert_eq!(high.runs(0..3), ["published"; 3]);
    let events = high.decided("run.skipped");
    assert!(events[0].to_string().contains("declined by cy: we need the old notes"), "{events:?}");
    assert_eq!(office.service.trees()[3..], before[3..]);

    let other = office.planned("other", Risk::High, json!({}));
    for (who, slice) in [("dan", "pay"), ("cy", "shop")] {
        other.asks(who, "decline", json!({ "slice": slice, "reason": "not this way" })).unwrap();
    }
    other.is("cancelled");
    assert_eq!(other.runs(0..6), ["skipped"; 6]);
    assert!(other.shown()["why"].as_str().unwrap().starts_with("all_declined"));
}

#[test]
fn what_is_put_off_keeps_nobody_waiting_and_is_done_when_its_time_has_come() {
    let mut office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    refused(high.asks("cy", "defer", json!({ "slice": "shop" })), "400 SK0664");
    let past = json!({ "slice": "shop", "until": "2020-01-01T00:00:00.000Z" });
    refused(high.asks("cy", "defer", past), "400 SK0664");
    let day = from_now(Duration::from_secs(86_400));
    high.asks("cy", "defer", json!({ "slice": "shop", "until": day, "reason": "month's end" })).unwrap();
    high.approves("ben", "pay").unwrap();
    assert_eq!(high.approves("cy", "pay").unwrap(), "approved");
    high.starts().unwrap();
    until("those of pay", || high.runs(0..3) == ["published"; 3]);
    assert_eq!((high.state(), high.runs(3..6)), ("running".to_owned(), vec!["planned".to_owned(); 3]));

    let id = high.id;
    office.dies_and_comes_back();
    let high = office.campaign(&id);
    // Its time has come, and it still has not what it needs.
    let soon = from_now(Duration::from_secs(2));
    high.asks("cy", "defer", json!({ "slice": "shop", "until": soon })).unwrap();
    until("its time", || high.slice("shop")["until"].is_null());
    let why = |number: usize| {
        let run = office.get(&format!("campaigns/{}/runs/{}", high.id, office.dataset(number)));
        run["waiting"].to_string()
    };
    until("it waits for people", || why(4).contains("shop has not approved"));
    assert_eq!(high.runs(3..6), ["planned"; 3]);
    high.approves("cy", "shop").unwrap();
    high.approves("dan", "shop").unwrap();
    high.is("soaking");
    assert_eq!(high.runs(0..6), ["published"; 6]);
}

#[test]
fn where_all_of_the_canary_is_put_off_the_first_wave_that_is_tried_is_as_careful() {
    let office = Office::open();
    let low = office.planned("low", Risk::Low, json!({ "canary": { "datasets": 1 }, "waves": [] }));
    let runs = office.get(&format!("campaigns/{}/runs", low.id))["items"].as_array().unwrap().clone();
    let canary = runs.iter().find(|run| run["wave"] == 0).unwrap();
    let of_pay = (0..3).any(|number| canary["name"] == *office.dataset(number));
    let (who, team, others) = if of_pay { ("ben", "pay", 3..6) } else { ("cy", "shop", 0..3) };
    let day = from_now(Duration::from_secs(86_400));
    low.asks(who, "defer", json!({ "slice": team, "until": day })).unwrap();
    low.starts().unwrap();
    until("the others", || low.runs(others.clone()) == ["published"; 3]);
    // None of it may fail, and as many of it as the canary has made the round trip.
    let wave = low.shown()["waves"][1].clone();
    assert_eq!(wave["budget"], 0, "{wave}");
    let rehearsed = office.get(&format!("audit?campaign={}&kind=run.rehearsed", low.id));
    assert_eq!(rehearsed["items"].as_array().unwrap().len(), 1, "{rehearsed}");
    low.asks(who, "resume", json!({ "slice": team })).unwrap();
    low.is("soaking");
}
