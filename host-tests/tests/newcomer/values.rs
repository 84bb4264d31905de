//! Values that a spec gives up are counted, in the run, in a dry run, and in the log.

use arrow_array::{Array as _, ArrayRef, NullArray, RecordBatch};
use arrow_schema::DataType;
use host_tests::{Site, fixture, guests};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

use crate::{columns, orders};

fn nulled() -> Value {
    json!([
        { "cast": "amount", "to": "decimal(12,2)", "on_error": "null" },
        { "cast": "customer", "to": "int64", "on_error": "null" }
    ])
}

#[test]
fn values_that_became_null_are_counted_by_column() {
    let (site, dataset) = orders();
    let forecast = columns(&site, &dataset, "n", nulled()).arg("--dry-run").arg("-o").arg("json").finish();
    let counted = json!({ "nulled/amount": 10, "nulled/customer": 1_000 });
    assert_eq!(forecast.succeeded().json()["counters"], counted);
    let shown = columns(&site, &dataset, "n", nulled()).arg("--dry-run").finish().succeeded();
    let told = "\ncounted by the module in the sample\n  nulled     amount 10, customer 1,000\n";
    assert!(shown.stdout.contains(told), "{}", shown.stdout);

    let run = columns(&site, &dataset, "n", nulled()).finish().succeeded();
    assert!(run.stdout.contains("\n  nulled   amount 10, customer 1,000\n"), "{}", run.stdout);
    // One thread or several, with row groups of 400.
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    let report = columns(&site, &dataset, "n", nulled()).arg("--threads").arg("3").arg("-o").arg("json");
    assert_eq!(report.finish().succeeded().json()["counters"], counted);
}

#[test]
fn a_run_in_which_nothing_was_lost_says_nothing() {
    let (site, dataset) = orders();
    let steps = json!([{ "cast": "year", "to": "int64", "on_error": "null" }]);
    let run = columns(&site, &dataset, "n", steps).finish().succeeded();
    assert!(!run.stdout.contains("nulled"), "{}", run.stdout);
}

/// A dataset with a column that never had a value, as pandas writes one.
fn nothings() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.directory("data/nothings");
    let id: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![1, 2, 3]));
    let none: ArrayRef = Arc::new(NullArray::new(3));
    let batch = RecordBatch::try_from_iter_with_nullable([("id", id, false), ("none", none, true)]).unwrap();
    fixture::write(&dataset.join("a.parquet"), &batch, 2);
    (site, dataset)
}

#[test]
fn a_column_of_nothing_but_nulls_can_be_given_any_type() {
    let (site, dataset) = nothings();
    let types = ["string", "int64", "decimal(12,2)", "timestamp(us,UTC)", "bool", "date"];
    for (at, to) in types.into_iter().enumerate() {
        let steps = json!([{ "cast": "none", "to": to }]);
        let call = site.run(&guests::component("columns"), &dataset);
        let call = call.params(&json!({ "name": format!("cast-{at}"), "steps": steps }));
        let out = site.path(&format!("out-{at}"));
        call.arg("--output").arg(&out).finish().succeeded();
        let batch = fixture::read(&out.join("a.parquet"));
        let column = batch.column_by_name("none").unwrap();
        assert_eq!((batch.num_rows(), column.null_count()), (3, 3), "{to}");
        assert_ne!(column.data_type(), &DataType::Null, "{to}");
    }
}

#[test]
fn a_dry_run_says_what_will_be_left_out_in_the_words_of_the_run() {
    let (site, dataset) = orders();
    let file = dataset.join("part-00000.parquet");
    let batch = fixture::read(&file);
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(std::fs::File::create(&file).unwrap(), batch.schema(), None)
            .unwrap();
    writer.write(&batch).unwrap();
    writer.append_key_value_metadata(parquet::file::metadata::KeyValue::new(
        "pandas".to_owned(),
        "{}".to_owned(),
    ));
    writer.close().unwrap();
    site.file("data/orders/_metadata", "of others");
    let steps = || json!([{ "drop": "note" }]);
    let forecast = columns(&site, &dataset, "n", steps()).arg("--dry-run").arg("-o").arg("json").finish();
    let left_out = json!({ "metadata": ["pandas"], "files": ["_metadata"], "more_files": 0 });
    assert_eq!(forecast.succeeded().json()["left_out"], left_out);
    let told = "left out   pandas (in pandas the index becomes an ordinary column), _metadata";
    let shown = columns(&site, &dataset, "n", steps()).arg("--dry-run").finish().succeeded();
    assert!(shown.stdout.contains(&format!("\n  {told}\n")), "{}", shown.stdout);
    let run = columns(&site, &dataset, "n", steps()).finish().succeeded();
    assert!(run.stdout.contains(&told.replace("left out  ", "left out")), "{}", run.stdout);
}
