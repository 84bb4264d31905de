//! Where a run reads, writes and keeps things: state elsewhere, selected files, output elsewhere, old versions taken out,
//! and what `doctor` says about all of it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod doctor;
mod export;
mod named;
mod names;
mod output;
mod selection;
mod state;

use std::path::{Path, PathBuf};

use host_tests::{Call, Site, fixture, guests};
use serde_json::{Value, json};

/// Parameters of a `columns` run that any orders dataset goes through.
fn rename() -> Value {
    json!({ "name": "rename", "steps": [{ "rename": "customer", "to": "client" }] })
}

/// A site with `files` files of orders.
fn orders(files: i64) -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, files);
    (site, dataset)
}

/// `skein run columns.wasm DATASET` with [`rename`].
fn migrate(site: &Site, dataset: &Path) -> Call {
    site.run(&guests::component("columns"), dataset).params(&rename())
}
