//! An owner may always stop and undo the runs of own datasets, whoever's the campaign is.

use host_tests::patience::until;
use serde_json::json;

use crate::office::{Campaign, Office, Risk, refused};

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

/// Without the round trip the risk is moderate.
fn approved(low: &Campaign<'_>) {
    low.approves("ben", "pay").unwrap();
    low.approves("cy", "shop").unwrap();
}

/// Rolls the part of `shop` back as `cy` and waits for the end.
fn rolled_back(office: &Office, campaign: &str) -> host_tests::outcome::Outcome {
    let call = office.commands("cy").arg("rollback").arg(campaign).arg("--slice").arg("shop");
    call.arg("--reason").arg("the totals are off").arg("--yes").arg("--wait").finish()
}

#[test]
fn a_part_that_is_rolled_back_gives_up_what_is_held_of_it_and_whoever_waits_sees_the_end() {
    let office = Office::open();
    let before = office.service.trees();
    let low = office.planned("low", Risk::Low, json!({ "round_trip": false }));
    // Not in the canary, which a held run keeps back.
    let all = office.get(&format!("campaigns/{}/runs", low.id))["items"].as_array().unwrap().clone();
    let later = |number: &usize| {
        all.iter().any(|run| run["name"] == *office.dataset(*number) && run["wave"].as_u64() > Some(0))
    };
    let number = (3..6).find(later).unwrap();
    let held = json!({ "rule": { "name": "never", "severity": "hold", "row_count": { "max": 0 } } });
    let rule = format!("PUT /v1/datasets/{}/rules/never", office.dataset(number));
    office.as_admin(&rule, &held).unwrap();
    approved(&low);
    low.starts().unwrap();
    let are = |is: &str| low.runs(3..6).iter().filter(|run| *run == is).count();
    until("one is held", || are("held") == 1 && are("published") == 2);
    until("those of pay", || low.runs(0..3) == ["published"; 3]);
    let done = rolled_back(&office, &low.id);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!((are("cancelled"), are("reverted")), (1, 2));
    assert_eq!(office.service.trees()[3..], before[3..]);
    // Nothing of the others was touched, and nothing keeps them waiting.
    low.is("soaking");
    assert_eq!(low.runs(0..3), ["published"; 3]);
}

#[test]
fn what_of_a_part_that_is_rolled_back_has_not_begun_begins_when_somebody_says_so() {
    let office = Office::open();
    let policy = json!({
        "approvals": { "promote": "approval" }, "canary": { "datasets": 4 }, "waves": [], "round_trip": false,
    });
    let low = office.planned("low", Risk::Low, policy);
    approved(&low);
    low.starts().unwrap();
    until("the canary is through", || low.approvals()["wave_waits"] == 0);
    // However four of six are dealt, one team has some in both waves.
    let of_both =
        |runs: &[String]| ["published", "planned"].iter().all(|is| runs.iter().any(|run| run == is));
    let teams = [("pay", "ben", 0..3), ("shop", "cy", 3..6)];
    let (team, who, own) = teams.into_iter().find(|(.., own)| of_both(&low.runs(own.clone()))).unwrap();
    let planned = low.runs(own.clone()).iter().filter(|run| *run == "planned").count();
    let call = office.commands(who).arg("rollback").arg(&low.id).arg("--slice").arg(team);
    let done = call.arg("--reason").arg("wrong").arg("--yes").arg("--wait").finish().succeeded();
    let said = format!("{planned} dataset");
    assert!(done.stderr.contains(&said) && done.stderr.contains("campaign resume"), "{done:?}");
    let other = if team == "pay" { "cy" } else { "ben" };
    low.asks(other, "approve", json!({ "wave": 0, "reason": "looks well" })).unwrap();
    let rest = if team == "pay" { 3..6 } else { 0..3 };
    until("those of the others", || low.runs(rest.clone()) == ["published"; 3]);
    let count = |is: &str| low.runs(own.clone()).iter().filter(|run| *run == is).count();
    assert_eq!((count("reverted"), count("planned")), (3 - planned, planned));
    low.asks(who, "resume", json!({ "slice": team })).unwrap();
    until("they go on", || count("published") == planned);
}

#[test]
fn a_part_that_could_not_be_rolled_back_is_no_success_and_says_which_why_and_what_next() {
    let office = Office::open();
    let low = office.planned("low", Risk::Low, json!({ "round_trip": false }));
    approved(&low);
    low.starts().unwrap();
    low.is("soaking");
    let late = office.service.datasets[4].join("late.parquet");
    host_tests::fixture::write(&late, &host_tests::fixture::orders(900, 910), 10);
    let failed = rolled_back(&office, &low.id);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    for word in ["SK0744", &office.dataset(4), "SK0521", "--slice shop"] {
        assert!(failed.stderr.contains(word), "{word}: {failed:?}");
    }
    assert_eq!(low.runs(3..6), ["reverted", "revert_failed", "reverted"]);
    std::fs::remove_file(late).unwrap();
    rolled_back(&office, &low.id).succeeded();
    assert_eq!(low.runs(3..6), ["reverted"; 3]);
}

#[test]
fn a_wait_ends_where_all_that_is_left_is_held_or_put_off_and_says_which() {
    let office = Office::open();
    let policy = json!({
        "round_trip": false, "canary": { "datasets": 1 }, "waves": [], "budget": { "runs": 9 },
    });
    let low = office.planned("low", Risk::Low, policy);
    approved(&low);
    let runs = office.get(&format!("campaigns/{}/runs", low.id))["items"].as_array().unwrap().clone();
    let of_pay = |run: &&serde_json::Value| (0..3).any(|number| run["name"] == *office.dataset(number));
    let held = runs.iter().filter(of_pay).find(|run| run["wave"] == 1).unwrap()["name"].as_str().unwrap();
    let rule = json!({ "rule": { "name": "never", "severity": "hold", "row_count": { "max": 0 } } });
    office.as_admin(&format!("PUT /v1/datasets/{held}/rules/never"), &rule).unwrap();
    let day = host_tests::service::from_now(std::time::Duration::from_secs(86_400));
    low.asks("cy", "defer", json!({ "slice": "shop", "until": day, "reason": "month's end" })).unwrap();
    low.starts().unwrap();
    let wait = || {
        let call = office.commands("olga").arg("wait").arg(&low.id).arg("--timeout").arg("120s");
        call.finish()
    };
    // The held one waits for a person, whatever is put off beside it.
    let waits = wait();
    assert_eq!(waits.status.code(), Some(3), "{waits:?}");
    for said in
        ["is 1 run that rules hold, beside 3 put off or not approved", held, "release|recheck|discard"]
    {
        assert!(waits.stderr.contains(said), "{said}: {waits:?}");
    }
    assert_eq!(low.runs(3..6), ["planned"; 3]);
    // Then what is put off is all that there is.
    let seq = office.get(&format!("campaigns/{}/runs?state=held", low.id))["items"][0]["seq"].to_string();
    let call =
        office.commands("ben").arg("discard").arg(&low.id).arg(&seq).arg("--reason").arg("it is right");
    call.finish().succeeded();
    let waits = wait();
    assert_eq!(waits.status.code(), Some(3), "{waits:?}");
    for said in [
        "is 3 runs that are put off or not approved",
        "shop put its datasets off until",
        "campaign approvals",
    ] {
        assert!(waits.stderr.contains(said), "{said}: {waits:?}");
    }
    let shown = office.told(&["campaign", "show", &low.id]);
    assert!(shown.contains("all that is left is 3 runs put off or not approved"), "{shown}");
    // What is declined is left out, and then it is rolled out.
    low.asks("cy", "decline", json!({ "slice": "shop", "reason": "not this way" })).unwrap();
    wait().succeeded();
    assert_eq!((low.state(), low.runs(3..6)), ("soaking".to_owned(), vec!["skipped".to_owned(); 3]));
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
