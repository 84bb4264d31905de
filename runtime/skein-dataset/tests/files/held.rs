//! Versions that wait: held, looked at, published or discarded.

use skein_dataset::{
    Change, HeldError, Outcome, Recovered, Step, VersionKind, crash, discard, hold, publish_held, recover,
    resolve, roll_back,
};

use crate::world::{REJECTED, World, bytes, left, put, reject, staged};

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
        let run = world.hold(&dataset, "m");
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
    let (world, dataset) = World::with_one_file();
    let before = world.bytes("t");
    let run = world.hold(&dataset, "m");
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
    let (world, dataset) = World::with_one_file();
    let runs = [world.hold(&dataset, "m1"), world.hold(&dataset, "m2")];
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
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m1");
    assert_eq!(world.migrate(&dataset, "m2").unwrap(), Outcome::Committed { version: 1 });
    assert!(dataset.held_path(run).unwrap().is_dir(), "the next run does not sweep it");
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0531");
    roll_back(&dataset, None).unwrap();
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0531", "version 2 is not version 0");
}

#[test]
fn what_others_wrote_since_the_hold_is_a_conflict_and_stays() {
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m");
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
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m");
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
    let (world, dataset) = World::with_one_file();
    world.hold(&dataset, "m");
    let lock = dataset.lock_run(world.run()).unwrap();
    assert_eq!(publish_held(&world.dataset("t"), None).unwrap_err().code().id, "SK0513");
    assert_eq!(discard(&world.dataset("t"), None).unwrap_err().code().id, "SK0513");
    drop(lock);
    discard(&dataset, None).unwrap();
}

#[test]
fn drift_in_the_last_moment_leaves_the_version_held() {
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m");
    crash::fail_at("swap.after-exchange");
    let unknown = publish_held(&dataset, None).unwrap_err();
    assert_eq!(
        (unknown.code().id, unknown.to_string().as_str(), unknown.hint().as_deref()),
        (
            "SK0523",
            "it is not known whether it happened",
            Some("run `skein recover` on the dataset, then look at its history")
        )
    );
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
        let (world, dataset) = World::with_one_file();
        let lock = dataset.lock_run(world.run()).unwrap();
        let ready = staged(&dataset, &lock, "m");
        crash::fail_at(point);
        let answer = hold(ready).answer.unwrap();
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
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    reject(&ready);
    let run = lock.run;
    hold(ready).answer.unwrap();
    drop(lock);
    assert_eq!(std::fs::read(dataset.held_rejects(run).unwrap()).unwrap(), REJECTED);
    assert_eq!(left(&dataset, "quarantine"), 0);
    publish_held(&dataset, None).unwrap();
    let kept = dataset.state_path().join(format!("quarantine/{run}.parquet"));
    assert_eq!(std::fs::read(kept).unwrap(), REJECTED);
}
