//! Names in paths: what each stands for, the same in all of them.

use serde_json::{Value, json};
use skein_types::{AttemptId, CampaignId, DatasetId, DeliveryId, NodeId, TaskId, TokenId, WebhookId};
use utoipa::ToSchema;

/// The names in a path, in order.
pub(super) fn parts(path: &'static str) -> Vec<&'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// What a name stands for, and its form. A name that nothing is known of is found by a test.
pub(super) fn described(name: &str) -> (&'static str, Value) {
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 200 });
    match name {
        "attempt" => ("The attempt's id.", of::<AttemptId>()),
        "campaign" => ("The campaign's id.", of::<CampaignId>()),
        "dataset" => ("The dataset's id or name.", either::<DatasetId>(&text)),
        "delivery" => ("The delivery's id.", of::<DeliveryId>()),
        "name" => ("Its name.", text),
        "named" => ("A run's id, or a dataset's id or name.", text),
        "node" => ("The node's id or name.", either::<NodeId>(&text)),
        "number" => ("Its number, from 1.", json!({ "type": "integer", "minimum": 1 })),
        "of" => (
            "Whose it is: `org`, `default`, `team:NAME` or `campaign:ID`.",
            json!({
                "type": "string",
                "maxLength": 300,
                "pattern": "^(org|default|team:.+|campaign:cmp_[0-9a-f]{32})$",
                "examples": ["org", "team:pay"],
            }),
        ),
        "position" => ("The decision's position.", json!({ "type": "integer", "minimum": 1 })),
        "run" => (
            "The run's place in the campaign, from 0, or its dataset's id or name.",
            either::<DatasetId>(&text),
        ),
        "scan" => ("The scan's id.", of::<TaskId>()),
        "seq" => ("The place in the campaign, from 0.", json!({ "type": "integer", "minimum": 0 })),
        "team" => ("The team's name.", text),
        "token" => ("The token's id.", of::<TokenId>()),
        "verb" => ("What to do.", text),
        "version" => ("The module's version.", text),
        "webhook" => ("The receiver's id.", of::<WebhookId>()),
        _ => ("", Value::Null),
    }
}

fn of<T: ToSchema>() -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
}

fn either<T: ToSchema>(text: &Value) -> Value {
    json!({ "anyOf": [of::<T>(), text] })
}
