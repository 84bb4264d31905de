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
mod nowhere;
mod pages;
mod provider;
mod repeated;
mod requests;
mod scans;
mod spans;
mod stream;
mod teams;
mod uploads;
mod versions;

use host_tests::patience::until;
use host_tests::service::Service;

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
