//! Going on without approvals: a page of its own that says first what it leads to.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Approvals, Campaign, Slice};
use skein_control::{Control, Stances};
use skein_types::grouped;

use super::slices::{refused, seen};
use crate::frame::{self, command, counted, risk, secret};
use crate::viewer::{Failed, Page, Viewer};

/// Parts that are named.
const NAMED: usize = 50;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/break-glass", get(page))
}

async fn page(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let (campaign, approvals) = (desk.campaign(&named)?, desk.approvals(&named)?);
            let stances = desk.stances(&named)?;
            let title = format!("Go on without approvals: {}", campaign.name);
            Ok(frame::page(
                viewer,
                (&title, Some("/campaigns")),
                view(&campaign, &approvals, &stances, viewer),
            ))
        })
        .await
}

fn view(campaign: &Campaign, approvals: &Approvals, stances: &Stances, viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    let lacking: Vec<&Slice> = approvals.slices.iter().filter(|slice| slice.lacks.is_some()).collect();
    let datasets: u64 = lacking.iter().map(|slice| slice.datasets).sum();
    let barred = lacking.iter().find_map(|slice| {
        let stance = stances.slices.iter().find(|stance| stance.team == slice.team)?;
        stance.break_glass.as_ref().err()
    });
    html! {
        p { a href={ "/campaigns/" (id) "/plan" } { "Back to the plan" } }
        @if lacking.is_empty() {
            p.empty { "No part of the plan lacks an approval." }
        } @else {
            ul.consequences {
                li { (counted(datasets, "dataset", "datasets")) " may be migrated although " (counted(lacking.len() as u64, "team", "teams")) " did not approve it." }
                li { "The campaign is marked for ever, on each page and in each report of it, and in the audit trail with your name and the reason." }
                li { "Whoever is told of what happens to it is told of this." }
                li { "Owners may still put their part off, leave it out, and roll back what was published of it." }
            }
            div.scroll tabindex="0" role="region" aria-label="Parts without approval" {
                table {
                    thead { tr { th { "Team" } th { "Risk" } th.number { "Datasets" } th.number { "Approvals that it lacks" } } }
                    tbody {
                        @for slice in lacking.iter().take(NAMED) {
                            tr {
                                th scope="row" { (slice.team) }
                                td { (risk(slice.risk)) }
                                td.number { (grouped(slice.datasets)) }
                                td.number { (slice.lacks.as_ref().map_or(0, |lacks| lacks.approvals)) }
                            }
                        }
                    }
                }
            }
            @if lacking.len() > NAMED { p.note { "and " (counted((lacking.len() - NAMED) as u64, "more", "more")) } }
            @match barred {
                Some(why) => { (refused("You cannot", why)) }
                None => {
                    form.tall method="post" action={ "/campaigns/" (id) "/actions/break_glass" } {
                        (secret(viewer)) (seen(campaign))
                        label for="reason" { "Reason, for the record" }
                        textarea #reason name="reason" rows="3" maxlength="2000" required {}
                        p {
                            button.danger { "Go on without these approvals" } " "
                            (command(&format!("skein campaign break-glass {id} --reason WHY")))
                        }
                    }
                }
            }
        }
    }
}
