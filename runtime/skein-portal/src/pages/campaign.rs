//! A campaign at work, apart from the review of its plan: how far it is, what failed and why, and what can be asked of it.
//!
//! What changes much at once (a rollback, a cancel) is asked for on a page of its own, which says first what it leads to.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Campaign, CampaignAction, CampaignProgress, Run, Soak, Text, Wave};
use skein_campaign::possible;
use skein_control::{Control, Desk, ServiceError};
use skein_types::{CampaignState, RunState, Verb, codes, grouped};

use super::{absent, some};
use crate::form::{Form, moment};
use crate::frame::{self, bar, command, live, secret, state};
use crate::viewer::{Failed, Page, Seen, Viewer};

/// Failed runs that are shown, each with its reason.
const FAILED: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}", get(page))
        .route("/live/campaigns/{campaign}", get(part))
        .route("/campaigns/{campaign}/ask/{verb}", get(asking))
        .route("/campaigns/{campaign}/actions/{verb}", post(act))
}

struct Shown {
    campaign: Campaign,
    progress: CampaignProgress,
    failed: Vec<Run>,
}

fn gather(desk: &Desk<'_>, named: &str) -> Result<Shown, ServiceError> {
    let mut part = some(FAILED);
    part.state = Some(RunState::Failed);
    Ok(Shown {
        campaign: desk.campaign(named)?,
        progress: desk.progress(named)?,
        failed: desk.runs(named, &part)?.items.into_vec(),
    })
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
                    a href={ "/campaigns/" (id) "/report" } { "Report" }
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
    let Shown { campaign, progress, failed } = shown;
    let runs = &campaign.runs;
    let all = campaign.datasets.saturating_sub(runs.ineligible);
    html! {
        dl {
            dt { "State" } dd { (state(&campaign.state.to_string())) @if let Some(why) = &campaign.why { " " (why) } }
            dt { "Since" } dd { (frame::time(campaign.since)) }
            dt { "Team" } dd { (campaign.owner) }
            dt { "Runs" } dd { (bar(runs.published + runs.finalized, runs.failed, all)) }
            dt { "Now" } dd { (now(progress)) }
            dt { "Rows" } dd {
                (grouped(progress.rows_done.0)) " of " (grouped(progress.rows_total.0)) ", "
                (grouped(progress.rows_per_second)) " a second"
            }
            dt { "Checks" } dd { (checks(&campaign.soak)) }
        }
        (steps(campaign, viewer))
        (waves(campaign.waves.iter()))
        @if runs.failed > 0 { (failures(failed, campaign)) }
    }
}

/// Looks at what was published, of which each run has so many.
fn checks(soak: &Soak) -> Markup {
    html! {
        (grouped(u64::from(soak.checked))) " of " (grouped(u64::from(soak.checks))) " had by all runs"
        @if soak.alarms > 0 { ", " strong.bad { (grouped(soak.alarms)) " alarms" } } @else { ", no alarm" }
    }
}

fn now(progress: &CampaignProgress) -> Markup {
    html! {
        (grouped(progress.running)) " at work, " (grouped(progress.staged)) " staged, "
        (grouped(progress.retrying)) " tried again; " (grouped(progress.failures_left)) " more may fail"
        @if let Some(left) = progress.remaining_ms { "; about " (grouped(left.0 / 1_000 + 1)) " s left" }
        @if let Some(waits) = &progress.waits { "; " strong.waits { "nothing begins: " (waits.message) } }
        @if progress.put_off > 0 { "; " (grouped(progress.put_off)) " put off or not approved" }
        @if progress.held_waits {
            "; " strong.waits { "all that is left are " (grouped(progress.runs.held)) " runs that rules hold: somebody has to decide" }
        }
        @if progress.put_off_waits { "; " strong.waits { "nothing else is left" } }
    }
}

/// What can be asked of a campaign, gentle things first, and whether that wants a word before.
const VERBS: &[(Verb, &str, bool)] = &[
    (Verb::Plan, "Plan", false),
    (Verb::Start, "Start", true),
    (Verb::Pause, "Pause", false),
    (Verb::Resume, "Resume", false),
    (Verb::Retry, "Retry what failed", false),
    (Verb::RollBack, "Roll back", true),
    (Verb::Finalize, "Finalize", true),
    (Verb::Cancel, "Cancel", true),
];

fn steps(campaign: &Campaign, viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    html! {
        div.steps {
            @for (verb, name, asks) in VERBS.iter().filter(|(verb, ..)| possible(*verb, campaign.state)) {
                p {
                    @if *asks {
                        a.button href={ "/campaigns/" (id) "/ask/" (verb) } { (name) }
                    } @else {
                        form.inline method="post" action={ "/campaigns/" (id) "/actions/" (verb) } {
                            (secret(viewer))
                            input type="hidden" name="expect" value=(campaign.state);
                            button { (name) }
                        }
                    }
                    " " (command(&line(verb.as_str(), campaign)))
                }
            }
        }
    }
}

fn line(verb: &str, campaign: &Campaign) -> String {
    format!("skein campaign {} {}", verb.replace('_', "-"), campaign.campaign)
}

fn waves<'a>(waves: impl Iterator<Item = &'a Wave>) -> Markup {
    html! {
        h2 { "Waves" }
        table {
            thead { tr { th { "Wave" } th { "State" } th { "Runs" } th { "May fail" } } }
            tbody {
                @for wave in waves {
                    tr {
                        td { (wave.number) @if wave.number == 0 { ", the canary" } }
                        td { (state(&wave.state.to_string())) @if let Some(why) = &wave.why { " " (why) } }
                        td { (bar(wave.runs.published + wave.runs.finalized, wave.runs.failed, wave.size)) }
                        td.number { (grouped(wave.budget)) }
                    }
                }
            }
        }
    }
}

fn failures(failed: &[Run], campaign: &Campaign) -> Markup {
    html! {
        h2 { "Failed runs" }
        table {
            thead { tr { th { "Dataset" } th { "Why" } th { "Attempt" } } }
            tbody {
                @for run in failed {
                    tr {
                        td { a href={ "/campaigns/" (campaign.campaign) "/runs/" (run.seq) } { (run.name) } }
                        td { @if let Some(why) = &run.why { strong.bad { (why.code) } " " (why.message) } }
                        td { @if let Some(attempt) = &run.failed_attempt { a href={ "/attempts/" (attempt) } { "Log" } } }
                    }
                }
            }
        }
        @if campaign.runs.failed > FAILED as u64 {
            p { a href={ "/campaigns/" (campaign.campaign) "/runs?state=failed" } { "All " (grouped(campaign.runs.failed)) } }
        }
    }
}

/// What a verb leads to, for whoever is about to ask for it.
fn leads(verb: &str, campaign: &Campaign) -> Option<(&'static str, String)> {
    let runs = &campaign.runs;
    let said = match verb {
        "start" => (
            "Start",
            format!(
                "{} datasets are migrated, wave by wave. Old versions are kept, and all of it can be rolled back.",
                grouped(campaign.datasets.saturating_sub(runs.ineligible))
            ),
        ),
        "cancel" => (
            "Cancel",
            format!(
                "What was not published never will be by this campaign; {} published datasets stay as they are.",
                grouped(runs.published)
            ),
        ),
        "roll_back" => (
            "Roll back",
            format!(
                "{} published datasets become what they were before, to the byte. Whoever reads them sees the old version from then \
                 on. One that others have written to since is left as it is, and named.",
                grouped(runs.published)
            ),
        ),
        _ => return None,
    };
    Some(said)
}

async fn asking(viewer: Viewer, Path((named, verb)): Path<(String, String)>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let campaign = desk.campaign(&named)?;
            let (name, what) = leads(&verb, &campaign).ok_or_else(|| absent(&format!("verb {verb:?} that is asked for so")))?;
            let content = html! {
                p { (what) }
                form method="post" action={ "/campaigns/" (campaign.campaign) "/actions/" (verb) } {
                    (secret(viewer))
                    input type="hidden" name="expect" value=(campaign.state);
                    @if let Some(plan) = &campaign.plan { input type="hidden" name="plan" value=(plan.digest); }
                    p {
                        label for="reason" { "Reason, for the record" } br;
                        textarea #reason name="reason" rows="2" cols="60" maxlength="2000" {}
                    }
                    button.danger[verb != "start"] { (name) }
                    " " a href={ "/campaigns/" (campaign.campaign) } { "Leave it" }
                }
                p { (command(&line(&verb, &campaign))) }
            };
            Ok(frame::page(viewer, (&format!("{name}: {}", campaign.name), Some("/campaigns")), content))
        })
        .await
}

/// What a form says of an action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acting {
    /// The state that was seen.
    expect: CampaignState,
    reason: Option<String>,
    plan: Option<String>,
    slice: Option<String>,
    wave: Option<String>,
    /// Before which runs that are put off do not start.
    until: Option<String>,
}

impl Acting {
    fn asked(&self) -> Result<CampaignAction, ServiceError> {
        let bad =
            |what: &str| ServiceError::new(codes::BODY_INVALID, format!("the form's {what} cannot be read"));
        let mut asked = CampaignAction::seen(self.expect);
        asked.reason = self.reason.as_deref().map(Text::new).transpose().map_err(|_| bad("reason"))?;
        asked.slice = self.slice.as_deref().map(Text::new).transpose().map_err(|_| bad("slice"))?;
        asked.plan = self.plan.as_deref().map(str::parse).transpose().map_err(|_| bad("plan"))?;
        asked.until =
            self.until.as_deref().map(|until| moment(until).ok_or_else(|| bad("time"))).transpose()?;
        asked.wave = self.wave.as_deref().map(str::parse).transpose().map_err(|_| bad("wave"))?;
        Ok(asked)
    }
}

async fn act(
    Path((named, verb)): Path<(String, String)>,
    Form(viewer, acting): Form<Acting>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let campaign = desk.act(&named, &verb, &acting.asked()?)?;
            let of_the_plan =
                matches!(verb.as_str(), "approve" | "revoke" | "defer" | "decline" | "break_glass" | "plan");
            let part = if of_the_plan || acting.slice.is_some() { "/plan" } else { "" };
            Ok(format!("/campaigns/{}{part}", campaign.campaign))
        })
        .await
}
