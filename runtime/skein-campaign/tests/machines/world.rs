//! A control process without a disk or nodes: the runs as a ledger has them, the log of decisions, and rules that hold after
//! every step, written down a second time and in another way than the machine has them.

use std::collections::BTreeMap;

use skein_campaign::{
    Admission, BeforeDoor, Campaign, Decision, Duty, Input, Observation, Policy, Refused, Restored, Run,
    RunReport, Tally, WaveRow, leads,
};
use skein_types::{Blake3, CampaignState, RunState, Timestamp, WaveState};

/// What there is.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) machine: Campaign,
    pub(crate) runs: Vec<Run>,
    pub(crate) log: Vec<Decision>,
    pub(crate) now: Timestamp,
    /// Runs of each wave that are put off.
    pub(crate) aside: BTreeMap<u32, u64>,
    policy: Policy,
    /// When each run was published last.
    published: Vec<Option<Timestamp>>,
    /// Somebody said that the window does not count.
    pub(crate) at_once: bool,
    /// Rows are all that was left of it once: slow start is not the log's any more.
    from_rows: bool,
    /// Most steps until nothing is to be done; a world that takes more goes round in circles.
    steps_left: u32,
}

impl World {
    pub(crate) fn draft(policy: Policy) -> Self {
        let now = Timestamp(1_000_000);
        Self {
            machine: Campaign::draft(policy.clone(), now),
            runs: Vec::new(),
            log: Vec::new(),
            now,
            policy,
            published: Vec::new(),
            aside: BTreeMap::new(),
            at_once: false,
            from_rows: false,
            steps_left: 10_000,
        }
    }

    /// A campaign with a plan of waves of these sizes.
    pub(crate) fn planned(policy: Policy, waves: &[u64]) -> Self {
        let mut world = Self::draft(policy);
        world.ask(skein_campaign::Command::Plan).unwrap();
        world.plan(waves);
        world
    }

    pub(crate) fn plan(&mut self, waves: &[u64]) {
        self.runs.clear();
        for (wave, size) in (0..).zip(waves) {
            let first = self.runs.len() as u64;
            self.runs.extend((first..first + size).map(|seq| Run::planned(seq, wave)));
        }
        self.published = vec![None; self.runs.len()];
        let digest = Blake3::of(format!("{waves:?}").as_bytes());
        self.ask(Observation::Planned { digest, waves: waves.to_vec(), ineligible: 3 }).unwrap();
    }

    /// Decides, writes down, takes in; all rules hold before and afterwards.
    pub(crate) fn ask(&mut self, input: impl Into<Input>) -> Result<Vec<Decision>, Refused> {
        let input = input.into();
        let decisions = self.machine.decide(input, self.now);
        if let Ok(decisions) = &decisions {
            for decision in decisions {
                self.check_move(decision);
                self.machine.apply(decision);
                if let Decision::Run(moved) = decision {
                    self.runs[moved.seq as usize].apply(moved);
                    if moved.to == RunState::Published {
                        self.published[moved.seq as usize] = Some(self.now);
                    }
                }
                self.log.push(decision.clone());
            }
        }
        self.check();
        decisions
    }

    pub(crate) fn go(&mut self, seq: usize, to: RunState) -> Result<Vec<Decision>, Refused> {
        self.ask(RunReport::of(self.runs[seq], to))
    }

    pub(crate) fn state(&self) -> CampaignState {
        self.machine.state()
    }

    /// What a recount finds.
    pub(crate) fn count(&self, wave: Option<u32>, state: RunState) -> u64 {
        let counted = |run: &&Run| wave.is_none_or(|wave| run.wave == wave) && run.state == state;
        self.runs.iter().filter(counted).count() as u64
    }

    pub(crate) fn first(&self, wave: u32, state: RunState) -> Option<usize> {
        self.runs.iter().position(|run| run.wave == wave && run.state == state)
    }

    /// The process dies; the next one has the log.
    pub(crate) fn crash(&mut self) {
        let mut next = Campaign::draft(self.policy.clone(), Timestamp(1_000_000));
        self.log.iter().for_each(|decision| next.apply(decision));
        if !self.from_rows {
            assert_eq!(next, self.machine, "the log does not make the same campaign");
        }
        self.machine = next;
        self.from_rows = false;
    }

    /// The process dies; the next one has the rows.
    pub(crate) fn restore(&mut self) {
        let old = &self.machine;
        let wave = |wave: &skein_campaign::Wave| WaveRow {
            state: wave.state(),
            reason: wave.reason(),
            budget: wave.budget(),
            runs: Tally::of(
                RunState::ALL.iter().map(|state| (*state, self.count(Some(wave.number()), *state))),
            ),
        };
        let next = Campaign::restore(Restored {
            state: old.state(),
            epoch: old.epoch(),
            reason: old.reason(),
            since: old.since(),
            policy: self.policy.clone(),
            plan: old.plan(),
            ineligible: old.ineligible(),
            waves: old.waves().iter().map(wave).collect(),
        });
        assert_eq!(next.duties(), old.duties(), "what is to be done depends on what is not in the rows");
        self.machine = next;
        self.from_rows = true;
    }

    /// Rules for a single move, before it is made.
    fn check_move(&self, decision: &Decision) {
        match decision {
            Decision::Moved(moved) => {
                assert_eq!((moved.from, moved.epoch), (self.machine.state(), self.machine.epoch()));
                assert!(!moved.from.is_terminal(), "{moved:?}");
                if moved.to == CampaignState::Halted && moved.reason == skein_types::Reason::BudgetSpent {
                    assert!(self.waves().any(|(_, failed, budget)| failed > budget), "halted for nothing");
                }
                let over = moved.to.is_terminal() || moved.to == CampaignState::RollbackIncomplete;
                if moved.to == CampaignState::Soaking || over {
                    assert!(self.runs.iter().all(|run| run.state.is_at_rest()), "{} too early", moved.to);
                }
                if over {
                    let kept = |wave: &&skein_campaign::Wave| {
                        wave.is_rolled_back() && wave.runs().get(RunState::Published) > 0
                    };
                    assert_eq!(self.machine.waves().iter().find(kept), None, "not undone");
                }
            }
            Decision::Wave(moved) => {
                let waves = self.machine.waves();
                assert_eq!(waves[moved.wave as usize].state(), moved.from);
                if (moved.from, moved.to) == (WaveState::Waiting, WaveState::Running) {
                    assert_eq!(self.state(), CampaignState::Running);
                    let before = &waves[..moved.wave as usize];
                    let through = |wave: &skein_campaign::Wave| {
                        matches!(wave.state(), WaveState::Promoted | WaveState::Aborted)
                    };
                    assert!(before.iter().all(through), "wave {} began too early", moved.wave);
                }
                if moved.to == WaveState::Promoted {
                    self.check_gate(moved.wave);
                }
            }
            Decision::Run(moved) => {
                let run = self.runs[moved.seq as usize];
                assert_eq!((run.state, run.epoch, run.wave), (moved.from, moved.epoch, moved.wave));
                assert!(leads(moved.from, moved.to), "{moved:?}");
                if moved.to == RunState::Intended {
                    self.check_door(moved.wave);
                }
                if moved.to == RunState::Finalized && !self.at_once {
                    let published = self.published[moved.seq as usize].unwrap();
                    let over = self.policy.rollback_window.after(published) <= self.now;
                    assert!(over, "finalized inside the window");
                }
            }
            Decision::Planned(_) => assert_eq!(self.state(), CampaignState::Planning),
        }
    }

    fn check_gate(&self, wave: u32) {
        let of_wave = self.runs.iter().filter(|run| run.wave == wave);
        let (rest, all) = of_wave.fold((0, 0), |(rest, all), run| {
            let waits = wave != 0 && run.state == RunState::Held;
            (rest + u64::from(run.state.is_at_rest() || waits), all + 1)
        });
        let waits_for = all - self.aside.get(&wave).copied().unwrap_or(0);
        let needed = if wave == 0 { waits_for * 100 } else { waits_for * 95 };
        assert!(rest * 100 >= needed, "wave {wave} is through its gate with {rest} of {all}");
    }

    /// Between intent and confirm are at most the failures that are left, and one; of the canary, one.
    fn check_door(&self, wave: u32) {
        assert_eq!(self.state(), CampaignState::Running, "announced while the campaign does not run");
        let of_wave = &self.machine.waves()[wave as usize];
        assert!(
            matches!(of_wave.state(), WaveState::Running | WaveState::AwaitingApproval | WaveState::Promoted),
            "{of_wave:?}"
        );
        let (failed, at_door) =
            (self.count(Some(wave), RunState::Failed), self.count(Some(wave), RunState::Intended));
        assert!(failed <= of_wave.budget());
        let most = if wave == 0 { 1 } else { of_wave.budget() - failed + 1 };
        assert!(at_door < most, "{at_door} at the door, {most} may be");
    }

    /// Waves that count, with failed runs and budget. What fails in a wave whose turn has not come counts when it has.
    fn waves(&self) -> impl Iterator<Item = (u32, u64, u64)> {
        let counts =
            |wave: &&skein_campaign::Wave| !matches!(wave.state(), WaveState::Waiting | WaveState::Aborted);
        let counts = self.machine.waves().iter().filter(counts);
        counts.map(|wave| (wave.number(), self.count(Some(wave.number()), RunState::Failed), wave.budget()))
    }

    /// Rules that hold between any two steps.
    fn check(&self) {
        for wave in self.machine.waves() {
            for (state, count) in wave.runs().iter() {
                assert_eq!(
                    count,
                    self.count(Some(wave.number()), state),
                    "{state} in wave {}",
                    wave.number()
                );
            }
        }
        let runs = self.state() == CampaignState::Running;
        if runs || self.state() == CampaignState::Paused {
            assert_eq!(self.waves().find(|(_, failed, budget)| failed > budget), None, "not halted");
        }
        for wave in (0..).take(self.machine.waves().len()) {
            let on = runs && self.machine.waves()[wave as usize].is_on();
            let places =
                self.machine.places_at_door(wave) + self.machine.places_before_door(wave, 0, u64::MAX);
            assert_eq!(places > 0, on && places > 0, "places in a wave that is not on");
            assert!(on || !self.machine.may_intend(wave, 1));
            assert!(self.machine.may_intend(wave, self.machine.places_at_door(wave)));
            assert_eq!(self.machine.before_door(wave) == BeforeDoor::GoOn, runs && !self.is_aborted(wave));
            let width = self.machine.waves()[wave as usize].door_width();
            if self.policy.admission == Admission::Strict {
                assert!(self.machine.places_before_door(wave, 0, u64::MAX) <= width);
            }
        }
        let begins = |duty: &Duty| matches!(duty, Duty::Admit(_) | Duty::Intend(_));
        assert!(
            runs || !self.machine.duties().iter().any(begins),
            "something begins while it is {}",
            self.state()
        );
        assert_eq!(self.machine.verbs().is_empty(), !self.has_verbs());
        self.check_held();
    }

    /// It stands exactly where what has begun is at its end but for held runs that nobody ends, and those that are put off.
    fn check_held(&self) {
        let begun = |run: &&Run| self.machine.waves()[run.wave as usize].state() != WaveState::Waiting;
        let mut begun = self.runs.iter().filter(begun);
        let put_off = |wave: u32| self.aside.get(&wave).copied().unwrap_or(0);
        let later = |run: &Run| {
            let planned = self.count(Some(run.wave), RunState::Planned);
            run.state == RunState::Planned && planned <= put_off(run.wave) && !self.is_aborted(run.wave)
        };
        let held = |run: &Run| run.state == RunState::Held && !self.is_aborted(run.wave);
        let is_undone = |run: &Run| {
            let wave = &self.machine.waves()[run.wave as usize];
            run.state == RunState::Published && wave.is_rolled_back()
        };
        let left = |run: &Run| matches!(run.state, RunState::Held | RunState::Planned);
        let stands = self.state() == CampaignState::Running
            && self.runs.iter().any(left)
            && begun.all(|run| held(run) || later(run) || (run.state.is_at_rest() && !is_undone(run)));
        assert_eq!(self.machine.stands(put_off), stands, "{:?}", self.machine);
    }

    fn is_aborted(&self, wave: u32) -> bool {
        self.machine.waves()[wave as usize].state() == WaveState::Aborted
    }

    /// Nothing can be asked of what has ended or is ending.
    fn has_verbs(&self) -> bool {
        use CampaignState::{Cancelling, Finalizing, RollingBack};
        !self.state().is_terminal() && !matches!(self.state(), Cancelling | Finalizing | RollingBack)
    }

    /// Carries out what is to be done, until nothing is. `succeeds` says how the next work, publish or revert ends.
    pub(crate) fn settle(&mut self, mut succeeds: impl FnMut() -> bool) {
        loop {
            let duties = self.machine.duties();
            // In changing order: none is promised.
            let Some(duty) = duties.get(self.steps_left as usize % duties.len().max(1)) else { return };
            self.steps_left -= 1;
            assert!(self.steps_left > 0, "{duty:?} never ends");
            self.carry_out(*duty, &mut succeeds);
        }
    }

    pub(crate) fn carry_out(&mut self, duty: Duty, succeeds: &mut impl FnMut() -> bool) {
        let (wave, from, to) = match duty {
            Duty::FinishReverts(wave) if succeeds() => (wave, RunState::Reverting, RunState::Reverted),
            Duty::FinishReverts(wave) => (wave, RunState::Reverting, RunState::RevertFailed),
            Duty::Revert(wave) => (wave, RunState::Published, RunState::Reverting),
            Duty::Confirm(wave) if succeeds() => (wave, RunState::Intended, RunState::Published),
            Duty::Confirm(wave) => (wave, RunState::Intended, RunState::Failed),
            Duty::Cancel(wave) if self.count(Some(wave), RunState::Held) > 0 => {
                (wave, RunState::Held, RunState::Cancelled)
            }
            Duty::Cancel(wave) => (wave, RunState::Planned, RunState::Cancelled),
            Duty::Finalize(wave) => (wave, RunState::Published, RunState::Finalized),
            Duty::Intend(wave) if succeeds() => (wave, RunState::Planned, RunState::Intended),
            // Its work is done and staged, which no run's state says.
            Duty::Admit(_) if succeeds() => return,
            Duty::Intend(wave) | Duty::Admit(wave) => (wave, RunState::Planned, RunState::Failed),
            Duty::Plan => return self.plan(&[2, 5, 40]),
        };
        let seq = self.first(wave, from).unwrap_or_else(|| panic!("{duty:?}, and no run is {from}"));
        self.go(seq, to).unwrap_or_else(|refused| panic!("{duty:?} is refused: {refused}"));
    }
}
