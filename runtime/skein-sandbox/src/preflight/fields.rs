//! The guest's schema message against the planned schema, field by field, without converting it.

use arrow_ipc::{Endianness, Field as Found, Schema as FoundSchema, Type};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};

use super::{Unsound, forged};

/// Names, types and nesting must agree. Nullability need not: nulls themselves are looked for in the data.
pub(super) fn compare(planned: &Schema, found: &FoundSchema<'_>) -> Result<(), Unsound> {
    if found.endianness() != Endianness::Little {
        return Err(forged("big-endian data"));
    }
    let fields = found.fields().ok_or_else(|| forged("a schema without fields"))?;
    if fields.len() != planned.fields().len() {
        return Err(wrong(format!("{} columns, {} are planned", fields.len(), planned.fields().len())));
    }
    planned.fields().iter().zip(fields.iter()).try_for_each(|(planned, found)| field(planned, &found, true))
}

fn wrong(reason: String) -> Unsound {
    Unsound::WrongSchema(reason)
}

fn field(planned: &Field, found: &Found<'_>, top: bool) -> Result<(), Unsound> {
    let name = found.name().unwrap_or_default();
    // Names of a list's element or a map's entries differ between writers and mean nothing.
    if top && name != planned.name() {
        let name: String = name.chars().take(100).collect();
        return Err(wrong(format!("column {name:?} where {:?} is planned", planned.name())));
    }
    if found.dictionary().is_some() {
        return Err(wrong(format!("column {:?} is dictionary encoded", planned.name())));
    }
    if !same_type(planned.data_type(), found) {
        let kind = found.type_type().variant_name().unwrap_or("unknown");
        return Err(wrong(format!(
            "column {:?} is {kind}, {} is planned",
            planned.name(),
            planned.data_type()
        )));
    }
    children(planned, found)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type has no children")]
fn children(planned: &Field, found: &Found<'_>) -> Result<(), Unsound> {
    let one;
    let (below, named): (&Fields, bool) = match planned.data_type() {
        DataType::Struct(fields) => (fields, true),
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
            one = Fields::from(vec![f.clone()]);
            (&one, false)
        }
        _ => (&Fields::empty(), false),
    };
    let count = found.children().map_or(0, |c| c.len());
    if count != below.len() {
        return Err(wrong(format!(
            "column {:?} has {count} children, {} are planned",
            planned.name(),
            below.len()
        )));
    }
    let Some(found) = found.children() else { return Ok(()) };
    let named = named && !is_map_entries(planned);
    below.iter().zip(found.iter()).try_for_each(|(planned, found)| field(planned, &found, named))
}

fn is_map_entries(field: &Field) -> bool {
    matches!(field.name().as_str(), "entries" | "key_value")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types outside the guest's view match nothing")]
fn same_type(planned: &DataType, found: &Found<'_>) -> bool {
    use arrow_ipc as ipc;
    let kind = found.type_type();
    let int = |bits, signed| {
        found.type_as_int().is_some_and(|int| int.bitWidth() == bits && int.is_signed() == signed)
    };
    let float = |precision| found.type_as_floating_point().is_some_and(|f| f.precision() == precision);
    let decimal = |p: u8, s: i8, bits: i32| {
        found.type_as_decimal().is_some_and(|d| {
            d.precision() == i32::from(p) && d.scale() == i32::from(s) && d.bitWidth() == bits
        })
    };
    let time = |unit: TimeUnit, bits| {
        found.type_as_time().is_some_and(|t| t.unit() == ipc_unit(unit) && t.bitWidth() == bits)
    };
    let interval = |unit| found.type_as_interval().is_some_and(|i| i.unit() == unit);
    match planned {
        DataType::Null => kind == Type::Null,
        DataType::Boolean => kind == Type::Bool,
        DataType::Int8 => int(8, true),
        DataType::Int16 => int(16, true),
        DataType::Int32 => int(32, true),
        DataType::Int64 => int(64, true),
        DataType::UInt8 => int(8, false),
        DataType::UInt16 => int(16, false),
        DataType::UInt32 => int(32, false),
        DataType::UInt64 => int(64, false),
        DataType::Float16 => float(ipc::Precision::HALF),
        DataType::Float32 => float(ipc::Precision::SINGLE),
        DataType::Float64 => float(ipc::Precision::DOUBLE),
        DataType::Timestamp(unit, zone) => found.type_as_timestamp().is_some_and(|t| {
            t.unit() == ipc_unit(*unit) && t.timezone().unwrap_or("") == zone.as_deref().unwrap_or("")
        }),
        DataType::Date32 => found.type_as_date().is_some_and(|d| d.unit() == ipc::DateUnit::DAY),
        DataType::Date64 => found.type_as_date().is_some_and(|d| d.unit() == ipc::DateUnit::MILLISECOND),
        DataType::Time32(unit) => time(*unit, 32),
        DataType::Time64(unit) => time(*unit, 64),
        DataType::Duration(unit) => found.type_as_duration().is_some_and(|d| d.unit() == ipc_unit(*unit)),
        DataType::Interval(IntervalUnit::YearMonth) => interval(ipc::IntervalUnit::YEAR_MONTH),
        DataType::Interval(IntervalUnit::DayTime) => interval(ipc::IntervalUnit::DAY_TIME),
        DataType::Interval(IntervalUnit::MonthDayNano) => interval(ipc::IntervalUnit::MONTH_DAY_NANO),
        DataType::Binary => kind == Type::Binary,
        DataType::LargeBinary => kind == Type::LargeBinary,
        DataType::Utf8 => kind == Type::Utf8,
        DataType::LargeUtf8 => kind == Type::LargeUtf8,
        DataType::FixedSizeBinary(n) => {
            found.type_as_fixed_size_binary().is_some_and(|t| t.byteWidth() == *n)
        }
        DataType::Decimal32(p, s) => decimal(*p, *s, 32),
        DataType::Decimal64(p, s) => decimal(*p, *s, 64),
        DataType::Decimal128(p, s) => decimal(*p, *s, 128),
        DataType::Decimal256(p, s) => decimal(*p, *s, 256),
        DataType::List(_) => kind == Type::List,
        DataType::LargeList(_) => kind == Type::LargeList,
        DataType::FixedSizeList(_, n) => found.type_as_fixed_size_list().is_some_and(|t| t.listSize() == *n),
        DataType::Struct(_) => kind == Type::Struct_,
        DataType::Map(_, _) => kind == Type::Map,
        _ => false,
    }
}

const fn ipc_unit(unit: TimeUnit) -> arrow_ipc::TimeUnit {
    match unit {
        TimeUnit::Second => arrow_ipc::TimeUnit::SECOND,
        TimeUnit::Millisecond => arrow_ipc::TimeUnit::MILLISECOND,
        TimeUnit::Microsecond => arrow_ipc::TimeUnit::MICROSECOND,
        TimeUnit::Nanosecond => arrow_ipc::TimeUnit::NANOSECOND,
    }
}
