//! Random units against a model in memory that counts by counting: the same outcomes, the same reads, over reopens and
//! retries.
//!
//! The plan of a case is abstract ("publish some run"); it is made concrete when its turn comes, most often so that it fits what
//! is there, so that cases get far, and sometimes not.

mod reference;
mod steps;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use skein_types::Timestamp;

use super::Places;
use super::scene::{CONTENT, Scene, by, campaign, node, task};
use crate::entry::Entry;
use crate::page::Limit;
use crate::unit::UnitOutcome;
use crate::view::{EventFilter, RunFilter, TaskFilter};
use reference::Reference;
use steps::{Move, moves, prelude};

const CAMPAIGNS: u64 = 2;
const RUNS: u64 = 5;
const NODES: u64 = 2;
const TASKS: u64 = 4;

/// Fewer would mean that the cases do not get far; there were a thousand when this was written.
const APPLIED: usize = 400;

/// Cases are few and long: what is rare needs a past.
const CASES: u32 = 32;

/// Outcomes and reads are the model's, whatever came before.
pub fn random_units_do_what_the_model_does(places: Places<'_>) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let plan = prop::collection::vec(moves(), 20..60);
    let applied = Cell::new(0);
    let result = TestRunner::new(config).run(&plan, |plan| {
        let scene = Scene::new(places);
        applied.set(applied.get() + play(scene, &plan));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(applied.get() >= APPLIED, "{} units were applied", applied.get());
}

/// How many units were applied.
fn play(mut scene: Scene, plan: &[Move]) -> usize {
    let mut applied = 0;
    let mut model = Reference::default();
    let blob = by().then(Entry::PutBlob { bytes: CONTENT.to_vec(), keep_until: super::scene::START });
    scene.applied(blob);
    for unit in prelude() {
        let outcome = model.commit(&unit, super::scene::START);
        assert_eq!(scene.commit(unit), outcome);
        assert!(outcome.is_done(), "{outcome:?}");
    }
    for (at, step) in plan.iter().enumerate() {
        let now = Timestamp(super::scene::START.0 + step.later);
        scene.clock.set(now);
        let units: Vec<_> = step.units.iter().map(|unit| unit.concrete(&model)).collect();
        let outcomes = scene.ledger().commit(units.clone()).expect("written");
        let expected: Vec<_> = units.iter().map(|unit| model.commit(unit, now)).collect();
        assert_eq!(outcomes, expected, "step {at}: {units:#?}");
        applied += outcomes.iter().filter(|outcome| matches!(outcome, UnitOutcome::Applied(_))).count();
        if step.reopen {
            scene.reopen();
        }
    }
    same_reads(&scene, &model);
    scene.is_sound();
    applied
}

fn same_reads(scene: &Scene, model: &Reference) {
    let ledger = scene.ledger();
    let events = ledger.events(0, &EventFilter::default(), Limit::MAX).expect("read").items;
    assert!(events.iter().map(|recorded| &recorded.event).eq(&model.log), "{events:#?}");
    for number in 1..=CAMPAIGNS {
        let id = campaign(number);
        assert_eq!(ledger.campaign(id).expect("read"), model.campaign(id));
        assert_eq!(ledger.waves(id).expect("read"), model.waves(id));
        let runs = ledger.runs(id, RunFilter::default(), None, Limit::MAX).expect("read").items;
        assert_eq!(runs, model.runs(id));
    }
    for number in 1..=NODES {
        assert_eq!(ledger.node(node(number)).expect("read"), model.nodes.get(&node(number)).cloned());
    }
    let tasks = ledger.tasks(TaskFilter::default(), 0, Limit::MAX).expect("read").items;
    for number in 1..=TASKS {
        let of = |tasks: &[crate::task::Task]| tasks.iter().find(|t| t.id == task(number)).cloned();
        let live = of(&tasks).map(|task| crate::task::Task { order: 0, ..task });
        assert_eq!(live, model.tasks.get(&task(number)).cloned());
    }
    assert_eq!(tasks.len(), model.tasks.len());
}
