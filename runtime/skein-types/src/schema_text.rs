//! Schemas as plain data that can be kept: what a log says about columns.
//!
//! Types are written as in the contract with guests, so what is kept does not depend on how a crate prints or numbers
//! them. The same schema always gives the same bytes. Only the guest's view can be written ([`crate::guest_view`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_schema::{ArrowError, Field, FieldRef, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::format;

#[derive(Serialize, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    format: String,
    nullable: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<Self>,
}

/// The text of a schema in the guest's view.
pub fn schema_text(schema: &Schema) -> Result<Value, ArrowError> {
    let columns = schema.fields().iter().map(Column::of).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_value(columns).map_err(|error| ArrowError::SchemaError(error.to_string()))
}

/// The schema of a text; `None` if it is none, or one of a later version.
pub fn schema_of_text(text: &Value) -> Option<Schema> {
    let columns = Vec::<Column>::deserialize(text).ok()?;
    Some(Schema::new(columns.into_iter().map(Column::field).collect::<Option<Vec<_>>>()?))
}

impl Column {
    fn of(field: &FieldRef) -> Result<Self, ArrowError> {
        let inside = format::children(field.data_type());
        Ok(Self {
            name: field.name().clone(),
            format: format::print(field.data_type())?,
            nullable: field.is_nullable(),
            metadata: field.metadata().iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            columns: inside.into_iter().map(Self::of).collect::<Result<_, _>>()?,
        })
    }

    fn field(self) -> Option<FieldRef> {
        let inside = self.columns.into_iter().map(Self::field).collect::<Option<Vec<_>>>()?;
        let data_type = format::parse(&self.format, inside).ok()?;
        let metadata: HashMap<String, String> = self.metadata.into_iter().collect();
        Some(Arc::new(Field::new(self.name, data_type, self.nullable).with_metadata(metadata)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
    use serde_json::json;

    use super::{schema_of_text, schema_text};

    #[test]
    fn a_schema_comes_back_from_its_text_as_it_was() {
        let inside = Fields::from(vec![
            Field::new("x", DataType::Decimal128(12, 2), true),
            Field::new("é", DataType::new_list(DataType::Utf8, true), false),
        ]);
        let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let noted = HashMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
        let schema = Schema::new(vec![
            Arc::new(Field::new("id", DataType::Int64, false).with_metadata(noted)),
            Arc::new(Field::new("at", zone, true)),
            Arc::new(Field::new("s", DataType::Struct(inside), true)),
        ]);
        let text = schema_text(&schema).unwrap();
        assert_eq!(
            text[0],
            json!({ "name": "id", "type": "l", "nullable": false, "metadata": { "a": "1", "b": "2" } })
        );
        assert_eq!(schema_of_text(&text), Some(schema));
    }

    #[test]
    fn what_is_no_schema_is_none() {
        for text in [
            json!({}),
            json!([{ "name": "x" }]),
            json!([{ "name": "x", "type": "?", "nullable": true }]),
            json!([{ "name": "x", "type": "l", "nullable": true, "columns": [
                { "name": "y", "type": "l", "nullable": true }
            ] }]),
        ] {
            assert_eq!(schema_of_text(&text), None, "{text}");
        }
    }
}
