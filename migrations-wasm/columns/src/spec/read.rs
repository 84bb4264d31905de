//! From JSON to a [`Spec`].

use serde_json::{Map, Value};
use skein_sdk::{Secret, nearest};

use super::{Case, OnError, Spec, Step};
use crate::data_type;

/// Bound on steps, so that a spec cannot make a plan endless.
const STEPS_MAX: usize = 10_000;
/// Bound on the name.
const NAME_LETTERS_MAX: usize = 128;

/// A kind of step: the key that says what, and the keys beside it.
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    /// Whether the verb takes a list of columns.
    pub(super) many: bool,
    pub(super) keys: &'static [&'static str],
    pub(super) required: &'static [&'static str],
}

pub(super) const VERBS: [Verb; 10] = [
    Verb {
        name: "rename",
        does: "Gives a column another name.",
        many: false,
        keys: &["to"],
        required: &["to"],
    },
    Verb { name: "drop", does: "Leaves columns out.", many: true, keys: &[], required: &[] },
    Verb { name: "order", does: "Puts columns first, in this order.", many: true, keys: &[], required: &[] },
    Verb {
        name: "cast",
        does: "Changes the type.",
        many: true,
        keys: &["to", "on_error"],
        required: &["to"],
    },
    Verb {
        name: "default",
        does: "Puts a value where there is none.",
        many: true,
        keys: &["value", "required"],
        required: &["value"],
    },
    Verb {
        name: "add",
        does: "Adds a column with one value.",
        many: false,
        keys: &["type", "value"],
        required: &["type"],
    },
    Verb { name: "trim", does: "Cuts white space at both ends.", many: true, keys: &[], required: &[] },
    Verb {
        name: "case",
        does: "Changes letters to upper or lower case.",
        many: true,
        keys: &["to"],
        required: &["to"],
    },
    Verb {
        name: "hash",
        does: "Replaces values by a keyed hash.",
        many: true,
        keys: &["key"],
        required: &["key"],
    },
    Verb {
        name: "mask",
        does: "Replaces letters.",
        many: true,
        keys: &["keep_first", "keep_last", "with"],
        required: &[],
    },
];

pub(super) fn spec(value: Value) -> Result<Spec, String> {
    let Value::Object(mut keys) = value else { return Err("the spec must be an object".to_owned()) };
    let name = match keys.remove("name") {
        Some(Value::String(name)) if !name.is_empty() && name.chars().count() <= NAME_LETTERS_MAX => name,
        Some(_) => return Err(format!("`name` must be a text of 1 to {NAME_LETTERS_MAX} letters")),
        None => {
            // A misspelt key explains a missing one.
            keys.remove("steps");
            known(&keys, &["name", "steps"])?;
            return Err("`name` is missing: it tells this migration from others".to_owned());
        }
    };
    let steps = match keys.remove("steps") {
        Some(Value::Array(steps)) if steps.len() <= STEPS_MAX => steps,
        Some(_) => return Err(format!("`steps` must be a list of at most {STEPS_MAX}")),
        // Without steps the columns stay as they are: that is what only changes the sizes of files.
        None => Vec::new(),
    };
    known(&keys, &["name", "steps"])?;
    let read = |(at, step)| self::step(step).map_err(|e| format!("step {}: {e}", at + 1));
    Ok(Spec { name, steps: steps.into_iter().enumerate().map(read).collect::<Result<_, String>>()? })
}

fn step(value: Value) -> Result<Step, String> {
    let Value::Object(mut keys) = value else { return Err("a step must be an object".to_owned()) };
    let mut verbs = VERBS.iter().filter(|verb| keys.contains_key(verb.name));
    let (Some(verb), None) = (verbs.next(), verbs.next()) else {
        let named: Vec<&str> =
            VERBS.iter().map(|verb| verb.name).filter(|name| keys.contains_key(*name)).collect();
        if let [first, second, ..] = named.as_slice() {
            return Err(format!("a step does one thing; this has `{first}` and `{second}`"));
        }
        known(&keys, &VERBS.map(|verb| verb.name))?;
        return Err(format!("a step needs exactly one of {}", VERBS.map(|verb| verb.name).join(", ")));
    };
    let subject = keys.remove(verb.name).unwrap_or_default();
    known(&keys, verb.keys).map_err(|e| format!("{}: {e}", verb.name))?;
    if let Some(missing) = verb.required.iter().find(|key| !keys.contains_key(**key)) {
        return Err(format!("{}: `{missing}` is missing", verb.name));
    }
    let columns = columns(subject, verb.many).map_err(|e| format!("{}: {e}", verb.name))?;
    build(verb.name, columns, keys).map_err(|e| format!("{}: {e}", verb.name))
}

fn build(verb: &str, columns: Vec<String>, mut keys: Map<String, Value>) -> Result<Step, String> {
    let keys = &mut keys;
    match verb {
        "rename" => Ok(Step::Rename { column: only(columns), to: text(keys, "to")? }),
        "drop" => Ok(Step::Drop { columns }),
        "order" => Ok(Step::Order { columns }),
        "cast" => {
            let to = data_type::parse(&text(keys, "to")?)?;
            let words = [("reject", OnError::Reject), ("null", OnError::Null), ("fail", OnError::Fail)];
            Ok(Step::Cast { columns, to, on_error: word(keys, "on_error", &words, Some(OnError::Reject))? })
        }
        "default" => {
            let value = scalar(keys.remove("value").unwrap_or_default())?;
            if value.is_null() {
                return Err("`value` is null".to_owned());
            }
            Ok(Step::Default { columns, value, required: flag(keys, "required")? })
        }
        "add" => {
            let value = scalar(keys.remove("value").unwrap_or_default())?;
            Ok(Step::Add { column: only(columns), data_type: data_type::parse(&text(keys, "type")?)?, value })
        }
        "trim" => Ok(Step::Trim { columns }),
        "case" => {
            let words = [("upper", Case::Upper), ("lower", Case::Lower)];
            Ok(Step::Case { columns, to: word(keys, "to", &words, None)? })
        }
        "hash" => {
            let key: Result<Secret, _> = serde_json::from_value(keys.remove("key").unwrap_or_default());
            let key = key.map_err(|_| "`key` must be {\"$secret\": \"name\"}".to_owned())?;
            Ok(Step::Hash { columns, key })
        }
        _ => Ok(Step::Mask {
            columns,
            keep_first: number(keys, "keep_first")?,
            keep_last: number(keys, "keep_last")?,
            with: letter(keys, "with")?,
        }),
    }
}

fn known(keys: &Map<String, Value>, allowed: &[&str]) -> Result<(), String> {
    let Some(unknown) = keys.keys().find(|key| !allowed.contains(&key.as_str())) else { return Ok(()) };
    let hint = match nearest(unknown, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if allowed.is_empty() => "no more keys are known here".to_owned(),
        None => format!("known: {}", allowed.join(", ")),
    };
    Err(format!("unknown key `{unknown}`, {hint}"))
}

fn columns(value: Value, many: bool) -> Result<Vec<String>, String> {
    match value {
        Value::String(one) => Ok(vec![one]),
        Value::Array(all) if many && !all.is_empty() => {
            let one = |v: Value| v.as_str().map(str::to_owned).ok_or("column names must be texts");
            Ok(all.into_iter().map(one).collect::<Result<_, _>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let expected = if many { "a column or a list of columns" } else { "one column" };
            Err(format!("expected {expected}"))
        }
    }
}

fn only(mut columns: Vec<String>) -> String {
    columns.pop().unwrap_or_default()
}

fn text(keys: &mut Map<String, Value>, key: &str) -> Result<String, String> {
    let value = keys.remove(key).unwrap_or_default();
    value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` must be a text"))
}

fn word<T: Copy>(
    keys: &mut Map<String, Value>,
    key: &str,
    words: &[(&str, T)],
    default: Option<T>,
) -> Result<T, String> {
    if let (Some(default), None) = (default, keys.get(key)) {
        return Ok(default);
    }
    let given = text(keys, key)?;
    let found = words.iter().find(|(name, _)| *name == given).map(|(_, value)| *value);
    let all: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    found.ok_or_else(|| format!("`{key}` is {given:?}, not one of {}", all.join(", ")))
}

fn flag(keys: &mut Map<String, Value>, key: &str) -> Result<bool, String> {
    match keys.remove(key) {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| format!("`{key}` must be true or false")),
    }
}

fn number(keys: &mut Map<String, Value>, key: &str) -> Result<usize, String> {
    let Some(value) = keys.remove(key) else { return Ok(0) };
    let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
    number.ok_or_else(|| format!("`{key}` must be a number from 0"))
}

fn letter(keys: &mut Map<String, Value>, key: &str) -> Result<char, String> {
    let Some(value) = keys.remove(key) else { return Ok('*') };
    let mut letters = value.as_str().unwrap_or_default().chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(letter),
        _ => Err(format!("`{key}` must be one letter")),
    }
}

fn scalar(value: Value) -> Result<Value, String> {
    if value.is_array() || value.is_object() {
        return Err("`value` must be a text, a number, true, false or null".to_owned());
    }
    Ok(value)
}
