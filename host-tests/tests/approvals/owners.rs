//! An owner may always stop and undo the runs of own datasets, whoever's the campaign is.

use host_tests::patience::until;
use serde_json::json;

use crate::office::{Office, Risk, refused};

#[test]
fn owners_pause_and_roll_back_their_own_and_nobody_elses() {
    let office = Office::open();
    let before = office.service.trees();
    let low = office.planned("low", Risk::Low, json!({}));
    // The campaign is one of pay: cy sees it, because datasets of shop are in its plan.
    assert!(office.says("cy", &format!("GET /v1/campaigns/{}", low.id), &json!({})).is_ok());
    refused(low.asks("cy", "pause", json!({})), "404 SK0680");
    refused(low.asks("cy", "pause", json!({ "slice": "pay" })), "403 SK0691");
    low.asks("cy", "pause", json!({ "slice": "shop", "reason": "not today" })).unwrap();
    low.starts().unwrap();
    until("those of pay", || low.runs(0..3) == ["published"; 3]);
    assert_eq!(low.runs(3..6), ["planned"; 3]);
    assert_eq!(office.service.trees()[3..], before[3..]);
    refused(low.asks("cy", "roll_back", json!({ "slice": "pay" })), "403 SK0691");
    refused(low.asks("cy", "roll_back", json!({ "slice": "shop" })), "409 SK0637");

    low.asks("cy", "resume", json!({ "slice": "shop" })).unwrap();
    low.is("soaking");
    assert_eq!(low.runs(3..6), ["published"; 3]);
    low.asks("cy", "roll_back", json!({ "slice": "shop", "reason": "it is wrong" })).unwrap();
    until("undone", || low.runs(3..6) == ["reverted"; 3]);
    assert_eq!(low.runs(0..3), ["published"; 3]);
    assert_eq!(office.service.trees()[3..], before[3..]);
}

#[test]
fn what_waits_is_listed_for_whoever_could_give_it() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    let waits = |who: &str| {
        let page = office.says(who, "GET /v1/approvals?waiting_for=me", &json!({})).unwrap();
        let mut teams: Vec<String> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["team"].as_str().unwrap().to_owned())
            .collect();
        teams.sort();
        teams
    };
    assert_eq!(waits("cy"), ["pay", "shop"]);
    assert_eq!((waits("ada"), waits("bot"), waits("vic")), (vec![], vec![], vec![]));
    high.approves("cy", "shop").unwrap();
    assert_eq!(waits("cy"), ["pay"]);
    let all = office.says("vic", "GET /v1/approvals", &json!({})).unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "{all}");
    refused(office.says("vic", "GET /v1/approvals?waiting_for=you", &json!({})), "400 SK0664");
    high.approves("ben", "pay").unwrap();
    high.approves("dan", "shop").unwrap();
    assert_eq!(waits("cy"), ["pay"]);
    high.approves("cy", "pay").unwrap();
    assert!(waits("cy").is_empty());
}

#[test]
fn each_team_that_is_asked_is_told_of_its_own_part() {
    let office = Office::open();
    let receiver = |team: &str| {
        let body = json!({
            "name": team, "team": team, "kind": "http", "target": "https://192.0.2.1/", "events": ["approval.asked"],
        });
        let made = office.as_admin("POST /v1/webhooks", &body).unwrap();
        made["webhook"]["webhook"].as_str().unwrap().to_owned()
    };
    let (pay, shop) = (receiver("pay"), receiver("shop"));
    let told = |webhook: &str| {
        let page = office.get(&format!("webhooks/{webhook}/deliveries"));
        let items = page["items"].as_array().unwrap().clone();
        let whole = |item: &serde_json::Value| {
            let id = item["delivery"].as_str().unwrap();
            office.get(&format!("webhooks/{webhook}/deliveries/{id}")).to_string()
        };
        items.iter().map(whole).collect::<Vec<_>>()
    };
    let high = office.planned("high", Risk::High, json!({}));
    for (webhook, team) in [(&pay, "pay"), (&shop, "shop")] {
        until("its notice", || told(webhook).len() == 1);
        assert!(told(webhook)[0].contains("approval.asked"), "{team}: {:?}", told(webhook));
    }
    // One is taken back: of the parts, only that lacks something by then.
    high.approved_by_all();
    high.asks("cy", "revoke", json!({ "slice": "shop" })).unwrap();
    until("another notice", || told(&shop).len() == 2);
    assert_eq!(told(&pay).len(), 1);
}
