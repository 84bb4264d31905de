//! The plan of a campaign, for whoever decides about it, apart from how it is carried out: how much can go wrong and why, whose datasets
//! it is over, what samples showed, what it takes; what was said; and the forms with which an owner approves, puts off or declines.

mod rules;
mod samples;
mod slices;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{
    Approvals, Campaign, Comment, CommentAdd, CommentResolve, PlanEstimate, PlanReport, PlanSample, Text,
};
use skein_control::{Control, Desk, ServiceError};
use skein_types::{codes, grouped};

use super::some;
use crate::form::Form;
use crate::frame::{self, command, risk, secret, state};
use crate::viewer::{Failed, Page, Seen, Viewer};

/// Samples that are shown.
const SAMPLES: usize = 20;
/// Comments that are shown.
const COMMENTS: usize = 200;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}/plan", get(page))
        .route("/campaigns/{campaign}/comments", post(comment))
        .route("/campaigns/{campaign}/comments/{number}/resolve", post(resolve))
}

struct Shown {
    campaign: Campaign,
    report: PlanReport,
    approvals: Approvals,
    samples: Vec<PlanSample>,
    comments: Vec<Comment>,
}

fn gather(desk: &Desk<'_>, named: &str) -> Result<Shown, ServiceError> {
    Ok(Shown {
        campaign: desk.campaign(named)?,
        report: desk.plan_report(named)?,
        approvals: desk.approvals(named)?,
        samples: desk.plan_samples(named, &some(SAMPLES))?.items.into_vec(),
        comments: desk.comments(named, &some(COMMENTS))?.items.into_vec(),
    })
}

async fn page(viewer: Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, &named)?;
            let title = format!("Plan: {}", shown.campaign.name);
            Ok(frame::page(viewer, (&title, Some("/campaigns")), view(&shown, viewer)))
        })
        .await
}

fn view(shown: &Shown, viewer: &Viewer) -> Markup {
    let Shown { campaign, report, approvals, samples, comments } = shown;
    let id = campaign.campaign;
    html! {
        p.parts { a href={ "/campaigns/" (id) } { "How it is getting on" } }
        @match &campaign.plan {
            None => p.empty { "It was not planned yet. " (command(&format!("skein campaign plan {id}"))) },
            Some(plan) => {
                dl {
                    dt { "State" } dd { (state(&campaign.state.to_string())) @if let Some(why) = &campaign.why { " " (why) } }
                    dt { "Plan" } dd { code { (plan.digest) } }
                    dt { "Module" } dd { (module(campaign, report)) }
                    dt { "Risk" } dd {
                        strong { (risk(report.risk)) }
                        @for why in report.because.iter() { "; " (why) }
                    }
                    dt { "Datasets" } dd {
                        (grouped(report.eligible)) " to be migrated, " (grouped(report.already_migrated)) " migrated before, "
                        (grouped(report.not_applicable)) " have nothing that it is for, " (grouped(report.refused)) " refused"
                    }
                    dt { "Tried" } dd {
                        (grouped(report.samples.datasets)) " datasets, of which " (grouped(report.samples.failed)) " failed"
                    }
                    dt { "Takes" } dd { (takes(&report.estimate)) }
                }
                (slices::view(approvals, campaign, viewer))
                (rules::view(&report.rules))
                (samples::schemas(&report.schemas))
                (samples::tried(campaign, samples))
                (said(campaign, comments, viewer))
            }
        }
    }
}

/// What runs, and where whoever submitted it said that it is from. A source is text: nobody has looked at where it leads.
fn module(campaign: &Campaign, report: &PlanReport) -> Markup {
    let of = report.module.as_ref();
    html! {
        @if let Some(of) = of { (of.name) "@" (of.version) " " }
        code { (campaign.module) }
        @if let Some(source) = of.and_then(|of| of.source.as_ref()) { ", source " code { (source) } }
        @if let Some(commit) = of.and_then(|of| of.commit.as_ref()) { ", commit " code { (commit) } }
    }
}

fn takes(guess: &PlanEstimate) -> Markup {
    html! {
        "about " (grouped(guess.time_ms.0.div_ceil(1_000))) " s with " (grouped(guess.agents)) " agents, "
        (grouped(guess.cpu_ms.0.div_ceil(1_000))) " s of CPU time, " (grouped(guess.fuel.0)) " fuel; reads "
        (guess.bytes_read) ", writes " (guess.bytes_written) " in " (grouped(guess.rows_written.0)) " rows"
        @if guess.rows_rejected_most.0 > 0 {
            "; about " (grouped(guess.rows_rejected.0)) " rows rejected (" (grouped(guess.rows_rejected_least.0)) " to "
            (grouped(guess.rows_rejected_most.0)) ")"
        }
    }
}

fn said(campaign: &Campaign, comments: &[Comment], viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    html! {
        section aria-labelledby="said" {
            h2 #said { "Comments" }
            @if comments.is_empty() { p.empty { "None." } }
            ol.comments {
                @for one in comments {
                    li {
                        strong { (one.person) } ", " (frame::time(one.at))
                        @if let Some(slice) = &one.slice { ", about " (slice) }
                        @if one.question { ", " @if one.resolved.is_some() { "an answered question" } @else { strong.waits { "an open question" } } }
                        p { (one.text) }
                        @if let Some(by) = &one.resolved_by { p.note { (by) ": " @if let Some(how) = &one.resolution { (how) } @else { "resolved" } } }
                        @if one.question && one.resolved.is_none() {
                            form.inline method="post" action={ "/campaigns/" (id) "/comments/" (one.number) "/resolve" } {
                                (secret(viewer))
                                label for={ "note-" (one.number) } { "Answer" }
                                input id={ "note-" (one.number) } name="note" maxlength="2000";
                                button { "Resolve" }
                            }
                        }
                    }
                }
            }
            form method="post" action={ "/campaigns/" (id) "/comments" } {
                (secret(viewer))
                p { label for="text" { "Say something" } br; textarea #text name="text" rows="2" cols="60" maxlength="2000" required {} }
                p { label { input type="checkbox" name="question" value="yes"; " A question: nothing is started before it is resolved" } }
                button { "Send" } " " (command(&format!("skein campaign comment {id} 'TEXT'")))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    text: String,
    question: Option<String>,
}

async fn comment(Path(named): Path<String>, Form(viewer, saying): Form<Saying>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let text = Text::new(saying.text)
                .map_err(|error| ServiceError::new(codes::BODY_INVALID, error.to_string()))?;
            desk.comment(&named, &CommentAdd { text, slice: None, question: saying.question.is_some() })?;
            Ok(format!("/campaigns/{named}/plan"))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolving {
    note: Option<String>,
}

async fn resolve(
    Path((named, number)): Path<(String, String)>,
    Form(viewer, resolving): Form<Resolving>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let note = resolving.note.map(Text::new).transpose();
            let note = note.map_err(|error| ServiceError::new(codes::BODY_INVALID, error.to_string()))?;
            desk.resolve(&named, &number, &CommentResolve { note, through: None })?;
            Ok(format!("/campaigns/{named}/plan"))
        })
        .await
}
