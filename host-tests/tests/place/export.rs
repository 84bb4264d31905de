//! `skein export`: lists and statements that other readers read, and copies that are proven.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use host_tests::{Guard, Site, fixture, guard, python};
use serde_json::json;
use skein_types::codes;

use crate::{migrate, orders};

/// A dataset of odd names in partitions, migrated once.
fn odd() -> (Site, PathBuf, guard::Tree) {
    let site = Site::new();
    let dataset = site.path("data/o'rd \"ers");
    let names =
        ["k=a b/x#1.parquet", "k=%25/é [1]*?.parquet", "k=__HIVE_DEFAULT_PARTITION__/quo'te\"s.parquet"];
    for (number, name) in (0..).zip(names) {
        std::fs::create_dir_all(dataset.join(name).parent().unwrap()).unwrap();
        fixture::write(&dataset.join(name), &fixture::orders(number * 10, number * 10 + 10), 5);
    }
    std::fs::write(dataset.join("README"), "read me").unwrap();
    let before = guard::tree(&dataset);
    migrate(&site, &dataset).finish().succeeded();
    (site, dataset, before)
}

fn read(site: &Site, reader: &str, statement: &str) -> String {
    let file = site.file("statement", statement);
    python::run("statement.py", &[Path::new(reader), &file])
}

#[test]
fn other_readers_read_exactly_the_version_that_was_asked_for() {
    let (site, dataset, _) = odd();
    for (version, customer) in [("0", "customer"), ("1", "client")] {
        for reader in ["duckdb", "polars", "pyarrow"] {
            let call =
                site.skein("export").arg(&dataset).arg("--version").arg(version).arg("--for").arg(reader);
            let statement = call.finish().succeeded().stdout;
            let mut columns = ["amount", customer, "id", "k", "note", "year"];
            columns.sort_unstable();
            let expected = format!("30 435 {}\n", columns.join(","));
            assert_eq!(read(&site, reader, &statement), expected, "{statement}");
        }
    }
    let spark = site.skein("export").arg(&dataset).arg("--for").arg("spark").finish().succeeded().stdout;
    assert!(spark.starts_with("spark.read.option(\"basePath\", \"/"), "{spark}");
}

#[test]
fn the_list_names_the_files_of_the_current_or_of_a_kept_version() {
    let (site, dataset) = orders(2);
    site.file("data/orders/README", "read me");
    migrate(&site, &dataset).finish().succeeded();
    let list = |arguments: &[&str]| {
        let call = site.skein("export").arg(&dataset);
        arguments.iter().fold(call, host_tests::Call::arg).finish().succeeded()
    };
    let current = list(&[]).stdout;
    assert_eq!(current.lines().count(), 2);
    assert!(current.lines().all(|line| Path::new(line).is_file() && line.contains("/data/orders/part-0000")));
    let kept = list(&["--version", "0", "-o", "json"]).json();
    assert_eq!((&kept["version"], &kept["current"]), (&json!(0), &json!(false)));
    let files = kept["files"].as_array().unwrap();
    let roles: Vec<_> = files.iter().map(|file| (file["relative"].clone(), file["role"].clone())).collect();
    let role = |path: &str, role: &str| (json!(path), json!(role));
    assert_eq!(
        roles,
        [role("README", "sidecar"), role("part-00000.parquet", "data"), role("part-00001.parquet", "data")]
    );
    for file in files {
        let bytes = std::fs::read(file["path"].as_str().unwrap()).unwrap();
        assert_eq!(file["blake3"], json!(format!("blake3:{}", blake3::hash(&bytes))));
    }
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(list(&["--version", "0", "-o", "json"]).json()["current"], json!(true));
}

#[test]
fn a_copy_is_the_version_to_the_byte_for_directories_and_single_files() {
    let (site, dataset, before) = odd();
    let to = site.path("copy");
    let call = site.skein("export").arg(&dataset).arg("--version").arg("0").arg("--to").arg(&to);
    let said = call.finish().succeeded().stdout;
    assert!(said.starts_with(&format!("copied version 0 to {}: 4 files of ", to.display())), "{said}");
    assert_eq!(guard::tree(&to), before);

    let file = site.path("data/single.parquet");
    fixture::write(&file, &fixture::orders(0, 10), 5);
    let bytes = std::fs::read(&file).unwrap();
    migrate(&site, &file).finish().succeeded();
    let to = site.path("copy of one");
    site.skein("export").arg(&file).arg("--version").arg("0").arg("--to").arg(&to).finish().succeeded();
    assert_eq!(std::fs::read(to.join("single.parquet")).unwrap(), bytes);
}

#[test]
fn versions_that_cannot_be_had_are_refused_by_what_is_wrong_with_them() {
    let (site, dataset) = orders(1);
    let export = |arguments: &[&str]| {
        let call = site.skein("export").arg(&dataset);
        arguments.iter().fold(call, host_tests::Call::arg).finish()
    };
    export(&[]).refused(codes::NO_HISTORY);
    migrate(&site, &dataset).finish().succeeded();
    export(&["--version", "7"]).refused(codes::NO_SUCH_VERSION);

    let kept = guard::state_directory(&dataset).join("kept/0/part-00000.parquet");
    let good = std::fs::read(&kept).unwrap();
    let mut bad = good.clone();
    bad[100] ^= 1;
    std::fs::write(&kept, bad).unwrap();
    let guard = Guard::over(&dataset);
    export(&["--version", "0"]).refused(codes::KEPT_VERSION_DAMAGED);
    let to = site.path("copy");
    let copy = to.to_str().unwrap();
    export(&["--version", "0", "--to", copy]).refused(codes::KEPT_VERSION_DAMAGED);
    assert!(!to.exists());
    guard.untouched();
    std::fs::write(&kept, good).unwrap();
    export(&["--version", "0", "--to", copy]).succeeded();
    export(&["--version", "0", "--to", copy]).refused(codes::OUTPUT_REFUSED);

    let live = std::fs::read_dir(&dataset).unwrap().next().unwrap().unwrap().path();
    std::fs::write(live, "theirs").unwrap();
    export(&[]).refused(codes::DATASET_DRIFT);
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    export(&["--version", "0"]).refused(codes::VERSION_GONE);
}

/// A dataset whose files differ: a column that the first lacks, one that is wider later, another order.
fn differing(partition: impl Fn(usize) -> String) -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/grown");
    let ids = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 10)) as ArrayRef;
    let narrow = Arc::new(Int32Array::from_iter_values(0..10)) as ArrayRef;
    let text = Arc::new(StringArray::from_iter_values((0..10).map(|n| format!("t{n}")))) as ArrayRef;
    let files = [
        RecordBatch::try_from_iter_with_nullable([("id", ids(0), true), ("n", narrow, true)]),
        RecordBatch::try_from_iter_with_nullable([
            ("new", text, true),
            ("n", ids(50), true),
            ("id", ids(10), true),
        ]),
        RecordBatch::try_from_iter_with_nullable([("id", ids(20), true)]),
    ];
    for (number, batch) in files.into_iter().enumerate() {
        let path = dataset.join(partition(number)).join(format!("{number}.parquet"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        fixture::write(&path, &batch.unwrap(), 5);
    }
    // A log to export from; what was there before is version 0.
    migrate_columns(&site, &dataset, &json!({ "name": "order", "steps": [{ "order": "id" }] }));
    (site, dataset)
}

fn migrate_columns(site: &Site, dataset: &Path, params: &serde_json::Value) {
    let call = site.run(&host_tests::guests::component("columns"), dataset).params(params);
    call.finish().succeeded();
}

#[test]
fn statements_over_files_that_differ_read_every_column_of_every_file() {
    let flat = |_: usize| String::new();
    let hive = |number: usize| format!("k=p{number}");
    for (columns, (site, dataset)) in [("id,n,new", differing(flat)), ("id,k,n,new", differing(hive))] {
        for reader in ["duckdb", "polars", "pyarrow"] {
            let call = site.skein("export").arg(&dataset).arg("--version").arg("0").arg("--for").arg(reader);
            let statement = call.finish().succeeded().stdout;
            assert_eq!(read(&site, reader, &statement), format!("30 435 {columns}\n"), "{statement}");
        }
        let spark = site.skein("export").arg(&dataset).arg("--version").arg("0").arg("--for").arg("spark");
        let spark = spark.finish().succeeded().stdout;
        assert!(spark.contains(".option(\"mergeSchema\", \"true\")"), "{spark}");
    }
}

#[test]
fn a_column_whose_types_do_not_meet_is_refused_rather_than_read_as_something() {
    let (site, dataset) = orders(1);
    let text = Arc::new(StringArray::from_iter_values(["x"])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("id", text)]).unwrap();
    fixture::write(&dataset.join("z.parquet"), &batch, 5);
    let steps = json!([{ "cast": "id", "to": "string" }]);
    migrate_columns(&site, &dataset, &json!({ "name": "text", "steps": steps }));
    let export = |version: &str| {
        let call = site.skein("export").arg(&dataset).arg("--version").arg(version);
        call.arg("--for").arg("polars").finish()
    };
    let refused = export("0");
    refused.refused(codes::PLAN_GROUPS_DIFFER);
    let said = "column \"id\" is Int64 in part-00000.parquet and Utf8 in z.parquet: these do not meet";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    export("1").succeeded();
}
