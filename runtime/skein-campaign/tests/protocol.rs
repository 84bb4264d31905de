//! The node protocol, explored: every order of steps, every loss, delay and repetition of a message, and every place for a
//! number of faults, over the machines that control and nodes run.
//!
//! Durable are the ledger (one step is one transaction) and each dataset's log (create-if-absent); staged files are on disk. A
//! message stays deliverable for ever, so it may come late, twice, out of order or never. A lease may be taken for over at any
//! time, early or late, so no clock is needed here: `protocol_lease.rs` has those.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that meets what it did not expect has failed, and the number of states is printed"
)]

#[path = "protocol/control.rs"]
mod control;
#[path = "protocol/model.rs"]
mod model;
#[path = "protocol/node.rs"]
mod node;
#[path = "protocol/properties.rs"]
mod properties;
#[path = "protocol/rules.rs"]
mod rules;
#[path = "protocol/system.rs"]
mod system;
#[path = "protocol/walk.rs"]
mod walk;

use std::time::Duration;

use model::Protocol;
use rules::{Rule, Rules};
use stateright::{Checker, HasDiscoveries, Model};
use system::Faults;
use walk::walk;

/// With one checkpoint between start and result.
fn protocol(nodes: usize, tasks: usize, faults: u8, cancels: u8) -> Protocol {
    let faults = Faults { any: faults, cancels };
    Protocol { nodes, tasks, checkpoints: 1, faults, rules: Rules::default() }
}

fn all_of(protocol: Protocol) {
    let name = protocol.to_string();
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!("{name}: all {} states, {} steps deep", checker.unique_state_count(), checker.max_depth());
    assert!(checker.is_done(), "some states were not looked at");
    checker.assert_properties();
}

#[test]
fn all_states_of_two_nodes_and_one_run_with_a_fault_and_a_cancel_hold() {
    all_of(protocol(2, 1, 1, 1));
}

#[test]
fn random_walks_of_three_nodes_and_two_runs_with_many_faults_hold() {
    walk(&Protocol { checkpoints: 2, ..protocol(3, 2, 4, 1) }, 4, 40_000);
}

/// The long form: with `SKEIN_SOAK_ROUNDS`, so many thousand states of walks, and all states of two larger systems.
#[test]
fn larger_systems_hold_when_there_is_time_for_them() {
    let rounds =
        std::env::var_os("SKEIN_SOAK_ROUNDS").and_then(|rounds| rounds.to_str()?.parse::<usize>().ok());
    let Some(rounds) = rounds else { return };
    all_of(protocol(2, 1, 2, 0));
    all_of(protocol(3, 1, 1, 0));
    for seed in 0..8 {
        walk(&Protocol { checkpoints: 2, ..protocol(3, 2, 6, 2) }, seed, rounds * 1_000);
    }
}

/// Explores without a rule until the property that the rule is for does not hold.
fn is_missed(rule: Rule, property: &'static str) {
    // Going round for ever is found at the end of all else, so in the smallest system where it can be.
    let smallest = if property == properties::ASKS { protocol(1, 1, 1, 0) } else { protocol(2, 1, 1, 1) };
    let rules = Rules { left_out: Some(rule) };
    let checker = Protocol { rules, ..smallest }.checker().threads(2);
    let until = HasDiscoveries::AnyOf([property].into());
    let checker = checker.finish_when(until).timeout(Duration::from_secs(120)).spawn_bfs().join();
    let steps = checker.discovery(property).map(|path| path.into_actions().len());
    println!("without {rule:?}: {} states, broken after {steps:?} steps", checker.unique_state_count());
    assert!(steps.is_some(), "without {rule:?} still: {property}");
}

#[test]
fn each_rule_is_missed_where_it_is_left_out() {
    is_missed(Rule::FenceReports, properties::RECORDS);
    is_missed(Rule::CountExchanges, properties::WAITS);
    is_missed(Rule::GiveAgain, properties::ASKS);
    is_missed(Rule::CreateIfAbsent, properties::ENDED);
    is_missed(Rule::ShutInTheLog, properties::ENDED);
    is_missed(Rule::NoCancelAfterIntent, properties::ENDED);
    is_missed(Rule::CancelWaits, properties::WAITS);
    is_missed(Rule::NoRunAfterIntent, properties::INTENDED);
    is_missed(Rule::KeepStaged, properties::KEPT);
    is_missed(Rule::KeepCheckpoints, properties::RECORDS);
}
