//! Versions that wait: held, looked at, published or discarded.

use skein_dataset::{
    Change, HeldError, NameRule, Outcome, Publish, Recovered, Step, VersionKind, crash, discard, hold,
    publish_held, recover, resolve, roll_back,
};
use skein_types::RunId;

use crate::world::{World, bytes, put, stage};

/// Runs the migration once and holds its result.
pub(crate) fn held(world: &World, dataset: &skein_dataset::Dataset, migration: &str) -> RunId {
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let base = snapshot.version().unwrap_or(0);
    let (staging, commit) = stage(dataset, &lock, &snapshot, migration);
    let run = lock.run;
    let answer = hold(Publish { dataset, lock: &lock, snapshot, staging, commit }).answer.unwrap();
    assert_eq!(answer, Outcome::Held { base });
    run
}

fn left(dataset: &skein_dataset::Dataset, part: &str) -> usize {
    std::fs::read_dir(dataset.state_path().join(part)).unwrap().count()
}

#[test]
fn a_held_version_can_be_read_and_changes_nothing_until_it_is_published() {
    for name in ["t", "one.parquet"] {
        let world = World::new();
        if name == "t" {
            world.put("t/k=1/a.parquet", b"a");
            world.put("t/_SUCCESS", b"");
        } else {
            world.put(name, b"a");
        }
        let (dataset, before) = (world.dataset(name), world.bytes(name));
        let run = held(&world, &dataset, "m");
        assert_eq!(world.bytes(name), before);
        assert_eq!(dataset.history().unwrap().versions().len(), 1, "the version that it was made from");
        let path = dataset.held_path(run).unwrap();
        assert_eq!(path, dataset.state_path().join(format!("held/{run}/data/{name}")));
        let ready = bytes(&path);
        assert!(ready.values().any(|bytes| bytes == b"a+m"), "{ready:?}");
        assert_eq!(recover(&dataset).unwrap(), Recovered { steps: Vec::new(), busy: false });

        assert_eq!(publish_held(&dataset, None).unwrap(), 1);
        assert_eq!(world.bytes(name), ready);
        let history = dataset.history().unwrap();
        assert!(matches!(&history.head().unwrap().kind, VersionKind::Published(facts) if facts.run == run));
        assert_eq!((history.held().len(), left(&dataset, "held"), left(&dataset, "stage")), (0, 0, 0));
        assert_eq!(roll_back(&dataset, None).unwrap().to, 0);
        assert_eq!(world.bytes(name), before);
    }
}

#[test]
fn a_discarded_version_is_gone_and_logged_and_the_migration_can_run_again() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let (dataset, before) = (world.dataset("t"), world.bytes("t"));
    let run = held(&world, &dataset, "m");
    let records = dataset.history().unwrap().next_number();
    assert_eq!(discard(&dataset, Some(run)).unwrap().held.hold.facts.run, run);
    assert_eq!((world.bytes("t"), left(&dataset, "held")), (before, 0));
    assert_eq!(dataset.history().unwrap().next_number(), records + 1);
    assert_eq!(discard(&dataset, Some(run)).unwrap_err().code().id, "SK0529");
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0529");
    assert_eq!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { version: 1 });
}

#[test]
fn of_several_held_versions_one_has_to_be_named_and_the_others_lose_their_base() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let runs = [held(&world, &dataset, "m1"), held(&world, &dataset, "m2")];
    let several = publish_held(&dataset, None).unwrap_err();
    assert!(matches!(&several, HeldError::Several { runs: named } if *named == runs), "{several}");
    assert!(several.hint().unwrap().contains(&runs[1].to_string()));
    assert_eq!(publish_held(&dataset, Some(runs[1])).unwrap(), 1);
    let moved = publish_held(&dataset, None).unwrap_err();
    assert_eq!(moved.code().id, "SK0531");
    assert_eq!(moved.to_string(), "it was made from version 0, and version 1 is current");
    assert_eq!(world.bytes("t").into_values().next().unwrap(), b"a+m2");
    discard(&dataset, None).unwrap();
    assert_eq!(left(&dataset, "held"), 0);
}

#[test]
fn another_run_goes_on_beside_a_held_version() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let run = held(&world, &dataset, "m1");
    assert_eq!(world.migrate(&dataset, "m2").unwrap(), Outcome::Committed { version: 1 });
    assert!(dataset.held_path(run).unwrap().is_dir(), "the next run does not sweep it");
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0531");
    roll_back(&dataset, None).unwrap();
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0531", "version 2 is not version 0");
}

#[test]
fn what_others_wrote_since_the_hold_is_a_conflict_and_stays() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let run = held(&world, &dataset, "m");
    world.put("t/late.parquet", b"late");
    let refused = publish_held(&dataset, None).unwrap_err();
    assert!(
        matches!(&refused, HeldError::Drift { changes } if *changes == [Change::Added("late.parquet".into())])
    );
    assert_eq!(refused.code().id, "SK0531");
    assert_eq!(world.bytes("t").len(), 2);
    std::fs::remove_file(world.path("t/late.parquet")).unwrap();
    assert_eq!(publish_held(&dataset, Some(run)).unwrap(), 1);
}

#[test]
fn a_held_version_that_somebody_changed_is_not_published() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let run = held(&world, &dataset, "m");
    let path = dataset.held_path(run).unwrap();
    put(&path.join("extra.parquet"), b"x");
    let damaged = publish_held(&dataset, None).unwrap_err();
    assert_eq!(
        (damaged.code().id, damaged.to_string()),
        ("SK0530", format!("what {run} holds is damaged: extra.parquet"))
    );
    std::fs::remove_file(path.join("extra.parquet")).unwrap();
    std::fs::rename(&path, world.path("away")).unwrap();
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0530");
    std::fs::rename(world.path("away"), &path).unwrap();
    assert_eq!(publish_held(&dataset, None).unwrap(), 1);
}

#[test]
fn a_held_version_is_not_published_while_a_run_is_at_work() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    held(&world, &dataset, "m");
    let lock = dataset.lock_run(world.run()).unwrap();
    assert_eq!(publish_held(&world.dataset("t"), None).unwrap_err().code().id, "SK0513");
    assert_eq!(discard(&world.dataset("t"), None).unwrap_err().code().id, "SK0513");
    drop(lock);
    discard(&dataset, None).unwrap();
}

#[test]
fn drift_in_the_last_moment_leaves_the_version_held() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let run = held(&world, &dataset, "m");
    crash::fail_at("swap.after-exchange");
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0523");
    // A writer that had the directory open finishes its file in what is the old version by now.
    let late = dataset.state_path().join("kept/0/late.parquet");
    put(&late, b"late");
    let taken_back = Step::TakenBack { changes: vec![Change::Added("late.parquet".into())], set_aside: None };
    assert_eq!(recover(&dataset).unwrap().steps, [taken_back]);
    assert_eq!(resolve(&dataset, run).unwrap(), Outcome::Held { base: 0 });
    assert_eq!(bytes(&dataset.held_path(run).unwrap()).into_values().next().unwrap(), b"a+m");
    std::fs::remove_file(world.path("t/late.parquet")).unwrap();
    assert_eq!(publish_held(&dataset, None).unwrap(), 1);
}

#[test]
fn an_error_after_the_files_were_moved_is_unknown_until_it_is_resolved() {
    for (point, is_held) in [("hold.after-move", false), ("hold.after-record", true)] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let dataset = world.dataset("t");
        let lock = dataset.lock_run(world.run()).unwrap();
        let snapshot = dataset.pin(&lock).unwrap();
        let (staging, commit) = stage(&dataset, &lock, &snapshot, "m");
        crash::fail_at(point);
        let answer =
            hold(Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit }).answer.unwrap();
        assert!(matches!(answer, Outcome::Unknown { .. }), "{point}: {answer:?}");
        let run = lock.run;
        drop(lock);
        recover(&dataset).unwrap();
        assert_eq!(dataset.held_path(run).is_some(), is_held, "{point}");
        assert_eq!(left(&dataset, "held"), usize::from(is_held), "{point}");
        assert_eq!(resolve(&dataset, run).unwrap() == Outcome::Held { base: 0 }, is_held, "{point}");
    }
}

#[test]
fn rejects_go_to_the_quarantine_when_the_held_version_is_published() {
    use std::io::Write as _;
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let (staging, commit) = stage(&dataset, &lock, &snapshot, "m");
    let mut rejects = staging.quarantine(&snapshot).unwrap();
    rejects.write_all(b"a rejected row").unwrap();
    rejects.finish(NameRule::Keep).unwrap();
    let run = lock.run;
    hold(Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit }).answer.unwrap();
    drop(lock);
    assert_eq!(std::fs::read(dataset.held_rejects(run).unwrap()).unwrap(), b"a rejected row");
    assert_eq!(left(&dataset, "quarantine"), 0);
    publish_held(&dataset, None).unwrap();
    let kept = dataset.state_path().join(format!("quarantine/{run}.parquet"));
    assert_eq!(std::fs::read(kept).unwrap(), b"a rejected row");
}
