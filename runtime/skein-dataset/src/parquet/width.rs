//! Refuses columns whose rows are wide by their type alone.

use arrow_schema::Schema;
use skein_types::{ROW_BYTES_MAX, widest_row};

use super::error::FileError;

/// Refuses columns that are wider than anything of use.
pub(super) fn check(schema: &Schema, name: &str) -> Result<(), FileError> {
    schema.fields().iter().try_for_each(|field| {
        let widest = widest_row(field);
        if widest <= ROW_BYTES_MAX {
            return Ok(());
        }
        let what = format!("column {:?} of {widest} bytes a row, the limit is {ROW_BYTES_MAX}", field.name());
        Err(FileError::Unsupported { file: name.to_owned(), what })
    })
}
