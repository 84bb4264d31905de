//! What can be asked, as a page: the same description that programs read, family by family.

use maud::{Markup, html};
use serde_json::Value;

use super::whole;

/// In this order, whatever order a document has them in.
const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

pub(super) fn page(document: &Value) -> Markup {
    let schemas = object(&document["components"]["schemas"]);
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    whole(
        "What can be asked",
        html! {},
        html! {
            (paragraphs(&document["info"]["description"]))
            p { "For programs: " a href="/v1/openapi.json" { "openapi.json" } " (OpenAPI 3.1)." }
            ul {
                @for tag in tags {
                    li { a href={ "#" (text(&tag["name"])) } { (text(&tag["name"])) } " – " (text(&tag["description"])) }
                }
                li { a href="#bodies" { "Bodies" } " – What travels." }
            }
            @for tag in tags {
                h2 id=(text(&tag["name"])) { (text(&tag["name"])) }
                p { (text(&tag["description"])) }
                @for (path, method, operation) in operations(document, &tag["name"]) {
                    (one(path, method, operation))
                }
            }
            h2 id="bodies" { "Bodies" }
            @for (name, schema) in schemas { (body(name, schema)) }
        },
    )
}

fn operations<'a>(document: &'a Value, tag: &Value) -> Vec<(&'a str, &'static str, &'a Value)> {
    let all = object(&document["paths"]).flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| Some((path, *method, item.get(method)?)))
    });
    all.filter(|(_, _, operation)| operation["tags"][0] == *tag).collect()
}

fn one(path: &str, method: &str, operation: &Value) -> Markup {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        section id=(text(&operation["operationId"])) {
            h3 { code { (method.to_uppercase()) " " (path) } }
            p { (text(&operation["summary"])) "." }
            (paragraphs(&operation["description"]))
            @if !parameters.is_empty() {
                table {
                    thead { tr { th { "Parameter" } th { "In" } th { "Form" } th { "What it says" } } }
                    tbody {
                        @for parameter in parameters {
                            tr {
                                td { code { (text(&parameter["name"])) } }
                                td { (text(&parameter["in"])) }
                                td { (form(&parameter["schema"])) }
                                td { (text(&parameter["description"])) }
                            }
                        }
                    }
                }
            }
            @for (kind, content) in object(&operation["requestBody"]["content"]) {
                p { "Body, " code { (kind) } ": " (form(&content["schema"])) }
            }
            table {
                thead { tr { th { "Answer" } th { "Body" } th { "When" } } }
                tbody { @for (status, answer) in object(&operation["responses"]) { (answered(status, answer)) } }
            }
            pre { (curl(path, method, operation)) }
        }
    }
}

fn answered(status: &str, answer: &Value) -> Markup {
    html! {
        tr {
            td { (status) }
            td {
                @for (kind, content) in object(&answer["content"]) { code { (kind) } " " (form(&content["schema"])) }
            }
            td { (paragraphs(&answer["description"])) }
        }
    }
}

/// A line that asks for it.
fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut line = String::from("curl -H \"Authorization: Bearer $TOKEN\"");
    if method != "get" {
        line.push_str(&format!(" -X {}", method.to_uppercase()));
    }
    match object(&operation["requestBody"]["content"]).next() {
        Some(("application/json", _)) => {
            line.push_str(" -H 'Content-Type: application/json' --data @body.json");
        }
        Some((kind, _)) => line.push_str(&format!(" -H 'Content-Type: {kind}' --data-binary @file")),
        None => {}
    }
    line.push_str(&format!(" \"$SKEIN_SERVER{path}\""));
    line
}

fn body(name: &str, schema: &Value) -> Markup {
    let properties: Vec<_> = object(&schema["properties"]).collect();
    let needed =
        |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    html! {
        section id={ "body-" (name) } {
            h3 { (name) }
            (paragraphs(&schema["description"]))
            @if properties.is_empty() {
                p { (form(schema)) }
            } @else {
                table {
                    thead { tr { th { "Field" } th { "Form" } th { "Needed" } th { "What it says" } } }
                    tbody {
                        @for (name, property) in properties {
                            tr {
                                td { code { (name) } }
                                td { (form(property)) }
                                td { @if needed(name) { "yes" } }
                                td { (said(property)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What something looks like, in a few words.
fn form(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return html! { a href={ "#body-" (name) } { (name) } };
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(forms) = schema[key].as_array() {
            return html! {
                @for (at, one) in forms.iter().enumerate() { @if at > 0 { " or " } (form(one)) }
            };
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return html! { @for (at, word) in words.iter().enumerate() { @if at > 0 { ", " } code { (text(word)) } } };
    }
    let kind = match schema["type"].as_array() {
        Some(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        None => text(&schema["type"]).to_owned(),
    };
    html! {
        @if kind.is_empty() { "anything" } @else { (kind) }
        @if schema["items"].is_object() { " of " (form(&schema["items"])) }
        @if schema["additionalProperties"].is_object() { " of " (form(&schema["additionalProperties"])) }
        @for (key, means) in [("maxLength", "characters"), ("maxItems", "items"), ("maxProperties", "fields")] {
            @if let Some(most) = schema[key].as_u64() { ", at most " (skein_types::grouped(most)) " " (means) }
        }
        @if let Some(pattern) = schema["pattern"].as_str() { ", " code { (pattern) } }
        @if object(&schema["properties"]).next().is_some() {
            " { "
            @for (name, property) in object(&schema["properties"]) { code { (name) } ": " (form(property)) " " }
            "}"
        }
    }
}

/// What is said of a field, also where it stands within what may be nothing.
fn said(property: &Value) -> &str {
    let forms = property["oneOf"].as_array().into_iter().flatten();
    let mut said = std::iter::once(property).chain(forms).map(|one| text(&one["description"]));
    said.find(|said| !said.is_empty()).unwrap_or_default()
}

/// Paragraphs and lists, as far as descriptions have them.
fn paragraphs(value: &Value) -> Markup {
    html! {
        @for paragraph in text(value).split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            @if paragraph.starts_with("- ") {
                ul { @for item in paragraph.lines() { li { (item.trim_start_matches("- ").replace('`', "")) } } }
            } @else {
                p { (paragraph.replace('`', "")) }
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn object(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::{METHODS, page};
    use crate::openapi;

    #[test]
    fn each_route_and_body_is_on_the_page_and_nothing_comes_from_elsewhere() {
        let document = openapi::document();
        let page = page(document).into_string();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                assert!(METHODS.contains(&method.as_str()), "{method} {path}");
                let heading = format!("<h3><code>{} {path}</code></h3>", method.to_uppercase());
                assert_eq!(page.matches(&heading).count(), 1, "{heading}");
            }
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("<section id=\"body-{name}\">")), "{name}");
        }
        assert!(
            !page.contains("<script") && !page.contains("src=") && !page.contains("http-equiv"),
            "{page}"
        );
        let curl = "curl -H &quot;Authorization: Bearer $TOKEN&quot; -X PUT -H 'Content-Type: application/wasm' --data-binary @file \
                    &quot;$SKEIN_SERVER/v1/modules/{name}/versions/{version}&quot;";
        assert!(page.contains(curl), "{page}");
    }
}
