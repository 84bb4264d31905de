//! Campaigns that wait for people, one story each.

use skein_campaign::{ApprovalRule, Command, Observation, Policy, Promote, Span};
use skein_types::{CampaignState, Reason, RunState, WaveState};

use crate::world::World;

fn lacking(waves: &[u64]) -> World {
    let mut world = World::planned(Policy::standard(), waves);
    world.ask(Observation::Undecided(Reason::ApprovalNeeded)).unwrap();
    assert_eq!(world.state(), CampaignState::AwaitingApproval);
    world
}

fn publish(world: &mut World, wave: u32) {
    let seq = world.first(wave, RunState::Planned).unwrap();
    world.go(seq, RunState::Intended).unwrap();
    world.go(seq, RunState::Published).unwrap();
}

fn wave_states(world: &World) -> Vec<WaveState> {
    world.machine.waves().iter().map(skein_campaign::Wave::state).collect()
}

#[test]
fn what_lacks_approvals_starts_when_they_are_there_and_not_before() {
    let mut world = lacking(&[1, 2]);
    assert_eq!(world.ask(Command::Start).unwrap_err().code().id, "SK0631");
    world.ask(Observation::Decided(Reason::SlicesDecided)).unwrap();
    assert_eq!(world.state(), CampaignState::Approved);
    // One is taken back, and another given.
    world.ask(Observation::Undecided(Reason::ApprovalRevoked)).unwrap();
    assert_eq!(world.ask(Command::Start).unwrap_err().code().id, "SK0631");
    world.ask(Observation::Decided(Reason::SlicesDecided)).unwrap();
    world.ask(Command::Start).unwrap();
    // Once it runs nothing of it is undone by that.
    assert_eq!(world.ask(Observation::Undecided(Reason::ApprovalExpired)), Ok(vec![]));
    world.settle(|| true);
    assert_eq!(world.state(), CampaignState::Soaking);
}

#[test]
fn what_is_out_of_date_lost_its_approvals_and_what_is_declined_ends() {
    let mut world = lacking(&[1, 2]);
    world.ask(Observation::OutOfDate(Reason::MembershipMoved)).unwrap();
    assert_eq!(world.state(), CampaignState::Stale);

    let mut world = lacking(&[1, 2]);
    assert_eq!(world.ask(Observation::Declined).unwrap_err().code().id, "SK0631");
    (0..3).for_each(|seq| drop(world.go(seq, RunState::Skipped).unwrap()));
    world.ask(Observation::Declined).unwrap();
    assert_eq!(
        (world.state(), world.machine.reason()),
        (CampaignState::Cancelled, Some(Reason::AllDeclined))
    );
}

#[test]
fn a_wave_waits_for_a_person_where_the_policy_says_so_and_its_late_runs_go_on() {
    let approvals = ApprovalRule { expires: Span::days(7), promote: Promote::Approval };
    let mut world = World::planned(Policy { approvals, ..Policy::standard() }, &[1, 20, 2]);
    world.ask(Command::Start).unwrap();
    publish(&mut world, 0);
    use WaveState::{AwaitingApproval, Promoted, Running, Waiting};
    assert_eq!(wave_states(&world), [AwaitingApproval, Waiting, Waiting]);
    assert_eq!(world.ask(Observation::WaveApproved(1)).unwrap_err().code().id, "SK0423");
    world.ask(Observation::WaveApproved(0)).unwrap();
    assert_eq!(wave_states(&world), [Promoted, Running, Waiting]);
    assert_eq!(world.ask(Observation::WaveApproved(0)).unwrap_err().code().id, "SK0423");
    (0..19).for_each(|_| publish(&mut world, 1));
    assert_eq!(wave_states(&world), [Promoted, AwaitingApproval, Waiting]);
    publish(&mut world, 1);
    // While it is halted nobody can know whether it should go on.
    world.ask(Observation::ModuleSuspended).unwrap();
    assert_eq!(world.ask(Observation::WaveApproved(1)).unwrap_err().code().id, "SK0423");
    world.ask(Command::Resume(skein_campaign::Accept::Nothing)).unwrap();
    world.ask(Observation::WaveApproved(1)).unwrap();
    world.settle(|| true);
    // Behind the last one there is nothing to let begin.
    assert_eq!((world.state(), wave_states(&world)), (CampaignState::Soaking, vec![Promoted; 3]));
}

#[test]
fn what_is_put_aside_keeps_no_gate_waiting_and_is_waited_for_at_the_end() {
    let mut world = World::planned(Policy::standard(), &[2, 4]);
    world.ask(Command::Start).unwrap();
    publish(&mut world, 0);
    world.aside.insert(0, 1);
    world.machine.put_aside(0, 1);
    world.ask(Observation::Tick).unwrap();
    assert_eq!(wave_states(&world), [WaveState::Promoted, WaveState::Running]);
    (0..4).for_each(|_| publish(&mut world, 1));
    assert_eq!(world.state(), CampaignState::Running);
    world.aside.clear();
    world.machine.put_aside(0, 0);
    publish(&mut world, 0);
    assert_eq!(world.state(), CampaignState::Soaking);
}

#[test]
fn it_stands_where_all_that_is_left_is_held_or_put_off_and_not_before() {
    let mut world = World::planned(Policy::standard(), &[1, 4]);
    world.ask(Command::Start).unwrap();
    publish(&mut world, 0);
    world.go(1, RunState::Held).unwrap();
    let off = |runs| move |wave| if wave == 1 { runs } else { 0 };
    for left in [3, 2] {
        assert!(!world.machine.stands(off(left - 1)), "one of {left} may begin");
        assert!(world.machine.stands(off(left)));
        publish(&mut world, 1);
    }
    // Beside what is at the door it does not stand.
    let last = world.first(1, RunState::Planned).unwrap();
    world.go(last, RunState::Intended).unwrap();
    assert!(!world.machine.stands(off(1)));
    world.go(last, RunState::Published).unwrap();
    assert!(world.machine.stands(off(0)));
    world.ask(Command::Pause).unwrap();
    assert!(!world.machine.stands(off(0)), "somebody resumes it");
}

/// A campaign that has begun while these many runs of its waves are put off.
fn begun(waves: &[u64], off: &[u64]) -> World {
    let mut world = World::planned(Policy::standard(), waves);
    for (wave, runs) in (0..).zip(off) {
        world.aside.insert(wave, *runs);
        world.machine.put_aside(wave, *runs);
    }
    world.ask(Command::Start).unwrap();
    world
}

#[test]
fn the_first_wave_in_which_something_is_tried_is_as_careful_as_the_canary() {
    // All of the canary and of the wave behind it is put off.
    let mut world = begun(&[2, 3, 40, 40], &[2, 3]);
    let budget = |world: &World, wave: usize| world.machine.waves()[wave].budget();
    use WaveState::{Promoted, Running, Waiting};
    assert_eq!(wave_states(&world), [Promoted, Promoted, Running, Waiting]);
    assert_eq!((budget(&world, 2), world.machine.places_at_door(2)), (0, 1));
    assert!(budget(&world, 3) > 0);
    assert_eq!(world.machine.places_before_door(2, 0, 99), 1);
    // The way back is rehearsed with as many of it as the canary has.
    assert!(world.machine.rehearses(2));
    publish(&mut world, 2);
    assert!(world.machine.rehearses(2) && world.machine.rehearses(0) && !world.machine.rehearses(3));
    publish(&mut world, 2);
    assert!(!world.machine.rehearses(2));
    // Of forty two may be late elsewhere; and the next process has no other rules.
    world.restore();
    (0..37).for_each(|_| publish(&mut world, 2));
    let last = world.first(2, RunState::Planned).unwrap();
    world.go(last, RunState::Held).unwrap();
    assert_eq!(wave_states(&world)[3], Waiting);
    world.go(last, RunState::Planned).unwrap();
    publish(&mut world, 2);
    assert_eq!(wave_states(&world)[3], Running);
    assert!(budget(&world, 3) > 0, "something was tried before it");

    let mut world = begun(&[2, 40], &[2]);
    let first = world.first(1, RunState::Planned).unwrap();
    world.go(first, RunState::Failed).unwrap();
    assert_eq!(world.state(), CampaignState::Halted);
}

#[test]
fn where_the_canary_was_declined_the_next_wave_is_tried_first_and_where_some_of_it_was_tried_it_is_not() {
    for (tried, budget) in [(0, 0), (1, 3)] {
        let mut world = World::planned(Policy::standard(), &[2, 40]);
        world.ask(Command::Start).unwrap();
        (0..tried).for_each(|_| publish(&mut world, 0));
        (tried..2).for_each(|seq| drop(world.go(seq, RunState::Skipped).unwrap()));
        assert_eq!(world.machine.waves()[1].state(), WaveState::Running);
        assert_eq!(world.machine.waves()[1].budget(), budget);
    }
}
