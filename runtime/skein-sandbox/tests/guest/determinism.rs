//! The same seed gives the same bytes for the same fuel, whatever the machine is doing.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use skein_sandbox::{Agent, GuestError, Limits, Module, Seed};
use skein_types::{Fuel, Shape, codes};

use crate::support::{FIRST, ROWS, Start, batch, engine, hostile, limits, load, source};

const fn is_send<T: Send>() {}
const fn is_sync<T: Sync>() {}
const _: () = is_send::<Agent>();
const _: () = is_send::<Module>();
const _: () = is_sync::<Module>();
const _: () = is_send::<GuestError>();

fn observed(agent: &mut Agent) -> Vec<RecordBatch> {
    agent.process(FIRST, &batch(ROWS)).unwrap().data
}

fn with_seed(seed: u8) -> Agent {
    Start { seed: Seed([seed; 32]), ..Start::default() }.agent("observe").unwrap()
}

#[test]
fn clock_and_randomness_follow_the_seed() {
    let mut agent = with_seed(1);
    let first = observed(&mut agent);
    assert_eq!(observed(&mut with_seed(1)), first);
    assert_ne!(observed(&mut with_seed(2)), first);
    let numbers = first[0].column(0).as_primitive::<Int64Type>();
    let (wall, later) = (numbers.value(0), numbers.value(3));
    assert!(later > wall, "the clock goes on: {wall} {later}");
    assert_ne!(numbers.value(1), numbers.value(4), "randomness goes on");
}

#[test]
fn reseeding_starts_the_clock_anew() {
    let mut agent = with_seed(1);
    let clock = |data: &[RecordBatch]| data[0].column(0).as_primitive::<Int64Type>().value(0);
    let first = clock(&observed(&mut agent));
    assert_ne!(clock(&observed(&mut agent)), first);
    agent.reseed(Seed([1; 32]));
    assert_eq!(clock(&observed(&mut agent)), first);
    agent.reseed(Seed([9; 32]));
    assert_ne!(clock(&observed(&mut agent)), first);
}

#[test]
fn a_hundred_reruns_use_the_same_fuel() {
    let fuel = |behave: &str| {
        let mut agent = Start::default().agent(behave).unwrap();
        agent.process(FIRST, &batch(ROWS)).unwrap();
        agent.finish().unwrap();
        agent.usage().fuel
    };
    let first = fuel("by-hand");
    assert!(first > Fuel(1_000), "{first:?}");
    for _ in 0..100 {
        assert_eq!(fuel("by-hand"), first);
    }
}

/// The guest works for a dozen epochs or so, more or fewer as the machine is busy: fuel counts operators and nothing else.
#[test]
fn fuel_does_not_depend_on_how_many_epochs_a_call_lasts() {
    let run = || {
        let mut agent = Start { limits: Limits::STANDARD, ..Start::default() }.agent("work").unwrap();
        agent.process(FIRST, &batch(ROWS)).unwrap();
        agent.usage().fuel
    };
    let first = run();
    assert!(first > Fuel(100_000_000), "{first:?}");
    for _ in 0..5 {
        assert_eq!(run(), first);
    }
}

/// What a plan names that looked at everything a guest can look at.
fn seen_while_planning(module: &Module) -> Vec<(String, String)> {
    module.plan(&source("plan-observes", Shape::Same), Arc::default(), &limits()).unwrap().ext
}

/// The host asks for a plan once: that a second answer would be the same is the sandbox's doing and not the module's.
#[test]
fn a_plan_does_not_depend_on_when_where_and_after_whom_it_is_asked_for() {
    let first = seen_while_planning(hostile());
    let seen = |what: &str| first.iter().find(|(name, _)| name == what).unwrap().1.as_str();
    assert_ne!(seen("wall"), seen("wall later"));
    assert_ne!(seen("random"), seen("random later"));
    assert_eq!((seen("calls"), seen("new memory")), ("1", "0"));
    // A neighbour that filled all its memory before its place is used again.
    for _ in 0..10 {
        let full = Start::default().process("grow").unwrap_err();
        assert_eq!(full.code().id, codes::GUEST_MEMORY.id);
        assert_eq!(seen_while_planning(hostile()), first);
    }
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| seen_while_planning(hostile()))).collect();
        assert!(asking.into_iter().all(|seen| seen.join().unwrap() == first));
    });
    // Compiled anew, in another engine.
    assert_eq!(seen_while_planning(&load(&engine(), "guest-hostile")), first);
}
