//! People say yes, later or no to their part of a plan, and nobody else does: asked by API, with the exact code of each refusal.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are read as a stranger would"
)]

mod alone;
mod careless;
mod guards;
mod later;
mod moves;
mod office;
mod owners;
mod pages;
mod refusals;
mod rights;
mod rows;
mod said;
mod waves;
