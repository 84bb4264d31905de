//! What can be decided about one run: try it again, leave it out, undo it; and where a rule keeps it back, what becomes of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Campaign, CampaignAction, CampaignVerb, List, Run, RunAction};
use skein_campaign::possible;
use skein_control::{Control, Desk, ServiceError};
use skein_types::{CampaignState, RunState, Verb, codes};

use super::super::campaign::asked_reason;
use crate::form::Form;
use crate::frame::{command, secret};
use crate::viewer::{Failed, Seen, Viewer};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/runs/{run}/actions/{verb}", post(act))
}

/// One thing that can be asked.
struct Step {
    /// The word in the path.
    verb: &'static str,
    name: &'static str,
    what: &'static str,
    danger: bool,
    /// For the campaign, and not for the run alone.
    of_campaign: Option<(Verb, CampaignVerb)>,
}

const RETRY: Step = Step {
    verb: "retry",
    name: "Try again",
    what: "It begins anew, as a run of its wave.",
    danger: false,
    of_campaign: Some((Verb::Retry, CampaignVerb::Retry)),
};
const SKIP: Step = Step {
    verb: "skip",
    name: "Leave it out",
    what: "Its dataset stays as it is.",
    danger: false,
    of_campaign: Some((Verb::Skip, CampaignVerb::Skip)),
};
const ROLL_BACK: Step = Step {
    verb: "roll_back",
    name: "Roll back",
    what: "Its dataset becomes what it was before, to the byte. Whoever reads it sees the old version from then on. If others have written \
           to it since, it is left as it is.",
    danger: true,
    of_campaign: Some((Verb::RollBack, CampaignVerb::RollBack)),
};
const HELD: [Step; 3] = [
    Step {
        verb: "release",
        name: "Publish it as it is",
        what: "What is staged is published, the very bytes, although a rule speaks against it.",
        danger: true,
        of_campaign: None,
    },
    Step {
        verb: "recheck",
        name: "Make it again",
        what: "It is made anew, and the rules look at it again.",
        danger: false,
        of_campaign: None,
    },
    Step {
        verb: "discard",
        name: "Give it up",
        what: "What is staged goes, and the run has failed, which counts against what may fail.",
        danger: true,
        of_campaign: None,
    },
];

/// What makes sense of a run that is where it is.
const fn steps(state: RunState) -> &'static [Step] {
    match state {
        RunState::Failed | RunState::Skipped | RunState::Stale => &[RETRY],
        RunState::Planned => &[SKIP],
        RunState::Published | RunState::RevertFailed => &[ROLL_BACK],
        RunState::Held => &HELD,
        RunState::Ineligible
        | RunState::Intended
        | RunState::Finalized
        | RunState::Cancelled
        | RunState::Reverting
        | RunState::Reverted => &[],
    }
}

pub(super) fn view(desk: &Desk<'_>, (campaign, run): (&Campaign, &Run), viewer: &Viewer) -> Markup {
    let id = campaign.campaign.to_string();
    let fits = |step: &&Step| step.of_campaign.is_none_or(|(verb, _)| possible(verb, campaign.state));
    let may = |step: &Step| step.of_campaign.map_or(Ok(()), |(_, verb)| desk.may_ask(&id, verb));
    let shown: Vec<Markup> = steps(run.state)
        .iter()
        .filter(fits)
        .map(|step| match may(step) {
            Ok(()) => form(step, (campaign, run), viewer),
            Err(refused) => {
                html! { p { button disabled { (step.name) } " " span.note { (refused.message) } } }
            }
        })
        .collect();
    html! {
        @if !shown.is_empty() {
            section aria-labelledby="steps" {
                h2 #steps { "What can be done" }
                @for step in shown { (step) }
            }
        }
    }
}

fn form(step: &Step, (campaign, run): (&Campaign, &Run), viewer: &Viewer) -> Markup {
    let (id, seq, field) = (campaign.campaign, run.seq, format!("reason-{}", step.verb));
    // Who sets a rule aside says why.
    let needed = step.of_campaign.is_none();
    html! {
        form method="post" action={ "/campaigns/" (id) "/runs/" (seq) "/actions/" (step.verb) } {
            (secret(viewer))
            input type="hidden" name="expect" value=(campaign.state);
            p {
                (step.what) br;
                label for=(field) { "Reason, for the record" @if needed { " (needed)" } } " "
                input id=(field) name="reason" maxlength="2000" size="40" required[needed]; " "
                button.danger[step.danger] { (step.name) } " "
                (command(&line(step, campaign, seq)))
            }
        }
    }
}

fn line(step: &Step, campaign: &Campaign, seq: u64) -> String {
    let id = campaign.campaign;
    match step.of_campaign {
        None => format!("skein campaign {} {id} {seq} --reason 'WHY'", step.verb),
        Some((_, verb)) => format!("skein campaign {} {id} --run {seq}", verb.as_str().replace('_', "")),
    }
}

/// What a form says of an action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acting {
    /// The state of the campaign that was seen.
    expect: CampaignState,
    reason: Option<String>,
}

async fn act(
    Path((named, run, word)): Path<(String, String, String)>,
    Form(viewer, acting): Form<Acting>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let reason = asked_reason(acting.reason.as_deref())?;
            let seq = run.parse().map_err(|_| super::super::absent(&format!("run {run:?}")))?;
            match word.as_str() {
                "retry" | "skip" | "roll_back" => {
                    let runs = Some(List::first(vec![seq]).0);
                    let asked = CampaignAction { reason, runs, ..CampaignAction::seen(acting.expect) };
                    desk.act(&named, &word, &asked)?;
                }
                _ => {
                    let reason = reason.ok_or_else(|| {
                        ServiceError::new(codes::BODY_INVALID, "a reason is needed: it goes on record")
                    })?;
                    desk.act_on_run((&named, &run, &word), &RunAction { reason })?;
                }
            }
            Ok(format!("/campaigns/{named}/runs/{seq}"))
        })
        .await
}

#[cfg(test)]
mod tests {
    use skein_types::RunState;

    use super::steps;

    #[test]
    fn what_is_offered_is_what_makes_sense_of_a_run_where_it_is() {
        let words = |state| steps(state).iter().map(|step| step.verb).collect::<Vec<_>>();
        assert_eq!(words(RunState::Held), ["release", "recheck", "discard"]);
        assert_eq!(words(RunState::Failed), ["retry"]);
        assert_eq!(words(RunState::Published), ["roll_back"]);
        for state in [RunState::Finalized, RunState::Reverted, RunState::Ineligible] {
            assert_eq!(words(state), [""; 0], "{state}");
        }
    }
}
