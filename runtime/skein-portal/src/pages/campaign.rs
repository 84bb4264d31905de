//! A campaign at work, apart from the review of its plan: how far it is, where each run is, what failed and why, and what can be asked of it.

mod course;
mod decisions;
mod map;
mod steps;
mod waves;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Campaign, CampaignProgress, Run, Soak};
use skein_control::{Control, CoursePoint, Desk, ServiceError};
use skein_types::{RunState, grouped};

use super::{some, states};
use crate::duration::lasting;
use crate::frame::{self, because, counted, live, state};
use crate::viewer::{Failed, Page, Viewer};
use steps::Offer;
pub(super) use steps::asked_reason;

/// Failed runs that are shown, each with its reason.
const FAILED: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}", get(page))
        .route("/live/campaigns/{campaign}", get(part))
        .merge(decisions::routes())
        .merge(map::routes())
        .merge(steps::routes())
}

struct Shown {
    campaign: Campaign,
    progress: CampaignProgress,
    failed: Vec<Run>,
    course: Vec<CoursePoint>,
    offers: Vec<Offer>,
}

fn gather(desk: &Desk<'_>, named: &str) -> Result<Shown, ServiceError> {
    let mut part = some(FAILED);
    part.state = Some(RunState::Failed);
    let (campaign, progress) = (desk.campaign(named)?, desk.progress(named)?);
    let failed = match campaign.runs.failed {
        0 => Vec::new(),
        _ => desk.runs(named, &part)?.items.into_vec(),
    };
    let offers = steps::offers(desk, &campaign, progress.wave_waits);
    Ok(Shown { course: desk.course(named)?, offers, campaign, progress, failed })
}

async fn page(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, &named)?;
            let id = shown.campaign.campaign;
            let content = html! {
                p.parts {
                    a href={ "/campaigns/" (id) "/plan" } { "Plan and approvals" } " · "
                    a href={ "/campaigns/" (id) "/runs" } { "Runs" } " · "
                    a href={ "/campaigns/" (id) "/report" } { "Report" } " · "
                    a href={ "/campaigns/" (id) "/decisions" } { "Decisions" }
                }
                (live(&format!("/live/campaigns/{id}"), &format!("campaign={id}"), view(&shown, viewer)))
            };
            Ok(frame::page(viewer, (&shown.campaign.name, Some("/campaigns")), content))
        })
        .await
}

async fn part(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer.page(move |desk, viewer| Ok(view(&gather(desk, &named)?, viewer))).await
}

fn view(shown: &Shown, viewer: &Viewer) -> Markup {
    let Shown { campaign, progress, failed, course, offers } = shown;
    html! {
        dl {
            dt { "State" } dd { (state(&campaign.state.to_string())) @if let Some(why) = &campaign.why { ", " (because(why)) } }
            dt { "Since" } dd { (frame::time(campaign.since)) }
            dt { "Team" } dd { (campaign.owner) }
            dt { "Now" } dd { (now(progress)) }
            dt { "Rows" } dd {
                (grouped(progress.rows_done.0)) " of " (grouped(progress.rows_total.0)) ", "
                (grouped(progress.rows_per_second)) " a second"
            }
            dt { "Failures" } dd { (waves::budget(campaign, progress)) }
            dt { "Checks" } dd { (checks(&campaign.soak)) }
        }
        @if campaign.datasets > 0 { (states::bar(&campaign.runs, &format!("/campaigns/{}/runs", campaign.campaign))) }
        (steps::view(campaign, offers, viewer))
        @if !campaign.waves.is_empty() { (waves::stepper(&campaign.waves)) }
        @if campaign.datasets > 0 { (map::view(campaign)) }
        @if campaign.runs.failed > 0 { (failures(failed, campaign)) }
        @if campaign.datasets > 0 { (course::view(course)) }
    }
}

/// Looks at what was published, of which each run has so many.
fn checks(soak: &Soak) -> Markup {
    html! {
        (grouped(u64::from(soak.checked))) " of " (grouped(u64::from(soak.checks))) " had by all runs"
        @if soak.alarms > 0 { ", " strong.bad { (counted(soak.alarms, "alarm", "alarms")) } } @else { ", no alarm" }
    }
}

fn now(progress: &CampaignProgress) -> Markup {
    html! {
        (grouped(progress.running)) " at work, " (grouped(progress.staged)) " staged, "
        (grouped(progress.retrying)) " tried again; " (grouped(progress.failures_left)) " more may fail"
        @if let Some(left) = progress.remaining_ms.filter(|left| left.0 > 0) { "; about " (lasting(left)) " left" }
        @if let Some(waits) = &progress.waits { "; " strong.waits { "nothing begins: " (waits.message) } }
        @if progress.put_off > 0 { "; " (grouped(progress.put_off)) " put off or not approved" }
        @if progress.held_waits {
            "; " strong.waits { "all that is left is " (counted(progress.runs.held, "run that a rule holds", "runs that rules hold")) ": somebody has to decide" }
        }
        @if progress.put_off_waits { "; " strong.waits { "nothing else is left" } }
    }
}

fn failures(failed: &[Run], campaign: &Campaign) -> Markup {
    html! {
        section aria-labelledby="failed" {
            h2 #failed { "Failed runs" }
            table {
                thead { tr { th scope="col" { "Dataset" } th scope="col" { "Why" } th scope="col" { "Attempt" } } }
                tbody {
                    @for run in failed {
                        tr {
                            td { a href={ "/campaigns/" (campaign.campaign) "/runs/" (run.seq) } { (run.name) } }
                            td { @if let Some(why) = &run.why { strong.bad { (why.code) } " " (why.message) } }
                            td {
                                @if let Some(attempt) = &run.failed_attempt {
                                    a href={ "/attempts/" (attempt) } { "Log" span.visually-hidden { " of " (run.name) } }
                                }
                            }
                        }
                    }
                }
            }
            @if campaign.runs.failed > FAILED as u64 {
                p { a href={ "/campaigns/" (campaign.campaign) "/runs?state=failed" } { "All " (grouped(campaign.runs.failed)) } }
            }
        }
    }
}
