//! Readers of everything above a dataset meet its old versions: whoever makes them so says it, once.

use host_tests::{Site, fixture, guests, python};
use serde_json::{Value, json};

fn params(name: &str) -> Value {
    json!({ "name": name, "steps": [{ "default": "note", "value": name }] })
}

const NOTE: &str = "DuckDB and Polars take them for data";

#[test]
fn the_run_that_puts_state_beside_data_says_who_will_read_it_and_only_that_one() {
    let site = Site::new();
    for dataset in ["data/a", "data/b", "quiet/a", "away/a"] {
        fixture::orders_directory(&site.path(dataset), 1);
    }
    let module = guests::component("columns");
    let run = |name: &str, dataset: &str, more: &[&str]| {
        let call = site.run(&module, &site.path(dataset)).params(&params(name));
        more.iter().fold(call, |call, word| call.arg(word)).finish().succeeded().stderr
    };
    let first = run("n", "data/a", &[]);
    assert_eq!(first.matches(NOTE).count(), 1, "{first}");
    assert!(first.contains(&format!("kept in {}", site.path("data/.skein").display())), "{first}");
    assert!(first.contains("--state DIR"), "{first}");
    for (name, dataset) in [("m", "data/a"), ("n", "data/b")] {
        assert!(!run(name, dataset, &[]).contains(NOTE), "{dataset}");
    }
    assert!(!run("n", "quiet/a", &["-o", "json"]).contains(NOTE));
    site.directory("away/states");
    let states = site.path("away/states");
    assert!(!run("n", "away/a", &["--state", states.to_str().unwrap()]).contains(NOTE));
    let doctor = |dataset: &str| {
        let report = site.skein("doctor").arg(dataset).arg("-o").arg("json").finish().succeeded().json();
        let findings = report["datasets"][0]["findings"].as_array().unwrap().clone();
        findings.iter().find(|f| f["check"] == "onlookers").unwrap()["grade"].as_str().unwrap().to_owned()
    };
    assert_eq!((doctor("data/a"), doctor("away/a")), ("warning".to_owned(), "ok".to_owned()));
}

/// What the pages say of readers. If one of them changes its mind, the pages have to.
#[test]
fn duckdb_and_polars_read_old_versions_from_above_and_pyarrow_does_not() {
    let site = Site::new();
    fixture::orders_directory(&site.path("data/a"), 1);
    site.run(&guests::component("columns"), &site.path("data/a")).params(&params("n")).finish().succeeded();
    let counts = python::run("onlookers.py", &[&site.path("data")]);
    assert_eq!(counts.trim(), "duckdb 2000, polars 2000, pyarrow 1000");
}
