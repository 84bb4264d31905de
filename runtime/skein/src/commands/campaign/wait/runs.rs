//! Waiting for single runs that are being rolled back: their campaign stays where it is.

use skein_api::Run;
use skein_types::{RunState, codes};

use super::{LOOK_EVERY, Patience, again, asked};
use crate::failure::{CommandResult, Failure};
use crate::interrupt;
use crate::render;
use crate::server::{Server, encoded};
use crate::view::View;

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
    let left = runs.iter().filter(|run| run.state == RunState::RevertFailed).count() as u64;
    if left == 0 {
        return Ok(());
    }
    let message = format!("{} of {campaign} could not be rolled back", render::counted(left, "run"));
    let hint = format!("skein campaign runs {campaign} --in revert_failed");
    Err(Failure::text(codes::ROLLBACK_INCOMPLETE, message).hint(Some(hint)).on_stderr())
}
