//! One wave of a campaign: its counters, its failure budget, the publish door and the slow start before it.
//!
//! ```text
//! waiting -> running [-> awaiting_approval] -> promoted
//! running | awaiting_approval | promoted -> held (more failed than may) -> running
//! any but aborted -> aborted            cancelled, or undone: then its reason says rolled_back, and what it has published is
//!                                       to be reverted
//! ```
//! A wave that is through its gate may still have runs under way; they spend its own budget (DESIGN §8).

use serde::{Deserialize, Serialize};
use skein_types::{Reason, RunState, WaveState};

use crate::policy::{Admission, Policy};
use crate::slow_start::SlowStart;
use crate::tally::Tally;

/// A wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    pub(crate) number: u32,
    pub(crate) state: WaveState,
    pub(crate) reason: Option<Reason>,
    pub(crate) budget: u64,
    pub(crate) runs: Tally,
    pub(crate) slow_start: SlowStart,
    /// Planned runs that are put off or wait for people.
    #[serde(default)]
    pub(crate) aside: u64,
}

/// The wave that is tried first and publishes one run at a time. Where all of it was put off or left out, that is the first one in
/// which something is left to be tried ([`Reason::FirstTried`]).
pub(crate) const CANARY: u32 = 0;

/// The budget that a wave of so many runs begins with.
pub(crate) fn budget(number: u32, runs: u64, policy: &Policy) -> u64 {
    if number == CANARY { 0 } else { policy.budget.of(runs) }
}

impl Wave {
    pub(crate) const fn new(number: u32, runs: Tally, budget: u64) -> Self {
        let slow_start = SlowStart::at(0);
        let state = WaveState::Waiting;
        let wave = Self { number, state, reason: None, budget, runs, slow_start, aside: 0 };
        wave.slowly()
    }

    /// Its place, from 0, the canary.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Where it is.
    pub const fn state(&self) -> WaveState {
        self.state
    }

    /// Why it is there.
    pub const fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// How many of its runs may fail.
    pub const fn budget(&self) -> u64 {
        self.budget
    }

    /// How many failed.
    pub const fn failures(&self) -> u64 {
        self.runs.get(RunState::Failed)
    }

    /// How many of its runs are where.
    pub const fn runs(&self) -> &Tally {
        &self.runs
    }

    /// The slow start before its door.
    pub const fn slow_start(&self) -> SlowStart {
        self.slow_start
    }

    /// It is the first in which something is tried.
    pub(crate) const fn is_canary(&self) -> bool {
        self.number == CANARY || matches!(self.reason, Some(Reason::FirstTried))
    }

    /// Whether anything of it was tried, whatever came of it.
    pub(crate) fn was_tried(&self) -> bool {
        let untried = [RunState::Planned, RunState::Skipped, RunState::Stale, RunState::Cancelled];
        let untried: u64 = untried.iter().map(|state| self.runs.get(*state)).sum();
        untried < self.runs.total()
    }

    /// Its runs may start and be announced, if the campaign runs.
    pub const fn is_on(&self) -> bool {
        matches!(self.state, WaveState::Running | WaveState::AwaitingApproval | WaveState::Promoted)
    }

    /// What it has published is to be undone.
    pub const fn is_rolled_back(&self) -> bool {
        matches!((self.state, self.reason), (WaveState::Aborted, Some(Reason::RolledBack)))
    }

    /// More failed than may.
    pub const fn is_overspent(&self) -> bool {
        self.failures() > self.budget
    }

    /// Runs that may be between intent and confirm: one more than may still fail, as that one more is noticed in time.
    pub fn door_width(&self) -> u64 {
        let width = (self.budget + 1).saturating_sub(self.failures());
        if self.is_canary() { width.min(1) } else { width }
    }

    /// Runs between intent and confirm.
    pub const fn at_door(&self) -> u64 {
        self.runs.get(RunState::Intended)
    }

    /// Runs that may be announced now, if the campaign runs.
    pub(crate) fn door_places(&self) -> u64 {
        if self.is_on() { self.door_width().saturating_sub(self.at_door()) } else { 0 }
    }

    /// Runs that may be under way, those at the door with them.
    pub(crate) fn width_before_door(&self, admission: Admission) -> u64 {
        match admission {
            Admission::Strict => self.door_width(),
            // What is announced has to have been under way; and a budget that was raised, or a failure that is tried
            // again, widens the door and with it what may start.
            Admission::SlowStart => self.slow_start.window().max(self.door_width()),
        }
    }

    /// Enough of it is published or at rest, and no more failed than may. What is put off keeps nobody waiting. A held run waits
    /// for a person and not for the fleet, so it keeps no wave back but the canary, which is there to find such things.
    pub(crate) fn passes_gate(&self, policy: &Policy) -> bool {
        let runs = self.runs.total().saturating_sub(self.aside.min(self.runs.get(RunState::Planned)));
        let (needed, held) =
            if self.is_canary() { (runs, 0) } else { (policy.gate.of(runs), self.runs.get(RunState::Held)) };
        self.runs.at_rest() + held >= needed && !self.is_overspent()
    }

    pub(crate) fn run_moved(&mut self, from: RunState, to: RunState) {
        self.runs.shift(from, to);
        if to == RunState::Published {
            self.slow_start.succeeded();
        } else if to == RunState::Failed {
            *self = self.slowly();
        }
    }

    /// Starts slowly, from what may still fail.
    pub(crate) const fn slowly(mut self) -> Self {
        self.slow_start = SlowStart::at((self.budget + 1).saturating_sub(self.failures()));
        self
    }
}
