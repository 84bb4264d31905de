//! What waits for people: parts of plans, and waves that are through their gate.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::Waits;
use skein_control::{Control, Desk, ServiceError, WaitPart};
use skein_types::grouped;

use super::plan::slices;
use crate::ROWS;
use crate::frame::{self, command, live_of_all, risk};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/approvals";
const ANYBODY: &str = "anybody";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page)).route("/live/approvals", get(part))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// `anybody`: what waits for others too.
    #[serde(rename = "for")]
    of: Option<String>,
    after: Option<String>,
}

impl Asked {
    fn anybody(&self) -> bool {
        self.of.as_deref() == Some(ANYBODY)
    }

    fn of(&self) -> &'static str {
        if self.anybody() { ANYBODY } else { "" }
    }
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let (anybody, after) = (asked.anybody(), asked.after.as_deref().unwrap_or_default());
            let here = format!("/live/approvals?for={}&after={}", asked.of(), frame::encoded(after));
            let content = html! {
                p.parts {
                    a href=(AT) aria-current=[(!anybody).then_some("true")] { "For you" } " · "
                    a href={ (AT) "?for=" (ANYBODY) } aria-current=[anybody.then_some("true")] { "For anybody" }
                    " " (command(if anybody { "skein approval list --everybody" } else { "skein approval list" }))
                }
                (live_of_all(&here, "kind=campaign.,approval.,slice.,wave.", gathered(desk, &asked)?))
            };
            Ok(frame::page(viewer, ("Approvals", Some(AT)), content))
        })
        .await
}

async fn part(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer.page(move |desk, _| gathered(desk, &asked)).await
}

fn gathered(desk: &Desk<'_>, asked: &Asked) -> Result<Markup, ServiceError> {
    let part = WaitPart {
        after: asked.after.clone().filter(|after| !after.is_empty()),
        limit: Some(ROWS),
        waiting_for: (!asked.anybody()).then(|| "me".to_owned()),
    };
    let waits = desk.waits(&part)?;
    Ok(html! {
        @if waits.items.is_empty() {
            p.empty {
                @if waits.next.is_some() { "Nothing among these." }
                @else if asked.anybody() { "Nothing waits for anybody whose campaigns you see." }
                @else { "Nothing waits for you." }
            }
        } @else { (table(&waits.items)) }
        (frame::more(AT, &[("for", asked.of())], waits.next.as_deref()))
    })
}

pub(super) fn table(waits: &[Waits]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="What waits" {
            table {
                thead {
                    tr {
                        th { "Campaign" } th { "What" } th { "Risk" } th.number { "Datasets" } th { "Lacks" } th { "Since" }
                    }
                }
                tbody { @for one in waits { (row(one)) } }
            }
        }
    }
}

fn row(one: &Waits) -> Markup {
    let (to, what) = match (&one.team, one.wave) {
        (Some(team), _) => (slices::link(&one.campaign, team), format!("the part of {team}")),
        (None, Some(wave)) => (
            format!("/campaigns/{}/plan#slices", one.campaign),
            format!("wave {wave}, which is through its gate"),
        ),
        (None, None) => (format!("/campaigns/{}/plan#slices", one.campaign), "the plan".to_owned()),
    };
    html! {
        tr {
            th scope="row" { a href={ "/campaigns/" (one.campaign) } { (one.name) } }
            td { a href=(to) { (what) } }
            td { @if one.wave.is_none() { (risk(one.risk)) } }
            td.number { (grouped(one.datasets)) }
            td {
                (one.approvals) @if one.approvals == 1 { " approval" } @else { " approvals" }
                @if one.of_owner { ", one of the team" }
            }
            td { (frame::time(one.since)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn what_waits_for_others_is_shown_to_whoever_asks_for_it_alone() {
        let asked = |of: Option<&str>| Asked { of: of.map(str::to_owned), after: None };
        assert!(asked(Some("anybody")).anybody());
        assert!(!asked(None).anybody() && !asked(Some("me")).anybody() && !asked(Some("")).anybody());
    }
}
