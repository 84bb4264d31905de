//! Columns whose values have a fixed width in memory, whatever the file holds for them.
//!
//! A null of such a column takes nothing in Parquet and its full width in Arrow, so a width is a claim to memory.

use arrow_schema::{DataType, Field, Fields, Schema};

use super::error::FileError;

/// Bytes of one row of a column. Hashes have 64, an embedding of 4,096 doubles 32 KiB.
const ROW_BYTES_MAX: u64 = 1 << 20;

/// Refuses columns that are wider than anything of use.
pub(super) fn check(schema: &Schema, name: &str) -> Result<(), FileError> {
    schema.fields().iter().try_for_each(|field| {
        let widest = widest(field);
        if widest <= ROW_BYTES_MAX {
            return Ok(());
        }
        let what = format!("column {:?} of {widest} bytes a row, the limit is {ROW_BYTES_MAX}", field.name());
        Err(FileError::Unsupported { file: name.to_owned(), what })
    })
}

/// Bytes of a row in the column or of an item in one of its lists, whichever is wider.
fn widest(field: &Field) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other types have no items")]
    let inner = match field.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => widest(item),
        DataType::Struct(fields) => fields.iter().map(|field| widest(field)).max().unwrap_or(0),
        _ => 0,
    };
    inner.max(width(field.data_type()))
}

/// Bytes that a row takes by its type alone.
fn width(data_type: &DataType) -> u64 {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other types have an offset or a small value for a row"
    )]
    match data_type {
        DataType::FixedSizeBinary(bytes) => u64::try_from(*bytes).unwrap_or(0),
        DataType::FixedSizeList(item, count) => items(item, *count),
        DataType::Struct(fields) => sum(fields, width),
        DataType::Dictionary(_, value) => width(value),
        other => other.primitive_width().unwrap_or(8) as u64,
    }
}

/// Of these, the bytes that a row takes for lists of fixed size: even for a null, which is one value in Parquet.
pub(super) fn of_lists(data_type: &DataType) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a row of another type holds none")]
    match data_type {
        DataType::FixedSizeList(item, count) => items(item, *count),
        DataType::Struct(fields) => sum(fields, of_lists),
        _ => 0,
    }
}

fn items(item: &Field, count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0).saturating_mul(width(item.data_type()))
}

fn sum(fields: &Fields, of: fn(&DataType) -> u64) -> u64 {
    fields.iter().map(|field| of(field.data_type())).fold(0, u64::saturating_add)
}
