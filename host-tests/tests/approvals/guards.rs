//! Rules of datasets: who sets them, what becomes of a plan that was approved with them, and who lets through what they keep back.

use host_tests::patience::until;
use serde_json::{Value, json};

use crate::office::{Office, Risk, refused};
use crate::rights::revokes_tokens_of;

fn rules(office: &Office, number: usize, at: &str) -> String {
    format!("/v1/datasets/{}/{at}", office.dataset(number))
}

fn rule(name: &str, what: Value) -> Value {
    let mut rule = what;
    rule["name"] = json!(name);
    json!({ "rule": rule })
}

#[test]
fn a_team_that_does_not_see_a_dataset_has_no_rule_there_and_its_author_takes_none_of_its_owners_away() {
    let office = Office::open();
    let bit = rule("bit", json!({ "severity": "hold", "sql": "select ascii(max(note)) > 64 from before" }));
    let of_bank = rules(&office, 0, "consumers/bank/rules/bit");
    // There or not: the answer is one.
    for at in [&*of_bank, "/v1/datasets/nowhere/consumers/bank/rules/bit"] {
        refused(office.says("spy", &format!("PUT {at}"), &bit), "404 SK0680");
        refused(office.says("spy", &format!("GET {at}"), &json!({})), "404 SK0680");
        refused(office.removes("spy", at), "404 SK0680");
    }
    office.says("bea", &format!("PUT {of_bank}"), &bit).unwrap();
    // Who is an author of the owner's team and no more removes neither.
    let own = rules(&office, 3, "rules/ids");
    let ids = rule("ids", json!({ "unique": ["id"] }));
    office.says("olga", &format!("PUT {own}"), &ids).unwrap();
    refused(office.removes("ada", &own), "403 SK0691");
    refused(office.says("ada", &format!("PUT {}", rules(&office, 3, "rules/more")), &ids), "403 SK0691");
    // The owner's operator shows a reader the door, and its approver does not.
    refused(office.removes("ben", &of_bank), "404 SK0680");
    office.removes("pia", &of_bank).unwrap();
    let removed = office.get("audit?kind=rule.removed&limit=10").to_string();
    assert!(removed.contains("removed by the dataset's owner"), "{removed}");
}

#[test]
fn a_plan_is_not_started_without_a_rule_that_it_was_approved_with() {
    let office = Office::open();
    let (ids, more) = (rules(&office, 0, "rules/ids"), rules(&office, 0, "rules/more"));
    office.says("pia", &format!("PUT {ids}"), &rule("ids", json!({ "unique": ["id"] }))).unwrap();
    let campaign = office.planned("moderate", Risk::Moderate, json!({}));
    campaign.approved_by_all();
    office.says("pia", &format!("PUT {more}"), &rule("more", json!({ "reconcile": true }))).unwrap();
    assert_eq!(campaign.state(), "approved");
    office.removes("pia", &ids).unwrap();
    assert_eq!(campaign.state(), "stale");
    let why = campaign.shown()["why"].to_string();
    assert!(why.contains("rules_moved") && why.contains("rule ids was removed"), "{why}");
    campaign.starts().unwrap_err();
}

#[test]
fn what_a_rule_keeps_back_is_let_through_by_a_person_who_had_no_hand_in_it() {
    let office = Office::open();
    let of_bank = rules(&office, 0, "consumers/bank/rules/fine");
    let fine = rule("fine", json!({ "severity": "hold", "sql": "select true" }));
    office.says("bea", &format!("PUT {of_bank}"), &fine).unwrap();
    let look = json!({ "name": "look", "severity": "hold", "sql": "select false" });
    let campaign = office.planned("held", Risk::Moderate, json!({ "rules": [look] }));
    campaign.approved_by_all();
    campaign.starts().unwrap();
    let held = until("a run is held", || {
        let held = office.get(&format!("campaigns/{}/runs?state=held", campaign.id));
        held["items"].as_array().unwrap().first().cloned()
    });
    let release = format!("POST /v1/campaigns/{}/runs/{}/actions/release", campaign.id, held["seq"]);
    let ignore = format!("PUT {of_bank}/ignored");
    let (why, over) =
        (json!({ "reason": "it is meant" }), json!({ "ignored": true, "reason": "it is meant" }));
    let of_pay = (0..3).any(|number| held["name"] == *office.dataset(number));
    for (who, code) in
        [("bot", "403 SK0410"), ("olga", "403 SK0413"), ("ada", "403 SK0412"), ("mia", "403 SK0413")]
    {
        refused(office.says(who, &ignore, &over), code);
        // Those two may decide of the datasets of `pay` alone.
        let elsewhere = !of_pay && ["ada", "mia"].contains(&who);
        refused(office.says(who, &release, &why), if elsewhere { "403 SK0691" } else { code });
    }
    office.says("ben", &ignore, &over).unwrap();
    office.says(if of_pay { "ben" } else { "cy" }, &release, &why).unwrap();
    until("it is published", || {
        let run = office.get(&format!("campaigns/{}/runs/{}", campaign.id, held["seq"]));
        (run["state"] == "published").then_some(())
    });
}

#[test]
fn a_rule_of_a_team_that_may_look_no_more_is_not_run_and_holds_until_the_owner_decides() {
    let office = Office::open();
    let at = rules(&office, 0, "consumers/bank/rules/bit");
    // It would break, and with that say something of the data.
    let bit = rule("bit", json!({ "severity": "warn", "sql": "select count(*) = 0 from after" }));
    office.says("bea", &format!("PUT {at}"), &bit).unwrap();
    let [of_bank, of_pay] = ["bank", "pay"].map(|team| {
        let told = json!({
            "name": team, "team": team, "kind": "http", "target": "https://192.0.2.1/", "events": ["run.held", "rule.*"],
        });
        let made = office.as_admin("POST /v1/webhooks", &told).unwrap();
        made["webhook"]["webhook"].as_str().unwrap().to_owned()
    });
    let notices = |webhook: &str| {
        let page = office.get(&format!("webhooks/{webhook}/deliveries"));
        page["items"].as_array().unwrap().len()
    };
    let campaign = office.planned("low", Risk::Low, json!({}));
    // The last of `bank` who could look at what `pay` has goes; another author stays.
    revokes_tokens_of(&office, "bea");
    let listed = || office.says("ben", &format!("GET {}", rules(&office, 0, "rules")), &json!({})).unwrap();
    assert_eq!(listed()["items"][0]["unseen"], true, "{}", listed());
    campaign.starts().unwrap();
    let held = until("its run is held", || {
        let held = office.get(&format!("campaigns/{}/runs?state=held", campaign.id));
        held["items"].as_array().unwrap().first().cloned()
    });
    let why = held["why"].to_string();
    let said = "rule bit of bank is inconclusive: its team may look at the dataset no more";
    assert!(held["name"] == *office.dataset(0) && why.contains(said), "{held}");
    // All who are told of one decision are told together.
    until("the owner is told", || notices(&of_pay) == 1);
    assert_eq!(notices(&of_bank), 0, "nobody of bank is told");
    // Its own team still reads it, and cannot set it; the owner's shows it the door.
    office.says("spy", &format!("GET {at}"), &json!({})).unwrap();
    refused(office.says("spy", &format!("PUT {at}"), &bit), "404 SK0680");
    office.removes("pia", &at).unwrap();
    let again = format!("POST /v1/campaigns/{}/runs/{}/actions/recheck", campaign.id, held["seq"]);
    office.says("ben", &again, &json!({ "reason": "bank is gone" })).unwrap();
    campaign.is("soaking");
    assert_eq!(campaign.runs(0..6), ["published"; 6]);
}

#[test]
fn a_plan_lists_the_rules_of_its_datasets_to_who_may_read_them_and_to_others_that_there_are_some() {
    let office = Office::open();
    let bit = rule("bit", json!({ "severity": "hold", "sql": "select true" }));
    office.says("bea", &format!("PUT {}", rules(&office, 0, "consumers/bank/rules/bit")), &bit).unwrap();
    let ids = rule("ids", json!({ "unique": ["id"] }));
    for number in [0, 1] {
        office.says("pia", &format!("PUT {}", rules(&office, number, "rules/ids")), &ids).unwrap();
    }
    let campaign = office.planned("low", Risk::Low, json!({}));
    let path = format!("GET /v1/campaigns/{}/plan", campaign.id);
    let seen = |who: &str| office.says(who, &path, &json!({})).unwrap()["rules"].clone();
    let of_pay = seen("ben");
    let (own, reader) = (&of_pay["items"][0], &of_pay["items"][1]);
    let first = json!({
        "name": "ids", "owner": "pay", "consumer": null, "severity": "error", "kind": "unique", "datasets": 2,
        "example": office.dataset(0),
    });
    assert_eq!((own, &of_pay["hidden"]), (&first, &json!(0)), "{of_pay}");
    assert_eq!(
        (&reader["name"], &reader["consumer"], &reader["kind"]),
        (&json!("bit"), &json!("bank"), &json!("sql"))
    );
    assert!(!of_pay.to_string().contains("select"), "{of_pay}");
    // Who sees the plan by the part of another team learns that there are two.
    assert_eq!(seen("cy"), json!({ "items": [], "more": 0, "hidden": 2 }));
    let review = || office.told(&["campaign", "review", &campaign.id]);
    let line = format!(
        "rule bit of bank, which reads them: sql, hold if broken; 1 dataset of pay such as {}\n",
        office.dataset(0)
    );
    assert!(review().contains(&line), "{}", review());
    // Of a rule that nobody of its team may look with any more the plan says so before anything runs.
    revokes_tokens_of(&office, "bea");
    assert_eq!(seen("ben")["items"][1]["unseen"], true);
    assert!(review().contains("; NOT RUN, and holds: its team may look at them no more\n"), "{}", review());
}
