//! Plans through the binary: what is looked at, tried and said before anything runs, and over which datasets.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod continued;
mod manifests;
mod policies;
mod review;
mod samples;
mod scans;
mod stale;

use host_tests::service::Service;
use host_tests::{Call, guests};
use serde_json::{Value, json};

/// A server with so many datasets, `columns@1` and the hostile module.
fn service(datasets: i64) -> Service {
    let service = Service::start(datasets).with_module_and_datasets();
    let hostile = guests::component("guest-hostile");
    service.call("module").arg("submit").arg("hostile@1").arg(hostile).finish().succeeded();
    service
}

/// `skein campaign create`, with a module that drops a column.
fn create(service: &Service, name: &str) -> Call {
    let call = service.call("campaign").arg("create").arg(name).arg("--module").arg("columns@1");
    call.arg("--migration").arg(name)
}

/// The parameters of a migration that drops a column.
fn drops(name: &str) -> Value {
    json!({ "name": name, "steps": [{ "drop": "note" }] })
}

/// The id of what a call made.
fn made(call: Call) -> String {
    call.finish().succeeded().json()["campaign"].as_str().unwrap().to_owned()
}

/// Plans a campaign and answers what is shown of it then.
fn planned(service: &Service, campaign: &str) -> Value {
    service.act(campaign, "plan").succeeded();
    service.watched(campaign);
    shown(service, campaign)
}

/// `skein campaign show -o json`.
fn shown(service: &Service, campaign: &str) -> Value {
    service.call("campaign").arg("show").arg(campaign).finish().succeeded().json()
}

/// `GET` as any program can send it.
fn get(service: &Service, path: &str) -> Value {
    service.get(path)
}
