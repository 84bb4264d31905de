//! How many bytes a row of a type takes in Arrow whatever is in it: what a plan may ask for and a reader accepts.
//!
//! A null of a fixed-size type takes nothing in Parquet and its full width in Arrow, so a width is a claim to memory.

use arrow_schema::{DataType, Field, Fields};

/// Bytes of one row of a column, or of one item of its lists. Hashes have 64, an embedding of 4,096 doubles 32 KiB.
pub const ROW_BYTES_MAX: u64 = 1 << 20;

/// Bytes of a row in the column or of an item in one of its lists, whichever is wider.
pub fn widest_row(field: &Field) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other types have no items")]
    let inner = match field.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => widest_row(item),
        DataType::Struct(fields) => fields.iter().map(|field| widest_row(field)).max().unwrap_or(0),
        _ => 0,
    };
    inner.max(row_width(field.data_type()))
}

/// Of a row's bytes those that it takes for lists of fixed size: even for a null, which is one value in Parquet.
pub fn fixed_list_bytes(data_type: &DataType) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a row of another type holds none")]
    match data_type {
        DataType::FixedSizeList(item, count) => items(item, *count),
        DataType::Struct(fields) => sum(fields, fixed_list_bytes),
        _ => 0,
    }
}

/// The same of an item of the column's lists of any length: how many there are, no row says.
pub fn fixed_list_bytes_of_items(data_type: &DataType) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other types have no items")]
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => {
            fixed_list_bytes(item.data_type()).max(fixed_list_bytes_of_items(item.data_type()))
        }
        DataType::FixedSizeList(item, _) => fixed_list_bytes_of_items(item.data_type()),
        DataType::Struct(fields) => sum(fields, fixed_list_bytes_of_items),
        _ => 0,
    }
}

/// Bytes that a row takes by its type alone, null or not.
pub fn row_width(data_type: &DataType) -> u64 {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other types have an offset or a small value for a row"
    )]
    match data_type {
        DataType::FixedSizeBinary(bytes) => u64::try_from(*bytes).unwrap_or(0),
        DataType::FixedSizeList(item, count) => items(item, *count),
        DataType::Struct(fields) => sum(fields, row_width),
        DataType::Dictionary(_, value) => row_width(value),
        other => other.primitive_width().unwrap_or(8) as u64,
    }
}

fn items(item: &Field, count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0).saturating_mul(row_width(item.data_type()))
}

fn sum(fields: &Fields, of: fn(&DataType) -> u64) -> u64 {
    fields.iter().map(|field| of(field.data_type())).fold(0, u64::saturating_add)
}
