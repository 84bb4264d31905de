//! `skein campaign watch`: a bar of datasets, rows per second, time left, failures left.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skein_api::CampaignProgress;
use skein_types::{CampaignState, codes};

use crate::args::Output;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::Server;
use crate::settings::Settings;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Without a terminal, every so many looks a line is enough.
const LINE_EVERY: u32 = 20;

pub(super) fn watch(settings: &Settings, server: &Server, campaign: &str, output: Output) -> CommandResult {
    let target =
        if settings.interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template("{bar:30} {percent:>3}% {human_pos}/{human_len} datasets  {msg}")
            .expect("the template is a constant");
    let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("#>-"));
    let mut looks = 0_u32;
    let last = loop {
        let now: CampaignProgress = server.get(&format!("campaigns/{campaign}/progress"))?;
        let (done, of) = counts(&now);
        bar.set_length(of);
        bar.set_position(done);
        bar.set_message(told(&now));
        if is_at_rest(now.state) {
            break now;
        }
        if !settings.interactive && looks.is_multiple_of(LINE_EVERY) {
            render::to_stderr(&format!("{done} of {of} datasets, {}", told(&now)));
        }
        looks += 1;
        std::thread::sleep(LOOK_EVERY);
    };
    bar.finish_and_clear();
    let (done, of) = counts(&last);
    match output {
        Output::Json => render::json(&last),
        Output::Table => render::line(&format!("{}: {done} of {of} datasets, {}", last.state, told(&last))),
    }
    if last.state == CampaignState::Halted {
        return Err(Failure::text(codes::BUDGET_SPENT, format!("{campaign} is halted"))
            .hint(Some(format!("skein campaign runs {campaign} --in failed")))
            .on_stderr());
    }
    Ok(())
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
    (ended, ended + runs.planned + runs.intended + runs.reverting)
}

fn told(now: &CampaignProgress) -> String {
    let rate = render::grouped(now.rows_per_second);
    let left =
        now.remaining_ms.map(|left| format!(", {} left", render::duration(left.0))).unwrap_or_default();
    let again = match now.retrying {
        0 => String::new(),
        retrying => format!("{retrying} tried again, "),
    };
    format!(
        "{}: {} running, {} staged, {again}{} failed ({} more may), {rate} rows/s{left}",
        now.state, now.running, now.staged, now.runs.failed, now.failures_left
    )
}

fn is_at_rest(state: CampaignState) -> bool {
    match state {
        CampaignState::Planning
        | CampaignState::Running
        | CampaignState::RollingBack
        | CampaignState::Cancelling
        | CampaignState::Finalizing => false,
        CampaignState::Draft
        | CampaignState::PlanFailed
        | CampaignState::Planned
        | CampaignState::Stale
        | CampaignState::Approved
        | CampaignState::Paused
        | CampaignState::Halted
        | CampaignState::Soaking
        | CampaignState::Succeeded
        | CampaignState::PartiallySucceeded
        | CampaignState::RolledBack
        | CampaignState::RollbackIncomplete
        | CampaignState::Cancelled => true,
    }
}
