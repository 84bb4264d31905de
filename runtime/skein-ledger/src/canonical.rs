//! The one spelling of a body: JSON with sorted keys, without blanks, with integers only.
//!
//! What is hashed must have one spelling; floats have several, so there are none. Keys are sorted here and not by the map
//! that holds them, whose order depends on a feature that any crate of the build may turn on.

use serde::Serialize;
use serde_json::Value;

/// The largest integer in a record, so that every reader of JSON reads it exactly and no sum of two overflows a column.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a value has no canonical spelling.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCanonical {
    #[error("a number that is not an integer")]
    Float,
    #[error("the integer {0}, which is beyond {INTEGER_MAX}")]
    Large(String),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// The canonical bytes of a value.
pub(crate) fn bytes(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::with_capacity(256);
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(out, value)?,
        Value::Number(n) if n.is_f64() => return Err(NotCanonical::Float),
        Value::Number(n) if n.as_u64().is_none_or(|n| n > INTEGER_MAX) => {
            return Err(NotCanonical::Large(n.to_string()));
        }
        Value::Number(n) => serde_json::to_writer(out, n)?,
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                comma(at, out);
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (at, (key, item)) in fields.into_iter().enumerate() {
                comma(at, out);
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn comma(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use super::{NotCanonical, bytes};
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth_and_nothing_is_blank() {
        let value = json!({"b": [{"z": 1, "a": null}, true], "a": "é\n", "": 9_007_199_254_740_991_u64});
        let text = String::from_utf8(bytes(&value).unwrap()).unwrap();
        assert_eq!(text, r#"{"":9007199254740991,"a":"é\n","b":[{"a":null,"z":1},true]}"#);
    }

    #[test]
    fn integers_that_some_reader_would_round_have_no_spelling() {
        for value in [json!(9_007_199_254_740_992_u64), json!(-1)] {
            assert!(matches!(bytes(&value), Err(NotCanonical::Large(_))), "{value}");
        }
    }

    #[test]
    fn floats_have_no_spelling() {
        assert!(matches!(bytes(&json!([1.0])), Err(NotCanonical::Float)));
    }
}
