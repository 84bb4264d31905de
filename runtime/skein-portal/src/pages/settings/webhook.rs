//! One receiver: what it was told and what became of it, a test, and changing it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use maud::{Markup, html};
use skein_api::{Webhook, WebhookDelivery, WebhookPut, WebhookRotate};
use skein_control::Control;
use skein_types::ReceiverKind;

use super::AT;
use super::policies::{Removing, seen};
use super::webhooks::{HERE, said, standing, told_of};
use crate::form::{Form, Nothing};
use crate::frame::{self, command, secret};
use crate::pages::offered::offered;
use crate::pages::{After, newest};
use crate::viewer::{ACTS, Failed, Page, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/settings/webhooks/{webhook}", get(page))
        .route("/settings/webhooks/{webhook}/test", post(test))
        .route("/settings/webhooks/{webhook}/rotate", post(rotate))
        .route("/settings/webhooks/{webhook}/pause", post(pause))
        .route("/settings/webhooks/{webhook}/remove", post(remove))
        .route("/settings/webhooks/{webhook}/deliveries/{delivery}/again", post(again))
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let webhook = desk.webhook(&named)?;
            let part = newest(asked.after);
            let told = desk.webhook_deliveries(&named, &part)?;
            let may = desk.may_tell(webhook.team.as_ref().map(|team| team.as_str()));
            let here = format!("{HERE}/{}", webhook.webhook);
            let content = html! {
                (facts(&webhook))
                h2 { "What it was told" }
                @if told.items.is_empty() { p.empty { "Nothing yet." } } @else { (deliveries(&told.items, (&here, may.is_ok().then_some(viewer)))) }
                (frame::more(&here, &[], told.next.as_deref()))
                p {
                    (command(&format!("skein webhook deliveries {}", webhook.webhook)))
                    @if may.is_ok() && !told.items.is_empty() { " " (command(&format!("skein webhook redeliver {} DELIVERY", webhook.webhook))) }
                }
                (offered(&may, || forms(&webhook, &here, viewer)))
            };
            Ok(frame::page(viewer, (&format!("Webhook {}", webhook.name), Some(AT)), content))
        })
        .await
}

fn facts(webhook: &Webhook) -> Markup {
    html! {
        dl {
            dt { "State" } dd { (standing(webhook)) }
            dt { "Id" } dd { code { (webhook.webhook) } }
            dt { "Kind" } dd { (webhook.kind) }
            dt { "Where" } dd { (webhook.target) ", as far as it may be shown" }
            dt { "Team" } dd { @match &webhook.team { Some(team) => (team), None => "everybody's" } }
            dt { "Told of" } dd { (told_of(webhook)) }
            dt { "Since" } dd { (frame::time(webhook.since)) }
        }
    }
}

fn deliveries(told: &[WebhookDelivery], (here, sender): (&str, Option<&Viewer>)) -> Markup {
    html! {
        table {
            thead { tr { th { "Of what" } th { "State" } th { "Tries" } th { "Answered" } th { "When" } @if sender.is_some() { th { "Again" } } } }
            tbody {
                @for one in told {
                    tr {
                        td { (one.topic) ", " a href={ "/audit/" (one.position) } { "decision " (one.position) } }
                        td { (became(&one.state)) @if let Some(due) = one.due { ", next " (frame::time(due)) } }
                        td.number { (one.tries) }
                        td { @if let Some(status) = one.status { (status) } @if let Some(error) = &one.error { " " span.bad { (error) } } }
                        td { (frame::time(one.at)) }
                        @if let Some(viewer) = sender {
                            td {
                                form.inline method="post" action={ (here) "/deliveries/" (one.delivery) "/again" } {
                                    (secret(viewer))
                                    button aria-label={ "Send " (one.topic) " again" } { "Send" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn became(word: &str) -> Markup {
    let (kind, sign) = match word {
        "done" => ("good", "✓"),
        "given_up" => ("bad", "✗"),
        _ => ("waits", "‖"),
    };
    html! { span.state.(kind) { span aria-hidden="true" { (sign) " " } (word.replace('_', " ")) } }
}

fn forms(webhook: &Webhook, here: &str, viewer: &Viewer) -> Markup {
    let id = webhook.webhook;
    let act = |verb: &str, button: Markup, line: &str| {
        html! {
            form method="post" action={ (here) "/" (verb) } {
                (secret(viewer))
                input type="hidden" name="version" value=(webhook.version);
                p { (button) " " (command(line)) }
            }
        }
    };
    let (pause, flag) =
        if webhook.active { ("Tell it nothing for now", "--off") } else { ("Tell it again", "--on") };
    html! {
        h2 { "Do something with it" }
        (act("test", html! { button { "Send a test" } }, &format!("skein webhook test {id}")))
        (act("pause", html! { button { (pause) } }, &format!("skein webhook set {id} {flag}")))
        @if webhook.kind == ReceiverKind::Http {
            p { "Another signing secret is shown once. For a day notices are signed with the one before, too." }
            (act("rotate", html! { button { "Give it another secret" } }, &format!("skein webhook rotate {id}")))
        }
        p { "One that is removed is told of nothing any more." }
        (act("remove", html! { button.danger { "Remove" } }, &format!("skein webhook remove {id}")))
    }
}

async fn test(Path(named): Path<String>, Form(viewer, _): Form<Removing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let sent = desk.send_test(&named)?;
            Ok(format!("{HERE}/{}", sent.webhook))
        })
        .await
}

async fn again(
    Path((named, delivery)): Path<(String, String)>,
    Form(viewer, Nothing {}): Form<Nothing>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let sent = desk.redeliver(&named, &delivery)?;
            Ok(format!("{HERE}/{}", sent.webhook))
        })
        .await
}

async fn pause(Path(named): Path<String>, Form(viewer, form): Form<Removing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let Webhook { name, events, active, .. } = desk.webhook(&named)?;
            let put = WebhookPut { name, target: None, events, active: !active };
            // Of another version it would say what somebody else said meanwhile once more.
            let webhook = desk.put_webhook(&named, seen(&form.version)?, &put)?;
            Ok(format!("{HERE}/{}", webhook.webhook))
        })
        .await
}

async fn rotate(Path(named): Path<String>, Form(viewer, _): Form<Removing>) -> Result<Page, Failed> {
    viewer
        .answer(ACTS, move |desk, viewer| {
            let made = desk.rotate_webhook(&named, &WebhookRotate::default())?;
            Ok(frame::page(viewer, ("A new secret", Some(AT)), said(&made)))
        })
        .await
}

async fn remove(Path(named): Path<String>, Form(viewer, form): Form<Removing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.remove_webhook(&named, seen(&form.version)?)?;
            Ok(HERE.to_owned())
        })
        .await
}
