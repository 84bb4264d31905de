//! Casts that notice what does not fit.
//!
//! An array is read value by value ([`value::Value`]) and built as the target type from what fits. Two steps with a value
//! between them instead of a kernel for each pair of types: the kernels' code for all pairs would triple the module.

mod build;
mod fit;
mod kind;
mod number;
mod read;
mod time;
mod value;

#[cfg(test)]
mod tests;

use skein_sdk::arrow_array::{Array, ArrayRef, new_null_array};
use skein_sdk::arrow_schema::DataType;
use skein_sdk::{Failure, Output, metrics, shortened};

use super::Named;
use crate::spec::OnError;
use build::build;
pub(crate) use kind::possible;
use read::Cells;
pub(crate) use time::zone_offset;

/// Casts or fails; the failure does not show the value, which may be one to hide.
pub(crate) fn strict(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Failure> {
    let made = lenient(array, to)?;
    if made.logical_null_count() == array.logical_null_count() {
        return Ok(made);
    }
    Err(Failure::new("uncastable", format!("a value is no {to}")))
}

/// Casts; values that do not fit are null.
fn lenient(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Failure> {
    if array.data_type() == to {
        return Ok(ArrayRef::clone(array));
    }
    if *array.data_type() == DataType::Null {
        return Ok(new_null_array(to, array.len()));
    }
    build(&Cells::new(array)?, array.len(), to)
}

/// Casts; values that do not fit are null, and their rows rejected if the spec says so.
pub(super) fn cast(
    array: &ArrayRef,
    to: &DataType,
    on_error: OnError,
    named: Named<'_>,
    out: &mut Output,
) -> Result<ArrayRef, Failure> {
    let made = lenient(array, to)?;
    let lost = made.logical_null_count().saturating_sub(array.logical_null_count());
    if lost == 0 {
        return Ok(made);
    }
    if on_error == OnError::Null {
        metrics::count(named.nulled, lost as u64);
        return Ok(made);
    }
    let cells = Cells::new(array)?;
    for row in (0..array.len()).filter(|row| made.is_null(*row)) {
        let Some(value) = cells.at(row) else { continue };
        let value =
            if named.hidden { "a value".to_owned() } else { format!("{:?}", shortened(&value.to_string())) };
        let message = format!("{}: {value} is no {to}", named.column);
        if on_error == OnError::Fail {
            return Err(Failure::new("uncastable", message));
        }
        out.reject(row, "uncastable", &message);
    }
    Ok(made)
}
