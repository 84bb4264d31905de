//! What is looked at after a result was staged: the round trip of the canary, checks after a publish, scrubs, and what goes for good.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod damage;
mod round_trip;
mod rules;
mod watched;

use std::path::{Path, PathBuf};

use host_tests::fixture;
use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::{Value, json};

/// A campaign that drops a column, by this policy, planned and started.
pub(crate) fn started(service: &Service, policy: &Value) -> String {
    let params = json!({ "name": "no-note", "steps": [{ "drop": "note" }] });
    let mut policy = policy.clone();
    policy["migration"] = json!("no-note");
    let campaign = service.campaign_of("columns@1", &params, &policy);
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    campaign
}

/// A run by itself, with what was found out about its result.
pub(crate) fn run(service: &Service, campaign: &str, seq: u64) -> Value {
    service.get(&format!("/v1/campaigns/{campaign}/runs/{seq}"))
}

/// Waits for an alarm of a run with this code; answers it.
pub(crate) fn alarm(service: &Service, campaign: &str, seq: u64, code: &str) -> Value {
    until(code, || {
        let run = run(service, campaign, seq);
        let alarms = run["soak"]["alarms"].as_array().unwrap().clone();
        alarms.into_iter().find(|alarm| alarm["code"] == code)
    })
}

/// Events of a kind, the oldest first.
pub(crate) fn events(service: &Service, kind: &str) -> Vec<Value> {
    service.get(&format!("/v1/events?kind={kind}&limit=200"))["items"].as_array().unwrap().clone()
}

/// The only data file of a dataset.
pub(crate) fn only_file(dataset: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = dataset.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    assert_eq!(files.len(), 1, "{files:?}");
    files.pop().unwrap()
}

/// A file with the columns that the migration takes away.
pub(crate) fn old_file(path: &Path) {
    fixture::write(path, &fixture::orders(0, 10), 10);
}

/// Changes a byte and puts the time of the last write back.
pub(crate) fn flip(path: &Path) {
    let was = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(path, bytes).unwrap();
    std::fs::File::options().write(true).open(path).unwrap().set_modified(was).unwrap();
}
