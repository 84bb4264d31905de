//! The spec: what the parameters say.
//!
//! Read by hand rather than derived, because a person writes it: unknown keys are named with the nearest known one, and
//! every message says which step it is about.

mod read;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use skein_sdk::Secret;
use skein_sdk::arrow_schema::DataType;

/// A named migration of columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Name of the migration: two specs are two migrations.
    pub name: String,
    /// What is done, in order. Column names are those that the steps before have left.
    pub steps: Vec<Step>,
}

/// What a value that cannot be cast becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Its row is rejected.
    Reject,
    /// It is null.
    Null,
    /// It ends the run.
    Fail,
}

/// Upper or lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `upper`.
    Upper,
    /// `lower`.
    Lower,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Another name; inside structs by dotted path.
    Rename {
        /// Column.
        column: String,
        /// New (last) name.
        to: String,
    },
    /// Leave columns out; inside structs by dotted path.
    Drop {
        /// Columns.
        columns: Vec<String>,
    },
    /// These columns first.
    Order {
        /// Columns.
        columns: Vec<String>,
    },
    /// Another type.
    Cast {
        /// Columns.
        columns: Vec<String>,
        /// New type.
        to: DataType,
        /// For values that cannot be cast.
        on_error: OnError,
    },
    /// A value instead of nulls.
    Default {
        /// Columns.
        columns: Vec<String>,
        /// The value.
        value: Value,
        /// Whether the columns become required (not nullable).
        required: bool,
    },
    /// A new column with one value.
    Add {
        /// Its name.
        column: String,
        /// Its type.
        data_type: DataType,
        /// The value; null makes a nullable column of nulls.
        value: Value,
    },
    /// No white space at the ends.
    Trim {
        /// Columns.
        columns: Vec<String>,
    },
    /// Upper or lower case.
    Case {
        /// Columns.
        columns: Vec<String>,
        /// Which.
        to: Case,
    },
    /// Keyed hash (HMAC-SHA256 of the value's text, in hexadecimal).
    Hash {
        /// Columns.
        columns: Vec<String>,
        /// The key.
        key: Secret,
    },
    /// Letters replaced.
    Mask {
        /// Columns.
        columns: Vec<String>,
        /// Letters left at the start.
        keep_first: usize,
        /// Letters left at the end.
        keep_last: usize,
        /// The replacement.
        with: char,
    },
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        read::spec(value).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Spec {
    fn schema_name() -> Cow<'static, str> {
        "Spec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<Secret>();
        let steps: Vec<Value> = read::VERBS.iter().map(|verb| step_schema(verb, &secret)).collect();
        json_schema!({
            "type": "object",
            "description": "Steps over the columns of a dataset, done in order.",
            "properties": {
                "name": { "type": "string", "description": "Name of the migration." },
                "steps": {
                    "type": "array", "items": { "oneOf": steps },
                    "description": "Without, the columns stay as they are."
                }
            },
            "required": ["name"],
            "additionalProperties": false
        })
    }
}

fn step_schema(verb: &read::Verb, secret: &Schema) -> Value {
    let mut keys = serde_json::Map::new();
    keys.insert(verb.name.to_owned(), if verb.many { columns_schema() } else { text() });
    for key in verb.keys {
        keys.insert((*key).to_owned(), key_schema(key, secret));
    }
    let required: Vec<&str> = std::iter::once(verb.name).chain(verb.required.iter().copied()).collect();
    serde_json::json!({
        "type": "object", "description": verb.does, "properties": keys,
        "required": required, "additionalProperties": false
    })
}

fn columns_schema() -> Value {
    serde_json::json!({
        "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
    })
}

fn text() -> Value {
    serde_json::json!({ "type": "string" })
}

fn key_schema(key: &str, secret: &Schema) -> Value {
    match key {
        "on_error" => serde_json::json!({ "enum": ["reject", "null", "fail"], "default": "reject" }),
        "required" => serde_json::json!({ "type": "boolean", "default": false }),
        "keep_first" | "keep_last" => serde_json::json!({ "type": "integer", "minimum": 0, "default": 0 }),
        "key" => secret.clone().to_value(),
        "value" => serde_json::json!({ "type": ["string", "number", "boolean", "null"] }),
        _ => text(),
    }
}
