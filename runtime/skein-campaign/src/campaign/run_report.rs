//! What follows at once from what was seen: whether a run may make its move now.

use skein_types::{CampaignState, Reason, RunState, Timestamp, Verb, WaveState};

use super::command::wave_to;
use super::{Campaign, Decision, Observation, PlanTaken, RunReport, WavePlan, verbs};
use crate::refused::Refusal;
use crate::wave::{self, Wave};

impl Campaign {
    pub(super) fn observed(&self, seen: Observation, now: Timestamp) -> Result<Vec<Decision>, Refusal> {
        use CampaignState::{
            Approved, AwaitingApproval, Cancelled, Halted, Paused, PlanFailed, Planned, Planning, Running,
            Stale,
        };
        match seen {
            Observation::Planned { digest, waves, ineligible } => {
                self.expect(Planning, "its plan is there")?;
                let waves = (0..).zip(waves);
                let budget =
                    |(number, runs)| WavePlan { runs, budget: wave::budget(number, runs, &self.policy) };
                let waves = waves.map(budget).collect();
                let plan = Decision::Planned(PlanTaken { digest, waves, ineligible });
                Ok(vec![plan, self.to(Planned, Reason::PlanReady, now)])
            }
            Observation::PlanImpossible => {
                self.expect(Planning, "no plan can be made")?;
                Ok(vec![self.to(PlanFailed, Reason::PlanImpossible, now)])
            }
            // Once it runs it carries out what was approved, whatever moves.
            Observation::OutOfDate(reason) => {
                let moves = matches!(self.state, Planning | Planned | AwaitingApproval | Approved);
                Ok(moves.then(|| self.to(Stale, reason, now)).into_iter().collect())
            }
            // Once it runs, what it lacks keeps runs back and not the campaign.
            Observation::Undecided(reason) => {
                let moves = matches!(self.state, Planned | Approved);
                Ok(moves.then(|| self.to(AwaitingApproval, reason, now)).into_iter().collect())
            }
            Observation::Decided(reason) => {
                let moves = self.state == AwaitingApproval;
                Ok(moves.then(|| self.to(Approved, reason, now)).into_iter().collect())
            }
            Observation::Declined => {
                let ends = matches!(self.state, Planned | AwaitingApproval | Approved);
                if !ends || self.count(RunState::Planned) > 0 {
                    return Err(Refusal::Observation {
                        state: self.state,
                        observed: "all of it was declined",
                    });
                }
                Ok(vec![self.to(Cancelled, Reason::AllDeclined, now)])
            }
            Observation::WaveApproved(number) => self.wave_approved(number),
            Observation::ModuleSuspended => {
                let moves = matches!(self.state, Running | Paused);
                Ok(moves.then(|| self.to(Halted, Reason::ModuleSuspended, now)).into_iter().collect())
            }
            Observation::Tick => Ok(Vec::new()),
            Observation::Run(report) => self.run_report(report),
        }
    }

    /// A wave that waits for it is through. While the campaign does not go on, nobody can know whether it should.
    fn wave_approved(&self, number: u32) -> Result<Vec<Decision>, Refusal> {
        let wave = self.wave(number)?;
        let goes_on = matches!(self.state, CampaignState::Running | CampaignState::Paused);
        // Runs may have been tried again since.
        let gated = wave.state == WaveState::AwaitingApproval && wave.passes_gate(&self.policy);
        if !goes_on || !gated {
            return Err(Refusal::NotGated { wave: number, state: wave.state });
        }
        Ok(vec![wave_to(wave, WaveState::Promoted, Reason::PromotionApproved)])
    }

    fn expect(&self, state: CampaignState, observed: &'static str) -> Result<(), Refusal> {
        if self.state == state { Ok(()) } else { Err(Refusal::Observation { state: self.state, observed }) }
    }

    fn run_report(&self, RunReport { run, epoch, to }: RunReport) -> Result<Vec<Decision>, Refusal> {
        let wave = self.wave(run.wave)?;
        let moved = run.decide(epoch, to)?;
        let allowed = match to {
            RunState::Intended => {
                self.door(wave, run.seq)?;
                true
            }
            RunState::Planned => {
                self.wave_on(wave, run.seq, to)?;
                verbs::possible(Verb::Retry, self.state)
            }
            RunState::Skipped => verbs::possible(Verb::Skip, self.state),
            // A part that is rolled back gives up what is held of it; the rest of the campaign goes on.
            RunState::Cancelled => {
                self.cancels(wave)
                    || (moved.from == RunState::Held && verbs::possible(Verb::RollBack, self.state))
            }
            RunState::Reverting => self.reverts(wave) || verbs::possible(Verb::RollBack, self.state),
            RunState::Finalized => self.state == CampaignState::Finalizing,
            // These happened.
            RunState::Held
            | RunState::Published
            | RunState::Failed
            | RunState::Stale
            | RunState::Reverted
            | RunState::RevertFailed
            | RunState::Ineligible => true,
        };
        if !allowed {
            return Err(Refusal::NotNow { seq: run.seq, to, state: self.state });
        }
        Ok(vec![Decision::Run(moved)])
    }

    /// Closed unless the campaign and the wave are on, and no wider than the wave can afford (03-I8, 03-I9).
    fn door(&self, wave: &Wave, seq: u64) -> Result<(), Refusal> {
        let to = RunState::Intended;
        if self.state != CampaignState::Running {
            return Err(Refusal::NotNow { seq, to, state: self.state });
        }
        if !wave.is_on() {
            return Err(Refusal::WaveNotOn { seq, to, wave: wave.number, state: wave.state });
        }
        if wave.door_places() == 0 {
            return Err(Refusal::Door {
                wave: wave.number,
                at_door: wave.at_door(),
                width: wave.door_width(),
            });
        }
        Ok(())
    }

    /// A wave that was ended has nothing to try again.
    fn wave_on(&self, wave: &Wave, seq: u64, to: RunState) -> Result<(), Refusal> {
        if wave.state == WaveState::Aborted {
            return Err(Refusal::WaveNotOn { seq, to, wave: wave.number, state: wave.state });
        }
        Ok(())
    }

    /// Runs of a wave that were not announced are ended.
    pub(super) fn cancels(&self, wave: &Wave) -> bool {
        matches!(self.state, CampaignState::Cancelling | CampaignState::RollingBack)
            || wave.state == WaveState::Aborted
    }

    /// What a wave has published is undone.
    pub(super) fn reverts(&self, wave: &Wave) -> bool {
        self.state == CampaignState::RollingBack || wave.is_rolled_back()
    }
}
