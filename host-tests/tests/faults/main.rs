//! A store that fails in every way that it can, and a server that dies at every named point.
//!
//! Real processes: `skein run`, and a server with its nodes, under each kind of fault with several seeds; then a whole server
//! killed around each durable step while campaigns are planned, run, undone and finalized. `SKEIN_SOAK_ROUNDS` says how many
//! seeds, `SKEIN_SEED` from which on.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod deaths;
mod points;
mod runs;
mod server;
mod story;

/// Kinds of faults that show while a process runs.
const KINDS: [&str; 5] = ["error-after", "timed-out", "slow", "full", "eio"];

/// From the first seed on; a soak asks for more of them.
fn seeds(count: u64) -> Vec<u64> {
    let first = host_tests::dice::setting("SKEIN_SEED", 1);
    let count = host_tests::dice::setting("SKEIN_SOAK_ROUNDS", 1).saturating_mul(count);
    (0..count).map(|more| first.wrapping_add(more)).collect()
}
