//! The contract without the SDK: a guest written against the WIT alone, from `open` to `finish`, through the binary.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::{Path, PathBuf};

use host_tests::guard::tree;
use host_tests::{Guard, Site, fixture, guests, text_table};
use serde_json::{Value, json};

/// Two files, so that rows are seen to count from 0 in each; row groups that end inside a byte of a bitmap.
fn dataset(site: &Site) -> PathBuf {
    let dataset = site.directory("data/orders");
    fixture::write(&dataset.join("a.parquet"), &fixture::orders(0, 7), 5);
    fixture::write(&dataset.join("b.parquet"), &fixture::orders(7, 12), 5);
    dataset
}

fn run(site: &Site, dataset: &Path, params: &Value) -> Value {
    let call = site.run(&guests::component("guest-raw"), dataset).params(params).arg("-o").arg("json");
    call.finish().succeeded().json()
}

/// All files as tables, in order of their names.
fn tables(dataset: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dataset).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| text_table::show(&fixture::read(file))).collect()
}

#[track_caller]
fn goes_back(site: &Site, dataset: &Path, guard: &Guard) {
    site.skein("rollback").arg(dataset).arg("--yes").finish().succeeded();
    assert_eq!(&tree(dataset), guard.before());
}

#[test]
fn a_guest_without_the_sdk_chooses_rows_and_columns_and_can_be_undone() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    let report = run(&site, &dataset, &json!("note"));
    assert_eq!(report["rows"], json!({ "read": 12, "written": 7, "rejected": 0, "filtered": 5 }));
    assert_eq!(
        tables(&dataset),
        [
            "\
id int64 | customer string | amount string | year int32?
1        | customer 1      | 1.01          | 2001
2        | customer 2      | 2.02          | 2002
4        | customer 4      | 4.04          | 2004
5        | customer 5      | 5.05          | 2005
",
            "\
id int64 | customer string | amount string | year int32?
8        | customer 8      | 8.08          | 2008
9        | customer 9      | 9.09          | 2009
11       | customer 11     | 11.11         | 2011
",
        ]
    );
    goes_back(&site, &dataset, &guard);
}

#[test]
fn a_guest_without_the_sdk_answers_data_with_the_bytes_that_came() {
    let site = Site::new();
    let dataset = dataset(&site);
    let before = tables(&dataset);
    let guard = Guard::over(&dataset);
    let report = run(&site, &dataset, &json!(["note"]));
    assert_eq!(report["rows"], json!({ "read": 12, "written": 12, "rejected": 0, "filtered": 0 }));
    let columns = json!({ "carried": 4, "spliced": 4, "computed": 1, "preserved": 0, "dropped": 0 });
    assert_eq!(report["columns"], columns);
    assert!(report["cost"]["fuel"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(tables(&dataset), before);
    goes_back(&site, &dataset, &guard);
}
