//! Who is told of what happens, and adding a receiver, whose signing secret the page that answers shows and no other.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{List, Webhook, WebhookCreate, WebhookSigned};
use skein_control::{Control, ServiceError};
use skein_types::ReceiverKind;

use super::AT;
use crate::form::Making;
use crate::frame::{self, command, encoded, making, state};
use crate::pages::offered::{bad, offered, text};
use crate::pages::{After, rows};
use crate::viewer::{Failed, Made, Page, Viewer};

pub(super) const HERE: &str = "/settings/webhooks";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(HERE, get(page).post(add))
}

async fn page(viewer: Viewer, Query(asked): Query<After>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let page =
                desk.webhooks(&rows(asked.after))?;
            let content = html! {
                @if page.items.is_empty() { p.empty { "Nobody is told of anything, as far as you see." } } @else { (table(&page.items)) }
                (frame::more(HERE, &[], page.next.as_deref()))
                p { (command("skein webhook list")) }
                (offered(&desk.may_tell_any(), || adding(viewer)))
            };
            Ok(frame::page(viewer, ("Webhooks", Some(AT)), content))
        })
        .await
}

fn table(webhooks: &[Webhook]) -> Markup {
    html! {
        table {
            thead { tr { th { "Receiver" } th { "State" } th { "Kind" } th { "Team" } th { "Where" } th { "Told of" } } }
            tbody {
                @for webhook in webhooks {
                    tr {
                        td { a href={ (HERE) "/" (webhook.webhook) } { (webhook.name) } }
                        td { (standing(webhook)) }
                        td { (webhook.kind) }
                        td { @match &webhook.team { Some(team) => (team), None => "everybody's" } }
                        td { (webhook.target) }
                        td { (told_of(webhook)) }
                    }
                }
            }
        }
    }
}

pub(super) fn standing(webhook: &Webhook) -> Markup {
    html! {
        (state(if webhook.active { "active" } else { "paused" }))
        @if let Some(why) = &webhook.why { " " (why) }
    }
}

pub(super) fn told_of(webhook: &Webhook) -> Markup {
    html! {
        @if webhook.events.is_empty() { "everything" }
        @for (number, topic) in webhook.events.iter().enumerate() { @if number > 0 { ", " } (topic) }
    }
}

fn adding(viewer: &Viewer) -> Markup {
    html! {
        h2 { "Add a receiver" }
        form method="post" action=(HERE) {
            (making(viewer))
            p { label for="name" { "Name" } " " input #name name="name" required maxlength="100"; }
            p {
                label for="kind" { "Kind" } " "
                select #kind name="kind" {
                    option value=(ReceiverKind::Http) { "a program, over HTTP, signed" }
                    option value=(ReceiverKind::Slack) { "a channel of Slack or the like" }
                    option value=(ReceiverKind::Mail) { "a mailbox" }
                }
            }
            p { label for="target" { "Its URL, or addresses of mail with commas between" } " " input #target name="target" size="60" required maxlength="2000"; }
            p { label for="of-team" { "Team; nothing: everybody's, or the only one that it can be" } " " input #of-team name="team" maxlength="100"; }
            p { label for="events" { "Told of, with commas between; nothing: everything" } " " input #events name="events" size="40" placeholder="campaign.halted, approval.*" maxlength="2000"; }
            button { "Add" } " " (command("skein webhook add NAME"))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adding {
    name: String,
    kind: String,
    target: String,
    team: Option<String>,
    events: Option<String>,
}

impl Adding {
    fn asked(&self) -> Result<WebhookCreate, ServiceError> {
        let events = self.events.as_deref().unwrap_or_default().split(',').map(str::trim);
        let events = events.filter(|topic| !topic.is_empty()).map(|topic| text("events", topic));
        let events = List::new(events.collect::<Result<_, _>>()?);
        let team = self.team.as_deref().map(str::trim).filter(|team| !team.is_empty());
        Ok(WebhookCreate {
            name: text("name", self.name.trim())?,
            team: team.map(|team| text("team", team)).transpose()?,
            kind: self
                .kind
                .parse()
                .map_err(|error: skein_types::UnknownWord| bad("kind", &error.to_string()))?,
            target: text("target", self.target.trim())?,
            events: events.map_err(|error| bad("events", &error.to_string()))?,
            active: true,
            secret: None,
        })
    }
}

/// The answer is the page: an address that could be opened again would have to keep the secret.
async fn add(Making(viewer, once, form): Making<Adding>) -> Result<Response, Failed> {
    viewer
        .make_once(once, move |desk, viewer| {
            let made = desk.create_webhook(&form.asked()?)?;
            Ok(Made::Page(frame::page(viewer, ("A new receiver", Some(AT)), said(&made))))
        })
        .await
}

pub(super) fn said(made: &WebhookSigned) -> Markup {
    html! {
        @match &made.secret {
            Some(secret) => {
                p { strong { "This is the only time that it is shown." } " The receiver checks with it that a notice is from here." }
                p { label for="secret" { "What notices are signed with" } " " input #secret readonly size="80" autocomplete="off" value=(secret); }
            }
            None => p { "It is there." },
        }
        p { a.button href={ (HERE) "/" (encoded(&made.webhook.webhook.to_string())) } { "Look at it, and send a test" } }
    }
}

#[cfg(test)]
mod tests {
    use super::Adding;

    #[test]
    fn topics_are_read_with_commas_between() {
        let asked = |events: &str, kind: &str| {
            let (name, target) = ("ops".to_owned(), "https://hooks.example/a".to_owned());
            let events = Some(events.to_owned());
            Adding { name, target, kind: kind.to_owned(), team: Some(" ".to_owned()), events }.asked()
        };
        let topics = asked("campaign.halted, run.* ,", "http").unwrap();
        assert_eq!(
            topics.events.iter().map(|topic| topic.as_str()).collect::<Vec<_>>(),
            ["campaign.halted", "run.*"]
        );
        assert_eq!(topics.team, None);
        assert!(asked("", "http").unwrap().events.is_empty() && asked("", "pigeon").is_err());
    }
}
