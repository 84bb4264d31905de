//! What follows at once from what people ask for.

use skein_types::{CampaignState, Reason, RunState, Timestamp, Verb, WaveState};

use super::{Accept, Campaign, Command, Decision, Moved, RetryWhat, RollBackWhat, WaveMoved, verbs};
use crate::refused::Refusal;
use crate::wave::Wave;

impl Campaign {
    pub(super) fn command(&self, command: Command, now: Timestamp) -> Result<Vec<Decision>, Refusal> {
        let verb = command.verb();
        if !verbs::possible(verb, self.state) {
            return Err(Refusal::Verb { state: self.state, verb });
        }
        match command {
            Command::Plan => Ok(vec![self.to(CampaignState::Planning, Reason::Asked, now)]),
            Command::Start => Ok(self.start(now)),
            Command::Pause => Ok(vec![self.to(CampaignState::Paused, Reason::Asked, now)]),
            Command::Resume(accept) => self.resume(accept, now),
            Command::Cancel => Ok(self.end(CampaignState::Cancelling, Reason::Cancelled, now)),
            Command::Retry(what) => self.retry(what),
            Command::Skip => self.some(verb, &[RunState::Planned]),
            Command::RollBack(what) => self.roll_back(what, now),
            Command::Finalize { now: at_once } => self.finalize(at_once, now),
        }
    }

    pub(super) const fn to(&self, to: CampaignState, reason: Reason, at: Timestamp) -> Decision {
        Decision::Moved(Moved { epoch: self.epoch, from: self.state, to, reason, at })
    }

    /// What waits for approvals does not come here; that the others need none, or have them, the caller has seen to.
    fn start(&self, now: Timestamp) -> Vec<Decision> {
        let (mut decisions, mut epoch) = (Vec::new(), self.epoch);
        if self.state == CampaignState::Planned {
            decisions.push(self.to(CampaignState::Approved, Reason::NoApprovalNeeded, now));
            epoch += 1;
        }
        let (from, to) = (CampaignState::Approved, CampaignState::Running);
        decisions.push(Decision::Moved(Moved { epoch, from, to, reason: Reason::Asked, at: now }));
        decisions
    }

    fn resume(&self, accept: Accept, now: Timestamp) -> Result<Vec<Decision>, Refusal> {
        let held = self.waves.iter().filter(|wave| wave.state == WaveState::Held);
        let mut decisions = held.map(|wave| let_go(wave, accept)).collect::<Result<Vec<_>, _>>()?;
        decisions.push(self.to(CampaignState::Running, Reason::Asked, now));
        Ok(decisions)
    }

    /// Ends every wave that has something to lose by it, for cancelling or for undoing all.
    fn end(&self, to: CampaignState, reason: Reason, now: Timestamp) -> Vec<Decision> {
        let mut decisions = vec![self.to(to, Reason::Asked, now)];
        let ended = self.waves.iter().filter(|wave| match wave.state {
            WaveState::Aborted => false,
            WaveState::Promoted => reason == Reason::RolledBack,
            WaveState::Waiting | WaveState::Running | WaveState::AwaitingApproval | WaveState::Held => true,
        });
        decisions.extend(ended.map(|wave| wave_to(wave, WaveState::Aborted, reason)));
        decisions
    }

    fn retry(&self, what: RetryWhat) -> Result<Vec<Decision>, Refusal> {
        self.some(Verb::Retry, what.states())
    }

    /// Allowed, if there are runs in one of these states.
    fn some(&self, verb: Verb, states: &[RunState]) -> Result<Vec<Decision>, Refusal> {
        if states.iter().all(|state| self.count(*state) == 0) {
            return Err(Refusal::Nothing { verb });
        }
        Ok(Vec::new())
    }

    fn roll_back(&self, what: RollBackWhat, now: Timestamp) -> Result<Vec<Decision>, Refusal> {
        let undoable = &[RunState::Published, RunState::RevertFailed];
        match what {
            RollBackWhat::Runs => self.some(Verb::RollBack, undoable),
            // Some runs could not be undone: each that is tried again takes the campaign back to it.
            RollBackWhat::Wave(_) | RollBackWhat::Campaign
                if self.state == CampaignState::RollbackIncomplete =>
            {
                self.some(Verb::RollBack, undoable)
            }
            RollBackWhat::Campaign => Ok(self.end(CampaignState::RollingBack, Reason::RolledBack, now)),
            RollBackWhat::Wave(number) => self.roll_back_wave(number, now),
        }
    }

    fn roll_back_wave(&self, number: u32, now: Timestamp) -> Result<Vec<Decision>, Refusal> {
        let wave = self.wave(number)?;
        match wave.state {
            WaveState::Waiting => return Err(Refusal::Nothing { verb: Verb::RollBack }),
            WaveState::Aborted if wave.runs().get(RunState::RevertFailed) > 0 => return Ok(Vec::new()),
            WaveState::Aborted => return Err(Refusal::Nothing { verb: Verb::RollBack }),
            WaveState::Running | WaveState::AwaitingApproval | WaveState::Promoted | WaveState::Held => {}
        }
        let mut decisions = vec![wave_to(wave, WaveState::Aborted, Reason::RolledBack)];
        if self.state == CampaignState::Running {
            // Whoever undoes a wave does not want the next one to begin meanwhile.
            decisions.insert(0, self.to(CampaignState::Paused, Reason::RolledBack, now));
        }
        Ok(decisions)
    }

    fn finalize(&self, at_once: bool, now: Timestamp) -> Result<Vec<Decision>, Refusal> {
        let reverting = self.to_revert() + self.count(RunState::Reverting);
        if reverting > 0 {
            return Err(Refusal::StillReverting { runs: reverting });
        }
        let until = self.window_end();
        if !at_once && now < until {
            return Err(Refusal::Window { until });
        }
        Ok(vec![self.to(CampaignState::Finalizing, Reason::Asked, now)])
    }
}

/// A wave that moves and keeps its budget.
pub(super) const fn wave_to(wave: &Wave, to: WaveState, reason: Reason) -> Decision {
    Decision::Wave(WaveMoved { wave: wave.number, from: wave.state, to, reason, budget: wave.budget })
}

/// A held wave that goes on, with what was said about its failures.
fn let_go(wave: &Wave, accept: Accept) -> Result<Decision, Refusal> {
    let failures = wave.failures();
    let budget = match accept {
        Accept::AsIs => failures.max(wave.budget),
        Accept::Budget(budget) if wave.is_overspent() => budget,
        Accept::Nothing | Accept::Budget(_) => wave.budget,
    };
    if failures > budget {
        return Err(Refusal::Budget { wave: wave.number, failures, budget });
    }
    let reason = if budget == wave.budget { Reason::Asked } else { Reason::BudgetRaised };
    let (from, to) = (WaveState::Held, WaveState::Running);
    Ok(Decision::Wave(WaveMoved { wave: wave.number, from, to, reason, budget }))
}
