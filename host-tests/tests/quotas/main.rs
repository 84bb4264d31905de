//! Who may take how much of a fleet, set, held to and counted, through the binary and over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and a deadline is of the real clock"
)]

mod limits;
mod setting;
mod usage;

use std::time::{Duration, Instant};

use host_tests::service::Service;
use serde_json::Value;

/// Nothing of these tests works for longer; beyond it is stuck.
const DEADLINE: Duration = Duration::from_secs(240);

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes a team.
fn team(service: &Service, name: &str) {
    let (status, made) = service.send(&format!("PUT /v1/teams/{name}"), "", b"{}");
    assert_eq!(status, 200, "{made}");
}

/// A setting by its bare HTTP.
fn put(service: &Service, of: &str, head: &str, quota: &Value) -> (u16, Value) {
    service.send(&format!("PUT /v1/quotas/{of}"), head, quota.to_string().as_bytes())
}
