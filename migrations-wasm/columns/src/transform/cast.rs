//! Casts that notice what does not fit.

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use skein_sdk::arrow_array::{Array, ArrayRef};
use skein_sdk::arrow_schema::DataType;
use skein_sdk::zone::{known_to_kernels, with_zone};
use skein_sdk::{Failure, Output, shortened};

use super::Named;
use crate::spec::OnError;

const LENIENT: CastOptions<'static> = CastOptions { safe: true, format_options: FormatOptions::new() };
const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// Casts or fails.
pub(crate) fn strict(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Failure> {
    zoned(array, to, &STRICT)
}

/// A cast between types whose zone may be called UTC.
fn zoned(array: &ArrayRef, to: &DataType, options: &CastOptions<'_>) -> Result<ArrayRef, Failure> {
    let made = cast_with_options(&understood(array)?, &known_to_kernels(to), options)?;
    let DataType::Timestamp(_, zone) = to else { return Ok(made) };
    with_zone(&made, zone.as_deref())
}

fn understood(array: &ArrayRef) -> Result<ArrayRef, Failure> {
    let DataType::Timestamp(_, zone) = known_to_kernels(array.data_type()) else {
        return Ok(ArrayRef::clone(array));
    };
    with_zone(array, zone.as_deref())
}

/// Casts; values that do not fit are null, and their rows rejected if the spec says so.
pub(super) fn cast(
    array: &ArrayRef,
    to: &DataType,
    on_error: OnError,
    named: Named<'_>,
    out: &mut Output,
) -> Result<ArrayRef, Failure> {
    let made = zoned(array, to, &LENIENT)?;
    if on_error == OnError::Null || made.null_count() == array.null_count() {
        return Ok(made);
    }
    let format = FormatOptions::new();
    let readable = understood(array)?;
    let shown = ArrayFormatter::try_new(&readable, &format)?;
    for row in (0..array.len()).filter(|row| made.is_null(*row) && !array.is_null(*row)) {
        let value = if named.hidden {
            "a value".to_owned()
        } else {
            format!("{:?}", shortened(&shown.value(row).to_string()))
        };
        let message = format!("{}: {value} is no {to}", named.column);
        if on_error == OnError::Fail {
            return Err(Failure::new("uncastable", message));
        }
        out.reject(row, "uncastable", &message);
    }
    Ok(made)
}
