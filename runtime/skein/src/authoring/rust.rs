//! Values of the host as Rust source of a new crate.

use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};

/// A text as a literal. Names of columns are data: whatever is in them, they stay a text.
pub(crate) fn text(text: &str) -> String {
    format!("{text:?}")
}

/// A type as an expression, with `DataType`, `Field`, `TimeUnit`, `IntervalUnit` and `Arc` in scope.
pub(crate) fn data_type(data_type: &DataType) -> String {
    let of = |name: &str, inside: String| format!("DataType::{name}({inside})");
    let child = |child: &Field| format!("Arc::new({})", field(child));
    match data_type {
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_ref().map_or_else(|| "None".to_owned(), |z| format!("Some({}.into())", text(z)));
            of("Timestamp", format!("{}, {zone}", time_unit(*unit)))
        }
        DataType::Time32(unit) => of("Time32", time_unit(*unit)),
        DataType::Time64(unit) => of("Time64", time_unit(*unit)),
        DataType::Duration(unit) => of("Duration", time_unit(*unit)),
        DataType::Interval(unit) => of("Interval", interval_unit(*unit)),
        DataType::FixedSizeBinary(size) => of("FixedSizeBinary", size.to_string()),
        DataType::Decimal32(digits, scale) => of("Decimal32", format!("{digits}, {scale}")),
        DataType::Decimal64(digits, scale) => of("Decimal64", format!("{digits}, {scale}")),
        DataType::Decimal128(digits, scale) => of("Decimal128", format!("{digits}, {scale}")),
        DataType::Decimal256(digits, scale) => of("Decimal256", format!("{digits}, {scale}")),
        DataType::List(item) => of("List", child(item)),
        DataType::LargeList(item) => of("LargeList", child(item)),
        DataType::FixedSizeList(item, size) => of("FixedSizeList", format!("{}, {size}", child(item))),
        DataType::Map(entries, sorted) => of("Map", format!("{}, {sorted}", child(entries))),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|f| field(f)).collect();
            of("Struct", format!("vec![{}].into()", fields.join(", ")))
        }
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
        | DataType::Date32
        | DataType::Date64
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Union(_, _)
        | DataType::Dictionary(_, _)
        // What is not in a guest's view does not come here; the others are called what they are called.
        | DataType::RunEndEncoded(_, _) => format!("DataType::{data_type:?}"),
    }
}

fn field(field: &Field) -> String {
    format!("Field::new({}, {}, {})", text(field.name()), data_type(field.data_type()), field.is_nullable())
}

fn time_unit(unit: TimeUnit) -> String {
    format!("TimeUnit::{unit:?}")
}

fn interval_unit(unit: IntervalUnit) -> String {
    format!("IntervalUnit::{unit:?}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, TimeUnit};

    use super::data_type;

    #[test]
    fn types_are_written_as_they_are_made() {
        assert_eq!(data_type(&DataType::Int64), "DataType::Int64");
        assert_eq!(data_type(&DataType::Decimal128(12, 2)), "DataType::Decimal128(12, 2)");
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(data_type(&at), "DataType::Timestamp(TimeUnit::Microsecond, Some(\"UTC\".into()))");
        let item = DataType::Struct(vec![Field::new("a \"b\"", DataType::Utf8, true)].into());
        let list = DataType::List(Arc::new(Field::new("item", item, false)));
        assert_eq!(
            data_type(&list),
            "DataType::List(Arc::new(Field::new(\"item\", \
             DataType::Struct(vec![Field::new(\"a \\\"b\\\"\", DataType::Utf8, true)].into()), false)))"
        );
    }
}
