//! A module that is stopped takes nothing with it: the next run in the same process succeeds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use host_tests::guard::tree;
use host_tests::{Guard, Site, fixture};
use serde_json::{Value, json};
use skein_sandbox::{Limits, Module};
use skein_types::{Code, Fuel, Millis, Rows, codes};

use crate::Shop;

const ROWS: i64 = 500;

/// The two columns that the hostile guest knows.
fn dataset(site: &Site, name: &str) -> PathBuf {
    let path = site.directory(name);
    let numbers = Int64Array::from_iter_values(0..ROWS);
    let texts: StringArray = (0..ROWS).map(|n| (n % 3 != 0).then(|| format!("text {n}"))).collect();
    let schema =
        Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("s", DataType::Utf8, true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
    fixture::write(&path.join("part.parquet"), &batch, 101);
    path
}

fn behaves(behave: &str) -> Value {
    json!({ "behave": behave, "shape": "same" })
}

/// Enough for a call that works, over soon for one that does not.
fn little_fuel() -> Limits {
    Limits { fuel_per_call: Fuel(200_000_000), ..Limits::STANDARD }
}

fn little_time() -> Limits {
    Limits { fuel_per_call: Limits::STANDARD.fuel_per_task, wall_per_call: Millis(200), ..Limits::STANDARD }
}

fn is_refused(shop: &Shop, module: &Module, dataset: &Path, (behave, limits, code): (&str, Limits, Code)) {
    let request = skein_node::RunRequest { limits, ..Shop::request(&behaves(behave)) };
    let refused = shop.run(module, dataset, request).expect_err(behave);
    assert_eq!(refused.code().id, code.id, "{behave}: {refused}");
}

/// The only file of a dataset.
fn rows(dataset: &Path) -> RecordBatch {
    let mut files = std::fs::read_dir(dataset).unwrap().map(|file| file.unwrap().path());
    let rows = fixture::read(&files.next().unwrap());
    assert_eq!(files.next(), None);
    rows
}

#[test]
fn after_each_way_to_be_refused_the_same_process_publishes() {
    let site = Site::new();
    let shop = Shop::new();
    let module = shop.module("guest-hostile");
    let dataset = dataset(&site, "data/refused");
    let before = rows(&dataset);
    let guard = Guard::over(&dataset);
    for case in [
        ("plan-carried-type", Limits::STANDARD, codes::PLAN_CARRIED_CHANGED),
        ("fewer-rows", Limits::STANDARD, codes::GUEST_WRONG_ROWS),
        ("forged-garbage", Limits::STANDARD, codes::GUEST_FORGED_ARROW),
        ("forged-overlap", Limits::STANDARD, codes::GUEST_FORGED_ARROW),
        ("panic", Limits::STANDARD, codes::GUEST_TRAP),
        ("grow", Limits::STANDARD, codes::GUEST_MEMORY),
        ("loop", little_fuel(), codes::GUEST_FUEL),
        ("loop", little_time(), codes::GUEST_WALL),
    ] {
        is_refused(&shop, &module, &dataset, case);
        guard.untouched();
        // Another dataset of the same process does not wait for the last one.
        let good = Site::new();
        let other = self::dataset(&good, "data/good");
        let report = shop.run(&module, &other, Shop::request(&behaves(""))).unwrap();
        assert_eq!((report.version, report.rows.written), (1, Rows(500)));
        assert_eq!(rows(&other), before);
    }
    // Nor does the dataset itself remember the refusals.
    let report = shop.run(&module, &dataset, Shop::request(&behaves(""))).unwrap();
    assert_eq!((report.version, report.rows.read, report.rows.written), (1, Rows(500), Rows(500)));
    assert_eq!((report.columns.computed, report.files), (2, 1));
    assert_eq!(rows(&dataset), before);
    assert_ne!(&tree(&dataset), guard.before());
}
