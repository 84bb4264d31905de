//! The machine of one run: one dataset in one campaign. What it decides is only whether a run may go from one state to
//! another and whether who says so still owns it; whether it may now is the campaign's business.
//!
//! ```text
//! planned -> intended -> published -> finalized
//! planned -> held -> planned (released, or looked at again) | failed (discarded) | cancelled (with its part, or all)
//! planned -> failed | skipped | stale | cancelled          intended -> failed (its log says that nothing was published)
//! failed | skipped -> planned (again)                      published -> reverting -> reverted | revert_failed
//! revert_failed -> reverting (again)
//! ```
//! A run whose work is under way is `planned` here: queued, running and staged are the queue's business. After the intent
//! only the dataset's log knows how it ended, so nothing but `published` and `failed` leads on from there (05 §6.5).

use serde::{Deserialize, Serialize};
use skein_types::RunState;

use crate::refused::Refusal;

/// A run as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its place in the plan.
    pub seq: u64,
    /// Its wave.
    pub wave: u32,
    /// Where it is.
    pub state: RunState,
    /// How often it moved. Fences reports of those that saw it before.
    pub epoch: u64,
}

/// A run that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMoved {
    /// Its place in the plan.
    pub seq: u64,
    /// Its wave.
    pub wave: u32,
    /// The epoch that it must have. Afterwards it is one higher.
    pub epoch: u64,
    /// The state that it must have.
    pub from: RunState,
    /// The state that it has afterwards.
    pub to: RunState,
}

impl Run {
    /// A run that the plan made.
    pub const fn planned(seq: u64, wave: u32) -> Self {
        Self { seq, wave, state: RunState::Planned, epoch: 0 }
    }

    /// Whether the run may go to a state, asked by somebody who saw it at `epoch`.
    pub fn decide(&self, epoch: u64, to: RunState) -> Result<RunMoved, Refusal> {
        let Self { seq, wave, state: from, epoch: current } = *self;
        if epoch != current {
            return Err(Refusal::Late { seq, epoch, current });
        }
        if !leads(from, to) {
            return Err(Refusal::Run { seq, from, to });
        }
        Ok(RunMoved { seq, wave, epoch, from, to })
    }

    /// Makes a move that was decided.
    pub fn apply(&mut self, moved: &RunMoved) {
        debug_assert_eq!((self.seq, self.state, self.epoch), (moved.seq, moved.from, moved.epoch));
        self.state = moved.to;
        self.epoch = moved.epoch + 1;
    }
}

/// Whether a run in one state can ever come to another in one move.
pub const fn leads(from: RunState, to: RunState) -> bool {
    use RunState::{
        Cancelled, Failed, Finalized, Held, Ineligible, Intended, Planned, Published, RevertFailed, Reverted,
        Reverting, Skipped, Stale,
    };
    match from {
        Planned => matches!(to, Held | Intended | Failed | Skipped | Stale | Cancelled),
        Held => matches!(to, Planned | Failed | Cancelled),
        Intended => matches!(to, Published | Failed),
        Published => matches!(to, Finalized | Reverting),
        Failed | Skipped => matches!(to, Planned),
        Reverting => matches!(to, Reverted | RevertFailed),
        RevertFailed => matches!(to, Reverting),
        Ineligible | Finalized | Stale | Cancelled | Reverted => false,
    }
}
