//! Rules over what was before, what is after and what was rejected, in SQL.
//!
//! A rule is strangers' text, so it is evaluated as strangers' code is compiled: in a child process that has a memory limit,
//! can write nothing, and is killed when it takes too long ([`Jail`]). Inside, DataFusion sees the Parquet files that it was
//! given and no other: there is no catalogue of files, no function that reads one, no statement but a query, no recursion.
//!
//! - What could not be evaluated is inconclusive and never passes: a query that fails, takes too long, needs too much, answers
//!   with something else than one truth value or count, or ends its process.
//! - What is told of a rule shows no value of a row: a truth value, a count, or the kind of what went wrong.
//!
//! Where files come from and what a broken rule leads to is not known here.

mod asked;
mod child;
mod compile;
mod evaluate;
mod files;
mod jail;
mod table;
mod unified;

pub use asked::{Answer, Asked, Limits, Question, Table, TableFile, Whose};
pub use child::child_main;
pub use evaluate::evaluate;
pub use jail::{Jail, JailOptions};
