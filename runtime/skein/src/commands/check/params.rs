//! A module's parameters in lines that can be read: what its JSON schema says without being one.
//!
//! Only what people need to write parameters is taken: keys, which of them must be there, what they are for, and, where a
//! list takes one of several forms, each form. A schema that says it in another way is shown as far as it is understood.

use serde_json::Value;

/// One line for each key, and for each form of the entries of a list.
pub(super) fn lines(schema: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, of) in properties(schema) {
        lines.push(described(&key, needs(schema, &key), of));
        let forms = of.pointer("/items/oneOf").or_else(|| of.get("oneOf")).and_then(Value::as_array);
        for form in forms.into_iter().flatten().filter(|form| form.get("properties").is_some()) {
            lines.push(format!("  {}", this_form(form)));
        }
    }
    lines
}

/// `rename, to: Gives a column another name`, what need not be there in brackets.
fn this_form(form: &Value) -> String {
    let (must, may): (Vec<String>, Vec<String>) =
        properties(form).map(|(key, _)| key).partition(|key| needs(form, key));
    // What must be there comes in the schema's order: the key that names the form first.
    let mut keys: Vec<String> = required(form).filter(|key| must.contains(key)).collect();
    keys.extend(may.into_iter().map(|key| format!("[{key}]")));
    match text(form) {
        Some(text) => format!("{}: {text}", keys.join(", ")),
        None => keys.join(", "),
    }
}

fn described(key: &str, needed: bool, of: &Value) -> String {
    let needed = if needed { ", required" } else { "" };
    let kind =
        of.get("type").and_then(Value::as_str).map_or_else(String::new, |kind| format!(" ({kind}{needed})"));
    match text(of) {
        Some(text) => format!("{key}{kind}: {text}"),
        None => format!("{key}{kind}"),
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(key, of)| (key.clone(), of))
}

fn required(schema: &Value) -> impl Iterator<Item = String> {
    let required = schema.get("required").and_then(Value::as_array);
    required.into_iter().flatten().filter_map(|key| Some(key.as_str()?.to_owned()))
}

fn needs(schema: &Value, key: &str) -> bool {
    required(schema).any(|needed| needed == key)
}

fn text(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str).map(|text| text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::lines;
    use serde_json::json;

    #[test]
    fn keys_and_the_forms_of_a_list_are_lines() {
        let schema = json!({
            "properties": {
                "name": { "type": "string", "description": "Name of the migration." },
                "steps": { "type": "array", "items": { "oneOf": [
                    { "description": "Changes the type.", "required": ["cast", "to"],
                      "properties": { "cast": {}, "on_error": {}, "to": {} } },
                    { "required": ["drop"], "properties": { "drop": {} } }
                ] } }
            },
            "required": ["name"]
        });
        assert_eq!(
            lines(&schema),
            [
                "name (string, required): Name of the migration",
                "steps (array)",
                "  cast, to, [on_error]: Changes the type",
                "  drop",
            ]
        );
        assert_eq!(lines(&json!({ "type": "object" })), [] as [&str; 0]);
        assert_eq!(lines(&json!(true)), [] as [&str; 0]);
    }
}
