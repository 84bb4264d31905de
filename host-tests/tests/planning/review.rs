//! What a reviewer is shown of a plan: risk by team, whether samples give the same again, what may not be shown, and how far guesses
//! were from what came.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use host_tests::fixture;
use host_tests::guests;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};
use skein_types::codes;

use super::{create, drops, get, made, planned};

const CANARY: &str = "canary-9b77-of-a-row";

/// `id` and `note`, which is what the hostile module can plan for; the field of `note` as it is asked for.
fn two(number: i64, note: impl Fn(Field) -> Field) -> RecordBatch {
    let rows = fixture::orders(number * 40, (number + 1) * 40).project(&[0, 1]).unwrap();
    let fields = [rows.schema().field(0).clone(), note(rows.schema().field(1).clone().with_name("note"))];
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), rows.columns().to_vec()).unwrap()
}

fn with_note(batch: &RecordBatch, note: impl Fn(usize) -> String) -> RecordBatch {
    let notes: Vec<String> = (0..batch.num_rows()).map(note).collect();
    let columns = vec![Arc::clone(batch.column(0)), Arc::new(StringArray::from(notes)) as _];
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// A server with the hostile module and so many datasets of two columns.
fn hostile(count: i64, write: impl Fn(i64, &Path)) -> Service {
    let service = Service::over(Fleet { nodes: 1, slots: 2 }, count, write).with_datasets();
    let hostile = guests::component("guest-hostile");
    service.call("module").arg("submit").arg("hostile@1").arg(hostile).finish().succeeded();
    service
}

fn behaving(service: &Service, behave: &str) -> (String, Value) {
    let call = service.call("campaign").arg("create").arg(behave).arg("--module").arg("hostile@1");
    let campaign = made(call.params(&json!({ "behave": behave, "shape": "same" })));
    planned(service, &campaign);
    let report = get(service, &format!("/v1/campaigns/{campaign}/plan"));
    (campaign, report)
}

fn plain(number: i64, path: &Path) {
    fixture::write(path, &two(number, |field| field), 30);
}

#[test]
fn a_module_whose_result_depends_on_batches_is_named_with_dataset_row_and_column() {
    let service = hostile(2, plain);
    let (campaign, report) = behaving(&service, "by-batch");
    let seen = &report["samples"]["determinism"];
    assert_eq!((&seen["differing"], &seen["reopened"]), (&json!(2), &json!(0)), "{report}");
    assert_eq!(seen["batch_sizes"], json!([30, 12, 10, 4]), "{report}");
    let difference = &seen["difference"];
    let told = ["dataset", "file", "row", "column", "when"].map(|key| &difference[key]);
    let example = &report["schemas"][0]["example"];
    let wanted = [example, &json!("part.parquet"), &json!(0), &json!("id"), &json!("other_batches")];
    assert_eq!(told, wanted, "{report}");
    assert_eq!(report["risk"], "high");
    let said = format!(
        "the same rows gave another result with other batches: {}, part.parquet, row 0, column id",
        example.as_str().unwrap()
    );
    assert_eq!(report["because"][0], said.as_str(), "{report}");

    let page = service.own_browser().page(&format!("/campaigns/{campaign}/plan"));
    assert!(page.contains("the same rows gave another result"), "{page}");
    let table = service.site.skein("campaign").env("SKEIN_SERVER", &service.address);
    let table = table.arg("review").arg(&campaign).finish().succeeded().stdout;
    assert!(table.contains("THE SAME ROWS GAVE ANOTHER RESULT"), "{table}");
}

#[test]
fn a_module_that_answers_alike_is_said_to_and_where_else_its_columns_come_from_is_named() {
    let service = hostile(1, plain);
    let (_, report) = behaving(&service, "usual");
    let seen = &report["samples"]["determinism"];
    assert_eq!((&seen["runs"], &seen["differing"]), (&json!(4), &json!(0)), "{report}");
    assert_eq!(report["samples"]["idempotence"]["same"], 1, "{report}");
    assert_eq!((&report["risk"], &report["because"]), (&json!("low"), &json!([])), "{report}");
    assert_eq!((&report["samples"]["rows"]["read"], &report["samples"]["of_rows"]), (&json!(40), &json!(40)));

    let (_, report) = behaving(&service, "plan-undeclared");
    assert_eq!(report["risk"], "high", "{report}");
    assert_eq!(report["because"][0], "columns depend on others than the plan says: id < id", "{report}");
}

#[test]
fn a_module_that_fails_in_rows_that_were_not_sampled_is_found_out_while_planning() {
    // Of eight row groups six are sampled; the fourth is not.
    let write = |number, path: &Path| {
        let rows = with_note(&two(number, |field| field), |row| {
            if row == 16 { "poison".to_owned() } else { "fine".to_owned() }
        });
        fixture::write(path, &rows, 5);
    };
    let service = hostile(1, write);
    let (_, report) = behaving(&service, "trap-on-poison");
    let failure = &report["samples"]["failures"][0];
    assert_eq!((&report["samples"]["failed"], &failure["code"]), (&json!(1), &json!(codes::GUEST_TRAP.id)));
    assert_eq!(report["risk"], "high");
}

#[test]
fn a_module_that_loses_its_state_when_it_is_saved_is_named_and_one_that_keeps_it_is_not() {
    let service = Service::start(1).with_datasets();
    let forgetful = guests::component("guest-forgetful");
    service.call("module").arg("submit").arg("forgetful@1").arg(forgetful).finish().succeeded();
    let report = |forgets: bool| {
        let name = if forgets { "forgets" } else { "remembers" };
        let call = service.call("campaign").arg("create").arg(name).arg("--module").arg("forgetful@1");
        let campaign = made(call.params(&json!({ "column": "id", "forgets": forgets })));
        planned(&service, &campaign);
        get(&service, &format!("/v1/campaigns/{campaign}/plan"))
    };
    let lost = report(true);
    let seen = &lost["samples"]["determinism"];
    assert_eq!((&seen["differing"], &seen["reopened"]), (&json!(1), &json!(1)), "{lost}");
    // The second row group begins with row 30; counted on, row 31 is the next to go, and counted anew, row 33.
    let told = ["row", "column", "when"].map(|key| &seen["difference"][key]);
    assert_eq!(told, [&json!(31), &Value::Null, &json!("reopened")], "{lost}");
    assert_eq!(lost["risk"], "high");
    let kept = report(false);
    let seen = &kept["samples"]["determinism"];
    assert_eq!((&seen["differing"], &seen["reopened"], &seen["runs"]), (&json!(0), &json!(1), &json!(2)));
}

/// All that a server answers about a campaign.
fn told(service: &Service, campaign: &str) -> Vec<String> {
    let mut told = Vec::new();
    for path in ["/v1/events?limit=1000", "/v1/audit?limit=1000", "/v1/status", "/v1/datasets"] {
        told.push(service.get(path).to_string());
    }
    for path in ["", "/plan", "/samples", "/events", "/report", "/progress", "/runs"] {
        told.push(service.get(&format!("/v1/campaigns/{campaign}{path}")).to_string());
    }
    let samples = service.get(&format!("/v1/campaigns/{campaign}/samples"));
    for sample in samples["items"].as_array().unwrap().iter().filter(|sample| sample["why"].is_null()) {
        told.push(service.get(&format!("/v1/campaigns/{campaign}/samples/{}", sample["seq"])).to_string());
    }
    let attempts = service.get(&format!("/v1/campaigns/{campaign}/attempts"));
    for attempt in attempts["items"].as_array().unwrap() {
        let at = format!("/v1/attempts/{}", attempt["attempt"].as_str().unwrap());
        told.push(service.get(&at).to_string());
        let (_, lines) = Service::page(&service.address, &format!("{at}/log"));
        told.push(lines);
        let (_, rejects) = Service::page(&service.address, &format!("{at}/rejects"));
        told.push(rejects);
    }
    told.push(Service::page(&service.address, "/metrics").1);
    let browser = service.own_browser();
    told.push(browser.page("/"));
    for page in ["", "/plan", "/report"] {
        told.push(browser.page(&format!("/campaigns/{campaign}{page}")));
    }
    told
}

/// Whether some file below has these bytes.
fn holds(place: &Path, bytes: &[u8]) -> bool {
    let Ok(entries) = std::fs::read_dir(place) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        match path.is_dir() {
            true => holds(&path, bytes),
            false => std::fs::read(&path).is_ok_and(|all| all.windows(bytes.len()).any(|some| some == bytes)),
        }
    })
}

#[test]
fn a_sensitive_value_is_shown_nowhere_whatever_the_module_does_with_it() {
    let marked = |field: Field| {
        field.with_metadata([("skein.sensitive".to_owned(), "true".to_owned())].into_iter().collect())
    };
    // The first is marked in its file; the second is named where it is registered.
    let service = Service::over(Fleet { nodes: 1, slots: 2 }, 2, |number, path| {
        let rows = if number == 0 { two(0, marked) } else { two(1, |field| field) };
        fixture::write(path, &with_note(&rows, |_| CANARY.to_owned()), 30);
    });
    let [by_file, by_name] = service.datasets.as_slice() else { unreachable!("two were asked for") };
    service.call("dataset").arg("add").arg(by_file).finish().succeeded();
    service.call("dataset").arg("add").arg(by_name).arg("--sensitive").arg("note").finish().succeeded();
    let hostile = guests::component("guest-hostile");
    service.call("module").arg("submit").arg("hostile@1").arg(hostile).finish().succeeded();
    for behave in ["rows-refused", "rows-failed", "rows-panicked", "rows-told"] {
        let params = json!({ "behave": behave, "shape": "same" });
        let policy = json!({
            "dry_run": { "share": "100%" }, "budget": { "runs": 5 }, "retries": { "transient": 0 }
        });
        let campaign = service.campaign_of("hostile@1", &params, &policy);
        let shown = planned(&service, &campaign);
        service.act(&campaign, "start").succeeded();
        service.watched(&campaign);
        for (at, one) in told(&service, &campaign).iter().enumerate() {
            assert!(!one.contains(CANARY), "{behave}: in answer {at}: {one}");
            assert!(!one.contains("canary-"), "{behave}: the beginning of it in answer {at}: {one}");
        }
        assert!(!service.said(CANARY), "{behave}: in the server's lines");
        assert!(!holds(&service.site.path("server"), CANARY.as_bytes()), "{behave}: in the server's files");
        if behave == "rows-told" {
            assert_eq!(shown["plan"]["samples_failed"], 0, "{shown}");
            let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
            assert_eq!(report["schemas"][0]["facts"]["sensitive"], json!(["id", "note"]), "{report}");
        }
    }
    // What was made of it keeps the mark, so nobody has to name it again.
    let file = std::fs::read_dir(by_name).unwrap().flatten().find(|file| file.path().is_file()).unwrap();
    let fields = fixture::read(&file.path()).schema();
    let mark = fields.field_with_name("note").unwrap().metadata().get("skein.sensitive").cloned();
    assert_eq!(mark.as_deref(), Some("true"));
}

#[test]
fn a_sensitive_column_that_is_not_there_is_named_in_the_plan_and_capitals_do_not_matter() {
    let service = Service::start(2).with_module("columns");
    assert_eq!(service.send("PUT /v1/teams/pay", "", b"{}").0, 200);
    for (dataset, sensitive) in service.datasets.iter().zip(["emial,NOTE", "amount"]) {
        let add = service.call("dataset").arg("add").arg(dataset).arg("--owner").arg("pay");
        add.arg("--sensitive").arg(sensitive).finish().succeeded();
    }
    let params = json!({ "name": "renamed", "steps": [{ "rename": "note", "to": "remark" }] });
    let policy = json!({ "dry_run": { "share": "100%" } });
    let campaign = service.campaign_of("columns@1", &params, &policy);
    planned(&service, &campaign);
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let said = json!(["columns are named as sensitive and are not there, so nothing is hidden: emial"]);
    assert_eq!((&report["risk"], &report["because"]), (&json!("moderate"), &said), "{report}");
    assert_eq!(report["slices"][0]["because"], said, "{report}");
    let samples = get(&service, &format!("/v1/campaigns/{campaign}/samples"));
    let hidden: Vec<_> =
        samples["items"].as_array().unwrap().iter().map(|one| &one["facts"]["sensitive"]).collect();
    assert_eq!(hidden, [&json!(["remark"]), &json!(["amount"])], "{samples}");
}

#[test]
fn each_team_has_its_own_part_of_a_plan_with_its_own_risk() {
    let service = Service::start(4).with_module("columns");
    for (team, tier) in [("pay", "critical"), ("shop", "bronze")] {
        assert_eq!(service.send(&format!("PUT /v1/teams/{team}"), "", b"{}").0, 200);
        let of: Vec<_> = match team {
            "pay" => service.datasets[..1].to_vec(),
            _ => service.datasets[1..].to_vec(),
        };
        let add = of.iter().fold(service.call("dataset").arg("add"), host_tests::Call::arg);
        add.arg("--owner").arg(team).arg("--label").arg(format!("tier={tier}")).finish().succeeded();
    }
    let params = json!({ "name": "renamed", "steps": [{ "rename": "note", "to": "remark" }] });
    let campaign = made(create(&service, "renamed").params(&params));
    planned(&service, &campaign);
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let slices = report["slices"].as_array().unwrap();
    let told: Vec<_> = slices
        .iter()
        .map(|slice| ["owner", "datasets", "rows", "risk"].map(|key| slice[key].clone()))
        .collect();
    let wanted = [
        [json!("pay"), json!(1), json!(40), json!("high")],
        [json!("shop"), json!(3), json!(120), json!("low")],
    ];
    assert_eq!(told, wanted, "{report}");
    assert_eq!(slices[0]["because"], json!(["1 datasets are of tier critical"]));
    assert_eq!(report["risk"], "high", "the highest of its parts");
}

#[test]
fn a_column_that_is_dropped_or_becomes_narrower_is_a_reason_to_look() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = made(create(&service, "without-note").params(&drops("without-note")));
    planned(&service, &campaign);
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    let said = (&report["risk"], &report["because"]);
    assert_eq!(said, (&json!("moderate"), &json!(["columns are dropped: note"])), "{report}");
    assert_eq!(report["schemas"][0]["facts"]["dropped"], json!(["note"]));
    let params = json!({ "name": "typed", "steps": [{ "cast": "year", "to": "int16", "on_error": "null" }] });
    let campaign = made(create(&service, "typed").params(&params));
    planned(&service, &campaign);
    let report = get(&service, &format!("/v1/campaigns/{campaign}/plan"));
    assert_eq!(report["because"][0], "columns cannot hold any more what they could: year", "{report}");
}

#[test]
fn what_a_plan_guessed_stands_beside_what_came_of_it() {
    let service = Service::over(Fleet { nodes: 1, slots: 2 }, 12, |number, path| {
        // Of several sizes and row groups.
        let rows = fixture::orders(0, 400 + 150 * number);
        fixture::write(path, &rows, 300);
    });
    let service = service.with_module_and_datasets();
    let params = json!({ "name": "typed", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let campaign = made(create(&service, "typed").params(&params));
    planned(&service, &campaign);
    let before = get(&service, &format!("/v1/campaigns/{campaign}/report"));
    let off = |report: &Value| -> Vec<(String, Value)> {
        let guessed = report["guessed"].as_array().unwrap().iter();
        let one = |one: &Value| (one["quantity"].as_str().unwrap().to_owned(), one["error_percent"].clone());
        guessed.map(one).collect()
    };
    assert!(off(&before).iter().all(|(_, off)| off.is_null()), "{before}");
    service.act(&campaign, "start").succeeded();
    service.watched(&campaign);
    let report = get(&service, &format!("/v1/campaigns/{campaign}/report"));
    assert_eq!(report["runs"]["published"], 12, "{report}");
    for (quantity, off) in off(&report) {
        // Time is the machine's.
        if !["cpu_ms", "time_ms"].contains(&quantity.as_str()) {
            assert!(off.as_i64().is_some_and(|off| off.abs() <= 20), "{quantity}: {}", report["guessed"]);
        }
    }
}
