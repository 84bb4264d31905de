//! Policies by name.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{NamedPolicy, PolicyPut, parse_asked};
use skein_control::{Control, Seen as Version, ServiceError};

use super::AT;
use crate::form::Form;
use crate::frame::{self, command, encoded, quoted, secret};
use crate::pages::offered::{bad, offered, text};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Page, Seen, Viewer};

const HERE: &str = "/settings/policies";
/// A policy of a form.
const BYTES_MAX: usize = 60 << 10;
/// For whoever writes the first one.
const EXAMPLE: &str = "{\n  \"budget\": { \"percent\": 1 },\n  \"waves\": [\"10%\", \"50%\"]\n}";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route(HERE, get(page).post(add))
        .route("/settings/policies/{name}", get(show))
        .route("/settings/policies/{name}/set", post(set))
        .route("/settings/policies/{name}/remove", post(remove))
}

async fn page(viewer: Viewer, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let page =
                desk.policies(&rows(asked.after))?;
            let content = html! {
                p { "A campaign that names one goes as it says: how many may fail, in which waves, what is checked. What it does not say is the standard." }
                @if page.items.is_empty() { p.empty { "There is none: every campaign says how it goes, or goes as the standard has it." } } @else { (table(&page.items)) }
                (frame::more(HERE, &[], page.next.as_deref()))
                p { (command("skein policy list")) }
                (offered(&desk.may_govern(), || html! {
                    h2 { "Set another" }
                    form method="post" action=(HERE) {
                        (secret(viewer))
                        p { label for="name" { "Name" } " " input #name name="name" required maxlength="100"; }
                        (fields(EXAMPLE, ""))
                        button { "Set" } " " (command("skein policy set NAME FILE.toml"))
                    }
                }))
            };
            Ok(frame::page(viewer, ("Policies", Some(AT)), content))
        })
        .await
}

fn table(policies: &[NamedPolicy]) -> Markup {
    html! {
        table {
            thead { tr { th { "Policy" } th { "Note" } th { "Since" } } }
            tbody {
                @for policy in policies {
                    tr {
                        td { a href={ (HERE) "/" (encoded(&policy.name)) } { (policy.name) } }
                        td { (policy.note) }
                        td { (frame::time(policy.since)) }
                    }
                }
            }
        }
    }
}

fn fields(policy: &str, note: &str) -> Markup {
    html! {
        p { label for="policy" { "What holds, as JSON" } br; textarea #policy name="policy" rows="16" cols="80" required spellcheck="false" { (policy) } }
        p { label for="note" { "Note, for people" } " " input #note name="note" size="60" maxlength="2000" value=(note); }
    }
}

async fn show(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let policy = desk.policy(&named)?;
            let said = serde_json::to_string_pretty(&policy.policy).unwrap_or_default();
            let path = format!("{HERE}/{}", encoded(&policy.name));
            let may = desk.may_govern();
            let content = html! {
                dl {
                    dt { "Note" } dd { @if policy.note.is_empty() { "none" } @else { (policy.note) } }
                    dt { "Since" } dd { (frame::time(policy.since)) }
                }
                @if may.is_err() { pre tabindex="0" { code { (said) } } }
                p { (command(&format!("skein policy show {}", quoted(&policy.name)))) }
                (offered(&may, || html! {
                    form method="post" action={ (path) "/set" } {
                        (secret(viewer))
                        input type="hidden" name="version" value=(policy.version);
                        (fields(&said, &policy.note))
                        button { "Set" } " " (command(&format!("skein policy set {} FILE.toml", quoted(&policy.name))))
                    }
                    h2 { "Remove it" }
                    p { "Campaigns that were made with it have it still." }
                    form method="post" action={ (path) "/remove" } {
                        (secret(viewer))
                        input type="hidden" name="version" value=(policy.version);
                        button.danger { "Remove" } " " (command(&format!("skein policy remove {}", quoted(&policy.name))))
                    }
                }))
            };
            Ok(frame::page(viewer, (&format!("Policy {}", policy.name), Some(AT)), content))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Adding {
    name: String,
    policy: String,
    note: Option<String>,
}

fn put(policy: &str, note: Option<&str>) -> Result<PolicyPut, ServiceError> {
    let policy =
        parse_asked(policy.as_bytes(), BYTES_MAX).map_err(|error| bad("policy", &error.to_string()))?;
    Ok(PolicyPut { policy, note: text("note", note.unwrap_or_default())? })
}

async fn add(Form(viewer, form): Form<Adding>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let put = put(&form.policy, form.note.as_deref())?;
            let policy = desk.put_policy(form.name.trim(), Version::At(0), &put)?;
            Ok(format!("{HERE}/{}", encoded(&policy.name)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    version: String,
    policy: String,
    note: Option<String>,
}

async fn set(Path(named): Path<String>, Form(viewer, form): Form<Setting>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let put = put(&form.policy, form.note.as_deref())?;
            let policy = desk.put_policy(&named, seen(&form.version)?, &put)?;
            Ok(format!("{HERE}/{}", encoded(&policy.name)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removing {
    pub(super) version: String,
}

/// The version that a form shows.
pub(super) fn seen(version: &str) -> Result<Version, ServiceError> {
    version.parse().map(Version::At).map_err(|_| bad("version", "it is no number"))
}

async fn remove(Path(named): Path<String>, Form(viewer, form): Form<Removing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.remove_policy(&named, seen(&form.version)?)?;
            Ok(HERE.to_owned())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLE, put};

    #[test]
    fn the_example_is_a_policy_and_a_slip_is_none() {
        assert_eq!(put(EXAMPLE, Some("for data of payments")).unwrap().policy.waves.unwrap().len(), 2);
        assert!(put(r#"{"budgets":{}}"#, None).is_err() && put("", None).is_err());
    }
}
