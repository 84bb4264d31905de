//! Runs through the library, several in one process: what `skein run`, one process a run, cannot show.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure here is a failed test")]

mod arrivals;
mod busy;
mod catch_up;
mod checkpoints;
mod handed;
mod refusals;
mod resumed;
mod shop;
mod shrinking;
mod verified;

pub(crate) use shop::Shop;
