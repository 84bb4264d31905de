//! The first page: what is at work, what waits for whoever looks, what failed of late, what teams use of what they may, and how the nodes
//! are. Made of what was counted already: of however many datasets, it asks for a few rows of each list.

mod failures;
mod nodes;
mod quotas;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Campaign, Status, Waits};
use skein_control::{Control, Desk, ServiceError, WaitPart};

use super::{approvals, campaigns};
use crate::frame::{self, command, counted};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/";
/// Campaigns that are at work or want somebody, and of the others the newest.
const ACTIVE: usize = 12;
const NEWEST: usize = 6;
/// Of what waits.
const WAITS: usize = 10;
/// What a page that is looked at is made anew for.
const EVENTS: &str = "kind=campaign.,wave.,run.,slice.,approval.,node.,fleet.,quota.";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page)).route("/live/overview", get(part))
}

async fn page(viewer: Viewer) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let content = frame::live_of_all("/live/overview", EVENTS, view(&gather(desk)?));
            Ok(frame::page(viewer, ("Overview", Some(AT)), content))
        })
        .await
}

async fn part(viewer: Viewer) -> Result<Page, Failed> {
    viewer.page(|desk, _| Ok(view(&gather(desk)?))).await
}

struct Shown {
    /// Those at work, most pressing first, and whether there are more.
    active: (Vec<Campaign>, bool),
    /// Of the others the newest.
    newest: Vec<Campaign>,
    waits: (Vec<Waits>, bool),
    failures: Vec<failures::Failure>,
    quotas: quotas::Shown,
    status: Status,
}

fn gather(desk: &Desk<'_>) -> Result<Shown, ServiceError> {
    let mine = WaitPart { limit: Some(WAITS), waiting_for: Some("me".to_owned()), ..WaitPart::default() };
    let (waits, status) = (desk.waits(&mine)?, desk.status()?);
    let active = desk.active_campaigns(ACTIVE)?;
    let mut newest = desk.newest_campaigns(ACTIVE + NEWEST)?.0;
    newest.retain(|one| active.0.iter().all(|other| other.campaign != one.campaign));
    newest.truncate(NEWEST);
    Ok(Shown {
        failures: failures::gather(desk, active.0.iter().chain(&newest))?,
        quotas: quotas::gather(desk, &status)?,
        // A page may be short and have a next one all the same.
        waits: (waits.items.to_vec(), waits.next.is_some() && waits.items.len() >= WAITS),
        active,
        newest,
        status,
    })
}

fn view(shown: &Shown) -> Markup {
    let Shown { active: (active, more), newest, waits: (waits, more_waits), failures, quotas, status } =
        shown;
    html! {
        (alarms(active, status))
        (summary(shown))
        section aria-labelledby="active" {
            h2 #active { "At work, or waiting for somebody" }
            @if active.is_empty() { p.empty { "No campaign is at work, and none waits for anybody." } } @else { (campaigns::table(active)) }
            @if active.is_empty() && newest.is_empty() { (first_steps()) }
            p {
                a.button href="/campaigns/new" { "New campaign" } " " a href="/campaigns" { "All campaigns" }
                @if *more { " " span.note { "More are at work than are shown here." } }
            }
        }
        section aria-labelledby="waits" {
            h2 #waits { "Waits for you" }
            @if waits.is_empty() { p.empty { "Nothing." } } @else { (approvals::table(waits)) }
            p { a href="/approvals" { @if *more_waits { "All that waits for you" } @else { "Approvals" } } " · " a href="/approvals?for=anybody" { "for anybody" } }
        }
        (failures::view(failures))
        @if !newest.is_empty() {
            section aria-labelledby="newest" { h2 #newest { "Others, the newest first" } (campaigns::table(newest)) }
        }
        (quotas::view(quotas))
        (nodes::view(&status.nodes))
    }
}

/// What somebody should look at now.
fn alarms(active: &[Campaign], status: &Status) -> Markup {
    let found = active.iter().filter(|campaign| campaign.soak.alarms > 0);
    html! {
        @if let Some(waits) = &status.waits {
            p.alarm.bad role="status" { strong { span aria-hidden="true" { "✗ " } "Nothing begins: " (waits.message) } " " a href="/fleet" { "Fleet" } }
        }
        @for campaign in found {
            p.alarm.bad role="status" {
                strong { span aria-hidden="true" { "✗ " } (counted(campaign.soak.alarms, "alarm", "alarms")) ": " }
                "checks found something wrong with what " a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) } " published"
            }
        }
    }
}

/// The page in a few numbers, each of which leads to its part.
fn summary(shown: &Shown) -> Markup {
    let (seated, gone) = nodes::counted(&shown.status.nodes);
    let plus = |more: bool| if more { "+" } else { "" };
    let (active, failures) = (shown.active.0.len(), shown.failures.len());
    html! {
        ul.tiles {
            li { a href="#active" { strong { (active) (plus(shown.active.1)) } " " (named(active, "campaign", "campaigns")) " at work or waiting" } }
            li { a href="#waits" { strong { (shown.waits.0.len()) (plus(shown.waits.1)) } " waiting for you" } }
            li { a href="#failures" { strong.bad[failures > 0] { (failures) } " " (named(failures, "failure", "failures")) " of late" } }
            li { a href="#nodes" { strong.bad[seated == 0] { (seated) } " " (named(seated, "node", "nodes")) " here" @if gone > 0 { ", " (gone) " gone" } } }
        }
    }
}

/// The word for so many, which stand before it in larger letters.
const fn named<'a>(number: usize, one: &'a str, several: &'a str) -> &'a str {
    if number == 1 { one } else { several }
}

/// For whoever has nothing yet.
fn first_steps() -> Markup {
    html! {
        p { "Submit a module, add datasets, make a campaign:" }
        ul.commands {
            li { (command("skein module submit columns@1 columns")) }
            li { (command("skein dataset scan /data --owner payments")) }
            li { (command("skein campaign create drop-phone --module columns@1 --params @drop-phone.toml")) }
        }
    }
}
