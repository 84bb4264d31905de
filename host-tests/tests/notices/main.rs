//! Receivers that a server tells what happens: real ones, on loopback ports.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod deaths;
mod isolation;
mod kinds;
mod listener;
mod page;
mod server;
mod told;
mod troubled;
