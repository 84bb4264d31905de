//! Datasets of many files written by DuckDB, Polars, pandas, pyarrow and Spark, with partitions, sidecars, odd names, files
//! without rows and differing schemas, go through `columns` and `keep-recent` and are read back equal by their writer.
//!
//! What the datasets hold and how results are compared stands in `host-tests/foreign/directories.py`, and for the one with
//! thousands of files in `nasty.py`.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::Path;

use host_tests::guard::tree;
use host_tests::python::{self, Worker};
use host_tests::{Site, dice, fixture, guests};
use serde_json::{Value, json};

/// Module and parameters of the two jobs.
fn jobs() -> [(&'static str, &'static str, Value); 2] {
    let tidy = json!({
        "name": "tidy",
        "steps": [
            { "rename": "id", "to": "row_id" },
            { "drop": "gone" },
            { "case": "label", "to": "upper" },
            { "cast": "amount", "to": "int64" }
        ]
    });
    let recent = json!({ "column": "moment", "since": "2020-01-01T12:00:00" });
    [("tidy", "columns", tidy), ("recent", "keep-recent", recent)]
}

const NASTY_FILES: u64 = 2_000;
const SEED: u64 = 20_261_125;

/// Writes the datasets of one writer, migrates each twice and lets the writer read them back. Answers the reports of the
/// runs by job and dataset.
#[track_caller]
fn read_back_equal(writer: &str) -> Value {
    let site = Site::new();
    let sources = site.directory("sources");
    let mut worker = Worker::start("directories.py", &[Path::new(writer)]);
    let names = worker.ask(&json!({ "do": "write", "into": sources }))["answer"].take();
    let names: Vec<String> = serde_json::from_value(names).unwrap();
    assert!(names.len() >= 5, "{names:?}");
    let (mut problems, mut reports) = (Vec::new(), json!({}));
    for (job, module, params) in jobs() {
        let results = site.path(job);
        fixture::copy(&sources, &results);
        for name in &names {
            let call = site.run(&guests::component(module), &results.join(name)).params(&params);
            let outcome = call.arg("-o").arg("json").finish();
            match outcome.status.success() {
                true => reports[job][name] = outcome.json(),
                false => problems.push(format!("{job}: {name}: {}", outcome.stdout)),
            }
        }
        std::fs::remove_dir_all(results.join(".skein")).unwrap();
        let found = worker.ask(&json!({ "do": "expect", "source": sources, "result": results, "job": job }));
        let found = found["answer"].as_array().unwrap().iter();
        problems.extend(found.map(|problem| format!("{job}: {}", problem.as_str().unwrap())));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    reports
}

#[test]
fn what_duckdb_writes_into_directories_is_migrated() {
    let reports = read_back_equal("duckdb");
    assert_eq!(reports["tidy"]["types"]["metadata_dropped"], json!([]));
}

#[test]
fn what_polars_writes_into_directories_is_migrated() {
    read_back_equal("polars");
}

#[test]
fn what_pandas_writes_into_directories_is_migrated() {
    let reports = read_back_equal("pandas");
    assert_eq!(reports["recent"]["indexed"]["metadata_dropped"], json!(["pandas"]));
}

#[test]
fn what_pyarrow_writes_into_directories_is_migrated_and_its_summaries_are_left_out() {
    let reports = read_back_equal("pyarrow");
    assert_eq!(reports["tidy"]["partitioned"]["files_dropped"], json!(["_common_metadata", "_metadata"]));
}

#[test]
fn what_spark_writes_into_directories_is_migrated_and_its_checksums_are_left_out() {
    let reports = read_back_equal("spark");
    let dropped = reports["tidy"]["types"]["files_dropped"].as_array().unwrap();
    assert_eq!(dropped.len(), 5, "one of each file and of _SUCCESS, which stays: {dropped:?}");
    assert_eq!(
        reports["tidy"]["types"]["metadata_dropped"],
        json!(["org.apache.spark.sql.parquet.row.metadata"])
    );
}

#[test]
fn a_nasty_directory_of_two_thousand_files_is_migrated_and_rolled_back_to_the_byte() {
    let seed = dice::setting("SKEIN_SEED", SEED).to_string();
    let site = Site::new();
    let source = site.directory("source/nasty");
    let (count, seed) = (NASTY_FILES.to_string(), seed.as_str());
    let made = python::run("nasty.py", &[Path::new("write"), &source, Path::new(seed), Path::new(&count)]);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["files"], NASTY_FILES);
    let dataset = site.path("data/nasty");
    fixture::copy(&source, &dataset);
    let before = tree(&dataset);

    for (job, module, params) in jobs() {
        let run = site.run(&guests::component(module), &dataset).params(&params);
        let report = run.arg("-o").arg("json").finish().succeeded().json();
        assert_eq!(report["files"], NASTY_FILES, "seed {seed}");
        assert_eq!(report["rows"]["read"], made["rows"], "seed {seed}");
        assert_eq!(
            report["files_dropped"].as_array().unwrap().len() as u64,
            made["dropped"].as_u64().unwrap()
        );
        python::run("nasty.py", &[Path::new("compare"), &source, &dataset, Path::new(job)]);
        assert!(tree(&dataset) != before, "{job} changed nothing");
        site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
        assert!(tree(&dataset) == before, "{job} is not undone to the byte, seed {seed}");
    }
}
