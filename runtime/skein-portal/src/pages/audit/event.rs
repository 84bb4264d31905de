//! One decision: all that is known of how it came to be, and what was set before and after it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;
use skein_api::{AuditChange, AuditEvent};
use skein_control::Control;

use super::AT;
use crate::frame::{self, command, encoded};
use crate::viewer::{Failed, Page, Viewer};

/// Of a value at most so much is shown: the command shows all of it.
const SHOWN_MAX: usize = 20_000;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/audit/{position}", get(page))
}

async fn page(viewer: Viewer, Path(position): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let event = desk.audit_event(&position)?;
            Ok(frame::page(viewer, (&format!("Decision {}", event.position), Some(AT)), view(&event)))
        })
        .await
}

fn view(event: &AuditEvent) -> Markup {
    html! {
        dl {
            dt { "What" } dd { a href={ (AT) "?kind=" (encoded(&event.kind)) } { (event.kind) } }
            dt { "When" } dd { (frame::time(event.at)) }
            dt { "Who" } dd { a href={ (AT) "?actor=" (encoded(&event.actor)) } { (event.actor) } }
            dt { "From" } dd { @if let Some(from) = &event.from { (from) } @else { "not kept" } }
            dt { "Token" } dd { @match &event.token { Some(token) => a href={ "/access/tokens/" (token) } { (token) }, None => "none was shown" } }
            dt { "About" } dd { (about(&event.subject)) " (" a href={ (AT) "?subject=" (encoded(&event.subject)) } { "all about it" } ")" }
            @if let Some(trace) = &event.trace { dt { "Request" } dd { code { (trace) } } }
            dt { "Hash" } dd { code { (event.hash) } }
        }
        @if let Some(change) = &event.change { (changed(change)) }
        h2 { "What was said" }
        (json(&event.body))
        p { (command(&format!("skein audit show {}", event.position))) }
    }
}

/// What it is about, as a link where there is a page of it.
pub(super) fn about(subject: &str) -> Markup {
    let path = match subject.split_once(['_', ':']) {
        // A run is named by its campaign and its number there.
        Some(("cmp", _)) => match subject.split_once('/') {
            Some((campaign, run)) => Some(format!("/campaigns/{}/runs/{}", encoded(campaign), encoded(run))),
            None => Some(format!("/campaigns/{}", encoded(subject))),
        },
        Some(("dts", _)) => Some(format!("/datasets/{}", encoded(subject))),
        Some(("nod", _)) => Some(format!("/fleet/nodes/{}", encoded(subject))),
        Some(("tok", _)) => Some(format!("/access/tokens/{}", encoded(subject))),
        Some(("team", name)) => Some(format!("/access/teams/{}", encoded(name))),
        Some(("quota", name)) => Some(format!("/quotas/{}", encoded(name))),
        Some(("policy", name)) => Some(format!("/settings/policies/{}", encoded(name))),
        _ => None,
    };
    html! { @match path { Some(path) => a href=(path) { (subject) }, None => (subject) } }
}

fn changed(change: &AuditChange) -> Markup {
    let none = || html! { p.empty { "nothing was set" } };
    html! {
        h2 { "What it changed" }
        h3 { "Before" @if let Some(at) = change.before_at { ", by " a href={ (AT) "/" (at) } { "decision " (at) } } }
        @match &change.before { Some(before) => (json(before)), None => (none()) }
        h3 { "After" }
        @match &change.after { Some(after) => (json(after)), None => (none()) }
        @let moved = moved(change);
        @if !moved.is_empty() { p { "Different: " @for (number, name) in moved.iter().enumerate() { @if number > 0 { ", " } strong { (name) } } } }
    }
}

/// Fields that are not what they were.
fn moved(change: &AuditChange) -> Vec<&str> {
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (&change.before, &change.after) else {
        return Vec::new();
    };
    let mut names: Vec<&str> = before.keys().chain(after.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(*name) != after.get(*name));
    names
}

fn json(value: &Value) -> Markup {
    let text = format!("{value:#}");
    let mut end = SHOWN_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    html! {
        pre tabindex="0" { code { (&text[..end]) } }
        @if end < text.len() { p.note { "It is longer: the command shows all of it." } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skein_api::AuditChange;

    use super::{about, changed};

    #[test]
    fn what_changed_is_named_and_values_are_text() {
        let change = AuditChange {
            before: Some(json!({ "weight": 1, "same": 2 })),
            before_at: Some(7),
            after: Some(json!({ "weight": 3, "same": 2, "<b>": 1 })),
        };
        let page = changed(&change).into_string();
        assert!(page.contains("<strong>&lt;b&gt;</strong>, <strong>weight</strong>"), "{page}");
        assert!(page.contains("/audit/7\"") && !page.contains("<b>"));
        let first = AuditChange { before: None, before_at: None, after: Some(json!(1)) };
        assert!(changed(&first).into_string().contains("nothing was set"));
    }

    #[test]
    fn what_has_a_page_leads_there() {
        assert!(about("team:a b").into_string().contains("/access/teams/a%20b\""));
        assert!(about("nod_1").into_string().contains("/fleet/nodes/nod_1"));
        assert!(about("cmp_1/4").into_string().contains("/campaigns/cmp_1/runs/4\""));
        assert_eq!(about("fleet").into_string(), "fleet");
    }
}
