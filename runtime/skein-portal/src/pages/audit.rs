//! The record of decisions: filtered, in pages, the last ones first; each by itself; and whether all of it is what it was.

mod event;
mod verification;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{AuditEvent, ChainHead};
use skein_control::{AuditPart, Control, Desk, ListOrder, ServiceError};
use skein_types::grouped;

use super::offered::bad;
use super::usage::moment;
use crate::ROWS;
use crate::frame::{self, command, quoted};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/audit";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page)).merge(verification::routes()).merge(event::routes())
}

/// What a link or the form of the filter says. What is empty is not said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: String,
    actor: String,
    token: String,
    team: String,
    campaign: String,
    kind: String,
    subject: String,
    from: String,
    to: String,
}

impl Asked {
    fn query(&self) -> [(&'static str, &str); 8] {
        [
            ("actor", &self.actor),
            ("token", &self.token),
            ("team", &self.team),
            ("campaign", &self.campaign),
            ("kind", &self.kind),
            ("subject", &self.subject),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn part(&self) -> Result<AuditPart, ServiceError> {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let after = match self.after.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| bad("after", "it is no position"))?),
        };
        Ok(AuditPart {
            after,
            limit: Some(ROWS),
            actor: said(&self.actor),
            token: said(&self.token),
            team: said(&self.team),
            campaign: said(&self.campaign),
            kind: said(&self.kind),
            subject: said(&self.subject),
            from: moment("from", &self.from)?,
            to: moment("to", &self.to)?,
            order: ListOrder::Newest,
        })
    }

    /// The same, typed.
    fn line(&self) -> String {
        let mut line = "skein audit list".to_owned();
        for (name, value) in self.query() {
            let value = value.trim();
            let name = match name {
                "from" => "since",
                "to" => "until",
                other => other,
            };
            if !value.is_empty() {
                line.push_str(&format!(" --{name} {}", quoted(value)));
            }
        }
        line
    }
}

struct Shown {
    head: ChainHead,
    items: Vec<AuditEvent>,
    next: Option<String>,
}

fn gather(desk: &Desk<'_>, asked: &Asked) -> Result<Shown, ServiceError> {
    let head = desk.audit_head()?;
    let page = desk.audit(&asked.part()?)?;
    let next = page.next.map(|next| next.to_string());
    Ok(Shown { head, items: page.items.into_vec(), next })
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let content = match desk.may_audit() {
                Err(refused) => refusal(&refused),
                Ok(()) => view(&gather(desk, &asked)?, &asked, viewer),
            };
            Ok(frame::page(viewer, ("Audit", Some(AT)), content))
        })
        .await
}

/// For whoever has no business here: what there is, and who can let them in.
fn refusal(refused: &ServiceError) -> Markup {
    html! {
        p { "Here is what was decided on this server, by whom and from where, of all teams. It is for auditors and admins: " (refused.message) "." }
        p { "What was decided about a campaign that you see has a page beside it: " a href="/campaigns" { "campaigns" } ", " (command("skein campaign events ID")) }
    }
}

fn view(shown: &Shown, asked: &Asked, viewer: &Viewer) -> Markup {
    html! {
        p {
            "The last decision is " a href={ (AT) "/" (shown.head.position) } { (grouped(shown.head.position)) }
            ". Its hash covers all before it: " code { (shown.head) } " " (command("skein audit head"))
        }
        (filter(asked))
        @if shown.items.is_empty() {
            p.empty { @if shown.next.is_some() { "None so far; there may be some further on." } @else { "There is none." } }
        } @else { (table(&shown.items)) }
        (frame::more(AT, &asked.query(), shown.next.as_deref()))
        p { (command(&asked.line())) }
        (verification::form(viewer))
        section aria-labelledby="export" {
            h2 #export { "Take it elsewhere" }
            p { "All records as they are hashed, to be verified without this server: " (command("skein audit export --save FILE")) " "
                (command("skein audit verify FILE")) }
            p { a href="/v1/audit/records?limit=1000" { "The first 1,000 of them, as JSON" } ": each page says where the next one begins" }
        }
    }
}

fn filter(asked: &Asked) -> Markup {
    let fields = [
        ("actor", "By whom", asked.actor.as_str(), ""),
        ("kind", "Kind", &asked.kind, "run.published or campaign."),
        ("team", "Team", &asked.team, ""),
        ("campaign", "Campaign", &asked.campaign, "its id or name"),
        ("subject", "About", &asked.subject, "an id, or team:NAME"),
        ("token", "With token", &asked.token, "its id"),
        ("from", "From (UTC)", &asked.from, "2026-11-23"),
        ("to", "Before (UTC)", &asked.to, "2026-11-24 12:00"),
    ];
    html! {
        form.filter method="get" action=(AT) aria-label="Which decisions" {
            @for (name, said, value, like) in fields {
                span { label for=(name) { (said) } " " input id=(name) name=(name) value=(value) placeholder=(like) maxlength="250"; }
            }
            button { "Show" } " " a href=(AT) { "All" }
        }
    }
}

fn table(events: &[AuditEvent]) -> Markup {
    html! {
        table {
            thead { tr { th { "Position" } th { "When" } th { "Who" } th { "What" } th { "About" } th { "From" } } }
            tbody {
                @for event in events {
                    tr {
                        td.number { a href={ (AT) "/" (event.position) } { (event.position) } }
                        td { (frame::time(event.at)) }
                        td { (event.actor) }
                        td { (event.kind) @if event.change.is_some() { " " span.note { "(a change)" } } }
                        td { (event::about(&event.subject)) }
                        td { @if let Some(from) = &event.from { (from) } @else { "not kept" } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AT, Asked, ListOrder};
    use crate::frame;

    #[test]
    fn the_last_ones_are_shown_first_whatever_is_asked_for() {
        let asked = Asked { kind: " run. ".to_owned(), ..Asked::default() };
        for (asked, kind) in [(Asked::default(), None), (asked, Some("run."))] {
            let part = asked.part().unwrap();
            assert_eq!((part.order, part.after, part.kind.as_deref()), (ListOrder::Newest, None, kind));
        }
        assert!(Asked { after: "x".to_owned(), ..Asked::default() }.part().is_err());
    }

    #[test]
    fn what_is_asked_for_stays_on_the_next_page_and_in_the_command() {
        let asked = Asked { actor: "o'hara".to_owned(), from: "2026-11-23".to_owned(), ..Asked::default() };
        let links = frame::more(AT, &asked.query(), Some("110")).into_string();
        assert!(links.contains("/audit?actor=o%27hara&amp;from=2026-11-23&amp;after=110"), "{links}");
        assert_eq!(asked.line(), r"skein audit list --actor 'o'\''hara' --since 2026-11-23");
    }
}
