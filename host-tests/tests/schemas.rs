//! Datasets whose files differ: one target for all of them, for foreign readers too, and the same bytes whatever the
//! threads. Cases that a reader can follow without code are scenarios.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use host_tests::guard::{Tree, tree};
use host_tests::{Call, Guard, Site, fixture, guests, python, text_table};
use serde_json::{Value, json};
use skein_types::{Blake3, codes};

fn columns(site: &Site, dataset: &Path, params: &Value) -> Call {
    site.run(&guests::component("columns"), dataset).params(params).arg("-o").arg("json")
}

#[test]
fn a_dataset_of_three_writers_is_read_as_one_by_each_of_them() {
    let site = Site::new();
    let dataset = site.directory("data/evolved");
    python::run("evolved.py", &[Path::new("write"), &dataset]);
    let before = tree(&dataset);
    let steps = json!([{ "rename": "name", "to": "client" }, { "cast": "price", "to": "float64" }]);
    let run = || columns(&site, &dataset, &json!({ "name": "evolved", "steps": steps })).finish();
    let report = run().succeeded().json();
    assert_eq!((&report["files"], &report["rows"]["written"]), (&json!(4), &json!(4_500)));
    assert_eq!(
        report["columns"],
        json!({ "carried": 6, "spliced": 0, "computed": 1, "preserved": 0, "dropped": 0 }),
        "year and land are carried in the names of directories; one file has no column as all have it"
    );
    python::run("evolved.py", &[Path::new("expect"), &dataset]);
    assert_eq!(run().succeeded().json()["outcome"], "already_migrated");
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(tree(&dataset), before);
}

/// Orders in partitions, each file of another generation: as it is, with narrow ids, with fewer columns in another
/// order.
fn generations(site: &Site) -> PathBuf {
    let dataset = site.directory("data/orders");
    let narrow = |orders: RecordBatch| {
        let ids = cast(orders.column(0), &DataType::Int32).unwrap();
        let mut arrays: Vec<ArrayRef> = orders.columns().to_vec();
        arrays[0] = ids;
        let schema = orders.schema();
        let fields = schema
            .fields()
            .iter()
            .zip(&arrays)
            .map(|(f, a)| (f.name().clone(), Arc::clone(a), f.is_nullable()));
        RecordBatch::try_from_iter_with_nullable(fields).unwrap()
    };
    let files = [
        ("day=1/a", narrow(fixture::orders(0, 1_900))),
        ("day=1/b", fixture::orders(1_900, 2_000)),
        ("day=2/a", narrow(fixture::orders(2_000, 3_100)).project(&[2, 0, 1]).unwrap()),
        ("day=3/a", fixture::orders(3_100, 3_100)),
        ("day=3/b", fixture::orders(3_100, 4_321).project(&[1, 2, 3, 0]).unwrap()),
    ];
    for (name, orders) in files {
        let path = dataset.join(format!("{name}.parquet"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        fixture::write(&path, &orders, 250);
    }
    dataset
}

/// Rejects some rows of most row groups, so that host-made columns lose rows too.
fn tidy() -> Value {
    json!({ "name": "tidy", "steps": [
        { "rename": "customer", "to": "client" }, { "cast": "amount", "to": "decimal(12,2)" }
    ] })
}

#[test]
fn files_that_differ_give_the_same_bytes_with_any_number_of_threads() {
    let migrated = |params: &Value, threads: &str| -> (Tree, Value) {
        let site = Site::new();
        let dataset = generations(&site);
        let report =
            columns(&site, &dataset, params).arg("--threads").arg(threads).finish().succeeded().json();
        (tree(&dataset), report["rows"].clone())
    };
    let moved = json!({ "name": "moved", "steps": [{ "order": ["note", "day"] }] });
    for (params, rejected) in [(tidy(), 43), (moved, 0)] {
        let (one, rows) = migrated(&params, "1");
        assert_eq!((&rows["read"], &rows["rejected"]), (&json!(4_321), &json!(rejected)));
        assert_eq!(one, migrated(&params, "8").0, "{params}");
    }
}

#[test]
fn rejected_rows_are_kept_with_the_columns_of_the_dataset() {
    let site = Site::new();
    let dataset = generations(&site);
    let report = columns(&site, &dataset, &tidy()).finish().succeeded().json();
    let rejects = fixture::read(Path::new(report["quarantine"].as_str().unwrap()));
    let schema = rejects.schema();
    let names: Vec<_> = schema.fields().iter().skip(4).map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "customer", "amount", "note", "year", "day"]);
    assert!(schema.fields().iter().all(|f| f.metadata().is_empty()), "{schema:?}");
    // 19 of the first file, 1 of the second: then those of a file without notes and years.
    let row = text_table::show(&rejects.slice(20, 1).project(&[4, 5, 6, 7, 8, 9]).unwrap());
    assert_eq!(
        row.lines().nth(1).unwrap().split('|').map(str::trim).collect::<Vec<_>>(),
        ["2099", "customer 62", "n/a", "-", "-", "2"]
    );
}

#[test]
fn the_record_of_a_version_marks_partition_columns() {
    let site = Site::new();
    let dataset = generations(&site);
    columns(&site, &dataset, &tidy()).finish().succeeded();
    let log = site.path("data/.skein/orders/log");
    let records =
        std::fs::read_dir(log).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let commits: Vec<String> = records.filter(|record| record.contains("\"partition\":true")).collect();
    let [commit] = commits.as_slice() else { panic!("{} records", commits.len()) };
    assert!(commit.contains(r#""name":"day""#), "{commit}");
}

#[test]
fn a_module_without_the_sdk_cannot_change_a_partition_column_either() {
    let site = Site::new();
    let dataset = generations(&site);
    let guard = Guard::over(&dataset);
    // Leaves it out, or computes it.
    for wish in [json!("day"), json!(["day"])] {
        let call = || site.run(&guests::component("guest-raw"), &dataset).params(&wish);
        call().finish().refused(codes::PLAN_PARTITION);
        call().arg("-o").arg("json").finish().refused_json(codes::PLAN_PARTITION);
        guard.untouched();
    }
    site.run(&guests::component("guest-raw"), &dataset).params(&json!("id")).finish().succeeded();
}

#[test]
fn a_step_that_names_a_partition_column_is_named() {
    let site = Site::new();
    let dataset = generations(&site);
    let guard = Guard::over(&dataset);
    for (step, how) in [
        (json!({ "rename": "day", "to": "d" }), "renamed"),
        (json!({ "drop": ["note", "day"] }), "dropped"),
        (json!({ "cast": "day", "to": "int32" }), "computed"),
    ] {
        let params = json!({ "name": "days", "steps": [{ "drop": "id" }, step] });
        let refused = columns(&site, &dataset, &params).finish();
        let error = refused.refused_json(codes::PLAN_PARTITION).json()["error"].clone();
        let message = format!(
            r#"step 2: "day" is a partition column, it stands in the names of directories and cannot be {how}"#
        );
        assert!(error["message"].as_str().unwrap().ends_with(&message), "{error}");
        assert!(error["hint"].as_str().unwrap().starts_with("carry it under its own name"), "{error}");
    }
    guard.untouched();
}

/// Orders of a later night: without notes, with narrow ids, in another order.
fn late(from: i64, to: i64) -> RecordBatch {
    let orders = fixture::orders(from, to);
    let ids = cast(orders.column(0), &DataType::Int32).unwrap();
    let columns = [("amount", orders.column(2)), ("id", &ids), ("customer", orders.column(1))];
    RecordBatch::try_from_iter(columns.map(|(name, array)| (name, Arc::clone(array)))).unwrap()
}

#[test]
fn a_file_that_comes_after_a_run_is_migrated_as_if_it_had_come_during_it() {
    let site = Site::new();
    let (dataset, once) = (site.directory("data/orders"), site.directory("once/orders"));
    let nights = [("b", fixture::orders(0, 10)), ("c", late(10, 20)), ("a", late(20, 30))];
    for (name, orders) in &nights {
        fixture::write(&once.join(format!("{name}.parquet")), orders, 10);
        fixture::write(&dataset.join(format!("{name}.parquet")), orders, 10);
        let report = columns(&site, &dataset, &tidy()).finish().succeeded().json();
        assert_eq!((&report["files"], &report["rows"]["read"]), (&json!(1), &json!(10)));
    }
    columns(&site, &once, &tidy()).finish().succeeded();
    // But for the order of columns, which is that of the first file of the first run.
    for (file, together) in files(&dataset).iter().zip(files(&once)) {
        let (late, together) = (fixture::read(file), fixture::read(&together));
        let names = ["id", "client", "amount", "note", "year"];
        let ordered = |batch: &RecordBatch| names.map(|name| batch.column_by_name(name).unwrap().clone());
        assert_eq!(ordered(&late), ordered(&together));
        let schema = late.schema();
        assert_eq!(schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), names);
    }
}

#[test]
fn what_files_presented_is_remembered_over_compactions_and_rollbacks() {
    let site = Site::new();
    let dataset = site.directory("data/orders");
    let add = |name: &str, orders: &RecordBatch| {
        fixture::write(&dataset.join(format!("{name}.parquet")), orders, 10);
    };
    add("a", &fixture::orders(0, 10));
    columns(&site, &dataset, &tidy()).finish().succeeded();
    add("b", &late(10, 20));
    columns(&site, &dataset, &tidy()).finish().succeeded();
    let compact = json!({ "name": "compact" });
    let compacted = || columns(&site, &dataset, &compact).arg("--file-size").arg("1MiB").finish();
    assert_eq!(compacted().succeeded().json()["files"], 1);
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(compacted().succeeded().json()["files"], 1);
    add("c", &late(20, 30));
    let report = columns(&site, &dataset, &tidy()).finish().succeeded().json();
    assert_eq!((&report["files"], &report["files_joined"]), (&json!(1), &json!(1)));
    let schemas: Vec<_> = files(&dataset).iter().map(|file| fixture::read(file).schema()).collect();
    assert_eq!(schemas[0].fields(), schemas[1].fields());
}

/// Takes out of the log of a dataset what versions before this one did not record.
fn forget_presented(dataset: &Path) {
    fn without(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| key != "presented" && key != "seal");
                fields.values_mut().for_each(without);
            }
            Value::Array(items) => items.iter_mut().for_each(without),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let log = dataset.parent().unwrap().join(".skein").join(dataset.file_name().unwrap()).join("log");
    let mut parent = None;
    for path in files(&log) {
        let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        without(&mut record);
        if let Some(hash) = parent {
            record["parent"]["blake3"] = json!(hash);
        }
        let mut bytes = record.to_string().into_bytes();
        bytes.pop();
        let seal = Blake3::of(&bytes);
        bytes.extend_from_slice(format!(",\"seal\":\"{seal}\"}}\n").as_bytes());
        parent = Some(Blake3::of(&bytes).to_string());
        std::fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_file_that_joins_as_it_is_must_have_the_new_files_target() {
    let site = Site::new();
    let dataset = site.directory("data/orders");
    fixture::write(&dataset.join("a.parquet"), &fixture::orders(0, 10), 10);
    columns(&site, &dataset, &tidy()).finish().succeeded();
    let refused = |dataset: &Path, advice: &str| {
        let guard = Guard::over(dataset);
        let refused = columns(&site, dataset, &tidy()).finish();
        refused.refused_json(codes::PLAN_GROUPS_DIFFER);
        for part in ["1 file: a-", "joins as it is only if it has exactly the new target", advice] {
            assert!(refused.stdout.contains(part), "{}", refused.stdout);
        }
        guard.untouched();
    };
    // What nobody knew of before.
    let more = fixture::with_copy_of(&fixture::orders(10, 20), "id", "extra");
    fixture::write(&dataset.join("b.parquet"), &more, 10);
    refused(&dataset, "target: roll back with --later-writes keep");
    // What an older version of Skein did not note.
    fixture::write(&dataset.join("b.parquet"), &late(10, 20), 10);
    forget_presented(&dataset);
    refused(&dataset, "give the new files the columns that they lack");
}

#[test]
fn groups_that_cannot_meet_are_listed_with_what_differs() {
    let site = Site::new();
    let dataset = site.directory("data/mixed");
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    for (name, values) in [("a", &numbers), ("b", &texts), ("c", &numbers), ("d", &texts)] {
        assert_eq!(values.len(), 2);
        let batch = RecordBatch::try_from_iter([("v", Arc::clone(values))]).unwrap();
        fixture::write(&dataset.join(format!("{name}.parquet")), &batch, 10);
    }
    let params = json!({ "name": "renamed", "steps": [{ "rename": "v", "to": "w" }] });
    let refused = columns(&site, &dataset, &params).finish();
    refused.refused_json(codes::PLAN_GROUPS_DIFFER);
    let listed = r#"2 files such as a.parquet; 2 files such as b.parquet (\"w\" Int32 not null against \"w\" Utf8 not null)"#;
    assert!(refused.stdout.contains(listed), "{}", refused.stdout);
}

#[test]
fn files_added_to_a_new_partition_are_migrated_and_the_others_join() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    let add = |day: &str, from: i64| {
        std::fs::create_dir_all(dataset.join(day)).unwrap();
        fixture::write(&dataset.join(day).join("a.parquet"), &fixture::orders(from, from + 10), 10);
    };
    add("day=1", 0);
    columns(&site, &dataset, &tidy()).finish().succeeded();
    let first = tree(&dataset);
    add("day=2", 10);
    let report = columns(&site, &dataset, &tidy()).finish().succeeded().json();
    assert_eq!((&report["files"], &report["rows"]["written"]), (&json!(1), &json!(10)));
    let kept = |name: &&String| !name.contains('=') || name.starts_with("day=1/");
    assert!(first.keys().filter(kept).all(|name| tree(&dataset).contains_key(name)), "{first:#?}");
}

#[test]
fn preserved_columns_are_compared_with_what_the_module_was_given() {
    let site = Site::new();
    let dataset = site.directory("data/mixed");
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![3, 4]));
    let wide = cast(&numbers, &DataType::Int64).unwrap();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    let a = RecordBatch::try_from_iter([("n", wide), ("s", texts)]).unwrap();
    let b = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    fixture::write(&dataset.join("a.parquet"), &a, 1);
    fixture::write(&dataset.join("b.parquet"), &b, 1);
    let run = |behave: &str| {
        let params = json!({ "behave": behave, "shape": "same" });
        site.run(&guests::component("guest-hostile"), &dataset).params(&params).finish()
    };
    let guard = Guard::over(&dataset);
    run("preserved-changed").refused(codes::GUEST_PRESERVED_CHANGED);
    guard.untouched();
    run("plan-preserved").succeeded();
    let tables =
        files(&dataset).iter().map(|file| text_table::show(&fixture::read(file))).collect::<Vec<_>>();
    let [a, b] = tables.as_slice() else { panic!("{tables:?}") };
    assert_eq!(a.lines().collect::<Vec<_>>(), ["n int64 | s string?", "3       | x", "4       | y"]);
    assert_eq!(b.lines().collect::<Vec<_>>(), ["n int64 | s string?", "3       | -", "4       | -"]);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn files_that_have_nothing_in_common_are_refused_before_they_are_unified() {
    let site = Site::new();
    let dataset = site.directory("data/strangers");
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    for file in 0..103 {
        let columns = (0..100).map(|column| (format!("f{file}c{column}"), Arc::clone(&ids), true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        fixture::write(&dataset.join(format!("{file}.parquet")), &rows, 1);
    }
    let guard = Guard::over(&dataset);
    let outcome = columns(&site, &dataset, &json!({ "name": "x", "steps": [] })).finish();
    outcome.refused_json(codes::FILE_TOO_MANY_ROW_GROUPS);
    let said =
        "too much for one dataset: the files have 103 different schemas and at least 10181 columns together";
    assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
    guard.untouched();
}
