//! Random orders of commands, reports, crashes and times. The rules are in `world`; here is what happens.

use proptest::prelude::*;
use proptest::sample::Index;
use skein_campaign::{
    Accept, Admission, Allowance, ApprovalRule, Campaign, Command, Decision, Observation, Policy, Promote,
    RetryWhat, RollBackWhat, RunReport, Share,
};
use skein_types::{CampaignState, Reason, RunState, Timestamp, WaveState};

use crate::world::World;

/// Something that happens.
#[derive(Clone, Debug)]
enum Happening {
    Asked(Command),
    Seen(Observation),
    /// Somebody reports that a run goes somewhere, whether it can or not.
    Report(Index, RunState),
    /// A run goes on as it would without trouble, or fails.
    Work(Index, bool),
    /// Somebody reports who saw the run earlier.
    Late(Index, RunState),
    Duty(Index),
    Wait(u64),
    Crash,
    Restore,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => Just(Command::Plan),
        2 => Just(Command::Start),
        2 => Just(Command::Pause),
        2 => Just(Command::Resume(Accept::Nothing)),
        2 => Just(Command::Resume(Accept::AsIs)),
        2 => (0..6_u64).prop_map(|budget| Command::Resume(Accept::Budget(budget))),
        1 => Just(Command::Cancel),
        1 => Just(Command::Retry(RetryWhat::All)),
        1 => Just(Command::Skip),
        1 => Just(Command::RollBack(RollBackWhat::Runs)),
        1 => (0..4_u32).prop_map(|wave| Command::RollBack(RollBackWhat::Wave(wave))),
        1 => Just(Command::RollBack(RollBackWhat::Campaign)),
        1 => Just(Command::Finalize { now: false }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let state = || proptest::sample::select(RunState::ALL);
    let seen = prop_oneof![
        6 => Just(Observation::Tick),
        1 => Just(Observation::ModuleSuspended),
        1 => Just(Observation::OutOfDate(Reason::ParamsMoved)),
        1 => Just(Observation::Undecided(Reason::ApprovalNeeded)),
        1 => Just(Observation::Decided(Reason::SlicesDecided)),
        2 => (0..3_u32).prop_map(Observation::WaveApproved),
    ];
    prop_oneof![
        2 => command().prop_map(Happening::Asked),
        1 => seen.prop_map(Happening::Seen),
        10 => (any::<Index>(), state()).prop_map(|(run, to)| Happening::Report(run, to)),
        30 => (any::<Index>(), prop::bool::weighted(0.93)).prop_map(|(run, well)| Happening::Work(run, well)),
        3 => (any::<Index>(), state()).prop_map(|(run, to)| Happening::Late(run, to)),
        6 => any::<Index>().prop_map(Happening::Duty),
        1 => (0..4 * 86_400_000_u64).prop_map(Happening::Wait),
        1 => Just(Happening::Crash),
        1 => Just(Happening::Restore),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let budget = prop_oneof![
        (0..5_u64).prop_map(Allowance::Runs),
        (0..20_u32).prop_map(|percent| Allowance::Share(Share::percent(percent))),
    ];
    let admission = prop_oneof![Just(Admission::SlowStart), Just(Admission::Strict)];
    let promote = prop_oneof![Just(Promote::Automatic), Just(Promote::Approval)];
    (budget, admission, promote).prop_map(|(budget, admission, promote)| {
        let standard = Policy::standard();
        Policy { budget, admission, approvals: ApprovalRule { promote, ..standard.approvals }, ..standard }
    })
}

fn waves() -> impl Strategy<Value = Vec<u64>> {
    (1..4_u64, 1..8_u64, 1..40_u64).prop_map(|(canary, tenth, rest)| vec![canary, tenth, rest])
}

impl World {
    fn happens(&mut self, happening: &Happening) {
        match happening {
            Happening::Asked(command) => {
                if self.ask(*command).is_ok() && *command == Command::Plan {
                    let waves: Vec<u64> = (0..3)
                        .map(|wave| self.runs.iter().filter(|run| run.wave == wave).count() as u64)
                        .collect();
                    self.plan(&waves);
                }
            }
            Happening::Seen(seen) => drop(self.ask(seen.clone())),
            Happening::Report(run, to) => drop(self.go(run.index(self.runs.len()), *to)),
            Happening::Work(run, well) => self.works(run.index(self.runs.len()), *well),
            Happening::Late(run, to) => {
                let run = self.runs[run.index(self.runs.len())];
                if let Some(epoch) = run.epoch.checked_sub(1) {
                    self.ask(RunReport { run, epoch, to: *to }).unwrap_err();
                }
            }
            Happening::Duty(which) => self.does_one(|most| which.index(most)),
            Happening::Wait(ms) => self.now = Timestamp(self.now.0 + ms),
            Happening::Crash => self.crash(),
            Happening::Restore => self.restore(),
        }
    }

    fn works(&mut self, seq: usize, well: bool) {
        let (well_to, badly_to) = match self.runs[seq].state {
            RunState::Planned => (RunState::Intended, RunState::Failed),
            RunState::Held => (RunState::Planned, RunState::Failed),
            RunState::Intended => (RunState::Published, RunState::Failed),
            RunState::Reverting => (RunState::Reverted, RunState::RevertFailed),
            RunState::Ineligible
            | RunState::Published
            | RunState::Finalized
            | RunState::Failed
            | RunState::Skipped
            | RunState::Stale
            | RunState::Cancelled
            | RunState::Reverted
            | RunState::RevertFailed => return,
        };
        let to = if well { well_to } else { badly_to };
        drop(self.go(seq, to));
    }

    /// One of the things that are to be done, which is never refused.
    fn does_one(&mut self, which: impl FnOnce(usize) -> usize) {
        let duties = self.machine.duties();
        if !duties.is_empty() {
            self.carry_out(duties[which(duties.len())], &mut || true);
        }
    }

    /// Runs that were published at some time, since the plan was made.
    fn ever_published(&self) -> Vec<u64> {
        let last_plan = self.log.iter().rposition(|decision| matches!(decision, Decision::Planned(_)));
        let since = self.log[last_plan.unwrap_or(0)..].iter();
        let mut published: Vec<u64> = since
            .filter_map(|decision| match decision {
                Decision::Run(moved) if moved.to == RunState::Published => Some(moved.seq),
                Decision::Run(_) | Decision::Moved(_) | Decision::Wave(_) | Decision::Planned(_) => None,
            })
            .collect();
        published.sort_unstable();
        published
    }

    fn in_state(&self, state: RunState) -> Vec<u64> {
        self.runs.iter().filter(|run| run.state == state).map(|run| run.seq).collect()
    }

    /// Somebody who wants it to end, whatever it takes.
    fn ends(&mut self) {
        for _ in 0..20 + self.runs.len() {
            self.settle(|| true);
            if self.state().is_terminal() {
                return;
            }
            let gated = |wave: &&skein_campaign::Wave| wave.state() == WaveState::AwaitingApproval;
            if self.state() == CampaignState::Running
                && let Some(gated) = self.machine.waves().iter().find(gated).map(skein_campaign::Wave::number)
            {
                self.ask(Observation::WaveApproved(gated)).unwrap();
                continue;
            }
            if let Some(seq) = self.runs.iter().position(|run| run.state == RunState::Held) {
                // A person decides, which may always be done.
                self.go(seq, RunState::Failed).unwrap();
                continue;
            }
            let asked = match self.state() {
                CampaignState::Draft | CampaignState::Stale => Command::Plan,
                CampaignState::Planned | CampaignState::Approved => Command::Start,
                CampaignState::Paused | CampaignState::Halted => Command::Resume(Accept::AsIs),
                CampaignState::RollbackIncomplete => Command::Cancel,
                CampaignState::AwaitingApproval => {
                    self.ask(Observation::Decided(Reason::SlicesDecided)).unwrap();
                    continue;
                }
                CampaignState::Soaking => {
                    self.now = self.machine.next_due().unwrap();
                    self.ask(Observation::Tick).unwrap();
                    continue;
                }
                stuck @ (CampaignState::Planning
                | CampaignState::PlanFailed
                | CampaignState::Running
                | CampaignState::Finalizing
                | CampaignState::Succeeded
                | CampaignState::PartiallySucceeded
                | CampaignState::RollingBack
                | CampaignState::RolledBack
                | CampaignState::Cancelling
                | CampaignState::Cancelled) => panic!("it is {stuck} and nothing is to be done"),
            };
            self.ask(asked).unwrap();
        }
        panic!("it does not end: {}", self.state());
    }
}

/// A campaign after something happened.
fn after(policy: Policy, waves: &[u64], happenings: &[Happening]) -> World {
    let mut world = World::planned(policy, waves);
    world.ask(Command::Start).unwrap();
    happenings.iter().for_each(|happening| world.happens(happening));
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold_and_every_run_ends(
        policy in policy(), waves in waves(), happenings in prop::collection::vec(happening(), 0..250)
    ) {
        let mut world = after(policy, &waves, &happenings);
        world.ends();
        prop_assert!(world.runs.iter().all(|run| run.state.is_at_rest()), "{:?}", world.machine);
        world.crash();
    }

    #[test]
    fn rolling_back_at_any_time_reverts_exactly_what_was_published(
        policy in policy(), waves in waves(), happenings in prop::collection::vec(happening(), 0..250), dies: Vec<bool>
    ) {
        let mut world = after(policy, &waves, &happenings);
        if world.ask(Command::RollBack(RollBackWhat::Campaign)).is_ok() {
            let unable = world.in_state(RunState::RevertFailed);
            for crash in dies {
                if crash { world.restore() } else { world.crash() }
                world.does_one(|_| 0);
            }
            world.settle(|| true);
            let mut reverted = world.in_state(RunState::Reverted);
            reverted.extend(&unable);
            reverted.sort_unstable();
            prop_assert_eq!(reverted, world.ever_published());
            let end = if unable.is_empty() { CampaignState::RolledBack } else { CampaignState::RollbackIncomplete };
            prop_assert_eq!(world.state(), end);
        }
    }

    /// Without anybody who raises budgets or tries again: at the door never more than the budget and one fail, and with
    /// strict admission nowhere.
    #[test]
    fn failures_stay_within_the_budget_and_the_door(
        policy in policy(), waves in waves(), steps in prop::collection::vec((any::<Index>(), 0..100_u8), 0..400), badness in 0..100_u8
    ) {
        let strict = policy.admission == Admission::Strict;
        let mut world = World::planned(policy, &waves);
        world.ask(Command::Start).unwrap();
        let (mut under_way, mut at_door_failed) = (Vec::<usize>::new(), vec![0_u64; waves.len()]);
        for (which, luck) in steps {
            for wave in 0..3_u32 {
                let held = under_way.iter().filter(|seq| world.runs[**seq].wave == wave).count() as u64;
                let free = world.machine.places_before_door(wave, held, 16);
                let new = world.runs.iter().filter(|run| run.wave == wave && run.state == RunState::Planned);
                let new = new.map(|run| run.seq as usize).filter(|seq| !under_way.contains(seq)).take(free as usize);
                let new: Vec<usize> = new.collect();
                under_way.extend(new);
            }
            if under_way.is_empty() {
                break;
            }
            let seq = under_way[which.index(under_way.len())];
            let from = world.runs[seq].state;
            world.works(seq, luck >= badness);
            let to = world.runs[seq].state;
            if (from, to) == (RunState::Intended, RunState::Failed) {
                at_door_failed[world.runs[seq].wave as usize] += 1;
            }
            under_way.retain(|seq| !world.runs[*seq].state.is_at_rest());
        }
        for wave in world.machine.waves() {
            let most = wave.budget() + 1;
            prop_assert!(at_door_failed[wave.number() as usize] <= most, "{:?}", wave);
            prop_assert!(!strict || wave.failures() <= most, "{:?}", wave);
        }
    }

    #[test]
    fn deciding_is_a_function_of_the_decisions(
        policy in policy(), waves in waves(), happenings in prop::collection::vec(happening(), 0..100)
    ) {
        let [one, other] = [(); 2].map(|()| after(policy.clone(), &waves, &happenings));
        prop_assert_eq!(&one.log, &other.log);
        let mut replayed = Campaign::draft(policy, Timestamp(1_000_000));
        one.log.iter().for_each(|decision| replayed.apply(decision));
        prop_assert_eq!(replayed.duties(), one.machine.duties());
        prop_assert_eq!(replayed.state(), one.machine.state());
    }
}
