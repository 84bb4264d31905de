//! What follows by itself: looked for after every command and observation until nothing does.

use skein_types::{CampaignState, Reason, RunState, Timestamp, WaveState};

use super::command::wave_to;
use super::{Campaign, Decision, WaveMoved};
use crate::policy::Promote;
use crate::wave::Wave;

impl Campaign {
    /// Adds to decisions those that follow from them.
    pub(super) fn with_what_follows(&self, mut decisions: Vec<Decision>, now: Timestamp) -> Vec<Decision> {
        let mut ahead = self.clone();
        decisions.iter().for_each(|decision| ahead.apply(decision));
        // Each wave moves at most five times (held, on, gated, through, next) and the campaign four.
        for _ in 0..5 * (ahead.waves.len() + 1) {
            let Some(decision) = ahead.next(now) else { break };
            ahead.apply(&decision);
            decisions.push(decision);
        }
        debug_assert_eq!(ahead.next(now), None, "there is always an end");
        decisions
    }

    fn next(&self, now: Timestamp) -> Option<Decision> {
        use CampaignState as S;
        match self.state {
            S::Running => {
                self.overspent(now).or_else(|| self.wave_by_wave()).or_else(|| self.rolled_out(now))
            }
            S::Paused | S::Halted => self.overspent(now),
            S::Soaking => self.soaked(now),
            S::Finalizing => self.finalized(now),
            S::RollingBack => self.undone(now),
            S::RollbackIncomplete if self.count(RunState::Reverting) > 0 => {
                Some(self.to(S::RollingBack, Reason::Asked, now))
            }
            S::Cancelling => self.ended(now),
            S::RollbackIncomplete
            | S::Draft
            | S::Planning
            | S::PlanFailed
            | S::Planned
            | S::AwaitingApproval
            | S::Stale
            | S::Approved
            | S::Succeeded
            | S::PartiallySucceeded
            | S::RolledBack
            | S::Cancelled => None,
        }
    }

    /// Holds waves with more failed runs than may be, then halts.
    fn overspent(&self, now: Timestamp) -> Option<Decision> {
        if let Some(wave) = self.waves.iter().find(|wave| wave.is_on() && wave.is_overspent()) {
            return Some(wave_to(wave, WaveState::Held, Reason::BudgetSpent));
        }
        let held = self.waves.iter().any(|wave| wave.state == WaveState::Held);
        let halts = held && self.state != CampaignState::Halted;
        halts.then(|| self.to(CampaignState::Halted, Reason::BudgetSpent, now))
    }

    /// Lets waves through their gates, and then the next one begin.
    fn wave_by_wave(&self) -> Option<Decision> {
        let waiting = self.waves.iter().position(|wave| wave.state == WaveState::Waiting);
        // Where nothing waits behind a wave there is nothing to let begin.
        let asks = self.policy.approvals.promote == Promote::Approval && waiting.is_some();
        let through = |wave: &&Wave| match wave.state {
            WaveState::Running => wave.passes_gate(&self.policy),
            WaveState::AwaitingApproval => !asks && wave.passes_gate(&self.policy),
            WaveState::Waiting | WaveState::Promoted | WaveState::Held | WaveState::Aborted => false,
        };
        if let Some(wave) = self.waves.iter().find(through) {
            let to = if asks { WaveState::AwaitingApproval } else { WaveState::Promoted };
            return Some(wave_to(wave, to, Reason::GatePassed));
        }
        let waiting = waiting?;
        let may_begin = self.waves[..waiting].last().is_none_or(|before| match before.state {
            WaveState::Promoted => true,
            WaveState::Aborted => before.runs().at_rest() == before.runs().total(),
            WaveState::Waiting | WaveState::Running | WaveState::AwaitingApproval | WaveState::Held => false,
        });
        may_begin.then(|| self.begins(waiting))
    }

    /// A wave begins: with no failure to spare where the ones before it came to nothing, because all of them was put off or left out.
    fn begins(&self, number: usize) -> Decision {
        let (before, wave) = (&self.waves[..number], &self.waves[number]);
        let first = !before.is_empty() && !before.iter().any(Wave::was_tried);
        let (reason, budget) = if first { (Reason::FirstTried, 0) } else { (Reason::TurnCame, wave.budget) };
        let (from, to) = (wave.state, WaveState::Running);
        Decision::Wave(WaveMoved { wave: wave.number, from, to, reason, budget })
    }

    fn rolled_out(&self, now: Timestamp) -> Option<Decision> {
        let over = |wave: &Wave| match wave.state {
            WaveState::Promoted | WaveState::Aborted => wave.runs().at_rest() == wave.runs().total(),
            WaveState::Waiting | WaveState::Running | WaveState::AwaitingApproval | WaveState::Held => false,
        };
        self.waves.iter().all(over).then(|| self.to(CampaignState::Soaking, Reason::RolledOut, now))
    }

    fn soaked(&self, now: Timestamp) -> Option<Decision> {
        let [planned, reverting, published, failed, stuck] = [
            RunState::Planned,
            RunState::Reverting,
            RunState::Published,
            RunState::Failed,
            RunState::RevertFailed,
        ]
        .map(|state| self.count(state));
        if planned > 0 {
            return Some(self.to(CampaignState::Running, Reason::Retried, now));
        }
        if reverting + self.to_revert() > 0 {
            return None;
        }
        // Nothing to undo and nothing to try again: there is nothing to wait for.
        let over = now >= self.window_end() || published + failed + stuck == 0;
        over.then(|| self.to(CampaignState::Finalizing, Reason::WindowOver, now))
    }

    fn finalized(&self, now: Timestamp) -> Option<Decision> {
        if self.count(RunState::Published) + self.count(RunState::Reverting) > 0 {
            return None;
        }
        let runs = self.runs();
        let whole = runs.get(RunState::Finalized) + runs.get(RunState::Skipped) == runs.total();
        let to = if whole { CampaignState::Succeeded } else { CampaignState::PartiallySucceeded };
        Some(self.to(to, Reason::AllFinalized, now))
    }

    fn undone(&self, now: Timestamp) -> Option<Decision> {
        let left =
            [RunState::Planned, RunState::Held, RunState::Intended, RunState::Published, RunState::Reverting];
        if left.iter().any(|state| self.count(*state) > 0) {
            return None;
        }
        Some(if self.count(RunState::RevertFailed) == 0 {
            self.to(CampaignState::RolledBack, Reason::AllReverted, now)
        } else {
            self.to(CampaignState::RollbackIncomplete, Reason::RevertsFailed, now)
        })
    }

    fn ended(&self, now: Timestamp) -> Option<Decision> {
        let left = [RunState::Planned, RunState::Held, RunState::Intended, RunState::Reverting];
        let busy = left.iter().any(|state| self.count(*state) > 0) || self.to_revert() > 0;
        (!busy).then(|| self.to(CampaignState::Cancelled, Reason::AllAtRest, now))
    }
}
