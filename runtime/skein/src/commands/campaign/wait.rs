//! Following a campaign: a bar of datasets, rows per second, time left, failures left; and, for pipelines, an end with an exit
//! code.
//!
//! A server that is started again or answers with a passing failure is asked again, less and less often, and it is said once. The
//! campaign does not depend on whoever waits: Ctrl-C and a timeout end the wait and nothing else.

mod held;
mod put_off;
mod runs;
mod slice;

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::de::DeserializeOwned;
use skein_api::{Campaign, CampaignProgress, PlanReport};
use skein_campaign::Span;
use skein_types::{CampaignState, Clock as _, Code, ErrorClass, SystemClock, codes};

use super::plan;
use crate::failure::{CommandResult, Failure};
use crate::interrupt;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{View, nothing_begins};

pub(super) use runs::follow_runs;
pub(super) use slice::{Slice, follow_slice};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Without a terminal a line now and then is enough.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two looks for a server that does not answer, at most.
const LOOK_AWAY: Duration = Duration::from_secs(15);
/// A server that is away for longer does not come back by itself.
const AWAY: Duration = Duration::from_secs(15 * 60);

/// Heading in the help.
const WAIT: &str = "Waiting";

/// Whether to wait, and until when.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Wait until it is done; the exit code says how it ended.
    #[arg(long, help_heading = WAIT)]
    wait: bool,
    #[command(flatten)]
    until: Until,
}

/// When a wait ends that the campaign does not end.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Until {
    /// Wait no longer than this, such as 2h [default: as long as it takes]. The campaign goes on.
    #[arg(long, value_name = "TIME", help_heading = WAIT)]
    timeout: Option<Span>,
    /// Take it for a failure if a single run failed, though the budget allows it.
    #[arg(long, help_heading = WAIT)]
    no_failures: bool,
}

impl Until {
    /// As long as it takes.
    pub(super) const NONE: Self = Self { timeout: None, no_failures: false };
}

impl WaitArgs {
    /// None, if nothing is to be waited for. Then there is nothing that the other options could be about.
    pub(super) fn until(&self) -> Result<Option<Until>, Failure> {
        let Until { timeout, no_failures } = self.until;
        if self.wait || (timeout.is_none() && !no_failures) {
            return Ok(self.wait.then_some(self.until));
        }
        let option = if no_failures { "--no-failures" } else { "--timeout" };
        Err(Failure::text(codes::USAGE, format!("{option} is about a wait")).hint(Some("add --wait")))
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// That there is a plan.
    Planned,
    /// That every run is published or at its end.
    RolledOut,
    /// That the old versions are current again.
    RolledBack,
    /// That nothing is under way, whatever came of it.
    AtRest,
}

impl Goal {
    /// What a campaign is on its way to.
    const fn of(state: CampaignState) -> Self {
        match state {
            CampaignState::Planning => Self::Planned,
            CampaignState::RollingBack | CampaignState::RolledBack | CampaignState::RollbackIncomplete => {
                Self::RolledBack
            }
            CampaignState::Draft
            | CampaignState::PlanFailed
            | CampaignState::Planned
            | CampaignState::AwaitingApproval
            | CampaignState::Stale
            | CampaignState::Approved
            | CampaignState::Running
            | CampaignState::Paused
            | CampaignState::Halted
            | CampaignState::Soaking
            | CampaignState::Finalizing
            | CampaignState::Succeeded
            | CampaignState::PartiallySucceeded
            | CampaignState::Cancelling
            | CampaignState::Cancelled => Self::RolledOut,
        }
    }

    /// Whether a campaign that is there has come to its end for this goal, and how; none while something is under way.
    const fn ended(self, state: CampaignState) -> Option<Result<(), Code>> {
        match (self, state) {
            (_, CampaignState::Planning | CampaignState::RollingBack | CampaignState::Cancelling) => None,
            (Self::AtRest, CampaignState::Running | CampaignState::Finalizing) => None,
            (Self::AtRest, CampaignState::Halted) => Some(Err(codes::CAMPAIGN_HALTED)),
            (Self::AtRest, _) => Some(Ok(())),
            (_, CampaignState::PlanFailed) => Some(Err(codes::CAMPAIGN_UNPLANNABLE)),
            (_, CampaignState::Cancelled) => Some(Err(codes::CAMPAIGN_ENDED)),
            (_, CampaignState::RollbackIncomplete) => Some(Err(codes::ROLLBACK_INCOMPLETE)),
            (Self::RolledBack, CampaignState::RolledBack) => Some(Ok(())),
            (Self::Planned | Self::RolledOut, CampaignState::RolledBack) => Some(Err(codes::CAMPAIGN_ENDED)),
            (_, CampaignState::Draft | CampaignState::Stale) => Some(Err(codes::CAMPAIGN_WAITS)),
            // There is a plan, which is what was asked for; that it waits for others is said beside it.
            (
                Self::Planned,
                CampaignState::Planned | CampaignState::AwaitingApproval | CampaignState::Approved,
            ) => Some(Ok(())),
            (_, CampaignState::AwaitingApproval) => Some(Err(codes::CAMPAIGN_WAITS)),
            (_, CampaignState::Planned | CampaignState::Approved) => Some(Err(codes::CAMPAIGN_WAITS)),
            // Whoever planned it has what was asked for, and somebody went on with it.
            (
                Self::Planned,
                CampaignState::Running
                | CampaignState::Paused
                | CampaignState::Halted
                | CampaignState::Soaking
                | CampaignState::Finalizing
                | CampaignState::Succeeded
                | CampaignState::PartiallySucceeded,
            ) => Some(Ok(())),
            (_, CampaignState::Halted) => Some(Err(codes::CAMPAIGN_HALTED)),
            // Somebody paused it and will resume it, or end it.
            (Self::RolledOut | Self::RolledBack, CampaignState::Running | CampaignState::Paused) => None,
            (
                Self::RolledOut | Self::RolledBack,
                CampaignState::Soaking
                | CampaignState::Finalizing
                | CampaignState::Succeeded
                | CampaignState::PartiallySucceeded,
            ) => Some(Ok(())),
        }
    }
}

/// How long somebody waits for a campaign, and for its server.
pub(super) struct Patience {
    clock: SystemClock,
    /// The wait is over.
    until: Option<Duration>,
    /// The server did not answer since, and is asked again after so long.
    away: Option<(Duration, Duration)>,
    no_failures: bool,
}

impl Patience {
    pub(super) fn start(until: Until) -> Self {
        let clock = SystemClock::start();
        let ends = until.timeout.map(|span| clock.elapsed() + Duration::from_millis(span.length().0));
        Self { clock, until: ends, away: None, no_failures: until.no_failures }
    }

    /// Waits a little before a server is asked again that could not answer; gives up when that has lasted for too long.
    pub(super) fn endure(&mut self, failure: Failure) -> CommandResult {
        let now = self.clock.elapsed();
        let (since, wait) = self.away.unwrap_or_else(|| {
            render::to_stderr(&format!("{}; it is asked again", failure.message()));
            (now, LOOK_EVERY)
        });
        if now.saturating_sub(since) >= AWAY {
            return Err(failure);
        }
        self.away = Some((since, (wait * 2).min(LOOK_AWAY)));
        self.pause(wait)
    }

    /// The server answers.
    fn answered(&mut self) {
        if self.away.take().is_some() {
            render::to_stderr("the server answers again");
        }
    }

    /// Sleeps, unless the wait is over before.
    fn pause(&self, wait: Duration) -> CommandResult {
        let left = self.until.map(|until| until.saturating_sub(self.clock.elapsed()));
        match left {
            Some(Duration::ZERO) => {
                Err(Failure::text(codes::WAIT_OVER, "the time to wait is over; the campaign goes on"))
            }
            left => {
                std::thread::sleep(left.map_or(wait, |left| wait.min(left)));
                Ok(())
            }
        }
    }
}

/// `skein campaign watch`: until nothing is under way.
pub(super) fn watch(settings: &Settings, to: (&Server, View), campaign: &str) -> CommandResult {
    let patience = Patience::start(Until::NONE);
    follow(settings, to, (campaign, Goal::AtRest), patience)
}

/// `skein campaign wait`: for what it is on its way to.
pub(super) fn wait(
    settings: &Settings,
    (server, view): (&Server, View),
    (campaign, until): (&str, &Until),
) -> CommandResult {
    let mut patience = Patience::start(*until);
    let now = look(server, campaign, &mut patience)?;
    follow(settings, (server, view), (campaign, Goal::of(now.state)), patience)
}

/// Shows how a campaign is getting on until it has come to its end for a goal.
pub(super) fn follow(
    settings: &Settings,
    (server, view): (&Server, View),
    (campaign, goal): (&str, Goal),
    mut patience: Patience,
) -> CommandResult {
    interrupt::leaves(&format!(
        "the campaign goes on; `skein campaign wait {campaign}` waits again, `skein campaign pause {campaign}` pauses it"
    ));
    let bar = bar(settings.interactive);
    let mut said = Duration::ZERO;
    let (last, ended) = loop {
        let now = look(server, campaign, &mut patience)?;
        let (done, of) = counts(&now);
        bar.set_length(of);
        bar.set_position(done);
        bar.set_message(told(&now));
        if let Some(ended) = goal.ended(now.state) {
            break (now, ended);
        }
        // It runs, and goes no further by itself.
        if stands(&now) && goal != Goal::RolledBack {
            break (now, Err(codes::CAMPAIGN_WAITS));
        }
        let elapsed = patience.clock.elapsed();
        if !settings.interactive && elapsed >= said {
            said = elapsed + LINE_EVERY;
            render::to_stderr(&format!("{done} of {of} datasets, {}", told(&now)));
        }
        patience.pause(LOOK_EVERY).map_err(|failure| failure.hint(Some(again(campaign))))?;
    };
    bar.finish_and_clear();
    let (done, of) = counts(&last);
    view.told(&last, || render::line(&format!("{}: {done} of {of} datasets, {}", last.state, told(&last))));
    if ended.is_ok() && last.state == CampaignState::AwaitingApproval {
        render::to_stderr(&format!("it waits for approvals: skein campaign approvals {campaign}"));
    }
    let ended = match ended {
        Ok(()) if patience.no_failures && last.runs.failed > 0 => Err(codes::RUNS_FAILED),
        ended => ended,
    };
    match ended {
        Ok(()) if matches!(goal, Goal::Planned | Goal::RolledOut) => {
            left_out(server, (campaign, goal), &mut patience).map_err(Failure::on_stderr)
        }
        Ok(()) => Ok(()),
        Err(code) if code == codes::CAMPAIGN_WAITS && waits_for_held(&last) => {
            Err(held::waits(campaign, &held::first(server, (campaign, &last), &mut patience)?).on_stderr())
        }
        Err(code) if code == codes::CAMPAIGN_WAITS && waits_for_put_off(&last) => {
            let why = put_off::why(server, campaign, &mut patience)?;
            Err(put_off::waits((campaign, last.put_off), why).on_stderr())
        }
        Err(code) => Err(over(campaign, code, &last).on_stderr()),
    }
}

/// Whether a campaign that runs goes on only when somebody has decided something.
fn stands(now: &CampaignProgress) -> bool {
    let wave_waits = now.wave_waits.is_some() && now.running + now.staged + now.retrying == 0;
    wave_waits || waits_for_held(now) || waits_for_put_off(now)
}

/// Whether that is about held runs. A wave that waits is asked about first: what is held may be decided meanwhile.
const fn waits_for_held(now: &CampaignProgress) -> bool {
    now.held_waits && now.wave_waits.is_none()
}

/// Whether all that is left is put off.
const fn waits_for_put_off(now: &CampaignProgress) -> bool {
    now.put_off_waits && now.wave_waits.is_none()
}

/// Says what a plan leaves out as refused; and fails where that is all that there is to do, which no pipeline is to take for done.
fn left_out(server: &Server, (campaign, goal): (&str, Goal), patience: &mut Patience) -> CommandResult {
    let path = format!("campaigns/{}", encoded(campaign));
    let there: Campaign = asked(server, &path, patience)?;
    let Some(plan) = there.plan.filter(|plan| plan.refused > 0) else { return Ok(()) };
    let report: PlanReport = asked(server, &format!("{path}/plan"), patience)?;
    let reasons = plan::reasons("left out", &report.reasons);
    if plan.eligible == 0 && plan.already_migrated == 0 {
        let refused = render::counted(plan.refused, "dataset");
        let message = format!("{campaign} has nothing to migrate: {refused} of its selection are refused");
        return Err(Failure::text(codes::CAMPAIGN_REFUSED, message)
            .details(reasons)
            .hint(Some("mend the parameters or the selection, and make another campaign")));
    }
    if goal == Goal::Planned {
        reasons.iter().for_each(|reason| render::to_stderr(reason));
    }
    Ok(())
}

fn look(server: &Server, campaign: &str, patience: &mut Patience) -> Result<CampaignProgress, Failure> {
    asked(server, &format!("campaigns/{}/progress", encoded(campaign)), patience)
}

/// Asks until there is an answer.
fn asked<T: DeserializeOwned>(server: &Server, path: &str, patience: &mut Patience) -> Result<T, Failure> {
    loop {
        match server.get(path) {
            Ok(now) => {
                patience.answered();
                return Ok(now);
            }
            Err(failure) if passes(&failure) => patience.endure(failure)?,
            Err(failure) => return Err(failure),
        }
    }
}

/// What a server says that is being started again or out of breath.
fn passes(failure: &Failure) -> bool {
    match failure.code().class {
        ErrorClass::Transient => true,
        ErrorClass::Fault
        | ErrorClass::Denied
        | ErrorClass::BadInput
        | ErrorClass::Conflict
        | ErrorClass::Bug => false,
    }
}

fn again(campaign: &str) -> String {
    format!("`skein campaign wait {campaign}` waits again")
}

/// How it ended, and what to do.
fn over(campaign: &str, code: Code, last: &CampaignProgress) -> Failure {
    let (state, failed) = (last.state, render::counted(last.runs.failed, "failed run"));
    let (message, hint) = if code == codes::CAMPAIGN_HALTED {
        (format!("{campaign} is halted, with {failed}"), format!("skein campaign report {campaign}"))
    } else if code == codes::CAMPAIGN_UNPLANNABLE {
        (format!("{campaign} could not be planned"), format!("skein campaign show {campaign}"))
    } else if let (true, Some(wave)) = (code == codes::CAMPAIGN_WAITS, last.wave_waits) {
        (
            format!("wave {wave} of {campaign} is through its gate: somebody has to let the next one begin"),
            format!("skein campaign approve {campaign} --wave {wave}"),
        )
    } else if code == codes::CAMPAIGN_WAITS && state == CampaignState::AwaitingApproval {
        (format!("{campaign} waits for approvals"), format!("skein campaign approvals {campaign}"))
    } else if code == codes::CAMPAIGN_WAITS {
        let verb = if state == CampaignState::Planned || state == CampaignState::Approved {
            "start"
        } else {
            "plan"
        };
        (
            format!("{campaign} is {state}: somebody has to go on with it"),
            format!("skein campaign {verb} {campaign}"),
        )
    } else if code == codes::RUNS_FAILED {
        (format!("{campaign} is {state}, with {failed}"), format!("skein campaign report {campaign}"))
    } else if code == codes::ROLLBACK_INCOMPLETE {
        (
            format!("not all of {campaign} is rolled back"),
            format!("skein campaign runs {campaign} --in revert_failed"),
        )
    } else {
        (format!("{campaign} was ended: it is {state}"), format!("skein campaign events {campaign}"))
    };
    Failure::text(code, message).hint(Some(hint))
}

fn bar(interactive: bool) -> ProgressBar {
    let target = if interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template("{bar:30} {percent:>3}% {human_pos}/{human_len} datasets  {msg}")
            .expect("the template is a constant");
    ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("#>-"))
}

fn counts(now: &CampaignProgress) -> (u64, u64) {
    let runs = now.runs;
    let ended = runs.published
        + runs.finalized
        + runs.failed
        + runs.skipped
        + runs.stale
        + runs.cancelled
        + runs.reverted
        + runs.revert_failed;
    (ended, ended + runs.planned + runs.held + runs.intended + runs.reverting)
}

fn told(now: &CampaignProgress) -> String {
    let rate = render::grouped(now.rows_per_second);
    let left =
        now.remaining_ms.map(|left| format!(", {} left", render::duration(left.0))).unwrap_or_default();
    let again = match now.retrying {
        0 => String::new(),
        retrying => format!("{retrying} tried again, "),
    };
    let held = match now.runs.held {
        0 => String::new(),
        held => format!(", {held} held by rules"),
    };
    let later = match now.put_off {
        0 => String::new(),
        later => format!(", {later} put off or not approved"),
    };
    let waits = now.waits.as_ref().map(|waits| format!("; {}", nothing_begins(waits))).unwrap_or_default();
    format!(
        "{}: {} running, {} staged, {again}{} failed ({} more may), {rate} rows/s{left}{held}{later}{waits}",
        now.state, now.running, now.staged, now.runs.failed, now.failures_left
    )
}

#[cfg(test)]
mod tests {
    use super::Goal;
    use skein_types::{CampaignState, codes};

    fn exit(goal: Goal, state: CampaignState) -> Option<u8> {
        goal.ended(state).map(|ended| ended.map_or_else(|code| code.exit_code(), |()| 0))
    }

    #[test]
    fn each_state_is_an_end_with_an_exit_code_or_none() {
        let of = |goal: Goal| {
            CampaignState::ALL
                .iter()
                .filter_map(|state| exit(goal, *state).map(|code| format!("{state} {code}")))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(
            of(Goal::RolledOut),
            "draft 3, plan_failed 1, planned 3, awaiting_approval 3, stale 3, approved 3, halted 1, soaking 0, finalizing 0, succeeded 0, \
             partially_succeeded 0, rolled_back 6, rollback_incomplete 1, cancelled 6"
        );
        assert_eq!(
            of(Goal::Planned),
            "draft 3, plan_failed 1, planned 0, awaiting_approval 0, stale 3, approved 0, running 0, paused 0, halted 0, soaking 0, \
             finalizing 0, succeeded 0, partially_succeeded 0, rolled_back 6, rollback_incomplete 1, cancelled 6"
        );
        assert_eq!(exit(Goal::RolledBack, CampaignState::RolledBack), Some(0));
        assert_eq!(exit(Goal::AtRest, CampaignState::Paused), Some(0));
        assert_eq!(exit(Goal::AtRest, CampaignState::Halted), Some(codes::CAMPAIGN_HALTED.exit_code()));
    }

    #[test]
    fn whoever_waits_without_a_word_waits_for_what_is_under_way() {
        assert_eq!(Goal::of(CampaignState::Planning), Goal::Planned);
        assert_eq!(Goal::of(CampaignState::RollingBack), Goal::RolledBack);
        assert_eq!(Goal::of(CampaignState::Running), Goal::RolledOut);
    }
}
