//! A run that leaves no row, and rejects that are more than it may have.

use host_tests::{Guard, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

use crate::{columns, orders};

/// No customer is a number.
fn wrong() -> Value {
    json!([{ "cast": "customer", "to": "int64" }])
}

#[test]
fn a_run_that_leaves_no_row_publishes_nothing_unless_that_was_said() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let outcome = columns(&site, &dataset, "wrong", wrong()).finish();
    outcome.refused(codes::NOTHING_LEFT);
    let said = "no row of 1000 is left: 1000 are rejected; the first: part-00000.parquet row 0: uncastable: \
                customer: \"customer 0\" is no Int64";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--allow-empty"), "{}", outcome.stderr);
    guard.untouched();

    let report = columns(&site, &dataset, "wrong", wrong()).arg("--allow-empty").arg("-o").arg("json");
    let report = report.finish().succeeded().json();
    assert_eq!((&report["version"], &report["rows"]["written"]), (&json!(1), &json!(0)));
}

#[test]
fn filters_that_let_every_row_go_are_told_as_such_and_plain_files_are_not_written_either() {
    let (site, _) = orders();
    let events = site.directory("data/events");
    let old = arrow_array::Date32Array::from(vec![0, 1, 2]);
    let batch = arrow_array::RecordBatch::try_from_iter([("at", std::sync::Arc::new(old) as _)]).unwrap();
    fixture::write(&events.join("a.parquet"), &batch, 2);
    let params = json!({ "column": "at", "since": "2024-01-01" });
    let call = || site.run(&guests::component("keep-recent"), &events).params(&params);
    let outcome = call().finish();
    outcome.refused(codes::NOTHING_LEFT);
    assert!(outcome.stderr.contains("no row of 3 is left: the module let all 3 go"), "{}", outcome.stderr);
    call().arg("--output").arg(site.path("out")).finish().refused(codes::NOTHING_LEFT);
    assert!(!site.path("out").exists());

    let warnings =
        call().arg("--dry-run").arg("-o").arg("json").finish().succeeded().json()["warnings"].take();
    assert_eq!(warnings[0]["code"], codes::NOTHING_LEFT.id, "{warnings}");
    let may = call().arg("--dry-run").arg("--allow-empty").arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(may["warnings"], json!([]));
}

#[test]
fn a_dataset_that_had_no_row_is_no_surprise() {
    let (site, _) = orders();
    let empty = site.directory("data/empty");
    fixture::write(&empty.join("a.parquet"), &fixture::orders(0, 0), 10);
    let report = columns(&site, &empty, "wrong", wrong()).arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(report["rows"]["read"], json!(0));
}

#[test]
fn among_many_datasets_the_emptied_one_is_refused_and_quarantines_are_named() {
    let (site, dataset) = orders();
    let small = site.directory("data/small");
    fixture::write(&small.join("a.parquet"), &fixture::orders(99, 100), 10);
    let list = format!("dataset\n{}\n{}\n", dataset.display(), small.display());
    let list = site.file("list.csv", list);
    let spec = json!({ "name": "cast", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let call = site.skein("run").arg(guests::component("columns")).arg("--manifest").arg(&list).params(&spec);
    let outcome = call.finish();
    outcome.refused(codes::NOTHING_LEFT);
    assert!(outcome.stderr.contains("line 3, "), "{}", outcome.stderr);
    let place = site.path("data/.skein/orders/quarantine/run_");
    let named = format!("  rejects  line 2, {}", place.display());
    assert!(outcome.stdout.lines().any(|line| line.starts_with(&named)), "{}", outcome.stdout);
}

#[test]
fn too_many_rejects_are_told_with_the_first_one_and_a_dry_run_shows_them() {
    let (site, dataset) = orders();
    let cast = || json!([{ "cast": "amount", "to": "decimal(12,2)" }]);
    // In the first batch, where the sandbox counts; and over all row groups, where the run does.
    for (most, first) in [("0", "row 99: "), ("5", "")] {
        let outcome = columns(&site, &dataset, "cast", cast()).arg("--max-rejects").arg(most).finish();
        outcome.refused(codes::GUEST_REJECTS);
        let told = format!("more than {most} rejected rows; ");
        assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("uncastable: amount: \"n/a\" is no Decimal128(12, 2)"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(first), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: `--dry-run` shows which"), "{}", outcome.stderr);
    }
    let call = columns(&site, &dataset, "cast", cast()).arg("--max-rejects").arg("0").arg("--dry-run");
    let forecast = call.arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(forecast["rejects"]["listed"].as_array().unwrap().len(), 10);
    assert_eq!(forecast["warnings"][0]["code"], codes::GUEST_REJECTS.id);
}
