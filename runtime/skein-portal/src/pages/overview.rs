//! The first page: what is at work, what failed, what waits for whoever looks, and how the fleet is.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Campaign, NodeStatus, Status, Waits};
use skein_control::{Control, Desk, ServiceError, WaitPart};
use skein_types::grouped;

use super::campaigns;
use crate::frame::{self, command, live, risk};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/";
/// The newest campaigns that are shown.
const CAMPAIGNS: usize = 10;
/// Of what waits.
const WAITS: usize = 10;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page)).route("/live/overview", get(part))
}

async fn page(viewer: Viewer) -> Result<Page, Failed> {
    let events = "kind=campaign.,node.,approval.";
    viewer
        .page(move |desk, viewer| {
            let content = live("/live/overview", events, view(&gather(desk)?));
            Ok(frame::page(viewer, ("Overview", Some(AT)), content))
        })
        .await
}

async fn part(viewer: Viewer) -> Result<Page, Failed> {
    viewer.page(|desk, _| Ok(view(&gather(desk)?))).await
}

struct Shown {
    /// The newest first.
    campaigns: Vec<Campaign>,
    waits: Vec<Waits>,
    status: Status,
}

fn gather(desk: &Desk<'_>) -> Result<Shown, ServiceError> {
    let mine = WaitPart { limit: Some(WAITS), waiting_for: Some("me".to_owned()), ..WaitPart::default() };
    Ok(Shown {
        campaigns: desk.newest_campaigns(CAMPAIGNS)?.0,
        waits: desk.waits(&mine)?.items.into_vec(),
        status: desk.status()?,
    })
}

fn view(shown: &Shown) -> Markup {
    let Shown { campaigns, waits, status } = shown;
    html! {
        @if let Some(waits) = &status.waits { p.bad { strong { "Nothing begins: " (waits.message) } } }
        section aria-labelledby="waits" {
            h2 #waits { "Waits for you" }
            @if waits.is_empty() { p.empty { "Nothing." } } @else { (waiting(waits)) }
        }
        section aria-labelledby="newest" {
            h2 #newest { "Campaigns" }
            @if campaigns.is_empty() { (first_steps()) } @else { (campaigns::table(campaigns)) }
            p { a href="/campaigns" { "All campaigns" } " · " a href="/campaigns/new" { "New campaign" } }
        }
        section aria-labelledby="nodes" {
            h2 #nodes { "Nodes" }
            (nodes(&status.nodes))
        }
    }
}

/// For whoever has nothing yet.
fn first_steps() -> Markup {
    html! {
        p.empty { "None yet. Submit a module, add datasets, make a campaign:" }
        ul.commands {
            li { (command("skein module submit columns@1 columns.wasm")) }
            li { (command("skein dataset scan /data --owner payments")) }
            li { (command("skein campaign create drop-phone --module columns@1 --params @drop-phone.toml")) }
        }
    }
}

fn waiting(waits: &[Waits]) -> Markup {
    html! {
        table {
            thead { tr { th { "Campaign" } th { "What" } th { "Datasets" } th { "Risk" } th { "Since" } } }
            tbody {
                @for one in waits {
                    tr {
                        td { a href={ "/campaigns/" (one.campaign) "/plan" } { (one.name) } }
                        td {
                            @match (&one.team, one.wave) {
                                (Some(team), _) => { "the part of " (team) }
                                (None, wave) => { "wave " (wave.unwrap_or_default()) }
                            }
                        }
                        td.number { (grouped(one.datasets)) }
                        td { (risk(one.risk)) }
                        td { (frame::time(one.since)) }
                    }
                }
            }
        }
    }
}

fn nodes(nodes: &[NodeStatus]) -> Markup {
    html! {
        table {
            thead { tr { th { "Node" } th { "At work" } th { "Slots" } th { "Finished" } th { "Memory" } } }
            tbody {
                @for node in nodes {
                    tr {
                        td { (node.name) }
                        @match &node.seat {
                            Some(seat) => {
                                td.number { (grouped(seat.holds)) }
                                td.number { (seat.slots) }
                                td.number { (grouped(seat.finished)) }
                                td.number { (seat.used.memory) }
                            }
                            None => { td colspan="4" { "gone since " (frame::time(node.since)) } }
                        }
                    }
                }
            }
        }
    }
}
