//! Datasets of many files written by DuckDB, Polars, pandas, pyarrow and Spark, with partitions, sidecars, odd names, files
//! without rows and differing schemas, go through `columns` and `keep-recent` and are read back equal by their writer.
//!
//! What the datasets hold and how results are compared stands in `host-tests/foreign/directories.py`.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::Path;

use host_tests::python::Worker;
use host_tests::{Site, fixture, guests};
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

/// Writes the datasets of one writer, migrates each twice and lets the writer read them back. Answers the reports of the
/// runs by job and dataset.
#[track_caller]
fn read_back_equal(writer: &str) -> Value {
    let site = Site::new();
    let sources = site.directory("sources");
    let mut worker = Worker::start("directories.py", &[Path::new(writer)]);
    let names = worker.ask(&json!({ "do": "write", "into": sources }))["answer"].take();
    let mut names: Vec<String> = serde_json::from_value(names).unwrap();
    names.retain(|name| name != "grown");
    std::fs::remove_dir_all(sources.join("grown")).unwrap();
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
