//! What data is, whatever it is encoded as.
//!
//! Level 1, pure. A [cell](cells) is a 64-bit hash of a value's canonical form: the same for every Arrow type that can hold
//! the value, so that codec, dictionaries, pages, views, batches and files leave it alone. [`Sums`] add cells up by column
//! and whole rows by [`RowSum`], modulo 2^128: in any order, over any parts. [`Measures`] are what others can compute
//! without us: totals, least and greatest values. The README says what the sums prove and what they do not.
//!
//! It does not know files, runs, or who compares with what.

mod cell;
mod key;
mod measure;
mod sums;

pub use cell::{Unhashable, cells};
pub use key::Seed;
pub use measure::{Kind, Measure, Measures};
pub use sums::{ColumnSum, RowSum, Summer, Sums};
