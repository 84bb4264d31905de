//! TPC-H `lineitem`, second version: four columns computed from six, ten carried, six gone.
//!
//! The reference benchmark of Skein. [`transform`] is the computation as a plain function over Arrow arrays, so that the
//! benchmark can run the very same code natively; [`LineitemV2`] is the module around it. The SQL and Polars twins are in
//! `equivalent.sql` and the README.

mod migration;
mod transform;

pub use migration::{LineitemV2, Params, RowShape};
pub use transform::{Computed, Inputs, OutOfRange, transform};

skein_sdk::export!(LineitemV2);
