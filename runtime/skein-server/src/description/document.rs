//! The whole description, as a document.

use serde_json::{Map, Value, json};
use skein_api::{Problem, Time};
use skein_types::{CampaignId, DatasetId, DeliveryId, NodeId, TaskId, TokenId, WebhookId};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::family::{Family, Route};
use super::tidy;

const ABOUT: &str = "Skein migrates datasets with modules that need not be trusted.

Whoever asks shows a token: `Authorization: Bearer skn_…`. A server for the one user of its machine, which listens on a \
loopback address, asks for none. What belongs to teams that a token is not for is not there for it: 404.

What is refused or fails is answered with `application/problem+json`: a code (`skein explain CODE` says more), what happened, \
what to do, and the trace by which the server's log knows the request. A request with a field or parameter that is not \
known is refused. Answers may gain fields.

Lists come in pages: give `next` as `after` until there is none.";

/// The description of these families.
pub(crate) fn document(families: &[Family]) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Vec::new());
    of_paths(&mut schemas);
    for family in families {
        for route in &family.routes {
            schemas.extend(route.operation.schemas.iter().cloned());
            let at = paths.entry(format!("{}{}", family.below, route.path)).or_insert_with(|| json!({}));
            at[route.method] = described(family, route);
        }
    }
    let tags: Vec<Value> =
        families.iter().map(|family| json!({ "name": family.name, "description": family.about })).collect();
    let bearer = json!({ "type": "http", "scheme": "bearer", "description": "A token: `skn_…`." });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Skein",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The server that answers with this." }],
        "security": [{ "token": [] }, {}],
        "tags": tags,
        "paths": paths,
        "components": { "securitySchemes": { "token": bearer }, "schemas": components(schemas) },
    });
    tidy::tidy(&mut document);
    document
}

fn described(family: &Family, route: &Route) -> Value {
    let mut all = route.operation.described();
    all.insert("tags".to_owned(), json!([family.name]));
    all.insert("operationId".to_owned(), json!(route.id));
    all.insert("summary".to_owned(), json!(route.summary));
    if let Some(about) = route.about {
        all.insert("description".to_owned(), json!(about));
    }
    Value::Object(all)
}

/// What parameters and problems name.
fn of_paths(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
    add::<Problem>(schemas);
    add::<Time>(schemas);
    add::<CampaignId>(schemas);
    add::<DatasetId>(schemas);
    add::<DeliveryId>(schemas);
    add::<NodeId>(schemas);
    add::<TaskId>(schemas);
    add::<TokenId>(schemas);
    add::<WebhookId>(schemas);
}

fn components(schemas: Vec<(String, RefOr<Schema>)>) -> Value {
    let plain = |schema| serde_json::to_value(schema).expect("a schema is plain data");
    schemas.into_iter().map(|(name, schema)| (name, plain(schema))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::openapi;

    #[test]
    fn each_route_says_what_its_path_means_and_what_it_answers() {
        let mut ids = BTreeSet::new();
        for family in openapi::families() {
            for route in &family.routes {
                let at = format!("{} {}", route.method, route.path);
                let named: Vec<_> = route.operation.parameters.iter().collect();
                assert!(named.iter().all(|parameter| !parameter.about.is_empty()), "{at}: {named:?}");
                let of_path = super::super::path::parts(route.path).len();
                assert_eq!(
                    of_path, route.operation.of_path,
                    "{at}: its handler takes other parts of the path"
                );
                assert_ne!(route.operation.successes(), 0, "{at}: what does it answer?");
                assert!(!route.summary.ends_with('.') && !family.about.is_empty(), "{at}");
                assert!(ids.insert(route.id.clone()), "{at}: another route has the handler {}", route.id);
            }
        }
    }

    #[test]
    fn whatever_is_named_is_there_and_whatever_is_there_is_named() {
        let document = openapi::document();
        let mut named = BTreeSet::new();
        names(document, &mut named);
        let there: BTreeSet<&str> =
            document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, there);
    }

    fn names<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            Value::Object(object) => {
                let name = object.get("$ref").and_then(Value::as_str);
                found.extend(name.map(|name| name.trim_start_matches("#/components/schemas/")));
                object.values().for_each(|item| names(item, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn bodies_are_described_as_they_travel() {
        let schemas = &openapi::document()["components"]["schemas"];
        let create = &schemas["CampaignCreate"];
        assert_eq!(create["additionalProperties"], false);
        assert_eq!(create["required"], serde_json::json!(["name", "module"]));
        assert_eq!(create["properties"]["name"]["maxLength"], 200);
        assert_eq!(schemas["Selection"]["properties"]["manifest"]["maxItems"], 10_000);
        assert_eq!(schemas["CampaignId"]["pattern"], "^cmp_[0-9a-f]{32}$");
        assert_eq!(schemas["Rows"]["maximum"], 9_007_199_254_740_991_u64);
        assert!(schemas["CampaignState"]["enum"].as_array().unwrap().contains(&"soaking".into()));
        assert_eq!(
            schemas["CampaignPage"]["properties"]["items"]["items"]["$ref"],
            "#/components/schemas/Campaign"
        );
    }
}
