//! What a server does with bad input: a state directory that it cannot use, strangers that speak to it as nodes or people,
//! datasets that go away or change under it, a clock that jumps, a full disk.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod access;
mod attempts;
mod backups;
mod canaries;
mod clock;
mod commands;
mod datasets;
mod full_disk;
mod ledger;
mod limits;
mod lists;
mod metrics;
mod nodes;
mod repeated;
mod requests;
mod scans;
mod spans;
mod stream;
mod uploads;
mod versions;

use std::time::{Duration, Instant};

use host_tests::service::Service;

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

/// Waits until a campaign is in a state, and asks it to go on where it halts: what fails here fails on purpose.
fn brought(service: &Service, campaign: &str, to: &str) {
    until(&format!("{campaign} is {to}"), || {
        let state = service.state_of(campaign).unwrap_or_default();
        if state == "halted" {
            service.call("campaign").arg("act").arg(campaign).arg("resume").arg("--now").finish();
        }
        state == to
    });
}
