//! A document as people and generators of clients like it.
//!
//! What is derived from types names each text and list by its bound; these names say nothing, so what they stand for is written
//! where they are used. Whole numbers say how large they may be, and what is meant for readers of the code loses its links.

use serde_json::{Map, Value, json};

const SCHEMAS: &str = "#/components/schemas/";
/// The largest whole number that every reader of JSON takes exactly.
const EXACT_MAX: u64 = (1 << 53) - 1;

pub(super) fn tidy(document: &mut Value) {
    let Value::Object(known) = document["components"]["schemas"].take() else { return };
    let (nameless, mut named): (Map<_, _>, Map<_, _>) =
        known.into_iter().partition(|(name, _)| is_nameless(name));
    for schema in named.values_mut() {
        walk(schema, &nameless);
    }
    document["components"]["schemas"] = Value::Object(named);
    walk(document, &nameless);
}

/// A text or list by its bound, or what every language has.
fn is_nameless(name: &str) -> bool {
    name.starts_with("Text.")
        || name.starts_with("List.")
        || name == "String"
        || name.starts_with(|first: char| first.is_ascii_lowercase())
}

fn walk(value: &mut Value, nameless: &Map<String, Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, nameless)),
        Value::Object(object) => {
            put_in_place(object, nameless);
            bound(object);
            object.values_mut().for_each(|item| walk(item, nameless));
        }
        Value::String(text) => without_links(text),
        // Some bounds of whole numbers come as `0.0`.
        Value::Number(number) => {
            if number.as_f64() == Some(0.0) {
                *number = 0.into();
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// What a name without meaning stands for, with what is said where it is used.
fn put_in_place(object: &mut Map<String, Value>, nameless: &Map<String, Value>) {
    let name = object.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix(SCHEMAS));
    let Some(Value::Object(schema)) = name.and_then(|name| nameless.get(name)).cloned() else { return };
    object.remove("$ref");
    for (key, value) in schema {
        object.entry(key).or_insert(value);
    }
}

fn bound(object: &mut Map<String, Value>) {
    let whole = match object.get("type") {
        Some(Value::Array(types)) => types.contains(&json!("integer")),
        Some(one) => one == "integer",
        None => false,
    };
    if whole && !object.contains_key("maximum") {
        let most =
            if object.get("format") == Some(&json!("int32")) { u64::from(u32::MAX) } else { EXACT_MAX };
        object.insert("maximum".to_owned(), json!(most));
    }
    // A signed form of 32 bits would be smaller than it says.
    if whole && object.get("minimum").and_then(Value::as_f64) == Some(0.0) {
        object.remove("format");
    }
}

/// ``[`Word`]`` is a link for readers of the code; for others it is `Word`.
fn without_links(text: &mut String) {
    if text.contains("[`") {
        *text = text.replace("[`", "`").replace("`]", "`");
    }
}

#[cfg(test)]
mod tests {
    use super::tidy;
    use serde_json::json;

    #[test]
    fn names_that_say_nothing_are_replaced_by_what_they_stand_for() {
        let mut document = json!({
            "components": { "schemas": {
                "Text.8": { "type": "string", "maxLength": 8 },
                "List.4_Text.8": { "type": "array", "maxItems": 4, "items": { "$ref": "#/components/schemas/Text.8" } },
                "Thing": { "type": "object", "properties": {
                    "a": { "$ref": "#/components/schemas/List.4_Text.8", "description": "See [`Thing`]." },
                    "b": { "type": "integer", "format": "int64", "minimum": 0.0 },
                    "c": { "$ref": "#/components/schemas/Thing" },
                } },
            } },
        });
        tidy(&mut document);
        let list = json!({
            "type": "array",
            "maxItems": 4,
            "items": { "type": "string", "maxLength": 8 },
            "description": "See `Thing`.",
        });
        let whole = json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });
        assert_eq!(
            document["components"]["schemas"],
            json!({ "Thing": { "type": "object", "properties": {
                "a": list, "b": whole, "c": { "$ref": "#/components/schemas/Thing" },
            } } })
        );
    }
}
