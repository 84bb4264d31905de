//! What stands in rows of one team is told to nobody else who sees the campaign, and is not in the ledger, whatever the module says of it.

use std::process::Command;

use host_tests::patience::until;
use host_tests::{fixture, guests, python};
use serde_json::{Value, json};
use skein_types::codes;

use super::office::{Office, bearer};

/// Stands in each row of the dataset of `shop`.
const CANARY: &str = "canary-9b77-of-a-row";
/// What it begins with, as a part of it may be told.
const BEGUN: &str = "canary-";
/// The ledger without what attempts said, which asks for rows to be seen, as a file of its own.
const WITHOUT_LOGS: &str = r#"
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1])
ledger.execute("DELETE FROM blob WHERE digest IN (SELECT log FROM attempt UNION SELECT rejects FROM attempt)")
ledger.commit()
ledger.execute("VACUUM INTO ?", (sys.argv[2],))
"#;

/// The office, whose first dataset of `shop` is the smallest and has the canary in it; all have the two columns for which the hostile
/// module plans.
fn office() -> Office {
    let office = Office::open();
    for (number, dataset) in (0..).zip(&office.service.datasets) {
        let rows = fixture::orders(number * 40, number * 40 + if number == 3 { 10 } else { 40 });
        let rows = rows.project(&[0, 3]).unwrap();
        let rows = if number == 3 { fixture::with_value(&rows, "note", CANARY) } else { rows };
        fixture::write(&dataset.join("part.parquet"), &rows, 30);
    }
    let component = std::fs::read(guests::component("guest-hostile")).unwrap();
    let head = format!("{}Skein-Team: pay\r\nPrefer: wait=100\r\n", bearer(&office.admin));
    let (status, made) = office.service.send("PUT /v1/modules/hostile/versions/1", &head, &component);
    assert_eq!((status, &made["state"]), (201, &json!("ready")), "{made}");
    office
}

/// A campaign of `pay` over one dataset of each team, in which the run over that of `shop` has failed; and its attempts.
fn failed(office: &Office, name: &str, (module, params): (&str, Value), limits: Value) -> (String, Value) {
    let manifest: Vec<Value> = [0, 3].iter().map(|at| json!({ "dataset": office.dataset(*at) })).collect();
    let body = json!({
        "name": name, "module": module, "owner": "pay", "params": params,
        "selection": { "manifest": manifest },
        "policy": { "migration": name, "limits": limits, "dry_run": { "datasets": 0 } },
    });
    let made = office.says("ada", "POST /v1/campaigns", &body).unwrap();
    let campaign = office.campaign(made["campaign"].as_str().unwrap());
    campaign.plan();
    campaign.approved_by_all();
    campaign.starts().unwrap();
    until("the run over shop's dataset has failed", || campaign.runs(3..4) == ["failed"]);
    // It may just come to a halt.
    until("it is cancelled", || campaign.asks("olga", "cancel", json!({})).is_ok());
    let at = format!("/v1/campaigns/{}", campaign.id);
    let run = office.says("ben", &format!("GET {at}/runs/{}", office.dataset(3)), &Value::Null).unwrap();
    (at, run)
}

/// All that somebody is told who asks for everything about a campaign.
fn told(office: &Office, who: &str, at: &str) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let mut ask = |path: String| {
        let answer = office.service.ask(&format!("GET {path}"), &bearer(office.token(who)), b"");
        assert_eq!(answer.status, 200, "{who}: {path}: {answer:?}");
        told.push((path, answer.body));
    };
    for path in
        ["", "/runs", "/events", "/plan", "/samples", "/progress", "/report", "/attempts", "/approvals"]
    {
        ask(format!("{at}{path}"));
    }
    for path in ["/report/datasets", "/report/file?format=json", "/report/file?format=csv"] {
        ask(format!("{at}{path}"));
    }
    for dataset in [0, 3] {
        let run = format!("{at}/runs/{}", office.dataset(dataset));
        ask(format!("{run}/attempts"));
        ask(run);
    }
    ask("/v1/events?limit=1000".to_owned());
    told
}

fn attempts(office: &Office, who: &str, at: &str) -> Vec<Value> {
    let path = format!("GET {at}/runs/{}/attempts?failed=true", office.dataset(3));
    let listed = office.says(who, &path, &Value::Null).unwrap();
    let attempts = listed["items"].as_array().unwrap().clone();
    assert!(!attempts.is_empty(), "{listed}");
    attempts
}

/// Neither `ben` of the other team nor the admin is told the canary by what is on record; who may see its rows finds it in the log.
fn nobody_else_is_told(office: &Office, at: &str, said_by: &str) {
    for who in ["ben", "cy"] {
        for (path, answer) in told(office, who, at) {
            assert!(!answer.contains(BEGUN), "{who}: {path}: {answer}");
        }
    }
    let audited = office.get("audit?limit=1000").to_string();
    assert!(!audited.contains(BEGUN), "{audited}");
    for attempt in attempts(office, "ben", at) {
        assert_eq!(
            attempt["why"]["message"], "why is told to who may see the rows of its dataset",
            "{attempt}"
        );
        assert_eq!((&attempt["reject_codes"], &attempt["source"]), (&json!([]), &Value::Null), "{attempt}");
        let named = format!("/v1/attempts/{}", attempt["attempt"].as_str().unwrap());
        let shown = office.says("ben", &format!("GET {named}"), &Value::Null).unwrap();
        assert_eq!(shown, attempt, "the same as in the list");
        for what in ["log", "rejects", "replay", "module"] {
            let refused = office.says("ben", &format!("GET {named}/{what}"), &Value::Null);
            assert_eq!(refused.unwrap_err(), "403 SK0691", "{what}");
            let seen = office.service.ask(&format!("GET {named}/{what}"), &bearer(office.token("cy")), b"");
            assert_eq!(seen.status, 200, "{what}: {}", seen.head);
            assert_eq!(seen.body.contains(CANARY), said_by.contains(what), "{what}: {}", seen.body);
        }
    }
}

/// The file of the ledger, after its server has ended, without logs and rejected rows of attempts.
fn the_ledger_has_it_not(office: &mut Office) {
    office.service.stop();
    let ledger = office.service.site.path("server/ledger/ledger.db");
    let bare = office.service.site.path("bare.db");
    let holds = |file: &std::path::Path| {
        std::fs::read(file).unwrap().windows(BEGUN.len()).any(|some| some == BEGUN.as_bytes())
    };
    assert!(holds(&ledger), "the logs of attempts have it");
    let script =
        Command::new(python::interpreter()).args(["-c", WITHOUT_LOGS]).args([&ledger, &bare]).output();
    let ran = script.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!holds(&bare), "the ledger has it");
}

#[test]
fn a_row_that_is_refused_is_told_by_its_place_and_its_words_to_who_may_see_rows() {
    let mut office = office();
    let not_a_number =
        |name: &str| ("columns@1", json!({ "name": name, "steps": [{ "cast": "note", "to": "int64" }] }));
    let (at, run) = failed(&office, "none-left", not_a_number("none-left"), json!({}));
    assert_eq!(run["why"]["code"], codes::NOTHING_LEFT.id, "{run}");
    let said = "no row of 10 is left: 10 are rejected; the first: part.parquet row 0: uncastable: what it says is \
                in the attempt's log";
    assert_eq!(run["why"]["message"], said);
    nobody_else_is_told(&office, &at, "log rejects");
    let seen = &attempts(&office, "cy", &at)[0];
    assert_eq!(seen["why"]["message"], said);
    assert_eq!(seen["reject_codes"], json!([{ "code": "uncastable", "rows": 10 }]));

    let (at, run) = failed(&office, "too-many", not_a_number("too-many"), json!({ "rejects": 5 }));
    assert_eq!(run["why"]["code"], codes::GUEST_REJECTS.id, "{run}");
    let message = run["why"]["message"].as_str().unwrap();
    assert!(message.contains("row 0: uncastable: what it says"), "{message}");
    nobody_else_is_told(&office, &at, "log rejects");
    the_ledger_has_it_not(&mut office);
}

#[test]
fn a_module_that_makes_its_codes_of_rows_is_told_by_none_of_them() {
    let mut office = office();
    for (behave, said_by) in
        [("rows-refused", "log rejects"), ("rows-failed", "log"), ("rows-panicked", "log")]
    {
        let params = json!({ "behave": behave, "shape": "same" });
        let (at, run) = failed(&office, behave, ("hostile@1", params), json!({ "rejects": 5 }));
        let message = run["why"]["message"].as_str().unwrap();
        assert!(message.contains("in the attempt's log"), "{message}");
        nobody_else_is_told(&office, &at, said_by);
        if behave == "rows-refused" {
            let seen = &attempts(&office, "cy", &at)[0];
            assert_eq!(seen["reject_codes"], json!([{ "code": "…", "rows": 10 }]));
        }
    }
    the_ledger_has_it_not(&mut office);
}

#[test]
fn the_rows_of_a_dataset_that_was_removed_stay_its_last_owners() {
    let office = office();
    let wrong = json!({ "name": "wrong", "steps": [{ "cast": "note", "to": "int64" }] });
    let (at, _) = failed(&office, "wrong", ("columns@1", wrong), json!({}));
    let attempt = attempts(&office, "cy", &at)[0]["attempt"].as_str().unwrap().to_owned();
    let removed = || office.as_admin(&format!("DELETE /v1/datasets/{}", office.dataset(3)), &Value::Null);
    until("the dataset is removed", || removed().is_ok());
    let log = format!("GET /v1/attempts/{attempt}/log");
    assert_eq!(office.says("ben", &log, &Value::Null).unwrap_err(), "403 SK0691");
    let seen = office.service.ask(&log, &bearer(office.token("cy")), b"");
    assert!(seen.status == 200 && seen.body.contains(CANARY), "{}", seen.body);
}
