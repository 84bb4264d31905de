//! Parameters: JSON from the run, as a type of the author's.

use std::any::TypeId;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Parameters that do not fit their type.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParamsError {
    #[error("this migration takes no parameters")]
    NotWanted,
    #[error("parameters: {0}")]
    Unfit(#[from] serde_json::Error),
}

/// Reads parameters. Types other than `()` read an empty text as `{}`, so that defaults apply.
pub(crate) fn read<P: DeserializeOwned + 'static>(text: &str) -> Result<P, ParamsError> {
    let text = text.trim();
    if is_unit::<P>() {
        return match text {
            "" | "null" | "{}" => Ok(serde_json::from_str("null")?),
            _ => Err(ParamsError::NotWanted),
        };
    }
    Ok(serde_json::from_str(if text.is_empty() || text == "null" { "{}" } else { text })?)
}

/// The JSON Schema; empty for `()`.
pub(crate) fn schema<P: JsonSchema + 'static>() -> String {
    if is_unit::<P>() {
        return String::new();
    }
    schemars::schema_for!(P).as_value().to_string()
}

fn is_unit<P: 'static>() -> bool {
    TypeId::of::<P>() == TypeId::of::<()>()
}

#[cfg(test)]
mod tests {
    use super::{read, schema};
    use schemars::JsonSchema;
    use serde::Deserialize;

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Limit {
        #[serde(default)]
        most: u32,
    }

    #[test]
    fn unit_takes_nothing_and_others_take_their_defaults() {
        assert!(read::<()>("{}").is_ok() && read::<()>("").is_ok());
        assert_eq!(read::<()>("{\"a\":1}").unwrap_err().to_string(), "this migration takes no parameters");
        assert_eq!(read::<Limit>("").unwrap(), Limit { most: 0 });
        assert!(read::<Limit>("{\"mots\":1}").is_err());
    }

    #[test]
    fn the_schema_names_the_fields() {
        assert_eq!(schema::<()>(), "");
        assert!(schema::<Limit>().contains("\"most\""));
    }
}
