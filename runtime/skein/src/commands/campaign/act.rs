//! What is asked of a campaign: one verb each, with what it would do said first where that cannot be taken back.

use clap::Args;
use skein_api::{Campaign, CampaignAction, CampaignVerb, List, Text};
use skein_types::{CampaignState, ErrorClass, codes, grouped};

use super::{Verb, shown, wait};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::View;
use wait::{Goal, Patience, Slice, Until, WaitArgs};

/// Which, and why.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// Which.
    campaign: String,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
}

/// Which of its runs.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Only these runs, by number [default: all that it can be done to].
    #[arg(long = "run", value_name = "N")]
    runs: Vec<u64>,
}

/// Which part of its plan.
#[derive(Debug, Args)]
pub(crate) struct SliceArgs {
    /// Only the datasets of this team; whoever may for that team may do this, whoever's the campaign is.
    #[arg(long, value_name = "TEAM")]
    slice: Option<String>,
}

/// Whether somebody is sure.
#[derive(Debug, Args)]
pub(crate) struct Sure {
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What is to be sent.
struct Move<'a> {
    campaign: &'a str,
    verb: CampaignVerb,
    reason: Option<&'a str>,
    runs: &'a [u64],
    now: bool,
    slice: Option<&'a str>,
}

impl<'a> Move<'a> {
    fn of(asked: &'a Asked, verb: CampaignVerb) -> Self {
        Self {
            campaign: &asked.campaign,
            verb,
            reason: asked.reason.as_deref(),
            runs: &[],
            now: false,
            slice: None,
        }
    }

    /// Sends it for the campaign as it is there.
    fn send(&self, server: &Server, there: &Campaign) -> Result<Campaign, Failure> {
        let usage = |what: &str, error: &dyn std::error::Error| {
            Failure::text(codes::USAGE, format!("{what}: {error}"))
        };
        let reason = self.reason.map(Text::new).transpose().map_err(|error| usage("--reason", &error))?;
        let runs = match self.runs {
            [] => None,
            runs => Some(List::new(runs.to_vec()).map_err(|error| usage("--run", &error))?),
        };
        let plan = there.plan.as_ref().map(|plan| plan.digest);
        let slice = self.slice.map(Text::new).transpose().map_err(|error| usage("--slice", &error))?;
        let action =
            CampaignAction { reason, plan, runs, now: self.now, slice, ..CampaignAction::seen(there.state) };
        server.post(&format!("campaigns/{}/actions/{}", encoded(self.campaign), self.verb), &action)
    }
}

pub(super) fn act(settings: &Settings, (server, view): (&Server, View), verb: &Verb) -> CommandResult {
    let to = (server, view);
    match verb {
        Verb::Plan { asked, wait } => {
            planned_or_started(settings, to, (&Move::of(asked, CampaignVerb::Plan), wait, Goal::Planned))
        }
        Verb::Start { asked, wait } => {
            planned_or_started(settings, to, (&Move::of(asked, CampaignVerb::Start), wait, Goal::RolledOut))
        }
        Verb::Pause { asked, slice } => {
            let slice = slice.slice.as_deref();
            done(settings, to, &Move { slice, ..Move::of(asked, CampaignVerb::Pause) }, None)
        }
        Verb::Resume { asked, slice, now, wait } => {
            let slice = slice.slice.as_deref();
            let asked = Move { now: *now, slice, ..Move::of(asked, CampaignVerb::Resume) };
            let Some(until) = wait.until()? else { return done(settings, to, &asked, None) };
            let there: Campaign = server.get(&format!("campaigns/{}", encoded(asked.campaign)))?;
            asked.send(server, &there)?;
            wait::follow(settings, to, (asked.campaign, Goal::RolledOut), Patience::start(until))
        }
        Verb::Cancel { asked, sure } => {
            done(settings, to, &Move::of(asked, CampaignVerb::Cancel), Some(sure))
        }
        Verb::Retry { asked, runs } => {
            done(settings, to, &Move { runs: &runs.runs, ..Move::of(asked, CampaignVerb::Retry) }, None)
        }
        Verb::Skip { asked, runs, sure } => {
            done(settings, to, &Move { runs: &runs.runs, ..Move::of(asked, CampaignVerb::Skip) }, Some(sure))
        }
        Verb::Rollback { asked, slice, runs, sure, wait } => {
            let slice = slice.slice.as_deref();
            let asked = Move { runs: &runs.runs, slice, ..Move::of(asked, CampaignVerb::RollBack) };
            let until = wait.until()?;
            let there: Campaign = server.get(&format!("campaigns/{}", encoded(asked.campaign)))?;
            asked_first(settings, (&asked, &there), Some(sure))?;
            let now = asked.send(server, &there)?;
            let part = slice.map(|team| Slice { campaign: asked.campaign, team });
            match (until, part) {
                (Some(until), Some(part)) => wait::follow_slice(to, part, Patience::start(until)),
                (None, Some(part)) => {
                    shown::campaign(view, &now);
                    part.says_what_waits(server, &mut Patience::start(Until::NONE))
                }
                (Some(until), None) if asked.runs.is_empty() => {
                    wait::follow(settings, to, (asked.campaign, Goal::RolledBack), Patience::start(until))
                }
                (Some(until), None) => {
                    wait::follow_runs(to, (asked.campaign, asked.runs), Patience::start(until))
                }
                (None, None) => {
                    shown::campaign(view, &now);
                    Ok(())
                }
            }
        }
        Verb::Finalize { asked, now, sure } => {
            done(settings, to, &Move { now: *now, ..Move::of(asked, CampaignVerb::Finalize) }, Some(sure))
        }
        Verb::Act { campaign, verb, reason, run, now } => {
            let verb: CampaignVerb = verb.parse().map_err(|()| unknown(verb))?;
            let asked = Move { campaign, verb, reason: reason.as_deref(), runs: run, now: *now, slice: None };
            done(settings, to, &asked, None)
        }
        Verb::Create(_)
        | Verb::Release(_)
        | Verb::Recheck(_)
        | Verb::Discard(_)
        | Verb::List { .. }
        | Verb::Show { .. }
        | Verb::Review { .. }
        | Verb::Samples { .. }
        | Verb::Runs { .. }
        | Verb::Run { .. }
        | Verb::Events { .. }
        | Verb::Report { .. }
        | Verb::Watch { .. }
        | Verb::Why { .. }
        | Verb::Saying(_)
        | Verb::Wait { .. } => unreachable!("nothing is asked of a campaign by these"),
    }
}

fn done(
    settings: &Settings,
    (server, view): (&Server, View),
    asked: &Move<'_>,
    sure: Option<&Sure>,
) -> CommandResult {
    let there: Campaign = server.get(&format!("campaigns/{}", encoded(asked.campaign)))?;
    asked_first(settings, (asked, &there), sure)?;
    shown::campaign(view, &asked.send(server, &there)?);
    Ok(())
}

/// Without --wait as the others. With it, whoever asks wants it to have come about: that somebody did so before is as good, and a
/// server that is away is asked again.
fn planned_or_started(
    settings: &Settings,
    (server, view): (&Server, View),
    (asked, wait, goal): (&Move<'_>, &WaitArgs, Goal),
) -> CommandResult {
    let Some(until) = wait.until()? else { return done(settings, (server, view), asked, None) };
    let mut patience = Patience::start(until);
    loop {
        let sent =
            server.get::<Campaign>(&format!("campaigns/{}", encoded(asked.campaign))).and_then(|there| {
                if goal.is_begun(there.state) {
                    render::to_stderr(&format!("{} is {} already", there.campaign, there.state));
                    return Ok(());
                }
                asked.send(server, &there).map(|_now| ())
            });
        match sent {
            Ok(()) => break,
            // It may have been taken: the next look tells. What was sent says in which state it expects the campaign.
            Err(failure) if failure.code().class == ErrorClass::Transient => patience.endure(failure)?,
            Err(failure) => return Err(failure),
        }
    }
    wait::follow(settings, (server, view), (asked.campaign, goal), patience)
}

/// Says what would become of how many runs, where it cannot be taken back, and wants a yes.
fn asked_first(
    settings: &Settings,
    (asked, there): (&Move<'_>, &Campaign),
    sure: Option<&Sure>,
) -> CommandResult {
    let Some(Sure { yes }) = sure else { return Ok(()) };
    let runs = |all: u64| match asked.runs.len() {
        0 => render::counted(all, "dataset"),
        some => render::counted(some as u64, "dataset"),
    };
    let name = &there.name;
    let question = match asked.verb {
        CampaignVerb::Cancel => format!(
            "end {name} ({}) for good? {} stay as they are published, {} are not migrated",
            there.state,
            grouped(there.runs.published + there.runs.finalized),
            grouped(there.runs.planned)
        ),
        CampaignVerb::Skip => format!("leave {} out of {name}?", runs(there.runs.planned)),
        CampaignVerb::RollBack => format!(
            "make the versions from before {name} current again in {}?",
            runs(there.runs.published + there.runs.revert_failed)
        ),
        CampaignVerb::Finalize => format!(
            "give up the old versions of {} for good? Nothing of {name} can be rolled back then",
            render::counted(there.runs.published, "dataset")
        ),
        CampaignVerb::Plan
        | CampaignVerb::Start
        | CampaignVerb::Pause
        | CampaignVerb::Resume
        | CampaignVerb::Retry
        | CampaignVerb::Approve
        | CampaignVerb::Revoke
        | CampaignVerb::Defer
        | CampaignVerb::Decline
        | CampaignVerb::BreakGlass => return Ok(()),
    };
    confirmed(settings, *yes, &question)
}

fn unknown(verb: &str) -> Failure {
    let all: Vec<&str> = CampaignVerb::ALL.iter().map(|verb| verb.as_str()).collect();
    let near = skein_types::nearest(verb, all.iter().copied());
    let hint =
        near.map_or_else(|| format!("known: {}", all.join(", ")), |near| format!("did you mean {near}?"));
    Failure::text(codes::USAGE, format!("nobody can {verb:?} a campaign")).hint(Some(hint))
}

impl Goal {
    /// Whether a campaign in this state was asked for it before, and needs not be asked again.
    const fn is_begun(self, state: CampaignState) -> bool {
        match self {
            Self::Planned => matches!(
                state,
                CampaignState::Planning | CampaignState::Planned | CampaignState::AwaitingApproval
            ),
            Self::RolledOut => matches!(
                state,
                CampaignState::Running
                    | CampaignState::Paused
                    | CampaignState::Halted
                    | CampaignState::Soaking
                    | CampaignState::Finalizing
                    | CampaignState::Succeeded
                    | CampaignState::PartiallySucceeded
            ),
            Self::RolledBack | Self::AtRest => false,
        }
    }
}
