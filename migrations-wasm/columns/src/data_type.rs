//! Names of types in a spec.

use skein_sdk::arrow_schema::{DataType, TimeUnit};
use skein_sdk::nearest;

use crate::transform::zone_offset;

const PLAIN: [(&str, DataType); 16] = [
    ("bool", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("string", DataType::Utf8),
    ("large_string", DataType::LargeUtf8),
    ("date", DataType::Date32),
    ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("decimal", DataType::Decimal128(38, 9)),
];

/// What other tools call them.
const OTHER_WORDS: [(&str, &str); 14] = [
    ("datetime", "timestamp"),
    ("timestamptz", "timestamp(us,UTC)"),
    ("int", "int64"),
    ("integer", "int64"),
    ("long", "int64"),
    ("bigint", "int64"),
    ("smallint", "int16"),
    ("float", "float64"),
    ("double", "float64"),
    ("boolean", "bool"),
    ("text", "string"),
    ("varchar", "string"),
    ("utf8", "string"),
    ("numeric", "decimal"),
];

/// Reads `int64`, `decimal(12,2)`, `timestamp(ms)`, `timestamp(us,UTC)` and the like.
pub(crate) fn parse(text: &str) -> Result<DataType, String> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return plain(text) };
    let inside = rest.strip_suffix(')').ok_or_else(|| format!("type {text:?} lacks its `)`"))?;
    let (first, second) = match inside.split_once(',') {
        Some((first, second)) => (first.trim(), Some(second.trim())),
        None => (inside.trim(), None),
    };
    match name.trim() {
        "decimal" => decimal(first, second.unwrap_or("0")).ok_or_else(|| {
            format!("type {text:?}: 1 to 38 digits, of which the second number are after the point")
        }),
        "timestamp" => timestamp(first, second).map_err(|e| format!("type {text:?}: {e}")),
        other => plain(other).and_then(|_| Err(format!("type {other:?} takes nothing in brackets"))),
    }
}

fn plain(name: &str) -> Result<DataType, String> {
    if let Some((_, data_type)) = PLAIN.iter().find(|(known, _)| *known == name) {
        return Ok(data_type.clone());
    }
    let other =
        OTHER_WORDS.iter().find(|(other, _)| name.eq_ignore_ascii_case(other)).map(|(_, known)| *known);
    let near = other.or_else(|| nearest(name, PLAIN.iter().map(|(known, _)| *known)));
    let all = || format!("known: {}", PLAIN.map(|(known, _)| known).join(", "));
    Err(format!("unknown type {name:?}, {}", near.map_or_else(all, |n| format!("did you mean {n:?}?"))))
}

fn decimal(digits: &str, after_point: &str) -> Option<DataType> {
    let (digits, scale) = (digits.parse::<u8>().ok()?, after_point.parse::<u8>().ok()?);
    ((1..=38).contains(&digits) && scale <= digits)
        .then(|| i8::try_from(scale).ok().map(|scale| DataType::Decimal128(digits, scale)))
        .flatten()
}

fn timestamp(unit: &str, zone: Option<&str>) -> Result<DataType, String> {
    let unit = match unit {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return Err("the unit is one of s, ms, us, ns".to_owned()),
    };
    if let Some(zone) = zone
        && !is_fixed(zone)
    {
        return Err(format!("zone {zone:?} is neither UTC nor an offset such as +02:00"));
    }
    Ok(DataType::Timestamp(unit, zone.map(Into::into)))
}

/// Named zones would need a time zone database, which this module does not carry.
pub(crate) fn is_fixed(zone: &str) -> bool {
    zone_offset(zone).is_some()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use skein_sdk::arrow_schema::{DataType, TimeUnit};

    #[test]
    fn types_are_read_with_their_numbers() {
        assert_eq!(parse("int64"), Ok(DataType::Int64));
        assert_eq!(parse(" decimal(12, 2) "), Ok(DataType::Decimal128(12, 2)));
        assert_eq!(parse("timestamp(ms)"), Ok(DataType::Timestamp(TimeUnit::Millisecond, None)));
        let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        assert_eq!(parse("timestamp(ns, UTC)"), Ok(utc));
    }

    #[test]
    fn what_is_no_type_is_told_with_the_nearest() {
        assert_eq!(parse("strng").unwrap_err(), "unknown type \"strng\", did you mean \"string\"?");
        for (other, known) in
            [("datetime", "timestamp"), ("INT", "int64"), ("double", "float64"), ("text", "string")]
        {
            assert_eq!(parse(other).unwrap_err(), format!("unknown type {other:?}, did you mean {known:?}?"));
        }
        assert!(parse("decimal(40,2)").unwrap_err().contains("1 to 38 digits"));
        assert!(parse("timestamp(us,Mars/Base)").unwrap_err().contains("neither UTC"));
        assert!(parse("int64(3)").unwrap_err().contains("nothing in brackets"));
    }
}
