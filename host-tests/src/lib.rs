//! Support of the end-to-end tests: the binary under test, guests, Python, places to work in, and files and modules that
//! are damaged on purpose.
//!
//! The tests see Skein from outside: arguments, exit codes, output and files. Nothing here knows how a run works; only
//! `tests/in_process` calls the library, for what one process a run cannot show.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "support of tests: a failure here is a failed test, and files are written as a stranger would"
)]

pub mod authors;
pub mod call;
pub mod damage;
pub mod dice;
pub mod fixture;
pub mod guard;
pub mod guests;
pub mod modules;
pub mod outcome;
pub mod patience;
pub mod project;
pub mod python;
pub mod service;
pub mod site;
pub mod text_table;
pub mod tutorial;
pub mod typed;

pub use call::Call;
pub use guard::Guard;
pub use outcome::Outcome;
pub use site::Site;
