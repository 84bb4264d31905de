//! What somebody meets in the first hour: results without rows, values that go, datasets that move, parameters that were
//! wrong once.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

mod emptied;
mod moved;
mod quarantine;
mod undone;
mod values;

use std::path::{Path, PathBuf};

use host_tests::{Call, Site, fixture, guests};
use serde_json::{Value, json};

/// A site with one file of 1,000 orders.
fn orders() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 1);
    (site, dataset)
}

/// `skein run columns.wasm DATASET` with these steps under this name.
fn columns(site: &Site, dataset: &Path, name: &str, steps: Value) -> Call {
    site.run(&guests::component("columns"), dataset).params(&json!({ "name": name, "steps": steps }))
}
