//! The machine of one campaign. It keeps counters, so its size does not depend on how many datasets it has.
//!
//! ```text
//! draft -> planning -> planned -> awaiting_approval -> approved -> running -> soaking -> finalizing -> succeeded | partially_succeeded
//! planned -> approved (nobody has to approve)     approved -> awaiting_approval (one was taken back, or is too old)
//! planning -> plan_failed            planning | planned | awaiting_approval | approved -> stale -> planning
//! planned | awaiting_approval | approved -> cancelled (all of it was declined)
//! running <-> paused                 running | paused -> halted -> running
//! running | paused | halted | soaking -> rolling_back -> rolled_back | rollback_incomplete -> rolling_back | cancelling
//! what has not begun, running, paused, halted -> cancelling -> cancelled       soaking -> running (runs tried again)
//! ```
//! A command or an observation gives the decisions that it asks for and after them those that follow by themselves
//! (`settle`): a wave that is through its gate, the next one, the halt, the end. One unit of the ledger holds them all.

mod command;
mod decision;
mod duty;
mod input;
mod run_report;
mod settle;
mod stored;
mod verbs;

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, CampaignState, Reason, RunState, Timestamp, Verb, WaveState};

use crate::policy::Policy;
use crate::refused::{Refusal, Refused};
use crate::tally::Tally;
use crate::wave::{CANARY, Wave};

pub use decision::{Decision, Moved, PlanTaken, WaveMoved, WavePlan};
pub use duty::{BeforeDoor, Duty};
pub use input::{Accept, Command, Input, Observation, RetryWhat, RollBackWhat, RunReport};
pub use stored::{Restored, WaveRow};
pub use verbs::possible;

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    state: CampaignState,
    epoch: u64,
    reason: Option<Reason>,
    since: Timestamp,
    policy: Policy,
    plan: Option<Blake3>,
    ineligible: u64,
    waves: Vec<Wave>,
}

impl Campaign {
    /// A campaign that was just made.
    pub fn draft(policy: Policy, now: Timestamp) -> Self {
        let (state, plan, waves) = (CampaignState::Draft, None, Vec::new());
        Self { state, epoch: 0, reason: None, since: now, policy, plan, ineligible: 0, waves }
    }

    /// What follows from a command or an observation: all of it or, if it is refused, nothing. Empty if it is allowed
    /// and the campaign has nothing to write down: the runs that it is about move, one by one, by [`RunReport`]s.
    ///
    /// A caller that decides about several runs in one ledger transaction does so on a clone, and keeps the clone when
    /// the ledger has them.
    pub fn decide(&self, input: impl Into<Input>, now: Timestamp) -> Result<Vec<Decision>, Refused> {
        let asked = match input.into() {
            Input::Command(command) => self.command(command, now),
            Input::Observed(observed) => self.observed(observed, now),
        };
        let asked = asked.map_err(|why| self.refused(why))?;
        Ok(self.with_what_follows(asked, now))
    }

    /// Takes a decision in. Decisions of one answer go in in their order; replaying all of a campaign's makes it again.
    pub fn apply(&mut self, decision: &Decision) {
        match decision {
            Decision::Moved(moved) => self.moved(moved),
            Decision::Planned(plan) => self.planned(plan),
            Decision::Wave(moved) => self.wave_moved(moved),
            Decision::Run(moved) => {
                if let Some(wave) = self.waves.get_mut(moved.wave as usize) {
                    wave.run_moved(moved.from, moved.to);
                }
            }
        }
    }

    /// Says how many planned runs of a wave are put off or wait for people, so that its gate does not wait for them. It is no
    /// decision: whoever made the machine again says it again, and says it when it changes.
    pub fn put_aside(&mut self, wave: u32, runs: u64) {
        if let Some(wave) = self.waves.get_mut(wave as usize) {
            wave.aside = runs;
        }
    }

    /// Where it is.
    pub const fn state(&self) -> CampaignState {
        self.state
    }

    /// How often it moved.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Why it is where it is.
    pub const fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// When it came there.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Its rules.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The digest of its plan.
    pub const fn plan(&self) -> Option<Blake3> {
        self.plan
    }

    /// Datasets of its plan with nothing to do, or where it cannot be done. They are in no wave.
    pub const fn ineligible(&self) -> u64 {
        self.ineligible
    }

    /// Its waves, the canary first; none before there is a plan.
    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// How many runs of all waves are where.
    pub fn runs(&self) -> Tally {
        self.waves.iter().fold(Tally::planned(0), |sum, wave| sum.plus(wave.runs()))
    }

    /// Runs of a wave that may be announced now.
    pub fn places_at_door(&self, wave: u32) -> u64 {
        let on = self.waves.get(wave as usize).filter(|_| self.state == CampaignState::Running);
        on.map_or(0, Wave::door_places)
    }

    /// Whether `runs` more of a wave may be announced at once.
    pub fn may_intend(&self, wave: u32, runs: u64) -> bool {
        runs <= self.places_at_door(wave)
    }

    /// Runs of a wave that may start now, if `under_way` of them are: queued for nodes, running, staged or at the door;
    /// and if the fleet has `slots` for them all.
    pub fn places_before_door(&self, wave: u32, under_way: u64, slots: u64) -> u64 {
        let running = self.state == CampaignState::Running;
        let on = self.waves.get(wave as usize).filter(|wave| running && wave.is_on());
        let width = on.map_or(0, |wave| wave.width_before_door(self.policy.admission));
        width.min(slots).saturating_sub(under_way)
    }

    /// Whether runs of a wave that are published go back and forth once before they count: those of the canary and, where that was put
    /// off or left out, as many of the wave that is tried in its place.
    pub fn rehearses(&self, wave: u32) -> bool {
        let of = |number: u32| self.waves.get(number as usize);
        let enough = |of: &Wave, canary: &Wave| of.runs().get(RunState::Published) >= canary.runs().total();
        let is = |(of, canary): (&Wave, &Wave)| {
            of.is_canary() && (of.number == canary.number || !enough(of, canary))
        };
        self.policy.round_trip && of(wave).zip(of(CANARY)).is_some_and(is)
    }

    /// What may be asked of it now.
    pub fn verbs(&self) -> Vec<Verb> {
        Verb::ALL.iter().copied().filter(|verb| possible(*verb, self.state)).collect()
    }

    /// Whether it runs and nothing of it moves, because all that is left of the waves that have begun is runs which rules keep back
    /// and planned ones that are put off: `put_off` says how many of a wave.
    pub fn stands(&self, put_off: impl Fn(u32) -> u64) -> bool {
        let begins = |duty: &Duty| matches!(duty, Duty::Admit(_) | Duty::Intend(_));
        let moves = |wave: &Wave| {
            // What may begin does, now or when it has its turn.
            wave.runs().get(RunState::Planned) > put_off(wave.number)
                || self.duties_of(wave).any(|duty| !begins(&duty))
        };
        let mut begun = self.waves.iter().filter(|wave| wave.state != WaveState::Waiting);
        let left = self.count(RunState::Held) + self.count(RunState::Planned);
        self.state == CampaignState::Running && left > 0 && !begun.any(moves)
    }

    /// When it moves by itself unless something happens before: somebody has to tell it the time then.
    pub fn next_due(&self) -> Option<Timestamp> {
        let soaking = self.state == CampaignState::Soaking;
        soaking.then(|| self.window_end())
    }

    /// The end of the time in which everything can be undone. The last run was published before `since`.
    const fn window_end(&self) -> Timestamp {
        self.policy.rollback_window.after(self.since)
    }

    fn count(&self, state: RunState) -> u64 {
        self.waves.iter().map(|wave| wave.runs().get(state)).sum()
    }

    /// Published runs of waves that are being undone.
    fn to_revert(&self) -> u64 {
        let undone = self.waves.iter().filter(|wave| wave.is_rolled_back());
        undone.map(|wave| wave.runs().get(RunState::Published)).sum()
    }

    fn refused(&self, why: Refusal) -> Refused {
        Refused { state: self.state, possible: self.verbs(), why }
    }

    fn wave(&self, number: u32) -> Result<&Wave, Refusal> {
        let waves = u32::try_from(self.waves.len()).unwrap_or(u32::MAX);
        self.waves.get(number as usize).ok_or(Refusal::NoSuchWave { wave: number, waves })
    }

    fn moved(&mut self, moved: &Moved) {
        debug_assert_eq!((self.state, self.epoch), (moved.from, moved.epoch));
        self.state = moved.to;
        self.epoch = moved.epoch + 1;
        self.reason = Some(moved.reason);
        self.since = moved.at;
    }

    fn planned(&mut self, plan: &PlanTaken) {
        self.plan = Some(plan.digest);
        self.ineligible = plan.ineligible;
        let numbered = (0..).zip(&plan.waves);
        let waves = numbered.map(|(number, wave)| Wave::new(number, Tally::planned(wave.runs), wave.budget));
        self.waves = waves.collect();
    }

    fn wave_moved(&mut self, moved: &WaveMoved) {
        let Some(wave) = self.waves.get_mut(moved.wave as usize) else { return };
        debug_assert_eq!(wave.state, moved.from);
        wave.state = moved.to;
        wave.reason = Some(moved.reason);
        let narrower = moved.budget < wave.budget;
        wave.budget = moved.budget;
        if narrower {
            *wave = wave.slowly();
        }
    }
}
