//! What makes an approval void, and races.

use std::thread;

use host_tests::fixture;
use host_tests::patience::until;
use serde_json::{Value, json};

use crate::office::{Line, Office, Risk, refused};

#[test]
fn an_approval_is_of_one_plan_and_goes_with_it() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    high.approved_by_all();
    // Other parameters, or another policy, are another campaign, whose digest is another.
    let other = office.planned("more", Risk::High, json!({ "gate": "80%" }));
    let digest = |of: &Value| of["plan"]["digest"].clone();
    let theirs = json!({ "slice": "pay", "plan": digest(&high.shown()) });
    refused(other.asks("ben", "approve", theirs), "409 SK0411");

    // Its module may not be used any more.
    let ban = json!({ "reason": "found out" });
    let module = "POST /v1/modules/columns/versions/1/actions";
    office.as_admin(&format!("{module}/ban"), &ban).unwrap();
    refused(high.starts(), "409 SK0639");
    office.as_admin(&format!("{module}/restore"), &ban).unwrap();
    assert_eq!(high.state(), "stale");
    refused(high.approves("ben", "pay"), "409 SK0631");
    high.asks("olga", "plan", json!({})).unwrap();
    high.is("awaiting_approval");
    for slice in ["pay", "shop"] {
        assert_eq!(high.slice(slice)["approvals"], json!([]), "{slice}");
    }
    refused(high.starts(), "409 SK0415");
}

#[test]
fn a_dataset_that_came_into_the_selection_makes_approvals_void() {
    let office = Office::open();
    let body = json!({
        "name": "all", "module": "columns@1", "owner": "pay",
        "params": { "name": "all", "steps": [{ "default": "note", "value": "x" }] },
        "policy": { "dry_run": { "datasets": 0 } },
    });
    let made = office.says("ada", "POST /v1/campaigns", &body).unwrap();
    let all = office.campaign(made["campaign"].as_str().unwrap());
    all.plan();
    all.approved_by_all();
    let place = office.service.site.path("data").join("late");
    fixture::write(&place, &fixture::orders(900, 940), 30);
    let late = json!({ "datasets": [{ "name": "late", "location": place, "owner": "shop" }] });
    office.as_admin("POST /v1/datasets", &late).unwrap();
    refused(all.starts(), "409 SK0639");
    assert_eq!(all.state(), "stale");
}

#[test]
fn an_approval_that_is_too_old_counts_no_more() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({ "approvals": { "expires_ms": 3_000 } }));
    high.approved_by_all();
    high.is("awaiting_approval");
    refused(high.starts(), "409 SK0417");
    let revoked = || high.decided("approval.revoked");
    until("all of them are too old", || revoked().len() == 4);
    let revoked = revoked();
    assert!(revoked[0].to_string().contains("expired"), "{revoked:?}");
    // What was started in time goes on.
    high.approved_by_all();
    high.starts().unwrap();
    high.is("soaking");
    assert_eq!(high.runs(0..6), ["published"; 6]);
}

#[test]
fn an_approval_that_is_too_old_was_given_though_others_were_missing_beside_it() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({ "approvals": { "expires_ms": 2_000 } }));
    high.approves("ben", "pay").unwrap();
    until("it is too old", || high.decided("approval.revoked").len() == 1);
    refused(high.starts(), "409 SK0417");
    // Of another plan nothing was approved.
    high.asks("olga", "plan", json!({})).unwrap();
    high.is("awaiting_approval");
    refused(high.starts(), "409 SK0415");
}

#[test]
fn those_who_approve_at_once_are_one_after_the_other() {
    let office = Office::open();
    for round in 0..4 {
        let high = office.planned(&format!("round-{round}"), Risk::High, json!({}));
        let plan = high.shown()["plan"]["digest"].clone();
        let what = format!("POST /v1/campaigns/{}/actions/approve", high.id);
        let asks = |line: Line, slice: &str| {
            line.says(&what, &json!({ "expect": "awaiting_approval", "plan": plan, "slice": slice }))
        };
        let asks = &asks;
        let answers: Vec<_> = thread::scope(|scope| {
            let all = [
                ("ben", "pay"),
                ("ben's other token", "pay"),
                ("cy", "pay"),
                ("cy", "shop"),
                ("dan", "shop"),
            ];
            let asked = all.map(|(who, slice)| {
                let line = office.line(who);
                scope.spawn(move || asks(line, slice))
            });
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        // One of the two tokens of one person is too late, or comes when nothing is missing.
        let refused: Vec<&String> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused.len(), 1, "{answers:?}");
        assert_eq!(refused[0], "409 SK0414");
        assert_eq!(high.state(), "approved");
        assert_eq!(high.decided("approval.given").len(), 4);
        high.asks("olga", "cancel", json!({})).unwrap();
    }
}

#[test]
fn whoever_approves_while_it_is_planned_again_approves_one_plan_or_none() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    for _ in 0..6 {
        let plan = high.shown()["plan"]["digest"].clone();
        let body = json!({ "expect": "awaiting_approval", "plan": plan, "slice": "pay" });
        let answers = thread::scope(|scope| {
            let (line, what) =
                (office.line("ben"), format!("POST /v1/campaigns/{}/actions/approve", high.id));
            let asked = scope.spawn(move || line.says(&what, &body));
            high.asks("olga", "plan", json!({})).unwrap();
            asked.join().unwrap()
        });
        // Before, it went with the old plan; after, there was none, or another.
        let late = ["409 SK0631", "409 SK0411"];
        assert!(answers.as_ref().err().is_none_or(|code| late.contains(&&**code)), "{answers:?}");
        high.is("awaiting_approval");
        let given = high.slice("pay")["approvals"].as_array().unwrap().len();
        let again = high.approvals()["plan"] == plan;
        // The same datasets give the same digest: then it may have come in behind.
        assert!(given == 0 || (again && answers.is_ok()), "{given}");
        if given > 0 {
            high.asks("ben", "revoke", json!({ "slice": "pay" })).unwrap();
        }
    }
}
