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
