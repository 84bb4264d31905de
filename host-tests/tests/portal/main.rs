//! The portal from outside: what strangers try with it, and what people do with it in a browser.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

mod at_work;
mod forms;
mod heads;
mod house;
mod lines;
mod paths;
mod played;
mod refused;
mod rights;
mod sessions;
mod sorted;
mod walk;
mod words;
