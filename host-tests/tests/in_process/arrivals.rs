//! Files of other schemas that arrive while a run is at work on a dataset whose files differ already.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use host_tests::guard::tree;
use host_tests::{Site, fixture, text_table};
use serde_json::json;
use skein_node::{Progress, Staged};
use skein_types::codes;

use crate::Shop;

fn add(dataset: &Path, name: &str, table: &str) {
    let batch: RecordBatch = text_table::parse(table);
    fixture::write(&dataset.join(name), &batch, 10);
}

/// A staged run that casts, over a file with a note and one without.
fn staged(site: &Site, shop: &Shop) -> (PathBuf, Staged) {
    let dataset = site.directory("data");
    add(&dataset, "a.parquet", "id int64 | note string\n1 | x\n");
    add(&dataset, "b.parquet", "id int32 | tag string\n2 | y\n");
    let steps = json!([{ "case": "note", "to": "upper" }]);
    let request = Shop::request(&json!({ "name": "shout", "steps": steps }));
    let progress = Progress::default();
    let prepared = shop.prepare(&shop.module("columns"), &dataset, request, &progress).unwrap();
    (dataset, prepared.stage(&progress).unwrap())
}

#[test]
fn a_file_that_only_lacks_what_others_have_is_caught_up_with() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, staged) = staged(&site, &shop);
    add(&dataset, "c.parquet", "tag string | id int32\nz | 3\n");
    let report = staged.publish().unwrap();
    assert_eq!((report.caught_up, report.rows.written.0), (1, 3));
    let file = tree(&dataset).into_keys().find(|name| name.starts_with("c-")).unwrap();
    let shown = text_table::show(&fixture::read(&dataset.join(file)));
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        ["id int64 | note string? | tag string?", "3        | -            | z"]
    );
}

#[test]
fn a_file_with_a_column_that_nobody_had_is_a_conflict() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, staged) = staged(&site, &shop);
    add(&dataset, "c.parquet", "id int64 | more string\n3 | z\n");
    let before = tree(&dataset);
    assert_eq!(staged.publish().unwrap_err().code(), codes::DATASET_DRIFT);
    assert_eq!(tree(&dataset), before);
}
