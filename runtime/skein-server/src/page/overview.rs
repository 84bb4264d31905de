//! The first page: campaigns, and the server with its nodes.

use maud::{Markup, html};
use skein_api::{Campaign, Status};
use skein_control::{Desk, ServiceError};
use skein_types::grouped;

use super::{bar, framed};

/// Campaigns that are listed, the newest first.
const LISTED: usize = 100;

pub(super) struct Overview {
    /// The newest first.
    campaigns: Vec<Campaign>,
    /// Whether there are older ones.
    more: bool,
    status: Status,
}

pub(super) fn gather(desk: &Desk<'_>) -> Result<Overview, ServiceError> {
    let (campaigns, more) = desk.newest_campaigns(LISTED)?;
    Ok(Overview { campaigns, more, status: desk.status()? })
}

pub(super) fn page(overview: &Overview) -> Markup {
    let Overview { campaigns, more, status } = overview;
    framed(
        "Campaigns",
        html! {
            @if campaigns.is_empty() {
                p { "None yet. Submit a module, add datasets, make a campaign:" }
                p { code { "skein module submit columns@1 columns.wasm" } }
                p { code { "skein dataset scan /data --owner payments" } }
                p { code { "skein campaign create drop-phone --module columns@1 --params @drop-phone.toml" } }
            } @else {
                table {
                    thead { tr { th { "Campaign" } th { "Team" } th { "State" } th { "Runs" } th { "Since" } } }
                    tbody { @for campaign in campaigns { (row(campaign)) } }
                }
                @if *more { p { "Older ones: " code { "skein campaign list" } } }
            }
            h2 { "Server" }
            (server(status))
        },
    )
}

fn row(campaign: &Campaign) -> Markup {
    let runs = &campaign.runs;
    let all = campaign.datasets.saturating_sub(runs.ineligible);
    html! {
        tr {
            td { a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) } }
            td { (campaign.owner) }
            td { (campaign.state) @if let Some(why) = &campaign.why { ": " (why) } }
            td { (bar(runs.published + runs.finalized, runs.failed, all)) }
            td { (campaign.since) }
        }
    }
}

fn server(status: &Status) -> Markup {
    html! {
        @if let Some(waits) = &status.waits { p { strong { "Nothing begins: " (waits.message) } } }
        dl {
            dt { "Version" } dd { (status.version) }
            dt { "Running since" } dd { (status.started) }
            dt { "Ledger" } dd { (status.ledger.size) ", " (grouped(status.ledger.position)) " decisions" }
        }
        table {
            thead { tr { th { "Node" } th { "Tasks" } th { "At work" } th { "Finished" } th { "Memory" } } }
            tbody {
                @for node in status.nodes.iter() {
                    tr {
                        td { (node.name) }
                        @match &node.seat {
                            Some(seat) => {
                                td.number { (grouped(seat.holds)) }
                                td.number { (seat.slots) }
                                td.number { (grouped(seat.finished)) }
                                td.number { (seat.used.memory) }
                            }
                            None => { td colspan="4" { "gone since " (node.since) } }
                        }
                    }
                }
            }
        }
    }
}
