//! What setting a policy would change: one line for each rule that would be another.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use skein_api::{NamedPolicy, PolicyPut};
use skein_types::codes;

use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::view::View;

/// Rules by their keys, where they are and would be another.
#[derive(Debug, Serialize)]
struct Change {
    policy: String,
    /// Of what is there; none: it would be new.
    version: Option<u64>,
    before: BTreeMap<String, Value>,
    after: BTreeMap<String, Value>,
}

pub(super) fn shown(
    view: View,
    (name, there): (&str, Option<&NamedPolicy>),
    asked: &PolicyPut,
) -> CommandResult {
    let rules = |of: Option<(&skein_api::Policy, &str)>| {
        let mut flat = BTreeMap::new();
        if let Some((policy, note)) = of {
            let value = serde_json::to_value(policy).map_err(|error| Failure::new(codes::BUG, &error))?;
            flatten("", value, &mut flat);
            flat.insert("note".to_owned(), Value::String(note.to_owned()));
        }
        Ok::<_, Failure>(flat)
    };
    let mut before = rules(there.map(|there| (&there.policy, &*there.note)))?;
    let mut after = rules(Some((&asked.policy, &*asked.note)))?;
    let same: Vec<String> = before
        .iter()
        .filter(|(key, value)| after.get(*key) == Some(value))
        .map(|(key, _)| key.clone())
        .collect();
    for key in same {
        before.remove(&key);
        after.remove(&key);
    }
    let version = there.map(|there| there.version);
    let change = Change { policy: name.to_owned(), version, before, after };
    view.told(&change, || {
        for line in lines(&change) {
            render::line(&line);
        }
    });
    Ok(())
}

fn lines(change: &Change) -> Vec<String> {
    let Change { policy, version, before, after } = change;
    let mut lines = vec![match version {
        None => format!("policy {policy} would be new"),
        Some(version) if before.is_empty() && after.is_empty() => {
            format!("policy {policy} is like that already, at version {version}")
        }
        Some(version) => format!("policy {policy} at version {version} would be another"),
    }];
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        lines.extend(before.get(key).map(|value| format!("- {key} = {value}")));
        lines.extend(after.get(key).map(|value| format!("+ {key} = {value}")));
    }
    lines
}

/// Each value by the keys that lead to it. Lists are values: their order matters.
fn flatten(under: &str, value: Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = if under.is_empty() { key } else { format!("{under}.{key}") };
                flatten(&key, value, into);
            }
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            into.insert(under.to_owned(), other);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Change, flatten, lines};
    use serde_json::json;

    #[test]
    fn only_what_would_be_another_is_told_key_by_key() {
        let flat = |value| {
            let mut flat = BTreeMap::new();
            flatten("", value, &mut flat);
            flat
        };
        let change = Change {
            policy: "careful".to_owned(),
            version: Some(3),
            before: flat(json!({ "budget": { "runs": 5 }, "canary": { "datasets": 20 } })),
            after: flat(json!({ "budget": { "share": "2%" }, "canary": { "datasets": 3 } })),
        };
        assert_eq!(
            lines(&change),
            [
                "policy careful at version 3 would be another",
                "- budget.runs = 5",
                "+ budget.share = \"2%\"",
                "- canary.datasets = 20",
                "+ canary.datasets = 3",
            ]
        );
        let none = Change { before: BTreeMap::new(), after: BTreeMap::new(), ..change };
        assert_eq!(lines(&none), ["policy careful is like that already, at version 3"]);
    }
}
