//! The plan of a campaign, for whoever decides about it, apart from how it is carried out: how much can go wrong and why, whose datasets
//! it is over, what samples showed, what it takes; what was said; and the forms with which an owner approves, puts off or declines.
//!
//! A plan may be over a hundred thousand datasets of a thousand teams: what there may be many of is shown in parts.

mod comments;
pub(super) mod facts;
mod glass;
mod rules;
mod samples;
pub(super) mod slices;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Approvals, Campaign, Comment, Guessed, Page as ListPage, PlanReport, PlanSample};
use skein_control::{Control, Desk, ListPart, ServiceError, Stances};
use skein_types::{CampaignState, codes};

use super::sample::report::Lineage;
use super::some;
use crate::frame::{self, because, command, live, risk, state};
use crate::viewer::{Failed, Page, Viewer};

/// Samples that are shown; the others are on a page of their own.
const SAMPLES: usize = 10;
/// Comments that are shown at a time.
const COMMENTS: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}/plan", get(page))
        .route("/live/campaigns/{campaign}/plan", get(part))
        .merge(comments::routes())
        .merge(glass::routes())
        .merge(samples::routes())
}

/// Which parts of the lists are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Parts of the plan behind this many.
    slices: Option<usize>,
    /// The part of this team alone.
    team: Option<String>,
    /// Comments behind this one.
    comments: Option<String>,
}

struct Shown {
    campaign: Campaign,
    report: PlanReport,
    approvals: Approvals,
    stances: Stances,
    samples: Vec<PlanSample>,
    /// What becomes of the columns of the schema that most datasets have, and the sample that says so.
    columns: Option<(u64, Lineage)>,
    comments: ListPage<Comment>,
    /// What was guessed and what came of it, once something has.
    guessed: Vec<Guessed>,
}

fn gather(desk: &Desk<'_>, named: &str, asked: &Asked) -> Result<Shown, ServiceError> {
    let (campaign, report) = (desk.campaign(named)?, desk.plan_report(named)?);
    let samples = desk.plan_samples(named, &some(SAMPLES))?.items.into_vec();
    let said = ListPart { after: asked.comments.clone(), limit: Some(COMMENTS), ..ListPart::default() };
    let began = campaign.runs.published + campaign.runs.finalized + campaign.runs.reverted > 0;
    Ok(Shown {
        columns: columns(desk, named, &report)?,
        approvals: desk.approvals(named)?,
        stances: desk.stances(named)?,
        comments: desk.comments(named, &said)?,
        guessed: if began { desk.guessed(named)? } else { Vec::new() },
        campaign,
        report,
        samples,
    })
}

/// Of the sample that stands for most datasets. Not everybody who sees a plan may see rows of it, and what samples showed is not kept
/// for ever.
fn columns(
    desk: &Desk<'_>,
    named: &str,
    report: &PlanReport,
) -> Result<Option<(u64, Lineage)>, ServiceError> {
    let Some(most) = report.schemas.iter().max_by_key(|schema| schema.datasets) else { return Ok(None) };
    match desk.sample_report(named, &most.sample.to_string()) {
        Ok(bytes) => Ok(Lineage::first_of(&bytes).map(|columns| (most.sample, columns))),
        Err(error) if [codes::NOT_FOUND, codes::ROLE_MISSING].contains(&error.code) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn page(viewer: Viewer, Path(named): Path<String>, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, &named, &asked)?;
            let title = format!("Plan: {}", shown.campaign.name);
            Ok(frame::page(viewer, (&title, Some("/campaigns")), view(&shown, &asked, viewer)))
        })
        .await
}

async fn part(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer.page(move |desk, _| Ok(standing(&desk.campaign(&named)?))).await
}

/// Where it is just now. Forms stand elsewhere: what somebody is typing stays.
fn standing(campaign: &Campaign) -> Markup {
    html! {
        p.standing {
            (state(&campaign.state.to_string()))
            @if let Some(why) = &campaign.why { ", " (because(why)) }
            " since " (frame::time(campaign.since))
        }
    }
}

fn view(shown: &Shown, asked: &Asked, viewer: &Viewer) -> Markup {
    let Shown { campaign, report, approvals, .. } = shown;
    let id = campaign.campaign;
    let events = format!("kind=campaign.,approval.,slice.,wave.&campaign={id}");
    html! {
        p.parts {
            a href={ "/campaigns/" (id) } { "How it is getting on" } " · "
            a href={ "/campaigns/" (id) "/samples" } { "Samples" } " · "
            a href="#said" { "Comments" }
            " " (command(&format!("skein campaign review {id}")))
        }
        (live(&format!("/live/campaigns/{id}/plan"), &events, standing(campaign)))
        @match &campaign.plan {
            None => p.empty {
                @if campaign.state == CampaignState::Planning { "It is being planned; look again in a moment. " }
                @else { "There is no plan yet. " }
                (command(&format!("skein campaign plan {id}")))
            },
            Some(plan) => {
                @if approvals.broken_glass {
                    p.bad { strong { "Somebody went on without the approvals that a plan of this campaign needed." } }
                }
                dl {
                    dt { "Plan" } dd {
                        code { (plan.digest) } div.note { "An approval is of exactly this: of another plan it says nothing." }
                    }
                    dt { "Module" } dd { (facts::module(campaign, report)) }
                    dt { "Risk" } dd { strong { (risk(report.risk)) } (facts::because(&report.because)) }
                    dt { "Datasets" } dd { (facts::datasets(report)) }
                    dt { "Waves" } dd { (facts::waves(report)) }
                    dt { "Tried" } dd { (facts::coverage(report)) }
                    dt { "Again" } dd { (facts::again(&report.samples.determinism)) }
                    dt { "Own output" } dd { (facts::own_output(&report.samples.idempotence)) }
                    dt { "Rejects" } dd { (facts::rejects(report)) }
                    dt { "Takes" } dd { (facts::takes(&report.estimate)) }
                }
                (facts::guessed(&shown.guessed))
                (slices::view(shown, asked.slices.unwrap_or_default(), asked.team.as_deref(), viewer))
                (samples::schemas(campaign, &report.schemas))
                (samples::columns(campaign, shown.columns.as_ref()))
                (samples::tried(campaign, &shown.samples, report.samples.datasets))
                (facts::left_out(report))
                (facts::uncovered(report))
                (rules::view(campaign, &report.rules))
                (comments::view(campaign, (&shown.comments, approvals), viewer))
            }
        }
    }
}
