//! Bytes that change where nobody wrote, and what is given up for good.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use host_tests::guard::state_directory;
use host_tests::patience::until;
use host_tests::service::Service;
use host_tests::{fixture, python};
use serde_json::{Value, json};

use crate::{alarm, events, flip, only_file, run, started};

/// A file of a few rows of TPC-H's `lineitem`.
pub(crate) fn lineitem(path: &Path) {
    use arrow_array::{Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray};
    let rows = 0..100_i64;
    let money = |at: i128| -> ArrayRef {
        let values = Decimal128Array::from_iter_values((0..100).map(|row| row * at));
        Arc::new(values.with_precision_and_scale(15, 2).unwrap())
    };
    let ints = || -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.clone())) };
    let dates = || -> ArrayRef { Arc::new(Date32Array::from_iter_values(9_000..9_100)) };
    let words = |word: &str| -> ArrayRef { Arc::new(StringArray::from(vec![word; 100])) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("l_orderkey", ints()),
        ("l_partkey", ints()),
        ("l_suppkey", ints()),
        ("l_linenumber", Arc::new(Int32Array::from_iter_values(0..100))),
        ("l_quantity", money(100)),
        ("l_extendedprice", money(12_345)),
        ("l_discount", money(0)),
        ("l_tax", money(0)),
        ("l_returnflag", words("N")),
        ("l_linestatus", words("O")),
        ("l_shipdate", dates()),
        ("l_commitdate", dates()),
        ("l_receiptdate", dates()),
        ("l_shipinstruct", words("NONE")),
        ("l_shipmode", words("AIR")),
        ("l_comment", words("quick")),
    ];
    fixture::write(path, &RecordBatch::try_from_iter(columns).unwrap(), 50);
}

/// What is found in a dataset when it is read in full now.
fn scrubbed(service: &Service, dataset: &Path) -> (Value, i32) {
    let name = dataset.file_name().unwrap();
    let said = service.call("dataset").arg("scrub").arg(name).finish();
    (said.json(), said.code())
}

/// Damaged files by version.
fn damaged(found: &Value) -> Vec<(u64, bool, String)> {
    let versions = found["versions"].as_array().unwrap().iter();
    let of = |version: &Value| -> Vec<(u64, bool, String)> {
        let (number, current) = (version["version"].as_u64().unwrap(), version["current"].as_bool().unwrap());
        let files = version["damaged"].as_array().unwrap().iter();
        files.map(|file| (number, current, file["path"].as_str().unwrap().to_owned())).collect()
    };
    versions.flat_map(of).collect()
}

#[test]
fn a_byte_that_changes_in_a_published_or_a_kept_version_is_found_by_a_scrub_and_named() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = started(&service, &json!({ "round_trip": false }));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 2);
    let [kept, live] = [&service.datasets[0], &service.datasets[1]];
    let (found, code) = scrubbed(&service, kept);
    assert_eq!((damaged(&found), code), (vec![], 0), "{found}");
    let file = only_file(&state_directory(kept).join("kept/0"));
    flip(&file);
    let (found, code) = scrubbed(&service, kept);
    assert_eq!(damaged(&found), [(0, false, "part.parquet".to_owned())], "{found}");
    assert_eq!(code, 6);
    let file = only_file(live);
    flip(&file);
    let (found, _) = scrubbed(&service, live);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(damaged(&found), [(1, true, name.clone())], "{found}");
    // What is current is an alarm of its run too; each is said once.
    let told = alarm(&service, &campaign, 1, "SK0363");
    assert_eq!((&told["check"], &told["path"]), (&json!("scrub"), &json!(name)));
    scrubbed(&service, live);
    let all = events(&service, "dataset.damaged");
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(events(&service, "run.alarmed").len(), 1);
}

#[test]
fn what_rots_in_the_background_is_found_and_reverted_where_the_policy_says_so() {
    // Only there can a byte change without a time that moves.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let dataset = memory.path().join("orders-rot");
    std::fs::create_dir(&dataset).unwrap();
    fixture::write(&dataset.join("part.parquet"), &fixture::orders(0, 40), 30);
    let before = host_tests::guard::tree(&dataset);
    let mut service = Service::start(0).with_module("columns");
    service.datasets.push(dataset.clone());
    let service = service.with_datasets();
    let policy = json!({ "window_ms": 12_000, "soak": { "on_failure": "revert" } });
    let campaign = started(&service, &policy);
    until("published", || run(&service, &campaign, 0)["state"] == "published");
    python::run("rot.py", &[&only_file(&dataset)]);
    let told = alarm(&service, &campaign, 0, "SK0363");
    assert!(told["message"].as_str().unwrap().contains("nobody has written to it"), "{told}");
    until("reverted", || run(&service, &campaign, 0)["state"] == "reverted");
    assert_eq!(host_tests::guard::tree(&dataset), before);
}

#[test]
fn what_goes_for_good_is_logged_and_what_is_kept_is_counted() {
    let service = Service::start(3).with_module_and_datasets();
    let campaign = started(&service, &json!({}));
    assert_eq!(service.watched(&campaign)["runs"]["published"], 3);
    let sizes: u64 = service
        .datasets
        .iter()
        .map(|dataset| {
            let kept =
                service.get(&format!("/v1/datasets/{}", dataset.file_name().unwrap().to_str().unwrap()));
            assert_eq!(kept["kept"]["versions"], 1, "{kept}");
            kept["kept"]["bytes"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(service.shown(&campaign)["soak"]["kept"], sizes);
    let refused = service.act(&campaign, "finalize");
    assert!(!refused.status.success(), "the window has not passed");
    service.acting(&campaign, "finalize").arg("--now").finish().succeeded();
    assert_eq!(service.watched(&campaign)["state"], "succeeded");
    let gone = &service.get(&format!("/v1/campaigns/{campaign}/report"))["gone"];
    assert_eq!((&gone["runs"], &gone["versions"], &gone["files"]), (&json!(3), &json!(3), &json!(3)));
    assert_eq!(gone["bytes"], sizes);
    assert_eq!(service.shown(&campaign)["soak"]["kept"], 0);
    for dataset in &service.datasets {
        assert_eq!(state_directory(dataset).join("kept").read_dir().unwrap().count(), 0);
    }
    let versions: Vec<_> =
        events(&service, "run.finalized").iter().map(|event| event["body"]["versions"].clone()).collect();
    assert_eq!(versions.len(), 3);
    assert!(versions.iter().all(|versions| versions.as_array().unwrap().len() == 1), "{versions:?}");
}
