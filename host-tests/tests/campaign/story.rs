//! The events of a campaign, followed one by one against what DESIGN §8 promises: the publish door, the halt, the gates.
//!
//! A model of its own, made of events alone: it shares no code with the machine that decided them.

use std::collections::{BTreeMap, VecDeque};

use skein_ledger::{CampaignMoved, Event, Recorded, WaveMoved};
use skein_types::{AttemptId, CampaignState, RunState, WaveState};

/// A wave as the events leave it.
#[derive(Debug)]
pub(crate) struct Wave {
    pub(crate) state: WaveState,
    pub(crate) budget: u64,
}

/// What must be the very next event.
#[derive(Debug)]
enum Owed {
    Held(u32),
    Halted,
}

/// A campaign as its events leave it.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) state: CampaignState,
    pub(crate) waves: BTreeMap<u32, Wave>,
    pub(crate) runs: BTreeMap<u64, (u32, RunState)>,
    /// Per run: whose work was announced, each time that something was.
    pub(crate) intents: BTreeMap<u64, Vec<AttemptId>>,
    /// Per run: how often it was published.
    pub(crate) published: BTreeMap<u64, u32>,
    /// Per run: why it failed last.
    pub(crate) failures: BTreeMap<u64, String>,
    /// Positions at which it was halted.
    pub(crate) halts: Vec<u64>,
    owed: VecDeque<Owed>,
    last: u64,
}

impl Story {
    /// Follows all events of a campaign; fails at the first that breaks a rule.
    pub(crate) fn of(events: &[Recorded]) -> Self {
        let mut story = Self {
            state: CampaignState::Draft,
            waves: BTreeMap::new(),
            runs: BTreeMap::new(),
            intents: BTreeMap::new(),
            published: BTreeMap::new(),
            failures: BTreeMap::new(),
            halts: Vec::new(),
            owed: VecDeque::new(),
            last: 0,
        };
        for recorded in events {
            story.step(recorded);
            story.last = recorded.position;
        }
        assert!(story.owed.is_empty(), "{:?} is owed at the end", story.owed);
        story
    }

    /// How many runs a wave has.
    pub(crate) fn size(&self, wave: u32) -> u64 {
        self.runs.values().filter(|(of, _)| *of == wave).count() as u64
    }

    /// How many runs of a wave are in a state.
    pub(crate) fn count(&self, wave: u32, state: RunState) -> u64 {
        self.runs.values().filter(|run| **run == (wave, state)).count() as u64
    }

    /// How many runs of all waves are in a state.
    pub(crate) fn total(&self, state: RunState) -> u64 {
        self.runs.values().filter(|(_, is)| *is == state).count() as u64
    }

    fn step(&mut self, recorded: &Recorded) {
        let at = recorded.position;
        if let Some(owed) = self.owed.pop_front() {
            assert_eq!(at, self.last + 1, "{owed:?} is written with what it follows from");
            let is_it = match (&owed, &recorded.event) {
                (Owed::Held(wave), Event::WaveMoved(moved)) => {
                    moved.wave == *wave && moved.to == WaveState::Held
                }
                (Owed::Halted, Event::CampaignMoved(moved)) => moved.to == CampaignState::Halted,
                _ => false,
            };
            assert!(is_it, "{at}: {owed:?} is owed, and there is {:?}", recorded.event);
        } else {
            let halts = match &recorded.event {
                Event::WaveMoved(moved) => moved.to == WaveState::Held,
                Event::CampaignMoved(moved) => moved.to == CampaignState::Halted,
                _ => false,
            };
            assert!(!halts, "{at}: nothing asks for {:?}", recorded.event);
        }
        self.take(at, &recorded.event);
    }

    fn take(&mut self, at: u64, event: &Event) {
        match event {
            Event::CampaignMoved(CampaignMoved { from, to, .. }) => {
                assert_eq!(*from, self.state, "{at}");
                self.state = *to;
                if *to == CampaignState::Halted {
                    self.halts.push(at);
                }
            }
            // The plan's own event moves the campaign.
            Event::CampaignPlanned(_) => self.state = CampaignState::Planned,
            Event::CampaignUnplanned(_) => {
                assert!(self.intents.is_empty(), "{at}: planned anew with runs at the door or past it");
                self.waves.clear();
                self.runs.clear();
            }
            Event::WavePlanned(wave) => {
                let planned = Wave { state: WaveState::Waiting, budget: wave.budget };
                self.waves.insert(wave.wave, planned);
            }
            Event::WaveMoved(moved) => self.wave_moved(at, moved),
            Event::RunPlanned(run) => {
                let state = if run.wave.is_some() { RunState::Planned } else { RunState::Ineligible };
                self.runs.insert(run.seq, (run.wave.unwrap_or(u32::MAX), state));
            }
            Event::RunIntended(run) => {
                self.may_pass(at, run.seq);
                self.intents.entry(run.seq).or_default().push(run.attempt);
                self.moved(at, run.seq, RunState::Planned, RunState::Intended);
            }
            Event::RunPublished(run) => {
                *self.published.entry(run.seq).or_default() += 1;
                self.moved(at, run.seq, RunState::Intended, RunState::Published);
            }
            Event::RunFailed(run) => {
                self.moved(at, run.seq, run.from, RunState::Failed);
                self.failures.insert(run.seq, format!("{} {}", run.code, run.message));
                self.failed(self.runs[&run.seq].0);
            }
            Event::RunSkipped(run) => self.moved(at, run.seq, run.from, RunState::Skipped),
            Event::RunCancelled(run) => self.moved(at, run.seq, run.from, RunState::Cancelled),
            Event::RunStale(run) => self.moved(at, run.seq, run.from, RunState::Stale),
            Event::RunRetried(run) => self.moved(at, run.seq, run.from, RunState::Planned),
            Event::RunReverting(run) => self.moved(at, run.seq, run.from, RunState::Reverting),
            Event::RunReverted(run) => self.moved(at, run.seq, RunState::Reverting, RunState::Reverted),
            Event::RunRevertFailed(run) => {
                self.moved(at, run.seq, RunState::Reverting, RunState::RevertFailed);
            }
            Event::RunFinalized(run) => self.moved(at, run.seq, RunState::Published, RunState::Finalized),
            _ => {}
        }
    }

    fn moved(&mut self, at: u64, seq: u64, from: RunState, to: RunState) {
        let run = self.runs.get_mut(&seq).unwrap();
        assert_eq!(run.1, from, "{at}: run {seq} on its way to {to}");
        run.1 = to;
    }

    /// Runs between intent and confirm are no more than failures that are left, and one; the canary is alone there.
    fn may_pass(&self, at: u64, seq: u64) {
        let number = self.runs[&seq].0;
        let wave = &self.waves[&number];
        assert_eq!(self.state, CampaignState::Running, "{at}: run {seq} is announced");
        assert!(
            matches!(wave.state, WaveState::Running | WaveState::AwaitingApproval | WaveState::Promoted),
            "{at}: {wave:?}"
        );
        let width = (wave.budget + 1).saturating_sub(self.count(number, RunState::Failed));
        let width = if number == 0 { width.min(1) } else { width };
        let under_way = self.count(number, RunState::Intended);
        assert!(under_way < width, "{at}: {under_way} of {width} are at the door, and run {seq} comes");
    }

    /// A failure too many holds its wave and halts the campaign at once.
    fn failed(&mut self, number: u32) {
        let wave = &self.waves[&number];
        let on = matches!(wave.state, WaveState::Running | WaveState::AwaitingApproval | WaveState::Promoted);
        if !on || self.count(number, RunState::Failed) <= wave.budget {
            return;
        }
        self.owed.push_back(Owed::Held(number));
        if matches!(self.state, CampaignState::Running | CampaignState::Paused) {
            self.owed.push_back(Owed::Halted);
        }
    }

    fn wave_moved(&mut self, at: u64, moved: &WaveMoved) {
        let number = moved.wave;
        let runs: Vec<RunState> =
            self.runs.values().filter(|(wave, _)| *wave == number).map(|(_, state)| *state).collect();
        let (all, at_rest) = (runs.len(), runs.iter().filter(|state| state.is_at_rest()).count());
        if moved.to == WaveState::Promoted {
            let needed = if number == 0 { all } else { (all * 95).div_ceil(100) };
            assert!(
                at_rest >= needed,
                "{at}: wave {number} is through its gate with {at_rest} of {all} runs"
            );
            assert!(self.count(number, RunState::Failed) <= self.waves[&number].budget, "{at}");
        }
        if moved.from == WaveState::Waiting && moved.to == WaveState::Running && number > 0 {
            let before = &self.waves[&(number - 1)];
            assert!(matches!(before.state, WaveState::Promoted | WaveState::Aborted), "{at}: {before:?}");
        }
        let wave = self.waves.get_mut(&number).unwrap();
        assert_eq!(wave.state, moved.from, "{at}: wave {number}");
        *wave = Wave { state: moved.to, budget: moved.budget };
    }
}
