//! A wave that is through its gate waits for a person, where the policy says so.

use serde_json::json;

use host_tests::patience::until;

use crate::office::{Office, Risk, refused};

#[test]
fn a_person_lets_each_further_wave_begin() {
    let mut office = Office::open();
    let policy = json!({ "approvals": { "promote": "approval" }, "canary": { "datasets": 1 }, "waves": [] });
    let low = office.planned("low", Risk::Low, policy);
    refused(low.asks("cy", "approve", json!({ "wave": 0 })), "409 SK0423");
    low.starts().unwrap();
    let waits = |of: &crate::office::Campaign<'_>| of.approvals()["wave_waits"].clone();
    until("the canary is through", || waits(&low) == 0);
    assert_eq!((low.state(), low.shown()["runs"]["published"].clone()), ("running".to_owned(), json!(1)));
    // It is said to whoever waits: somebody has to do something.
    let waited =
        office.service.call("campaign").arg("wait").arg(&low.id).env("SKEIN_TOKEN", &office.admin).finish();
    assert_eq!(waited.status.code(), Some(3), "{waited:?}");
    let mine = office.says("cy", "GET /v1/approvals?waiting_for=me", &json!({})).unwrap();
    assert_eq!(mine["items"][0]["wave"], 0, "{mine}");

    let id = low.id;
    office.dies_and_comes_back();
    let low = office.campaign(&id);
    refused(low.asks("ada", "approve", json!({ "wave": 0 })), "403 SK0412");
    refused(low.asks("bot", "approve", json!({ "wave": 0 })), "403 SK0410");
    refused(low.asks("vic", "approve", json!({ "wave": 0 })), "403 SK0691");
    refused(low.asks("cy", "approve", json!({ "wave": 9 })), "404 SK0638");
    refused(low.asks("cy", "approve", json!({ "wave": 0, "plan": null })), "409 SK0411");
    assert_eq!(low.shown()["runs"]["published"], 1);
    low.asks("cy", "approve", json!({ "wave": 0, "reason": "looks well" })).unwrap();
    refused(low.asks("ben", "approve", json!({ "wave": 0 })), "409 SK0423");
    // Behind the last one nothing waits.
    low.is("soaking");
    assert_eq!(low.runs(0..6), ["published"; 6]);
    let through = low.approvals()["waves"].clone();
    assert_eq!((&through[0]["wave"], &through[0]["person"]), (&json!(0), &json!("cy")));
}

#[test]
fn a_team_that_declined_lets_nothing_of_the_others_through() {
    let office = Office::open();
    let policy = json!({ "approvals": { "promote": "approval" }, "canary": { "datasets": 1 }, "waves": [] });
    let low = office.planned("low", Risk::Low, policy);
    low.asks("cy", "decline", json!({ "slice": "shop", "reason": "not this year" })).unwrap();
    low.starts().unwrap();
    until("the canary is through", || low.approvals()["wave_waits"] == 0);
    refused(low.asks("cy", "approve", json!({ "wave": 0 })), "403 SK0691");
    let mine = |who: &str| {
        let page = office.says(who, "GET /v1/approvals?waiting_for=me", &json!({})).unwrap();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((mine("cy"), mine("ben")), (0, 1));
    low.asks("ben", "approve", json!({ "wave": 0 })).unwrap();
    low.is("soaking");
    let runs = low.runs(0..6);
    assert_eq!(
        (&runs[..3], &runs[3..]),
        (&["published"; 3].map(String::from)[..], &["skipped"; 3].map(String::from)[..])
    );
}
