//! Fields for the parameters of a module, by the JSON Schema that it says.
//!
//! What a field can hold is a text, a number, yes or no, or one of some values; everything else is written as JSON. Whether a value fits the
//! schema the module says itself when it is planned with.
//!
//! A schema is as long as a module may make it, and by references a short one comes to very much. So all that a page has of it is bounded:
//! what is beyond that is written as JSON, too.

mod bounded;

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Map, Value};
use skein_control::ServiceError;
use skein_types::codes;

pub(in crate::pages) use bounded::whole;
use bounded::{clipped, is_short, written};

/// Fields of parameters begin so, that none is another field's.
pub(super) const PREFIX: &str = "p.";
/// The field with all of them, or with those that have none of their own.
pub(super) const WHOLE: &str = "params";
/// References that are followed one after the other.
const DEPTH: usize = 8;
/// Parameters that have a field each. Where there are more, all of them are written as JSON.
const FIELDS: usize = 100;
/// Values to choose from, of one field and of all of them.
const CHOICES: usize = 100;
const CHOICES_OF_ALL: usize = 500;
/// Bytes of a parameter's name, and of what is said of a field.
const NAME: usize = 100;
const SAID: usize = 250;

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pages) struct Field {
    pub(in crate::pages) name: String,
    pub(in crate::pages) kind: Kind,
    pub(in crate::pages) required: bool,
    /// As JSON, where it is long its beginning.
    pub(in crate::pages) default: Option<String>,
    pub(in crate::pages) about: Option<String>,
}

/// How it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pages) enum Kind {
    Text,
    Whole,
    Number,
    Flag,
    Choice(Vec<Value>),
    Json,
}

impl Kind {
    /// For people.
    pub(in crate::pages) const fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Whole => "whole number",
            Self::Number => "number",
            Self::Flag => "yes or no",
            Self::Choice(_) => "one of some",
            Self::Json => "JSON",
        }
    }
}

/// The parameters of a schema; none if it is not of an object with named ones.
pub(in crate::pages) fn fields(schema: &Value) -> Option<Vec<Field>> {
    let top = resolved(schema, schema);
    let properties = top.get("properties")?.as_object()?;
    if properties.len() > FIELDS || properties.keys().any(|name| name.len() > NAME) {
        return None;
    }
    let mut left = CHOICES_OF_ALL;
    let required: Vec<&str> = top.get("required").into_iter().flat_map(texts).collect();
    let field = |(name, said): (&String, &Value)| {
        let of = resolved(said, schema);
        let text = |of: &Value| of.get("description").and_then(Value::as_str).map(|text| clipped(text, SAID));
        Field {
            name: name.clone(),
            kind: kind(of, schema, &mut left),
            required: required.contains(&name.as_str()),
            // That it is null says no more than that it may be left out.
            default: said
                .get("default")
                .or_else(|| of.get("default"))
                .filter(|value| !value.is_null())
                .map(|value| written(value, false, SAID).0),
            about: text(said).or_else(|| text(of)),
        }
    };
    let mut fields: Vec<Field> = properties.iter().map(field).collect();
    // What has to be said stands first.
    fields.sort_by_key(|field| !field.required);
    Some(fields)
}

/// Whether parameters may have other names than those of the fields.
fn is_open(schema: &Value) -> bool {
    resolved(schema, schema).get("additionalProperties") != Some(&Value::Bool(false))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A schema behind references to others of the same document, and behind `anyOf` with null, which says that it may be left out.
fn resolved<'a>(mut of: &'a Value, whole: &'a Value) -> &'a Value {
    for _ in 0..DEPTH {
        let pointer = of.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
        let only = ["allOf", "anyOf", "oneOf"].iter().find_map(|word| only(of.get(*word)?.as_array()?));
        of = match pointer.and_then(|pointer| whole.pointer(pointer)).or(only) {
            Some(next) => next,
            None => break,
        };
    }
    of
}

/// The one schema of a list that does not say null. A long list is no way to say that something may be left out.
fn only(list: &[Value]) -> Option<&Value> {
    let list = Some(list).filter(|list| list.len() <= DEPTH)?;
    let mut others = list.iter().filter(|one| one.get("type") != Some(&Value::from("null")));
    let first = others.next()?;
    (others.next().is_none() && first.get("const").is_none()).then_some(first)
}

fn kind(of: &Value, whole: &Value, left: &mut usize) -> Kind {
    match choices(of, whole) {
        Some(choices) if choices.len() <= (*left).min(CHOICES) && choices.iter().all(|one| is_short(one)) => {
            *left -= choices.len();
            return Kind::Choice(choices.into_iter().cloned().collect());
        }
        Some(_) => return Kind::Json,
        None => {}
    }
    let types: Vec<&str> = match of.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(list) => texts(list).filter(|one| *one != "null").collect(),
        None => Vec::new(),
    };
    match types.as_slice() {
        ["string"] => Kind::Text,
        ["integer"] => Kind::Whole,
        ["number"] => Kind::Number,
        ["boolean"] => Kind::Flag,
        _ => Kind::Json,
    }
}

/// All values that it may be, if they are listed; of too many some more than may be.
fn choices<'a>(of: &'a Value, whole: &'a Value) -> Option<Vec<&'a Value>> {
    let some = |list: &'a [Value]| list.iter().filter(|one| !one.is_null()).take(CHOICES + 1);
    if let Some(list) = of.get("enum").and_then(Value::as_array) {
        return Some(some(list).collect());
    }
    let list = of.get("oneOf").or_else(|| of.get("anyOf"))?.as_array()?;
    let mut all = Vec::new();
    // One is null, at most.
    for one in list.iter().take(CHOICES + 2) {
        let one = resolved(one, whole);
        match (one.get("const"), one.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => all.push(value),
            (None, Some(values)) => all.extend(some(values)),
            (None, None) if one.get("type") == Some(&Value::from("null")) => {}
            (None, None) => return None,
        }
    }
    Some(all)
}

/// The fields, with what was typed before.
pub(super) fn view(schema: Option<&Value>, typed: &BTreeMap<String, String>) -> Markup {
    let fields = schema.and_then(fields);
    let open = fields.is_none() || schema.is_some_and(is_open);
    html! {
        @for field in fields.iter().flatten() { (one(field, typed)) }
        @if open {
            p {
                label for=(WHOLE) { @if fields.is_some() { "Others, as a JSON object" } @else { "Parameters, as JSON" } } br;
                textarea id=(WHOLE) name=(WHOLE) rows="4" cols="70" { (typed.get(WHOLE).map_or("", String::as_str)) }
            }
        }
        @if let Some(schema) = schema.filter(|_| fields.is_none()) {
            details { summary { "What it takes, as JSON Schema" } (whole(schema)) }
        }
    }
}

fn one(field: &Field, typed: &BTreeMap<String, String>) -> Markup {
    let name = format!("{PREFIX}{}", field.name);
    let said = typed.get(&name).map(String::as_str);
    let help = format!("{name}-help");
    html! {
        p {
            label for=(name) { (field.name) @if field.required { " (required)" } } br;
            @match &field.kind {
                Kind::Text => input id=(name) name=(name) size="50" value=[said] required[field.required] aria-describedby=(help);,
                Kind::Whole => input id=(name) name=(name) type="number" step="1" value=[said] required[field.required] aria-describedby=(help);,
                Kind::Number => input id=(name) name=(name) type="number" step="any" value=[said] required[field.required] aria-describedby=(help);,
                Kind::Flag => (choice(&name, &help, field, &[Value::Bool(true), Value::Bool(false)], said)),
                Kind::Choice(values) => (choice(&name, &help, field, values, said)),
                Kind::Json => textarea id=(name) name=(name) rows="4" cols="70" required[field.required] aria-describedby=(help) { (said.unwrap_or_default()) },
            }
            " " span.note id=(help) {
                (field.kind.word())
                @if let Some(default) = &field.default { ", else " code { (default) } }
                @if let Some(about) = &field.about { ". " (about) }
            }
        }
    }
}

/// A value is written as JSON: a text and a number that look the same are told apart.
fn choice(name: &str, help: &str, field: &Field, values: &[Value], said: Option<&str>) -> Markup {
    let shown = |value: &Value| match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    html! {
        select id=(name) name=(name) required[field.required] aria-describedby=(help) {
            option value="" { @if field.required { "choose" } @else { "not said" } }
            @for value in values {
                option value=(value) selected[said == Some(value.to_string().as_str())] { (shown(value)) }
            }
        }
    }
}

/// The parameters that were typed.
pub(super) fn typed(schema: Option<&Value>, typed: &BTreeMap<String, String>) -> Result<Value, ServiceError> {
    let unfit = |name: &str, what: String| {
        ServiceError::new(codes::PARAMS_INVALID, format!("parameter {name}: {what}"))
            .hint(Some("mend it below; what you typed is still there"))
    };
    let whole = typed.get(WHOLE).map(|text| text.trim()).filter(|text| !text.is_empty());
    let whole: Option<Value> = whole
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| unfit(WHOLE, format!("no JSON: {error}")))?;
    let Some(fields) = schema.and_then(fields) else { return Ok(whole.unwrap_or(Value::Null)) };
    let mut params = match whole {
        None => Map::new(),
        Some(Value::Object(others)) => others,
        Some(_) => return Err(unfit(WHOLE, "no JSON object".to_owned())),
    };
    for field in fields {
        let said = typed.get(&format!("{PREFIX}{}", field.name));
        match said {
            Some(text) => {
                let value = match field.kind {
                    Kind::Text => Value::String(text.clone()),
                    Kind::Whole | Kind::Number | Kind::Flag | Kind::Choice(_) | Kind::Json => {
                        serde_json::from_str(text).map_err(|error| unfit(&field.name, error.to_string()))?
                    }
                };
                params.insert(field.name, value);
            }
            None if field.required && !params.contains_key(&field.name) => {
                return Err(unfit(&field.name, "it is required".to_owned()));
            }
            None => {}
        }
    }
    Ok(Value::Object(params))
}

#[cfg(test)]
mod tests {
    use super::{Kind, fields, typed, view};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn schema() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "$defs": {
                "Mode": { "oneOf": [{ "const": "fast", "description": "quick" }, { "const": "safe" }] },
                "Inner": { "type": "object", "properties": {} },
            },
            "properties": {
                "zone": { "type": ["string", "null"], "default": "UTC", "description": "Of times." },
                "days": { "type": "integer", "minimum": 0 },
                "share": { "type": "number" },
                "strict": { "type": "boolean" },
                "mode": { "$ref": "#/$defs/Mode" },
                "other": { "anyOf": [{ "$ref": "#/$defs/Inner" }, { "type": "null" }] },
                "level": { "enum": [1, 2, "1"] },
                "steps": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["days"], "additionalProperties": false,
        })
    }

    fn said(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_kind_of_parameter_has_a_field_of_its_kind_and_what_is_required_stands_first() {
        let fields = fields(&schema()).unwrap();
        assert_eq!((fields[0].name.as_str(), fields[0].required), ("days", true));
        let kind = |name: &str| fields.iter().find(|field| field.name == name).unwrap().kind.clone();
        assert_eq!(
            ["zone", "days", "share", "strict", "other", "steps"].map(kind),
            [Kind::Text, Kind::Whole, Kind::Number, Kind::Flag, Kind::Json, Kind::Json]
        );
        assert_eq!(kind("mode"), Kind::Choice(vec![json!("fast"), json!("safe")]));
        assert_eq!(kind("level"), Kind::Choice(vec![json!(1), json!(2), json!("1")]));
        let zone = fields.iter().find(|field| field.name == "zone").unwrap();
        assert_eq!(
            (zone.default.clone(), zone.about.as_deref()),
            (Some("\"UTC\"".to_owned()), Some("Of times."))
        );
    }

    #[test]
    fn what_is_typed_becomes_values_of_their_kinds_and_what_is_not_is_not_said() {
        let typed = |of: &[(&str, &str)]| typed(Some(&schema()), &said(of)).map_err(|error| error.message);
        let all = typed(&[
            ("p.zone", "1"),
            ("p.days", "7"),
            ("p.share", "0.5"),
            ("p.strict", "false"),
            ("p.mode", "\"safe\""),
            ("p.level", "\"1\""),
            ("p.steps", "[\"a\"]"),
            ("name", "not a parameter"),
        ]);
        let expected = json!({
            "zone": "1", "days": 7, "share": 0.5, "strict": false, "mode": "safe", "level": "1", "steps": ["a"],
        });
        assert_eq!(all.unwrap(), expected);
        assert!(typed(&[]).unwrap_err().contains("days: it is required"));
        assert!(typed(&[("p.days", "x")]).unwrap_err().starts_with("parameter days: "));
    }

    #[test]
    fn what_has_no_fields_is_written_as_json() {
        let free = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        assert_eq!(fields(&free), None);
        assert_eq!(typed(Some(&free), &said(&[("params", "{\"a\":1}")])).unwrap(), json!({ "a": 1 }));
        assert_eq!(typed(None, &said(&[])).unwrap(), Value::Null);
        assert!(typed(None, &said(&[("params", "{")])).unwrap_err().message.contains("no JSON"));
        assert!(view(Some(&free), &said(&[])).into_string().contains("JSON Schema"));
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end_and_its_words_are_text() {
        let endless =
            json!({ "properties": { "<b>": { "$ref": "#/properties/<b>", "description": "<script>" } } });
        assert_eq!(fields(&endless).unwrap()[0].kind, Kind::Json);
        let shown = view(Some(&endless), &said(&[("p.<b>", "</textarea><script>")])).into_string();
        assert!(!shown.contains("<script") && !shown.contains("<b>"), "{shown}");
    }
}
