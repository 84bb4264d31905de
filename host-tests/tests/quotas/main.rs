//! Who may take how much of a fleet, set, held to and counted, through the binary and over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and a deadline is of the real clock"
)]

mod burnt;
mod cuts;
mod elsewhere;
mod fuel;
mod lending;
mod limits;
mod setting;
mod usage;
mod work;

use host_tests::patience::until;
use host_tests::service::Service;
use serde_json::Value;

/// Makes a team.
fn team(service: &Service, name: &str) {
    let (status, made) = service.send(&format!("PUT /v1/teams/{name}"), "", b"{}");
    assert_eq!(status, 200, "{made}");
}

/// A setting by its bare HTTP.
fn put(service: &Service, of: &str, head: &str, quota: &Value) -> (u16, Value) {
    service.send(&format!("PUT /v1/quotas/{of}"), head, quota.to_string().as_bytes())
}
