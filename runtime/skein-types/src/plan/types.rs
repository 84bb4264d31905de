//! Which types a target column may have, and which names.

use arrow_schema::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};

use super::PlanError;
use crate::{ROW_BYTES_MAX, widest_row};

const NAME_BYTES_MAX: usize = 1024;
/// Values that fixed-size lists, one inside the other, give a row.
const FIXED_VALUES_MAX: u64 = 1 << 16;
/// Bytes that fixed-size binaries, in fixed-size lists or not, give a row.
const FIXED_BYTES_MAX: u64 = 1 << 20;

/// Whether the columns of a target can be written to Parquet. Carried columns are not asked: they were in a file.
pub(super) fn check_field(column: &str, field: &Field) -> Result<(), PlanError> {
    check_name(column, field.name())?;
    let impossible =
        || PlanError::ImpossibleType { column: column.to_owned(), data_type: field.data_type().to_string() };
    if !is_possible(field.data_type()) {
        return Err(impossible());
    }
    children(field.data_type()).iter().try_for_each(|child| check_field(column, child))
}

/// Whether a row of this column stays small whatever is in it. A fixed size needs no bytes to be claimed: nulls have none,
/// and a row of them would be as large as the type says.
pub(super) fn check_width(column: &str, field: &Field) -> Result<(), PlanError> {
    width(column, field.data_type(), 1)?;
    // What a run writes must be what the next one reads: the reader asks this of every file.
    let found = widest_row(field);
    if found <= ROW_BYTES_MAX {
        return Ok(());
    }
    let column = column.chars().take(100).collect();
    Err(PlanError::TooWide { column, found, limit: ROW_BYTES_MAX, unit: "bytes" })
}

fn width(column: &str, data_type: &DataType, values: u64) -> Result<(), PlanError> {
    let times = |n: i32| values.saturating_mul(u64::try_from(n).unwrap_or_default());
    let too_wide = |found, limit, unit| {
        Err(PlanError::TooWide { column: column.chars().take(100).collect(), found, limit, unit })
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other type is as wide as its values")]
    let values = match data_type {
        DataType::FixedSizeBinary(n) if times(*n) > FIXED_BYTES_MAX => {
            return too_wide(times(*n), FIXED_BYTES_MAX, "bytes");
        }
        DataType::FixedSizeList(_, n) if times(*n) > FIXED_VALUES_MAX => {
            return too_wide(times(*n), FIXED_VALUES_MAX, "values");
        }
        DataType::FixedSizeList(_, n) => times(*n),
        // As many as the data has: the sandbox counts those.
        DataType::List(_) | DataType::LargeList(_) | DataType::Map(_, _) => 1,
        _ => values,
    };
    children(data_type).iter().try_for_each(|child| width(column, child.data_type(), values))
}

/// Names must be usable by every reader: not empty, bounded, no control characters.
pub(super) fn check_name(column: &str, name: &str) -> Result<(), PlanError> {
    let refused = |reason| Err(PlanError::BadName { column: column.chars().take(100).collect(), reason });
    if name.is_empty() {
        return refused("the name is empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return refused("the name is longer than 1024 bytes");
    }
    if name.chars().any(char::is_control) {
        return refused("the name contains a control character");
    }
    Ok(())
}

fn is_possible(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Timestamp(_, _)
        | DataType::Date32
        | DataType::Date64
        | DataType::Duration(_)
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary => true,
        DataType::Time32(unit) => matches!(unit, TimeUnit::Second | TimeUnit::Millisecond),
        DataType::Time64(unit) => matches!(unit, TimeUnit::Microsecond | TimeUnit::Nanosecond),
        DataType::Interval(unit) => matches!(unit, IntervalUnit::YearMonth | IntervalUnit::DayTime),
        DataType::FixedSizeBinary(width) => *width > 0,
        DataType::Decimal32(p, s) => is_decimal(*p, *s, 9),
        DataType::Decimal64(p, s) => is_decimal(*p, *s, 18),
        DataType::Decimal128(p, s) => is_decimal(*p, *s, 38),
        DataType::Decimal256(p, s) => is_decimal(*p, *s, 76),
        DataType::Struct(fields) => !fields.is_empty(),
        DataType::List(_) | DataType::LargeList(_) => true,
        DataType::FixedSizeList(_, n) => *n > 0,
        DataType::Map(entries, _) => is_map(entries),
        DataType::Utf8View
        | DataType::BinaryView
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Union(_, _)
        | DataType::Dictionary(_, _)
        | DataType::RunEndEncoded(_, _) => false,
    }
}

/// Parquet has no negative scale.
fn is_decimal(precision: u8, scale: i8, precision_max: u8) -> bool {
    (1..=precision_max).contains(&precision) && u8::try_from(scale).is_ok_and(|s| s <= precision)
}

fn is_map(entries: &FieldRef) -> bool {
    let DataType::Struct(pair) = entries.data_type() else { return false };
    !entries.is_nullable() && pair.len() == 2 && !pair[0].is_nullable()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only these types have children")]
fn children(data_type: &DataType) -> Vec<&FieldRef> {
    match data_type {
        DataType::Struct(fields) => fields.iter().collect(),
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
            vec![f]
        }
        _ => Vec::new(),
    }
}
