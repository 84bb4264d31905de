//! How parameters name a secret: `{"$secret": "name"}`, and nothing else in that object.

use std::collections::BTreeSet;

use serde_json::Value;

/// The name, if the value is exactly `{"$secret": "name"}`.
pub fn secret_name(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get("$secret")?.as_str()
}

/// All names that parameters name. They are nested no deeper than JSON is read.
pub fn secret_names(value: &Value) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    collect(value, &mut names);
    names
}

fn collect<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    if let Some(name) = secret_name(value) {
        names.insert(name);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(object) => object.values().for_each(|item| collect(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::secret_names;
    use serde_json::json;

    #[test]
    fn only_an_object_of_that_form_names_a_secret() {
        let params = json!({
            "a": [{ "$secret": "one" }, { "$secret": "two", "more": 1 }],
            "b": { "c": { "$secret": "one" }, "$secret": "three" },
            "d": { "$secret": 5 },
        });
        assert_eq!(secret_names(&params).into_iter().collect::<Vec<_>>(), ["one"]);
    }
}
