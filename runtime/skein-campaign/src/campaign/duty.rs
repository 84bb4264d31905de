//! What is to be done for a campaign as it is. A reconciler carries duties out in any order and as often as it likes; each
//! ends in reports about runs, after which there are fewer.

use skein_types::{CampaignState, RunState};

use super::Campaign;
use crate::wave::Wave;

/// Something to do. A wave is named where it is about runs of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Reverting runs: finish it, in whatever state the campaign is. Goes before all else.
    FinishReverts(u32),
    /// Published runs: begin to revert them.
    Revert(u32),
    /// Intended runs: publish what was announced, or find out what became of it.
    Confirm(u32),
    /// Planned and held runs: end them.
    Cancel(u32),
    /// Published runs: give their old versions up.
    Finalize(u32),
    /// Make the plan.
    Plan,
    /// Planned runs whose result is staged: announce them, as many as there are places at the door.
    Intend(u32),
    /// Planned runs: start them, as many as there are places before the door.
    Admit(u32),
}

/// What becomes of work that was started and is not at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeforeDoor {
    /// It goes on.
    GoOn,
    /// It goes on until it is staged, and is held there.
    StageAndHold,
    /// What has not begun is taken back; what has stops at a checkpoint and goes on from there after a resume.
    StopAtCheckpoint,
    /// It is taken back and thrown away.
    Discard,
}

impl Campaign {
    /// What is to be done, most urgent first. Nothing that is not listed is to be begun.
    pub fn duties(&self) -> Vec<Duty> {
        let mut duties: Vec<Duty> = self.waves.iter().flat_map(|wave| self.duties_of(wave)).collect();
        if self.state == CampaignState::Planning {
            duties.push(Duty::Plan);
        }
        duties.sort_unstable();
        duties
    }

    pub(super) fn duties_of(&self, wave: &Wave) -> impl Iterator<Item = Duty> {
        let has = |state| wave.runs().get(state) > 0;
        let on = self.state == CampaignState::Running && wave.is_on();
        let planned = has(RunState::Planned);
        let number = wave.number();
        let all = [
            (has(RunState::Reverting), Duty::FinishReverts(number)),
            (has(RunState::Published) && self.reverts(wave), Duty::Revert(number)),
            (has(RunState::Intended), Duty::Confirm(number)),
            ((planned || has(RunState::Held)) && self.cancels(wave), Duty::Cancel(number)),
            (has(RunState::Published) && self.state == CampaignState::Finalizing, Duty::Finalize(number)),
            (planned && on && wave.door_places() > 0, Duty::Intend(number)),
            (planned && on, Duty::Admit(number)),
        ];
        all.into_iter().filter(|(due, _)| *due).map(|(_, duty)| duty)
    }

    /// What becomes of runs of a wave that are queued, running or staged.
    pub fn before_door(&self, wave: u32) -> BeforeDoor {
        use CampaignState as S;
        if self.waves.get(wave as usize).is_none_or(|wave| self.cancels(wave)) {
            return BeforeDoor::Discard;
        }
        match self.state {
            S::Running => BeforeDoor::GoOn,
            S::Halted => BeforeDoor::StageAndHold,
            S::Paused => BeforeDoor::StopAtCheckpoint,
            S::Draft
            | S::Planning
            | S::PlanFailed
            | S::Planned
            | S::AwaitingApproval
            | S::Stale
            | S::Approved
            | S::Soaking
            | S::Finalizing
            | S::Succeeded
            | S::PartiallySucceeded
            | S::RollingBack
            | S::RolledBack
            | S::RollbackIncomplete
            | S::Cancelling
            | S::Cancelled => BeforeDoor::Discard,
        }
    }
}
