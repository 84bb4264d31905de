//! What can be asked of a campaign.
//!
//! What changes much at once (a rollback, a cancel) is asked for on a page of its own, which says first what it leads to. Of what is asked
//! for at once it stands beside the button.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Campaign, CampaignAction, CampaignVerb, Message, RunCounts, Text, Wave};
use skein_campaign::possible;
use skein_control::{Control, Desk, ServiceError};
use skein_types::{CampaignState, Reason, Verb, codes, grouped};

use super::super::absent;
use crate::duration::lasting;
use crate::form::{Form, moment};
use crate::frame::{self, because, command, counted, secret};
use crate::viewer::{Failed, Page, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/campaigns/{campaign}/ask/{verb}", get(asking))
        .route("/campaigns/{campaign}/actions/{verb}", post(act))
}

/// What is possible now, and whether whoever looks may ask for it.
pub(super) struct Offer {
    verb: CampaignVerb,
    name: &'static str,
    /// It says first what it leads to.
    asks: bool,
    /// The wave that is let through.
    wave: Option<u32>,
    refused: Option<ServiceError>,
}

/// In the order in which they are shown: gentle things first.
const VERBS: &[(Verb, CampaignVerb, &str, bool)] = &[
    (Verb::Plan, CampaignVerb::Plan, "Plan", false),
    (Verb::Start, CampaignVerb::Start, "Start", true),
    (Verb::Pause, CampaignVerb::Pause, "Pause", false),
    (Verb::Resume, CampaignVerb::Resume, "Resume", false),
    (Verb::Retry, CampaignVerb::Retry, "Retry all that failed", false),
    (Verb::RollBack, CampaignVerb::RollBack, "Roll back", true),
    (Verb::Finalize, CampaignVerb::Finalize, "Finalize", true),
    (Verb::Cancel, CampaignVerb::Cancel, "Cancel", true),
];

pub(super) fn offers(desk: &Desk<'_>, campaign: &Campaign, wave_waits: Option<u32>) -> Vec<Offer> {
    let named = campaign.campaign.to_string();
    let offer = |verb, name, asks| {
        let refused = desk.may_ask(&named, verb).err();
        Offer { verb, name, asks, wave: None, refused }
    };
    // Who may depends on whose datasets are in the waves to come.
    let promote = wave_waits.map(|wave| {
        let refused = desk.stances(&named).map_or_else(Some, |stances| stances.wave.and_then(Result::err));
        let (verb, name) = (CampaignVerb::Approve, "Let the next wave begin");
        Offer { verb, name, asks: false, wave: Some(wave), refused }
    });
    let now = VERBS.iter().filter(|(verb, ..)| possible(*verb, campaign.state));
    // A halt is forgiven with open eyes.
    let halted = campaign.state == CampaignState::Halted;
    let now = now.filter(|(verb, ..)| *verb != Verb::Retry || retriable(&campaign.runs) > 0);
    let now = now.map(|(verb, of, name, asks)| offer(*of, name, *asks || (halted && *verb == Verb::Resume)));
    promote.into_iter().chain(now).collect()
}

/// Runs that a retry of all tries again.
const fn retriable(runs: &RunCounts) -> u64 {
    runs.failed + runs.skipped + runs.stale
}

pub(super) fn view(campaign: &Campaign, offers: &[Offer], viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    html! {
        div.steps {
            @for Offer { verb, name, asks, wave, refused } in offers {
                p {
                    @if let Some(refused) = refused {
                        button disabled { (name) } " " span.note { (refused.message) }
                    } @else if *asks {
                        a.button href={ "/campaigns/" (id) "/ask/" (verb) } { (name) }
                    } @else {
                        form.inline method="post" action={ "/campaigns/" (id) "/actions/" (verb) } {
                            (secret(viewer))
                            input type="hidden" name="expect" value=(campaign.state);
                            @if let Some(wave) = wave { input type="hidden" name="wave" value=(wave); }
                            @if let (Some(_), Some(plan)) = (wave, &campaign.plan) {
                                input type="hidden" name="plan" value=(plan.digest);
                            }
                            button { (name) }
                        }
                    }
                    " " (command(&line(*verb, campaign, *wave)))
                    @if let Some(gently) = gently(*verb, (&campaign.runs, &campaign.waves), *wave).filter(|_| refused.is_none() && !asks) {
                        " " span.note { (gently) }
                    }
                }
            }
        }
    }
}

/// What it leads to that is asked for at once.
fn gently(verb: CampaignVerb, (runs, waves): (&RunCounts, &[Wave]), wave: Option<u32>) -> Option<String> {
    match (verb, wave) {
        (CampaignVerb::Pause, _) => Some(format!(
            "Nothing more begins before it is resumed: {} for it. What has begun ends, or stops where it can go on. {} as they are.",
            counted(runs.planned, "run waits", "runs wait"),
            counted(runs.published, "published dataset stays", "published datasets stay"),
        )),
        (CampaignVerb::Retry, _) => Some(format!(
            "{} tried again: {} failed, {} skipped, {} stale.",
            counted(retriable(runs), "run is", "runs are"),
            grouped(runs.failed),
            grouped(runs.skipped),
            grouped(runs.stale)
        )),
        (CampaignVerb::Approve, Some(through)) => {
            let next = waves.iter().find(|wave| wave.number > through)?;
            let datasets = counted(next.size, "dataset is", "datasets are");
            Some(format!("Wave {} begins: {datasets} migrated in it.", next.number))
        }
        _ => None,
    }
}

fn line(verb: CampaignVerb, campaign: &Campaign, wave: Option<u32>) -> String {
    let word = match verb.as_str() {
        "roll_back" => "rollback".to_owned(),
        word => word.replace('_', "-"),
    };
    let wave = wave.map(|wave| format!(" --wave {wave}")).unwrap_or_default();
    format!("skein campaign {word} {}{wave}", campaign.campaign)
}

/// What a verb leads to, for whoever is about to ask for it; and what its way of not waiting is, if it has one.
struct Leads {
    name: &'static str,
    what: String,
    now: Option<&'static str>,
}

fn leads(verb: CampaignVerb, campaign: &Campaign) -> Option<Leads> {
    let runs = &campaign.runs;
    let (name, what, now) = match verb {
        CampaignVerb::Start => (
            "Start",
            format!(
                "{} migrated, wave by wave. Old versions are kept, and all of it can be rolled back.",
                counted(campaign.datasets.saturating_sub(runs.ineligible), "dataset is", "datasets are")
            ),
            None,
        ),
        CampaignVerb::Resume => resume(campaign),
        CampaignVerb::Cancel => (
            "Cancel",
            format!(
                "What was not published never will be by this campaign: {}. {} as they are.",
                counted(runs.planned + runs.held, "run ends", "runs end"),
                counted(runs.published, "published dataset stays", "published datasets stay")
            ),
            None,
        ),
        CampaignVerb::RollBack => (
            "Roll back",
            format!(
                "{} before, to the byte. Whoever reads them sees the old version from then on. One that others have written to since is \
                 left as it is, and named.",
                counted(
                    runs.published + runs.revert_failed,
                    "published dataset will become what it was",
                    "published datasets become what they were"
                )
            ),
            None,
        ),
        CampaignVerb::Finalize => (
            "Finalize",
            format!(
                "The old versions of {} are given up for good, each when its rollback window of {} is over: {} become free, and \
                 nothing of it can be rolled back any more.",
                counted(runs.published, "dataset", "datasets"),
                campaign.policy.window_ms.map_or_else(|| "a week".to_owned(), lasting),
                campaign.soak.kept
            ),
            Some("Do not wait for the end of the rollback window"),
        ),
        CampaignVerb::Plan
        | CampaignVerb::Pause
        | CampaignVerb::Retry
        | CampaignVerb::Skip
        | CampaignVerb::Approve
        | CampaignVerb::Revoke
        | CampaignVerb::Defer
        | CampaignVerb::Decline
        | CampaignVerb::BreakGlass => return None,
    };
    Some(Leads { name, what, now })
}

fn resume(campaign: &Campaign) -> (&'static str, String, Option<&'static str>) {
    let (why, runs) = (campaign.why.as_deref().unwrap_or_default(), &campaign.runs);
    let left = counted(runs.planned, "run is", "runs are");
    if is_of_failures(why) {
        let what = format!(
            "More runs failed than may: {} have. To go on although they did, say so below; what failed until now is forgiven then, and \
             what is left begins: {left} to be done.",
            grouped(runs.failed)
        );
        return ("Resume", what, Some("Go on although more failed than may"));
    }
    let what = format!(
        "It was stopped: {}. It goes on where it was: {left} to be done. While what stopped it is still so, this is refused.",
        because(why)
    );
    ("Resume", what, (runs.failed > 0).then_some("Go on also if more failed than may"))
}

/// Whether it is where it is because more runs failed than may.
fn is_of_failures(why: &str) -> bool {
    why.split(':').next() == Some(Reason::BudgetSpent.as_str())
}

async fn asking(viewer: Viewer, Path((named, word)): Path<(String, String)>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let campaign = desk.campaign(&named)?;
            let absent = || absent(&format!("verb {word:?} that is asked for so"));
            let verb: CampaignVerb = word.parse().map_err(|()| absent())?;
            let leads = leads(verb, &campaign).ok_or_else(absent)?;
            desk.may_ask(&named, verb)?;
            let title = format!("{}: {}", leads.name, campaign.name);
            Ok(frame::page(viewer, (&title, Some("/campaigns")), ask(&campaign, (verb, &leads), viewer)))
        })
        .await
}

fn ask(campaign: &Campaign, (verb, leads): (CampaignVerb, &Leads), viewer: &Viewer) -> Markup {
    html! {
        p { (leads.what) }
        form method="post" action={ "/campaigns/" (campaign.campaign) "/actions/" (verb) } {
            (secret(viewer))
            input type="hidden" name="expect" value=(campaign.state);
            @if let Some(plan) = &campaign.plan { input type="hidden" name="plan" value=(plan.digest); }
            p {
                label for="reason" { "Reason, for the record" } br;
                textarea #reason name="reason" rows="2" cols="60" maxlength="2000" {}
            }
            @if let Some(now) = leads.now { p { label { input type="checkbox" name="now" value="yes"; " " (now) } } }
            button.danger[verb != CampaignVerb::Start] { (leads.name) }
            " " a href={ "/campaigns/" (campaign.campaign) } { "Leave it" }
        }
        p { (command(&line(verb, campaign, None))) @if leads.now.is_some() { " or with " code { "--now" } } }
    }
}

/// What a form says of an action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acting {
    /// The state that was seen.
    expect: CampaignState,
    reason: Option<String>,
    plan: Option<String>,
    slice: Option<String>,
    wave: Option<String>,
    now: Option<String>,
    /// Before which runs that are put off do not start.
    until: Option<String>,
}

fn unfit(what: &str) -> ServiceError {
    ServiceError::new(codes::BODY_INVALID, format!("{what}: it cannot be read"))
}

/// A reason, as a form says it.
pub(in super::super) fn asked_reason(reason: Option<&str>) -> Result<Option<Message>, ServiceError> {
    reason.map(Text::new).transpose().map_err(|_| unfit("reason"))
}

impl Acting {
    fn asked(&self) -> Result<CampaignAction, ServiceError> {
        let mut asked = CampaignAction::seen(self.expect);
        asked.reason = asked_reason(self.reason.as_deref())?;
        asked.slice = self.slice.as_deref().map(Text::new).transpose().map_err(|_| unfit("slice"))?;
        asked.plan = self.plan.as_deref().map(str::parse).transpose().map_err(|_| unfit("plan"))?;
        asked.wave = self.wave.as_deref().map(str::parse).transpose().map_err(|_| unfit("wave"))?;
        asked.until =
            self.until.as_deref().map(|until| moment(until).ok_or_else(|| unfit("until"))).transpose()?;
        asked.now = self.now.is_some();
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
            let of_the_plan = of_the_plan || acting.slice.is_some();
            let part = if of_the_plan && acting.wave.is_none() { "/plan" } else { "" };
            Ok(format!("/campaigns/{}{part}", campaign.campaign))
        })
        .await
}

#[cfg(test)]
mod tests {
    use skein_api::{CampaignVerb, RunCounts, Time, Wave};
    use skein_types::{Timestamp, WaveState};

    use super::{gently, is_of_failures};

    #[test]
    fn what_a_button_leads_to_is_said_beside_it() {
        let runs = RunCounts { planned: 1, published: 2, failed: 3, skipped: 4, ..RunCounts::default() };
        let wave = |number, size| Wave {
            number,
            state: WaveState::Waiting,
            why: None,
            since: Time(Timestamp(0)),
            began: None,
            size,
            budget: 0,
            runs: RunCounts::default(),
        };
        let waves = [wave(0, 20), wave(1, 300), wave(2, 1_000)];
        let said = |verb, through| gently(verb, (&runs, &waves), through).unwrap_or_default();
        assert!(said(CampaignVerb::Pause, None).contains("1 run waits for it"));
        assert!(said(CampaignVerb::Pause, None).contains("2 published datasets stay"));
        assert_eq!(said(CampaignVerb::Retry, None), "7 runs are tried again: 3 failed, 4 skipped, 0 stale.");
        // The number is that of the wave that is through its gate.
        assert_eq!(said(CampaignVerb::Approve, Some(1)), "Wave 2 begins: 1,000 datasets are migrated in it.");
        assert_eq!([said(CampaignVerb::Approve, Some(2)), said(CampaignVerb::Plan, None)], ["", ""]);
    }

    #[test]
    fn what_was_stopped_for_another_reason_than_failures_does_not_say_that_runs_failed() {
        assert!(is_of_failures("budget_spent") && is_of_failures("budget_spent: 3 failed"));
        assert!(!is_of_failures("module_suspended"));
    }
}
