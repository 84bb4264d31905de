//! What a campaign's policy does without is asked about, however harmless the module is.

use serde_json::{Value, json};

use crate::office::{Campaign, Office, Risk, refused};

fn risks(campaign: &Campaign<'_>) -> [Value; 2] {
    ["pay", "shop"].map(|team| campaign.slice(team)["risk"].clone())
}

fn because(campaign: &Campaign<'_>) -> Vec<String> {
    let plan = campaign.office.get(&format!("campaigns/{}/plan", campaign.id));
    let because = plan["because"].as_array().unwrap_or_else(|| panic!("{plan}"));
    because.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_is_given_up_for_good_a_moment_later_without_anybodys_yes() {
    let office = Office::open();
    let before = office.service.trees();
    let policy = json!({
        "verify": "counts", "round_trip": false, "budget": { "percent": 100 }, "allow_empty": true, "window_ms": 1,
        "soak": { "checks_ms": [] }, "canary": { "datasets": 1 }, "again": true, "gate": "1%",
    });
    let careless = office.planned("careless", Risk::Low, policy);
    assert_eq!(
        (careless.state(), risks(&careless)),
        ("awaiting_approval".to_owned(), ["high", "high"].map(Value::from))
    );
    let said = because(&careless).join("\n");
    for what in [
        "can be undone for 1ms only",
        "verified by no more than counts",
        "the way back is not rehearsed",
        "nobody looks again",
        "a wave begins when 1% of the one before is through",
        "a result without a row",
        "it runs again",
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
    refused(careless.starts(), "409 SK0415");
    // One person is not enough, and none of them is whoever made it.
    refused(careless.approves("ada", "pay"), "403 SK0412");
    careless.approves("ben", "pay").unwrap();
    refused(careless.starts(), "409 SK0415");
    assert_eq!(office.service.trees(), before);
}

#[test]
fn a_short_way_back_asks_one_person_and_the_standard_nobody() {
    let office = Office::open();
    let standard = office.planned("standard", Risk::Low, json!({ "window_ms": 24 * 3_600_000 }));
    assert_eq!((standard.state(), because(&standard)), ("planned".to_owned(), vec![]));
    let short = office.planned("short", Risk::Low, json!({ "window_ms": 7_200_000 }));
    assert_eq!(because(&short), ["what is published can be undone for 2h only"]);
    assert_eq!(
        (short.state(), risks(&short)),
        ("awaiting_approval".to_owned(), ["moderate", "moderate"].map(Value::from))
    );
    short.approved_by_all();
    short.starts().unwrap();
    short.is("soaking");
}
