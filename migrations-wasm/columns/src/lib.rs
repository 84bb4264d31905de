//! Common migrations of columns, told by a spec instead of code: rename, drop, order, cast, default, add, trim, case,
//! hash, mask.
//!
//! [`Spec`] is the parameters, read with care for slips; `compile` lays its steps over a source and decides which
//! columns stay carried; `transform` does the work on arrays. Columns without a step that changes values are carried, so a
//! spec that only renames, drops and orders never brings data into the sandbox.

mod compile;
mod data_type;
mod migration;
mod spec;
mod transform;

pub use migration::Columns;
pub use spec::{OnError, Spec, Step};

skein_sdk::export!(Columns);
