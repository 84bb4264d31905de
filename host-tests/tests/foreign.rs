//! Files written by DuckDB, Polars and pyarrow go through `columns` and are read back equal by their writer.
//!
//! `carry` copies every column but one as encoded bytes; `select` rejects some rows of each row group, so that every
//! column is rewritten natively. What the columns hold and how results are compared stands in `host-tests/foreign/`.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::Path;

use host_tests::{Site, fixture, guests, python};
use serde_json::{Value, json};

fn carry() -> Value {
    json!({
        "name": "carry",
        "steps": [{ "rename": "id", "to": "row_id" }, { "drop": "gone" }, { "case": "label", "to": "upper" }]
    })
}

fn select() -> Value {
    json!({
        "name": "select",
        "steps": [
            { "rename": "id", "to": "row_id" },
            { "drop": "gone" },
            { "case": "label", "to": "upper" },
            { "cast": "amount", "to": "int64" }
        ]
    })
}

/// Writes the files of one writer, migrates each and lets the writer read them back.
#[track_caller]
fn read_back_equal(writer: &str, job: &str, params: &Value) {
    let site = Site::new();
    let (sources, results) = (site.directory("sources"), site.directory("results"));
    let names = python::run("strangers.py", &[Path::new("write"), Path::new(writer), &sources]);
    assert!(names.lines().count() > 10, "{names}");
    fixture::copy(&sources, &results);
    let (mut refused, mut otherwise) = (Vec::new(), Vec::new());
    for name in names.lines() {
        let call = site.run(&guests::component("columns"), &results.join(name)).params(params);
        let outcome = call.arg("-o").arg("json").finish();
        if !outcome.status.success() {
            refused.push(format!("{name}: {}", outcome.stdout));
            continue;
        }
        let report = outcome.json();
        let spliced = [&report["columns"]["spliced"], &report["bytes_spliced"]].map(|n| n.as_u64().unwrap());
        // Where there are rows and all stay, columns are copied as encoded bytes.
        let rows = |fate: &str| report["rows"][fate].as_u64().unwrap();
        if job == "carry" && rows("read") > 0 && (rows("written") != rows("read") || spliced.contains(&0)) {
            otherwise.push(format!("{name}: {spliced:?} of {}", report["columns"]));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    std::fs::remove_dir_all(results.join(".skein")).unwrap();
    python::run(
        "strangers.py",
        &[Path::new("expect"), Path::new(writer), &sources, &results, Path::new(job)],
    );
}

#[test]
fn what_pyarrow_writes_is_carried() {
    read_back_equal("pyarrow", "carry", &carry());
}

#[test]
fn what_pyarrow_writes_is_selected_from() {
    read_back_equal("pyarrow", "select", &select());
}

#[test]
fn what_duckdb_writes_is_carried() {
    read_back_equal("duckdb", "carry", &carry());
}

#[test]
fn what_duckdb_writes_is_selected_from() {
    read_back_equal("duckdb", "select", &select());
}

#[test]
fn what_polars_writes_is_carried() {
    read_back_equal("polars", "carry", &carry());
}

#[test]
fn what_polars_writes_is_selected_from() {
    read_back_equal("polars", "select", &select());
}
