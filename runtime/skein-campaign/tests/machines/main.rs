//! The machines from outside: what is possible where, stories, and random orders of events with lost memories.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure here is a failed test")]

mod approvals;
mod matrix;
mod random;
mod stories;
mod world;
