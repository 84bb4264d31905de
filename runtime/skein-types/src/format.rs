//! Format strings of the Arrow C data interface: how the contract with guests writes types.
//!
//! Each type has one format, and nothing here panics on or recurses over a format that a guest made.

use std::sync::Arc;

use arrow_schema::{ArrowError, DataType, FieldRef, IntervalUnit, TimeUnit, UnionMode};

/// What is wrong with a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFormat {
    /// No such type.
    Format,
    /// Not with these children.
    Children,
}

/// Time zones are names, not texts.
const ZONE_BYTES_MAX: usize = 64;

/// The format of a type, children excluded. Fails for what is no type of the guest's view.
pub fn print(data_type: &DataType) -> Result<String, ArrowError> {
    let fixed = match data_type {
        DataType::Null => "n",
        DataType::Boolean => "b",
        DataType::Int8 => "c",
        DataType::UInt8 => "C",
        DataType::Int16 => "s",
        DataType::UInt16 => "S",
        DataType::Int32 => "i",
        DataType::UInt32 => "I",
        DataType::Int64 => "l",
        DataType::UInt64 => "L",
        DataType::Float16 => "e",
        DataType::Float32 => "f",
        DataType::Float64 => "g",
        DataType::Binary => "z",
        DataType::LargeBinary => "Z",
        DataType::Utf8 => "u",
        DataType::LargeUtf8 => "U",
        DataType::Date32 => "tdD",
        DataType::Date64 => "tdm",
        DataType::Interval(IntervalUnit::YearMonth) => "tiM",
        DataType::Interval(IntervalUnit::DayTime) => "tiD",
        DataType::Interval(IntervalUnit::MonthDayNano) => "tin",
        DataType::Struct(_) => "+s",
        DataType::List(_) => "+l",
        DataType::LargeList(_) => "+L",
        DataType::Map(_, _) => "+m",
        DataType::Time32(unit) | DataType::Time64(unit) => return Ok(format!("tt{}", unit_letter(*unit))),
        DataType::Duration(unit) => return Ok(format!("tD{}", unit_letter(*unit))),
        DataType::Timestamp(unit, zone) => {
            return Ok(format!("ts{}:{}", unit_letter(*unit), zone.as_deref().unwrap_or_default()));
        }
        DataType::FixedSizeBinary(width) => return Ok(format!("w:{width}")),
        DataType::FixedSizeList(_, n) => return Ok(format!("+w:{n}")),
        DataType::Decimal32(p, s) => return Ok(format!("d:{p},{s},32")),
        DataType::Decimal64(p, s) => return Ok(format!("d:{p},{s},64")),
        DataType::Decimal128(p, s) => return Ok(format!("d:{p},{s}")),
        DataType::Decimal256(p, s) => return Ok(format!("d:{p},{s},256")),
        DataType::Utf8View
        | DataType::BinaryView
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Dictionary(_, _)
        | DataType::RunEndEncoded(_, _)
        | DataType::Union(_, UnionMode::Dense | UnionMode::Sparse) => {
            return Err(ArrowError::SchemaError(format!("{data_type} is not a type of the guest's view")));
        }
    };
    Ok(fixed.to_owned())
}

/// Fields inside a type, in the contract's order.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other type of the guest's view is a leaf")]
pub fn children(data_type: &DataType) -> Vec<&FieldRef> {
    match data_type {
        DataType::Struct(fields) => fields.iter().collect(),
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
            vec![f]
        }
        _ => Vec::new(),
    }
}

/// The type of a format and of the fields inside it.
pub fn parse(format: &str, own: Vec<FieldRef>) -> Result<DataType, BadFormat> {
    if let Some(nested) = format.strip_prefix('+') {
        return parse_nested(nested, own);
    }
    if !own.is_empty() {
        return Err(BadFormat::Children);
    }
    if let Some(parsed) = parse_fixed(format) {
        return Ok(parsed);
    }
    let (kind, rest) = format.split_once(':').ok_or(BadFormat::Format)?;
    match kind {
        "w" => number(rest).map(DataType::FixedSizeBinary),
        "d" => parse_decimal(rest),
        "tss" => parse_timestamp(TimeUnit::Second, rest),
        "tsm" => parse_timestamp(TimeUnit::Millisecond, rest),
        "tsu" => parse_timestamp(TimeUnit::Microsecond, rest),
        "tsn" => parse_timestamp(TimeUnit::Nanosecond, rest),
        _ => Err(BadFormat::Format),
    }
}

fn parse_fixed(format: &str) -> Option<DataType> {
    Some(match format {
        "n" => DataType::Null,
        "b" => DataType::Boolean,
        "c" => DataType::Int8,
        "C" => DataType::UInt8,
        "s" => DataType::Int16,
        "S" => DataType::UInt16,
        "i" => DataType::Int32,
        "I" => DataType::UInt32,
        "l" => DataType::Int64,
        "L" => DataType::UInt64,
        "e" => DataType::Float16,
        "f" => DataType::Float32,
        "g" => DataType::Float64,
        "z" => DataType::Binary,
        "Z" => DataType::LargeBinary,
        "u" => DataType::Utf8,
        "U" => DataType::LargeUtf8,
        // Parsed so that the plan's check can name the column; never accepted.
        "vu" => DataType::Utf8View,
        "vz" => DataType::BinaryView,
        "tdD" => DataType::Date32,
        "tdm" => DataType::Date64,
        "tts" => DataType::Time32(TimeUnit::Second),
        "ttm" => DataType::Time32(TimeUnit::Millisecond),
        "ttu" => DataType::Time64(TimeUnit::Microsecond),
        "ttn" => DataType::Time64(TimeUnit::Nanosecond),
        "tDs" => DataType::Duration(TimeUnit::Second),
        "tDm" => DataType::Duration(TimeUnit::Millisecond),
        "tDu" => DataType::Duration(TimeUnit::Microsecond),
        "tDn" => DataType::Duration(TimeUnit::Nanosecond),
        "tiM" => DataType::Interval(IntervalUnit::YearMonth),
        "tiD" => DataType::Interval(IntervalUnit::DayTime),
        "tin" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

fn parse_nested(nested: &str, mut own: Vec<FieldRef>) -> Result<DataType, BadFormat> {
    if nested == "s" {
        return Ok(DataType::Struct(own.into()));
    }
    let size = match nested.split_once(':') {
        Some(("w", size)) => Some(number(size)?),
        Some(_) => return Err(BadFormat::Format),
        None if matches!(nested, "l" | "L" | "m") => None,
        None => return Err(BadFormat::Format),
    };
    let (Some(child), true) = (own.pop(), own.is_empty()) else { return Err(BadFormat::Children) };
    Ok(match (nested, size) {
        (_, Some(size)) => DataType::FixedSizeList(child, size),
        ("l", None) => DataType::List(child),
        ("L", None) => DataType::LargeList(child),
        (_, None) => parse_map(child)?,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "entries are a struct of two or no entries")]
fn parse_map(entries: FieldRef) -> Result<DataType, BadFormat> {
    match entries.data_type() {
        DataType::Struct(pair) if pair.len() == 2 => Ok(DataType::Map(entries, false)),
        _ => Err(BadFormat::Children),
    }
}

fn parse_decimal(rest: &str) -> Result<DataType, BadFormat> {
    let mut parts = rest.split(',');
    let precision: u8 = number(parts.next().ok_or(BadFormat::Format)?)?;
    let scale: i8 = number(parts.next().ok_or(BadFormat::Format)?)?;
    let bits: u32 = parts.next().map_or(Ok(128), number)?;
    if parts.next().is_some() {
        return Err(BadFormat::Format);
    }
    let (precision_max, make): (u8, fn(u8, i8) -> DataType) = match bits {
        32 => (9, DataType::Decimal32),
        64 => (18, DataType::Decimal64),
        128 => (38, DataType::Decimal128),
        256 => (76, DataType::Decimal256),
        _ => return Err(BadFormat::Format),
    };
    if !(1..=precision_max).contains(&precision) {
        return Err(BadFormat::Format);
    }
    Ok(make(precision, scale))
}

fn parse_timestamp(unit: TimeUnit, zone: &str) -> Result<DataType, BadFormat> {
    if zone.len() > ZONE_BYTES_MAX || zone.chars().any(char::is_control) {
        return Err(BadFormat::Format);
    }
    Ok(DataType::Timestamp(unit, (!zone.is_empty()).then(|| Arc::from(zone))))
}

/// A number as we print it: no sign but minus, no leading zeros, so that each type has one format.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Result<T, BadFormat> {
    let parsed: T = text.parse().map_err(|_| BadFormat::Format)?;
    if parsed.to_string() == text { Ok(parsed) } else { Err(BadFormat::Format) }
}

const fn unit_letter(unit: TimeUnit) -> char {
    match unit {
        TimeUnit::Second => 's',
        TimeUnit::Millisecond => 'm',
        TimeUnit::Microsecond => 'u',
        TimeUnit::Nanosecond => 'n',
    }
}
