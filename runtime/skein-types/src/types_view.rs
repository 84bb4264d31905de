//! The guest's view of a schema: plain types instead of encodings.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};

/// The schema as guests see it: views, dictionaries and run-end encoding replaced by what they stand for, at every
/// depth. Names, nullability, order and field metadata stay; so do column ids of everything that is not an encoding.
pub fn guest_view(schema: &Schema) -> Schema {
    Schema::new(fields(schema.fields()))
}

/// [`guest_view`] of one type.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other type is its own plain form")]
pub fn guest_view_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => guest_view_type(values),
        DataType::RunEndEncoded(_, values) => guest_view_type(values.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::ListView(f) => DataType::List(field(f)),
        DataType::LargeListView(f) => DataType::LargeList(field(f)),
        DataType::List(f) => DataType::List(field(f)),
        DataType::LargeList(f) => DataType::LargeList(field(f)),
        DataType::FixedSizeList(f, n) => DataType::FixedSizeList(field(f), *n),
        // The contract has no word for sorted keys, and they are a promise about values, not about their form.
        DataType::Map(f, _) => DataType::Map(field(f), false),
        DataType::Struct(children) => DataType::Struct(fields(children)),
        other => other.clone(),
    }
}

fn fields(all: &Fields) -> Fields {
    all.iter().map(field).collect()
}

fn field(f: &FieldRef) -> FieldRef {
    let plain = Field::new(f.name(), guest_view_type(f.data_type()), f.is_nullable());
    Arc::new(plain.with_metadata(f.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use super::guest_view_type;
    use arrow_schema::{DataType, Field};
    use std::sync::Arc;

    #[test]
    fn encodings_disappear_at_every_depth() {
        let dict = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        let list = DataType::ListView(Arc::new(Field::new("item", dict, true)));
        let expected = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        assert_eq!(guest_view_type(&list), expected);
    }
}
