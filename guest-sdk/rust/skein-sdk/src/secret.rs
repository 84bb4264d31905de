//! Secrets in parameters.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Failure, config};

/// A parameter whose value is not in the parameters: `{"$secret": "name"}`. Use it as a field's type; read the value in
/// `open`, for `plan` runs without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    #[serde(rename = "$secret")]
    name: String,
}

impl Secret {
    /// A reference to the secret of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The name, not the value.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, or the failure `missing-secret`.
    pub fn value(&self) -> Result<Vec<u8>, Failure> {
        config::secret(&self.name)
            .ok_or_else(|| Failure::new("missing-secret", format!("the run has no secret {:?}", self.name)))
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Reference to a secret of the run.",
            "properties": { "$secret": { "type": "string" } },
            "required": ["$secret"],
            "additionalProperties": false
        })
    }
}
