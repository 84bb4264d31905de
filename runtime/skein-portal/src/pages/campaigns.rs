//! The list of campaigns.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::Campaign;
use skein_control::{Control, ListPart};

use crate::ROWS;
use crate::frame::{self, bar, command, state};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/campaigns";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: Option<String>,
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let part = ListPart { after: asked.after, limit: Some(ROWS), ..ListPart::default() };
            let page = desk.campaigns(&part)?;
            let content = html! {
                p { a.button href="/campaigns/new" { "New campaign" } " " (command("skein campaign list")) }
                @if page.items.is_empty() { p.empty { "There is none." } } @else { (table(&page.items)) }
                (frame::more(AT, &[], page.next.as_ref().map(|next| next.as_str())))
            };
            Ok(frame::page(viewer, ("Campaigns", Some(AT)), content))
        })
        .await
}

pub(super) fn table(campaigns: &[Campaign]) -> Markup {
    html! {
        table {
            thead { tr { th { "Campaign" } th { "Team" } th { "State" } th { "Runs" } th { "Since" } } }
            tbody { @for campaign in campaigns { (row(campaign)) } }
        }
    }
}

fn row(campaign: &Campaign) -> Markup {
    let runs = &campaign.runs;
    let all = campaign.datasets.saturating_sub(runs.ineligible);
    html! {
        tr {
            td { a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) } }
            td { (campaign.owner) }
            td { (state(&campaign.state.to_string())) @if let Some(why) = &campaign.why { " " (why) } }
            td { (bar(runs.published + runs.finalized, runs.failed, all)) }
            td { (frame::time(campaign.since)) }
        }
    }
}
