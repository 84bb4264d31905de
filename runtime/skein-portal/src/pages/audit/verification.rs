//! Whether the record is what it was. It is read as a whole for that, so it is asked for with a button.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::AuditVerified;
use skein_control::{Control, ServiceError};
use skein_types::{codes, grouped};

use super::AT;
use crate::form::Form;
use crate::frame::{self, command, secret};
use crate::viewer::{Failed, Page, READS_ALL, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/audit/verification", post(verify))
}

pub(super) fn form(viewer: &Viewer) -> Markup {
    html! {
        section aria-labelledby="verify" {
            h2 #verify { "Is it what it was?" }
            p { "Each decision is checked against the one before it; with a head that was kept elsewhere, that nothing was taken away. It takes as "
                "long as the record is long." }
            form method="post" action="/audit/verification" {
                (secret(viewer))
                p { label for="against" { "A head from elsewhere (" code { "POSITION:HASH" } ")" } " " input #against name="against" size="40" maxlength="120"; }
                p { label { input type="checkbox" name="deep" value="yes"; " Tables, blobs, modules and statements too" } }
                button { "Verify" } " " (command("skein audit verify --against HEAD"))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    against: Option<String>,
    deep: Option<String>,
}

async fn verify(Form(viewer, asked): Form<Asked>) -> Result<Page, Failed> {
    viewer
        .answer(READS_ALL, move |desk, viewer| {
            let heads: Vec<&str> = asked.against.as_deref().map(str::trim).into_iter().collect();
            let content = match desk.verify_audit(&heads, asked.deep.is_some()) {
                Ok(verified) => said(&verified, asked.deep.is_some()),
                // These are an answer, and the one that matters most.
                Err(found) if is_finding(&found) => damage(&found),
                Err(error) => return Err(error),
            };
            Ok(frame::page(viewer, ("Verification", Some(AT)), content))
        })
        .await
}

fn is_finding(error: &ServiceError) -> bool {
    let found = [
        codes::LEDGER_DAMAGED,
        codes::LEDGER_PROJECTION,
        codes::MODULE_SWAPPED,
        codes::ATTEST_INVALID,
        codes::ATTEST_KEY,
        codes::SECRET_LOST,
    ];
    found.contains(&error.code)
}

fn said(verified: &AuditVerified, deep: bool) -> Markup {
    html! {
        p.good { strong { "✓ The record is what it was." } }
        dl {
            dt { "Decisions" } dd { (grouped(verified.position)) }
            dt { "Hash" } dd { code { (verified.hash) } }
            dt { "Heads from elsewhere" } dd { (grouped(verified.heads)) @if verified.heads == 0 { ": what was cut off at the end would not show" } }
            @if deep {
                dt { "Rows of tables" } dd { (grouped(verified.rows)) }
                dt { "Blobs" } dd { (grouped(verified.blobs)) }
                dt { "Modules" } dd { (grouped(verified.modules)) @if verified.passed_over > 0 { "; " (grouped(verified.passed_over)) " compiled with an older key were not looked at" } }
                dt { "Statements" } dd { (grouped(verified.statements)) }
            }
        }
        p { a href=(AT) { "The record" } }
    }
}

fn damage(found: &ServiceError) -> Markup {
    html! {
        p.bad { strong { "✗ It is not what it was: " (found.code.id) } " " (found.message) }
        @if let Some(hint) = &found.hint { p { "What to do: " (hint) } }
        p { (command(&format!("skein explain {}", found.code.id))) }
    }
}

#[cfg(test)]
mod tests {
    use skein_control::ServiceError;
    use skein_types::codes;

    use super::{damage, is_finding};

    #[test]
    fn damage_is_an_answer_and_a_refusal_is_none() {
        let found = ServiceError::new(codes::LEDGER_DAMAGED, "event 3 was altered");
        assert!(is_finding(&found) && damage(&found).into_string().contains("✗ It is not what it was"));
        assert!(!is_finding(&ServiceError::new(codes::ROLE_MISSING, "no")));
    }
}
