//! Waiting for single runs that are being rolled back: their campaign stays where it is.

use skein_api::Run;
use skein_types::{RunState, codes};

use super::{LOOK_EVERY, Patience, again, asked};
use crate::failure::{CommandResult, Failure};
use crate::interrupt;
use crate::render;
use crate::server::{Server, encoded};
use crate::view::View;

/// Datasets that are named in an error.
const NAMED: usize = 20;

/// Until none of these is being undone; shows how each ended.
pub(in crate::commands::campaign) fn follow_runs(
    (server, view): (&Server, View),
    (campaign, numbers): (&str, &[u64]),
    mut patience: Patience,
) -> CommandResult {
    interrupt::leaves(&format!("the rollback goes on; `skein campaign runs {campaign}` shows how it ended"));
    let mut runs: Vec<Run> = Vec::with_capacity(numbers.len());
    for number in numbers {
        let path = format!("campaigns/{}/runs/{number}", encoded(campaign));
        loop {
            let run: Run = asked(server, &path, &mut patience)?;
            if run.state != RunState::Reverting {
                runs.push(run);
                break;
            }
            patience.pause(LOOK_EVERY).map_err(|failure| failure.hint(Some(again(campaign))))?;
        }
    }
    view.all(&runs);
    runs.retain(|run| run.state == RunState::RevertFailed);
    let these: String = runs.iter().take(NAMED).map(|run| format!(" --run {}", run.seq)).collect();
    if runs.is_empty() { Ok(()) } else { Err(stuck((campaign, &these), &runs).on_stderr()) }
}

/// That these runs could not be undone: which datasets, why, and what to do about it. `again` names them to a rollback.
pub(super) fn stuck((campaign, again): (&str, &str), runs: &[Run]) -> Failure {
    let message =
        format!("{} of {campaign} could not be rolled back", render::counted(runs.len() as u64, "run"));
    let mut details: Vec<String> = runs.iter().take(NAMED).map(why).collect();
    let more = runs.len().saturating_sub(NAMED);
    if more > 0 {
        details.push(format!("and {more} more: skein campaign runs {campaign} --in revert_failed"));
    }
    let first = runs.first().and_then(|run| run.why.as_ref()).map(|why| why.code.as_str());
    let first =
        first.map(|code| format!("`skein explain {code}` says what to do first, then ")).unwrap_or_default();
    let hint = format!("{first}`skein campaign rollback {campaign}{again}` tries it once more");
    Failure::text(codes::ROLLBACK_INCOMPLETE, message).details(details).hint(Some(hint))
}

fn why(run: &Run) -> String {
    let why = run.why.as_ref().map(|why| format!(": {}: {}", why.code, why.message)).unwrap_or_default();
    format!("{}{why}", run.name)
}
