//! What bad input gets: a clear error with a code and its page, the exit code of its class, the dataset untouched and
//! nothing left behind.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod files;
mod inside;
mod modules;
mod places;
mod requests;

use std::path::{Path, PathBuf};

use host_tests::{Guard, Outcome, Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::Code;

/// Parameters of a `columns` run that any orders dataset goes through.
fn rename() -> Value {
    json!({ "name": "rename", "steps": [{ "rename": "customer", "to": "client" }] })
}

/// A site with two files of orders.
fn orders() -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    (site, dataset)
}

/// Runs `columns` over a dataset that must be refused, and again for the JSON form.
#[track_caller]
fn refused_by_columns(site: &Site, dataset: &Path, code: Code) {
    let guard = Guard::over(dataset);
    let call = || site.run(&guests::component("columns"), dataset).params(&rename());
    call().finish().refused(code);
    call().arg("-o").arg("json").finish().refused_json(code);
    guard.untouched();
}

/// What a run that is known to be good says.
#[track_caller]
fn goes_through(site: &Site, dataset: &Path) -> Outcome {
    site.run(&guests::component("columns"), dataset).params(&rename()).finish().succeeded()
}
