//! Rules: what must hold of a result before it becomes current, through the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod held;
mod hostile;
mod local;
mod readers;
mod sensitive;
