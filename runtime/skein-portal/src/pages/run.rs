//! One dataset in one campaign: where it is and why, what was found out about its result, each try at it, those at work too, and what can
//! be decided about it.

mod facts;
mod steps;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Attempt, Campaign, Run};
use skein_control::{Control, Desk, ServiceError};
use skein_types::{CampaignState, RunState, grouped};

use super::newest;
use crate::ROWS;
use crate::assets::TIMELINE;
use crate::duration::lasting;
use crate::frame::{self, command, live, state};
use crate::viewer::{Failed, Page, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}/runs/{run}", get(page))
        .route("/live/campaigns/{campaign}/runs/{run}", get(part))
        .merge(steps::routes())
}

struct Shown {
    run: Run,
    /// Those that are at work.
    at_work: Vec<Attempt>,
    attempts: Vec<Attempt>,
    /// There are more than are shown.
    more: bool,
}

fn gather(desk: &Desk<'_>, (campaign, named): (&str, &str)) -> Result<Shown, ServiceError> {
    let run = desk.run(campaign, named)?;
    let at_work = desk.attempts_at_work(campaign, run.seq, ROWS)?;
    let attempts = desk.attempts_at(campaign, &run.seq.to_string(), &newest(None))?;
    let (more, mut attempts) = (attempts.next.is_some(), attempts.items.into_vec());
    attempts.retain(|attempt| attempt.at_work.is_none());
    Ok(Shown { run, at_work, attempts, more })
}

async fn page(viewer: Viewer, Path((named, run)): Path<(String, String)>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let campaign = desk.campaign(&named)?;
            let shown = gather(desk, (&named, &run))?;
            let (id, seq) = (campaign.campaign, shown.run.seq);
            let steps = steps::view(desk, (&campaign, &shown.run), viewer);
            let content = html! {
                p.parts {
                    a href={ "/campaigns/" (id) } { (campaign.name) } " · "
                    a href={ "/campaigns/" (id) "/runs" } { "All its runs" } " · "
                    a href={ "/datasets/" (shown.run.dataset) } { "The dataset" }
                }
                (live(&format!("/live/campaigns/{id}/runs/{seq}"), &format!("campaign={id}"), view(&campaign, &shown)))
                // What somebody writes there stays as they wrote it.
                (steps)
            };
            let title = format!("Run {seq}: {}", shown.run.name);
            Ok(frame::page(viewer, (&title, Some("/campaigns")), content))
        })
        .await
}

async fn part(viewer: Viewer, Path((named, run)): Path<(String, String)>) -> Result<Page, Failed> {
    viewer.page(move |desk, _| Ok(view(&desk.campaign(&named)?, &gather(desk, (&named, &run))?))).await
}

fn view(campaign: &Campaign, shown: &Shown) -> Markup {
    let Shown { run, at_work, attempts, more } = shown;
    // That a node begins is no decision.
    let may_begin = campaign.state == CampaignState::Running && run.state == RunState::Planned;
    let line = format!("skein campaign run {} {}", campaign.campaign, run.seq);
    html! {
        @if may_begin || !at_work.is_empty() { (frame::at_work()) }
        (facts::view(run))
        p { (command(&line)) }
        (facts::found_out(run))
        section aria-labelledby="attempts" {
            h2 #attempts { "Attempts" }
            (TIMELINE.module())
            skein-timeline #over-time label="Attempts over time" {
                @if !at_work.is_empty() { (working(at_work)) }
                @if attempts.is_empty() { p.empty { "None is over." } } @else { (tries(attempts)) }
            }
            @if *more { p { "Only the last " (ROWS) " are shown. All: " (command(&format!("skein attempt list {} {}", campaign.campaign, run.seq))) } }
        }
    }
}

/// Those that are at work: what each does, and how far it is.
fn working(attempts: &[Attempt]) -> Markup {
    html! {
        h3 { "At work" }
        table {
            thead {
                tr {
                    th scope="col" { "Attempt" } th scope="col" { "What" } th scope="col" { "Since" } th scope="col" { "Now" }
                    th scope="col" { "Rows" } th.number scope="col" { "Memory at most" } th.number scope="col" { "Rejected" }
                }
            }
            tbody {
                @for attempt in attempts {
                    @if let Some(at_work) = &attempt.at_work {
                        tr data-name=(super::attempt::kind(attempt)) data-from=[attempt.began] data-open data-node=(attempt.node) {
                            td { a href={ "/attempts/" (attempt.attempt) } { code { (attempt.attempt) } } }
                            td { (super::attempt::kind(attempt)) }
                            td { @if let Some(began) = attempt.began { (frame::time(began)) } }
                            td { (state("running")) " " (super::attempt::doing(at_work.phase)) }
                            td {
                                @match at_work.rows_all {
                                    Some(all) => (frame::bar(at_work.rows.0, 0, all.0)),
                                    None => (grouped(at_work.rows.0)),
                                }
                            }
                            td.number { (attempt.meters.memory_peak) }
                            td.number { (grouped(attempt.rejected.0)) }
                        }
                    }
                }
            }
        }
        h3 { "Over" }
    }
}

/// The last one first.
fn tries(attempts: &[Attempt]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Attempt" } th scope="col" { "What" } th scope="col" { "Ended" } th scope="col" { "How" }
                    th scope="col" { "Why" } th.number scope="col" { "Took" } th.number scope="col" { "Rejected" }
                }
            }
            tbody {
                @for attempt in attempts {
                    tr data-name=(super::attempt::kind(attempt)) data-from=[attempt.began] data-to=[attempt.ended] data-node=(attempt.node) {
                        td { a href={ "/attempts/" (attempt.attempt) } { code { (attempt.attempt) } } }
                        td { (super::attempt::kind(attempt)) }
                        td { @if let Some(ended) = attempt.ended { (frame::time(ended)) } }
                        td { (state(super::attempt::became(attempt))) }
                        td { @if let Some(why) = &attempt.why { strong.bad { (why.code) } " " (why.message) } }
                        td.number { (lasting(attempt.meters.wall_ms)) }
                        td.number { (grouped(attempt.rejected.0)) }
                    }
                }
            }
        }
    }
}
