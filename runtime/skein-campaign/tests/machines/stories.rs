//! How campaigns go, one story each.

use skein_campaign::{
    Accept, Admission, Allowance, BeforeDoor, Command, Decision, Duty, Observation, Policy, RetryWhat,
    RollBackWhat, RunReport, Share, Span,
};
use skein_types::{CampaignState, Reason, RunState, Timestamp, Verb, WaveState};

use crate::world::World;

fn started(policy: Policy, waves: &[u64]) -> World {
    let mut world = World::planned(policy, waves);
    world.ask(Command::Start).unwrap();
    world
}

/// Takes one run of a wave through the door.
fn publish(world: &mut World, wave: u32) -> usize {
    let seq = world.first(wave, RunState::Planned).unwrap();
    world.go(seq, RunState::Intended).unwrap();
    world.go(seq, RunState::Published).unwrap();
    seq
}

fn fail(world: &mut World, wave: u32) -> usize {
    let seq = world.first(wave, RunState::Planned).unwrap();
    world.go(seq, RunState::Failed).unwrap();
    seq
}

fn wave_states(world: &World) -> Vec<WaveState> {
    world.machine.waves().iter().map(skein_campaign::Wave::state).collect()
}

/// Moves since a place in the log, as words.
fn moves(world: &World, from: usize) -> Vec<String> {
    let told = |decision: &Decision| match decision {
        Decision::Moved(moved) => Some(format!("{} {}", moved.to, moved.reason)),
        Decision::Wave(moved) => Some(format!("wave {} {} {}", moved.wave, moved.to, moved.reason)),
        Decision::Planned(_) | Decision::Run(_) => None,
    };
    world.log[from..].iter().filter_map(told).collect()
}

#[test]
fn a_campaign_without_trouble_goes_wave_by_wave_and_ends_after_the_window() {
    let mut world = World::draft(Policy::standard());
    world.ask(Command::Plan).unwrap();
    world.plan(&[2, 5, 40]);
    world.ask(Command::Start).unwrap();
    world.settle(|| true);
    assert_eq!(
        moves(&world, 0),
        [
            "planning asked",
            "planned plan_ready",
            "approved no_approval_needed",
            "running asked",
            "wave 0 running turn_came",
            "wave 0 promoted gate_passed",
            "wave 1 running turn_came",
            "wave 1 promoted gate_passed",
            "wave 2 running turn_came",
            "wave 2 promoted gate_passed",
            "soaking rolled_out",
        ]
    );
    let due = world.machine.next_due().unwrap();
    assert_eq!(due, Timestamp(world.now.0 + 7 * 86_400_000));
    world.now = Timestamp(due.0 - 1);
    assert_eq!(world.ask(Observation::Tick), Ok(vec![]));
    let early = world.ask(Command::Finalize { now: false }).unwrap_err();
    assert_eq!((early.code().id, early.to_string()), ("SK0636", format!("it can be undone until {due}")));
    world.now = due;
    world.ask(Observation::Tick).unwrap();
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::Succeeded);
    assert_eq!(world.machine.runs().get(RunState::Finalized), 47);
}

#[test]
fn a_canary_publishes_one_at_a_time_and_its_first_failure_halts() {
    let mut world = started(Policy::standard(), &[3, 50]);
    assert_eq!((world.machine.places_at_door(0), world.machine.places_at_door(1)), (1, 0));
    assert_eq!(
        world.go(3, RunState::Intended).unwrap_err().to_string(),
        "run 3 does not become intended: wave 1 is waiting"
    );
    world.go(0, RunState::Intended).unwrap();
    let full = world.go(1, RunState::Intended).unwrap_err();
    assert_eq!(full.to_string(), "1 runs of wave 0 are being published, and no more than 1 may be");
    assert_eq!((full.code().id, full.class().as_str()), ("SK0634", "transient"));
    let decided = world.go(0, RunState::Failed).unwrap();
    assert_eq!(decided.len(), 3, "the run's move, the held wave and the halt in one unit: {decided:?}");
    assert_eq!(
        (world.state(), wave_states(&world)),
        (CampaignState::Halted, vec![WaveState::Held, WaveState::Waiting])
    );
    assert_eq!(world.machine.before_door(0), BeforeDoor::StageAndHold);
    let refused = world.ask(Command::Resume(Accept::Nothing)).unwrap_err();
    assert_eq!(refused.to_string(), "1 runs of wave 0 failed, and no more than 0 may");
    assert_eq!(refused.possible, [Verb::Resume, Verb::Cancel, Verb::Retry, Verb::Skip, Verb::RollBack]);
}

#[test]
fn after_a_halt_it_goes_on_with_more_budget_or_as_it_is_and_then_halts_at_the_next() {
    let mut world = started(Policy::standard(), &[3, 50]);
    fail(&mut world, 0);
    assert_eq!(world.ask(Command::Resume(Accept::Budget(0))).unwrap_err().code().id, "SK0635");
    world.ask(Command::Resume(Accept::AsIs)).unwrap();
    assert_eq!(
        (world.machine.waves()[0].budget(), world.machine.waves()[0].reason()),
        (1, Some(Reason::BudgetRaised))
    );
    assert_eq!(world.machine.places_at_door(0), 1);
    fail(&mut world, 0);
    assert_eq!(world.state(), CampaignState::Halted);
    world.ask(Command::Resume(Accept::Budget(5))).unwrap();
    assert_eq!(world.machine.waves()[0].door_width(), 1, "a canary stays careful");
    fail(&mut world, 0);
    assert_eq!(wave_states(&world), [WaveState::Promoted, WaveState::Running]);
    assert_eq!(world.state(), CampaignState::Running);
}

#[test]
fn a_retry_gives_the_budget_back_and_a_plain_resume_will_do() {
    let mut world = started(Policy::standard(), &[1, 50]);
    let seq = fail(&mut world, 0);
    world.ask(Command::Retry(RetryWhat::Failed)).unwrap();
    world.go(seq, RunState::Planned).unwrap();
    assert_eq!(world.ask(Command::Retry(RetryWhat::Failed)).unwrap_err().code().id, "SK0637");
    assert_eq!(world.state(), CampaignState::Halted);
    world.ask(Command::Resume(Accept::Nothing)).unwrap();
    publish(&mut world, 0);
    assert_eq!(wave_states(&world), [WaveState::Promoted, WaveState::Running]);
}

#[test]
fn the_door_gets_narrower_with_each_failure_and_the_halt_comes_with_the_one_too_many() {
    let mut world = started(Policy::standard(), &[1, 100]);
    publish(&mut world, 0);
    let mut widths = Vec::new();
    while world.state() == CampaignState::Running {
        widths.push(world.machine.places_at_door(1));
        fail(&mut world, 1);
    }
    assert_eq!(widths, [4, 3, 2, 1]);
    assert_eq!(world.machine.waves()[1].failures(), 4);
}

#[test]
fn runs_at_the_door_finish_after_a_halt_and_no_other_is_announced() {
    let mut world = started(Policy::standard(), &[1, 100]);
    publish(&mut world, 0);
    let at_door: Vec<usize> = (1..=4).collect();
    at_door.iter().for_each(|seq| drop(world.go(*seq, RunState::Intended).unwrap()));
    (5..=8).for_each(|seq| drop(world.go(seq, RunState::Failed).unwrap()));
    assert_eq!(world.state(), CampaignState::Halted);
    assert_eq!(world.go(9, RunState::Intended).unwrap_err().code().id, "SK0632");
    assert_eq!(world.machine.duties(), [Duty::Confirm(1)]);
    at_door.iter().for_each(|seq| drop(world.go(*seq, RunState::Published).unwrap()));
    assert_eq!((world.state(), world.count(None, RunState::Published)), (CampaignState::Halted, 5));
}

#[test]
fn the_next_wave_begins_when_enough_is_at_rest_and_late_runs_spend_their_own_budget() {
    let mut world = started(Policy::standard(), &[1, 60, 50]);
    publish(&mut world, 0);
    for _ in 0..56 {
        publish(&mut world, 1);
    }
    assert_eq!(wave_states(&world)[2], WaveState::Waiting);
    fail(&mut world, 1);
    assert_eq!(wave_states(&world)[1..], [WaveState::Promoted, WaveState::Running]);
    assert!(world.machine.places_at_door(1) > 0, "late runs go on");
    fail(&mut world, 1);
    fail(&mut world, 1);
    fail(&mut world, 2);
    assert_eq!(world.state(), CampaignState::Running, "three of each may fail");
    publish(&mut world, 2);
    assert_eq!(world.machine.waves()[1].failures(), 3);
    let mut spent = world.clone();
    spent.ask(Command::Pause).unwrap();
    spent.ask(Command::Resume(Accept::Nothing)).unwrap();
    assert_eq!(spent.machine.waves()[1].runs().get(RunState::Planned), 1);
    fail(&mut spent, 1);
    assert_eq!((spent.state(), wave_states(&spent)[1]), (CampaignState::Halted, WaveState::Held));
    assert_eq!(wave_states(&spent)[2], WaveState::Running);
}

#[test]
fn admission_starts_slowly_grows_with_successes_and_starts_again_after_a_failure() {
    let mut world = started(Policy::standard(), &[1, 200]);
    publish(&mut world, 0);
    let places = |world: &World| world.machine.places_before_door(1, 0, 1_000);
    assert_eq!(places(&world), 5, "2 % of 200 may fail, and one");
    (0..4).for_each(|_| _ = publish(&mut world, 1));
    assert_eq!(places(&world), 5);
    publish(&mut world, 1);
    assert_eq!(places(&world), 10);
    (0..10).for_each(|_| _ = publish(&mut world, 1));
    assert_eq!((places(&world), world.machine.places_before_door(1, 3, 12)), (20, 9));
    fail(&mut world, 1);
    assert_eq!((places(&world), world.machine.places_before_door(1, 6, 1_000)), (4, 0));
}

#[test]
fn strict_admission_is_as_narrow_as_the_door() {
    let policy = Policy { admission: Admission::Strict, ..Policy::standard() };
    let mut world = started(policy, &[1, 200]);
    publish(&mut world, 0);
    (0..100).for_each(|_| _ = publish(&mut world, 1));
    assert_eq!((world.machine.places_before_door(1, 0, 1_000), world.machine.places_at_door(1)), (5, 5));
    assert_eq!(world.machine.places_before_door(1, 5, 1_000), 0);
}

#[test]
fn a_budget_of_nothing_publishes_one_at_a_time() {
    let policy = Policy { budget: Allowance::Runs(0), ..Policy::standard() };
    let mut world = started(policy, &[1, 100]);
    publish(&mut world, 0);
    assert_eq!(world.machine.places_at_door(1), 1);
    world.go(1, RunState::Intended).unwrap();
    assert_eq!(world.machine.places_at_door(1), 0);
    world.go(1, RunState::Failed).unwrap();
    assert_eq!(world.state(), CampaignState::Halted);
}

#[test]
fn a_paused_campaign_starts_nothing_and_a_failure_too_many_meanwhile_halts_it() {
    let mut world = started(Policy::standard(), &[2, 50]);
    world.go(0, RunState::Intended).unwrap();
    world.ask(Command::Pause).unwrap();
    assert_eq!(
        (world.machine.duties(), world.machine.before_door(0)),
        (vec![Duty::Confirm(0)], BeforeDoor::StopAtCheckpoint)
    );
    assert_eq!(
        world.go(1, RunState::Intended).unwrap_err().to_string(),
        "run 1 does not become intended while the campaign is paused"
    );
    world.go(0, RunState::Failed).unwrap();
    assert_eq!(world.state(), CampaignState::Halted);
}

#[test]
fn a_cancelled_campaign_finishes_what_is_at_the_door_and_ends_the_rest() {
    let mut world = started(Policy::standard(), &[2, 50]);
    publish(&mut world, 0);
    world.go(1, RunState::Intended).unwrap();
    world.ask(Command::Cancel).unwrap();
    assert_eq!(world.machine.duties(), [Duty::Confirm(0), Duty::Cancel(1)]);
    world.settle(|| true);
    assert_eq!((world.state(), wave_states(&world)), (CampaignState::Cancelled, vec![WaveState::Aborted; 2]));
    assert_eq!((world.count(None, RunState::Published), world.count(None, RunState::Cancelled)), (2, 50));
    let refused = world.ask(Command::RollBack(RollBackWhat::Campaign)).unwrap_err();
    assert_eq!(refused.to_string(), "a campaign that is cancelled does not roll back");
    assert_eq!(refused.hint(), "it is cancelled: nothing more can be asked of it");
}

#[test]
fn neither_cancelling_nor_rolling_back_ends_before_what_is_at_the_door() {
    for (command, end) in [
        (Command::Cancel, CampaignState::Cancelled),
        (Command::RollBack(RollBackWhat::Campaign), CampaignState::RolledBack),
    ] {
        let mut world = started(Policy::standard(), &[2]);
        world.go(0, RunState::Intended).unwrap();
        world.ask(command).unwrap();
        world.go(1, RunState::Cancelled).unwrap();
        assert!(!world.state().is_terminal(), "{}", world.state());
        world.settle(|| true);
        assert_eq!(world.state(), end);
    }
}

#[test]
fn a_wave_that_is_being_undone_is_undone_before_a_cancelled_campaign_ends() {
    let mut world = started(Policy::standard(), &[2]);
    publish(&mut world, 0);
    world.ask(Command::RollBack(RollBackWhat::Wave(0))).unwrap();
    world.ask(Command::Cancel).unwrap();
    world.go(1, RunState::Cancelled).unwrap();
    assert_eq!((world.state(), world.machine.duties()), (CampaignState::Cancelling, vec![Duty::Revert(0)]));
    world.settle(|| true);
    assert_eq!((world.state(), world.count(None, RunState::Reverted)), (CampaignState::Cancelled, 1));
}

#[test]
fn a_campaign_that_has_not_begun_is_cancelled_too() {
    let mut world = World::draft(Policy::standard());
    world.ask(Command::Cancel).unwrap();
    assert_eq!(world.state(), CampaignState::Cancelled);
    let mut world = World::planned(Policy::standard(), &[2]);
    world.ask(Command::Cancel).unwrap();
    world.settle(|| true);
    assert_eq!((world.state(), world.count(None, RunState::Cancelled)), (CampaignState::Cancelled, 2));
}

#[test]
fn a_plan_that_is_out_of_date_is_made_again_and_one_that_is_carried_out_is_not() {
    let mut world = World::planned(Policy::standard(), &[2, 5]);
    world.ask(Observation::OutOfDate(Reason::MembershipMoved)).unwrap();
    assert_eq!(
        (world.state(), world.machine.reason()),
        (CampaignState::Stale, Some(Reason::MembershipMoved))
    );
    let refused = world.ask(Command::Start).unwrap_err();
    assert_eq!(refused.hint(), "it is stale; possible now: plan, cancel");
    world.ask(Command::Plan).unwrap();
    let old = world.machine.plan();
    world.settle(|| true);
    assert_ne!(world.machine.plan(), old);
    assert_eq!(
        (world.state(), world.machine.waves().len(), world.machine.ineligible()),
        (CampaignState::Planned, 3, 3)
    );
    world.ask(Command::Start).unwrap();
    assert_eq!(world.ask(Observation::OutOfDate(Reason::PolicyMoved)), Ok(vec![]));
}

#[test]
fn a_plan_that_comes_too_late_or_cannot_be_made() {
    let mut world = World::draft(Policy::standard());
    world.ask(Command::Plan).unwrap();
    world.ask(Observation::OutOfDate(Reason::ModuleMoved)).unwrap();
    let late = world.ask(Observation::PlanImpossible).unwrap_err();
    assert_eq!(late.to_string(), "a campaign that is stale does not expect that no plan can be made");
    assert_eq!(late.code().id, "SK0631");
    world.ask(Command::Plan).unwrap();
    world.ask(Observation::PlanImpossible).unwrap();
    assert_eq!(world.state(), CampaignState::PlanFailed);
}

#[test]
fn a_campaign_with_nothing_to_do_succeeds_at_once() {
    let world = started(Policy::standard(), &[]);
    assert_eq!(world.state(), CampaignState::Succeeded);
    let mut world = World::planned(Policy::standard(), &[1]);
    world.go(0, RunState::Skipped).unwrap();
    world.ask(Command::Start).unwrap();
    assert_eq!(world.state(), CampaignState::Succeeded, "{:?}", moves(&world, 0));
}

#[test]
fn failures_that_the_budget_allowed_make_it_a_partial_success_unless_they_are_tried_again() {
    let mut world = started(Policy::standard(), &[1, 10]);
    publish(&mut world, 0);
    let failed = fail(&mut world, 1);
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::Soaking);
    let mut left = world.clone();
    left.ask(Command::Finalize { now: true }).unwrap();
    left.at_once = true;
    left.settle(|| true);
    assert_eq!(left.state(), CampaignState::PartiallySucceeded);

    world.ask(Command::Retry(RetryWhat::All)).unwrap();
    world.go(failed, RunState::Planned).unwrap();
    assert_eq!((world.state(), world.machine.reason()), (CampaignState::Running, Some(Reason::Retried)));
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::Soaking);
    world.now = world.machine.next_due().unwrap();
    world.ask(Observation::Tick).unwrap();
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::Succeeded);
}

#[test]
fn a_run_that_is_rolled_back_leaves_the_campaign_where_it_is() {
    let mut world = started(Policy::standard(), &[1, 10]);
    let seq = publish(&mut world, 0);
    world.ask(Command::RollBack(RollBackWhat::Runs)).unwrap();
    world.go(seq, RunState::Reverting).unwrap();
    assert_eq!(world.machine.duties()[0], Duty::FinishReverts(0), "ahead of forward work");
    world.settle(|| true);
    assert_eq!((world.state(), world.count(None, RunState::Reverted)), (CampaignState::Soaking, 1));
    let again = world.go(seq, RunState::Planned).unwrap_err();
    assert_eq!(again.to_string(), "run 0 is reverted and cannot become planned");
}

#[test]
fn a_wave_that_is_rolled_back_pauses_the_campaign_which_can_go_on_without_it() {
    let mut world = started(Policy::standard(), &[1, 10, 10]);
    publish(&mut world, 0);
    (0..4).for_each(|_| _ = publish(&mut world, 1));
    let failed = fail(&mut world, 1);
    let from = world.log.len();
    world.ask(Command::RollBack(RollBackWhat::Wave(1))).unwrap();
    assert_eq!(moves(&world, from), ["paused rolled_back", "wave 1 aborted rolled_back"]);
    world.restore();
    world.settle(|| true);
    assert_eq!((world.count(Some(1), RunState::Reverted), world.count(Some(1), RunState::Cancelled)), (4, 5));
    let ended = world.go(failed, RunState::Planned).unwrap_err();
    assert_eq!(ended.to_string(), format!("run {failed} does not become planned: wave 1 is aborted"));
    assert_eq!((world.count(Some(0), RunState::Published), world.state()), (1, CampaignState::Paused));
    assert_eq!(world.ask(Command::RollBack(RollBackWhat::Wave(1))).unwrap_err().code().id, "SK0637");
    assert_eq!(world.ask(Command::RollBack(RollBackWhat::Wave(2))).unwrap_err().code().id, "SK0637");
    assert_eq!(
        world.ask(Command::RollBack(RollBackWhat::Wave(3))).unwrap_err().to_string(),
        "there is no wave 3, the last one is 2"
    );
    world.ask(Command::Resume(Accept::Nothing)).unwrap();
    world.settle(|| true);
    assert_eq!((world.state(), world.count(Some(2), RunState::Published)), (CampaignState::Soaking, 10));
    let cancelled = world.runs.iter().position(|run| run.state == RunState::Cancelled).unwrap();
    assert_eq!(world.go(cancelled, RunState::Planned).unwrap_err().code().id, "SK0632");
}

#[test]
fn a_wave_that_is_rolled_back_while_it_soaks_is_undone_before_anything_is_given_up() {
    let mut world = started(Policy::standard(), &[1, 10]);
    world.settle(|| true);
    world.ask(Command::RollBack(RollBackWhat::Wave(1))).unwrap();
    let refused = world.ask(Command::Finalize { now: true }).unwrap_err();
    assert_eq!(refused.to_string(), "10 runs are still being rolled back");
    world.now = Timestamp(world.machine.next_due().unwrap().0 + 1);
    world.ask(Observation::Tick).unwrap();
    assert_eq!(world.state(), CampaignState::Soaking);
    world.settle(|| true);
    assert_eq!((world.count(None, RunState::Reverted), world.count(None, RunState::Finalized)), (10, 1));
    assert_eq!(world.state(), CampaignState::PartiallySucceeded);
}

#[test]
fn what_could_not_be_rolled_back_is_tried_again_or_left() {
    let mut world = started(Policy::standard(), &[2]);
    world.settle(|| true);
    world.ask(Command::RollBack(RollBackWhat::Campaign)).unwrap();
    let mut first = false;
    world.settle(|| std::mem::replace(&mut first, true));
    assert_eq!(
        (world.state(), world.count(None, RunState::RevertFailed)),
        (CampaignState::RollbackIncomplete, 1)
    );
    assert!(world.machine.duties().is_empty(), "a person has to look");
    let mut left = world.clone();
    left.ask(Command::Cancel).unwrap();
    assert_eq!(left.state(), CampaignState::Cancelled);
    world.ask(Command::RollBack(RollBackWhat::Campaign)).unwrap();
    let seq = world.runs.iter().position(|run| run.state == RunState::RevertFailed).unwrap();
    world.go(seq, RunState::Reverting).unwrap();
    assert_eq!(world.state(), CampaignState::RollingBack);
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::RolledBack);
}

#[test]
fn a_suspended_module_halts_and_the_budget_is_no_obstacle_to_going_on() {
    let mut world = started(Policy::standard(), &[2, 5]);
    world.ask(Observation::ModuleSuspended).unwrap();
    assert_eq!(
        (world.state(), world.machine.reason()),
        (CampaignState::Halted, Some(Reason::ModuleSuspended))
    );
    assert_eq!(world.ask(Observation::ModuleSuspended), Ok(vec![]));
    let mut paused = started(Policy::standard(), &[2, 5]);
    paused.ask(Command::Pause).unwrap();
    paused.ask(Observation::ModuleSuspended).unwrap();
    assert_eq!(paused.state(), CampaignState::Halted, "who resumes it has to know");
    world.ask(Command::Resume(Accept::Nothing)).unwrap();
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::Soaking);
}

#[test]
fn a_report_from_before_the_run_moved_changes_nothing() {
    let mut world = started(Policy::standard(), &[2, 5]);
    let before = world.runs[0];
    world.go(0, RunState::Intended).unwrap();
    let late = RunReport { run: world.runs[0], epoch: before.epoch, to: RunState::Failed };
    let refused = world.ask(late).unwrap_err();
    assert_eq!(refused.to_string(), "run 0 is at epoch 1, the report is of epoch 0");
    assert_eq!((refused.code().id, world.runs[0].state), ("SK0633", RunState::Intended));
    let nowhere = RunReport::of(skein_campaign::Run { wave: 9, ..world.runs[0] }, RunState::Failed);
    assert_eq!(world.ask(nowhere).unwrap_err().code().id, "SK0638");
}

#[test]
fn the_gate_and_the_window_are_the_policys() {
    let policy =
        Policy { gate: Share::percent(100), rollback_window: Span::seconds(60), ..Policy::standard() };
    let mut world = started(policy, &[1, 20, 5]);
    publish(&mut world, 0);
    (0..19).for_each(|_| _ = publish(&mut world, 1));
    assert_eq!(wave_states(&world)[2], WaveState::Waiting);
    publish(&mut world, 1);
    assert_eq!(wave_states(&world)[2], WaveState::Running);
    world.settle(|| true);
    assert_eq!(world.machine.next_due(), Some(Timestamp(world.now.0 + 60_000)));
}

#[test]
fn a_machine_written_down_is_the_same_when_read_back() {
    let mut world = started(Policy::standard(), &[1, 20, 5]);
    publish(&mut world, 0);
    fail(&mut world, 1);
    let text = serde_json::to_string(&world.machine).unwrap();
    assert_eq!(serde_json::from_str::<skein_campaign::Campaign>(&text).unwrap(), world.machine);
    for decision in &world.log {
        let text = serde_json::to_string(decision).unwrap();
        assert_eq!(&serde_json::from_str::<Decision>(&text).unwrap(), decision);
    }
}

#[test]
fn a_held_run_keeps_the_canary_back_and_no_later_wave_and_the_campaign_from_its_end() {
    let none = |_| 0;
    let mut world = World::planned(Policy::standard(), &[1, 20, 20]);
    world.ask(Command::Start).unwrap();
    world.go(0, RunState::Held).unwrap();
    assert_eq!(world.machine.waves()[1].state(), WaveState::Waiting);
    assert!(world.machine.stands(none));
    // Released, it goes through the door as it is staged.
    world.go(0, RunState::Planned).unwrap();
    assert!(!world.machine.stands(none));
    publish(&mut world, 0);
    assert_eq!(world.machine.waves()[1].state(), WaveState::Running);

    world.go(1, RunState::Held).unwrap();
    world.go(2, RunState::Held).unwrap();
    for _ in 0..18 {
        publish(&mut world, 1);
    }
    assert_eq!(world.machine.waves()[2].state(), WaveState::Running, "two of twenty wait for a person");
    for _ in 0..20 {
        assert!(!world.machine.stands(none), "the last wave goes on");
        publish(&mut world, 2);
    }
    assert_eq!((world.state(), world.machine.stands(none)), (CampaignState::Running, true));
    world.go(1, RunState::Failed).unwrap();
    assert_eq!(world.state(), CampaignState::Running);
    world.go(2, RunState::Planned).unwrap();
    publish(&mut world, 1);
    assert_eq!(world.state(), CampaignState::Soaking);
}

#[test]
fn held_runs_are_ended_with_their_campaign() {
    for command in [Command::Cancel, Command::RollBack(RollBackWhat::Campaign)] {
        let mut world = World::planned(Policy::standard(), &[2, 2]);
        world.ask(Command::Start).unwrap();
        publish(&mut world, 0);
        world.go(1, RunState::Held).unwrap();
        world.ask(command).unwrap();
        world.settle(|| true);
        assert_eq!(world.count(None, RunState::Held), 0);
        assert!(world.state().is_terminal(), "{}", world.state());
    }
}

#[test]
fn a_held_run_of_a_part_that_is_rolled_back_is_given_up_and_the_others_go_on() {
    let mut world = World::planned(Policy::standard(), &[2, 2]);
    world.ask(Command::Start).unwrap();
    publish(&mut world, 0);
    world.go(1, RunState::Held).unwrap();
    assert_eq!(world.machine.waves()[1].state(), WaveState::Waiting);
    world.go(1, RunState::Cancelled).unwrap();
    assert_eq!(world.machine.waves()[1].state(), WaveState::Running);
    // What is not held begins or is left out; it is not cancelled.
    world.go(2, RunState::Cancelled).unwrap_err();
}

#[test]
fn a_campaign_whose_last_run_could_not_go_back_soaks_on_so_that_it_can_be_tried_again() {
    let mut world = started(Policy::standard(), &[1]);
    world.settle(|| true);
    world.go(0, RunState::Reverting).unwrap();
    world.go(0, RunState::RevertFailed).unwrap();
    assert_eq!(world.state(), CampaignState::Soaking);
    world.go(0, RunState::Reverting).unwrap();
    world.go(0, RunState::Reverted).unwrap();
    assert_eq!(world.state(), CampaignState::PartiallySucceeded);
    // Or it is left until the window is over.
    let mut left = started(Policy::standard(), &[1]);
    left.settle(|| true);
    left.go(0, RunState::Reverting).unwrap();
    left.go(0, RunState::RevertFailed).unwrap();
    left.now = Timestamp(left.machine.next_due().unwrap().0 + 1);
    left.ask(Observation::Tick).unwrap();
    left.settle(|| true);
    assert_eq!(left.state(), CampaignState::PartiallySucceeded);
}
