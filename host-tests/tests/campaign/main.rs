//! Campaigns through the binary: `skein serve` with its nodes, asked by `skein module`, `dataset` and `campaign`.
//!
//! What happened is read where it is kept: in the datasets' own logs and files, and, once the server has ended, in its
//! ledger (`record`), whose events are followed one by one against the rules of campaigns (`story`).
//! `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED` make the long forms; each test with one says what a round is.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, each looks for some events of many, and a stop lasts"
)]

mod control;
mod datasets;
mod failures;
mod kills;
mod large;
mod lifecycle;
mod pause;
mod record;
mod refusals;
mod rollback;
mod status;
mod stopped;
mod story;
mod verbs;
mod waves;
