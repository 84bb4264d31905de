//! A target schema in a file of JSON: `{"columns": [{"name": "id", "type": "int64", "nullable": false}]}`.
//!
//! Types have the words of the `columns` module's spec. Nested ones have none: a Parquet file with such columns says it
//! better.

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use serde::Deserialize;

const PLAIN: [(&str, DataType); 18] = [
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
    ("binary", DataType::Binary),
    ("large_binary", DataType::LargeBinary),
    ("date", DataType::Date32),
    ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("decimal", DataType::Decimal128(38, 9)),
];

const UNITS: [(&str, TimeUnit); 4] = [
    ("s", TimeUnit::Second),
    ("ms", TimeUnit::Millisecond),
    ("us", TimeUnit::Microsecond),
    ("ns", TimeUnit::Nanosecond),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default = "nullable")]
    nullable: bool,
}

const fn nullable() -> bool {
    true
}

/// Reads the document; the error says what is wrong and where.
pub(crate) fn parse(text: &str) -> Result<Schema, String> {
    let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if document.columns.is_empty() {
        return Err("it has no columns".to_owned());
    }
    let mut fields: Vec<Field> = Vec::with_capacity(document.columns.len());
    for Column { name, data_type, nullable } in document.columns {
        if name.is_empty() || fields.iter().any(|field| *field.name() == name) {
            return Err(format!("the column name {name:?} is empty or there twice"));
        }
        let data_type = of_word(&data_type).map_err(|error| format!("column {name:?}: {error}"))?;
        fields.push(Field::new(name, data_type, nullable));
    }
    Ok(Schema::new(fields))
}

fn of_word(text: &str) -> Result<DataType, String> {
    let unknown = || {
        let words = PLAIN.map(|(word, _)| word).join(", ");
        format!(
            "the type {text:?} is not known; known are {words}, decimal(12,2), timestamp(us), timestamp(us,UTC)"
        )
    };
    let word = text.trim();
    let Some((word, inside)) = word.split_once('(') else {
        let plain = PLAIN.iter().find(|(known, _)| *known == word);
        return plain.map(|(_, data_type)| data_type.clone()).ok_or_else(unknown);
    };
    let inside = inside.strip_suffix(')').ok_or_else(unknown)?;
    let (first, second) = inside.split_once(',').map_or((inside, None), |(a, b)| (a, Some(b.trim())));
    let made = match word.trim() {
        "decimal" => decimal(first.trim(), second.unwrap_or("0")),
        "timestamp" => {
            let unit = UNITS.iter().find(|(known, _)| *known == first.trim());
            unit.map(|(_, unit)| DataType::Timestamp(*unit, second.map(Into::into)))
        }
        _ => None,
    };
    made.ok_or_else(unknown)
}

/// 1 to 38 digits, of which the second number are after the point.
fn decimal(digits: &str, after_point: &str) -> Option<DataType> {
    let (digits, scale) = (digits.parse::<u8>().ok()?, after_point.parse::<i8>().ok()?);
    let fits = (1..=38).contains(&digits) && u8::try_from(scale).is_ok_and(|scale| scale <= digits);
    fits.then_some(DataType::Decimal128(digits, scale))
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, Schema, TimeUnit};

    use super::parse;

    #[test]
    fn columns_are_nullable_unless_they_say_otherwise() {
        let text = r#"{"columns": [
            {"name": "id", "type": "int64", "nullable": false},
            {"name": "amount", "type": "decimal(12, 2)"},
            {"name": "at", "type": "timestamp(ms,UTC)"}
        ]}"#;
        let at = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let expected = Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("amount", DataType::Decimal128(12, 2), true),
            Field::new("at", at, true),
        ]);
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let of = |columns: &str| parse(&format!("{{\"columns\": [{columns}]}}")).unwrap_err();
        assert_eq!(of(""), "it has no columns");
        assert!(
            of(r#"{"name": "a", "type": "int"}"#).starts_with("column \"a\": the type \"int\" is not known")
        );
        assert!(of(r#"{"name": "a", "type": "decimal(40,2)"}"#).contains("decimal(40,2)"));
        assert!(of(r#"{"name": "a", "type": "int64", "null": true}"#).contains("unknown field `null`"));
        let twice = r#"{"name": "a", "type": "int64"}, {"name": "a", "type": "int64"}"#;
        assert_eq!(of(twice), "the column name \"a\" is empty or there twice");
    }
}
