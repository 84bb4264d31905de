//! Versions that wait: held, looked at, published or discarded.

use skein_dataset::{
    Change, HeldError, Outcome, Recovered, Step, VersionKind, crash, discard, hold, publish_held, recover,
    resolve, roll_back,
};
use skein_types::RunId;

use crate::world::{REJECTED, World, bytes, left, open, put, reject, staged};

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
        let path = dataset.held_path(run).unwrap().unwrap();
        assert_eq!(path, dataset.state_path().join(format!("held/{run}/data/{name}")));
        let ready = bytes(&path);
        assert!(ready.values().any(|bytes| bytes == b"a+m"), "{ready:?}");
        assert_eq!(recover(&dataset).unwrap(), Recovered { steps: Vec::new(), busy: false });

        assert_eq!(publish_held(&dataset, None).unwrap().version, 1);
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
    assert_eq!(publish_held(&dataset, Some(runs[1])).unwrap().version, 1);
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
    assert!(dataset.held_path(run).unwrap().unwrap().is_dir(), "the next run does not sweep it");
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
        matches!(&refused, HeldError::Unfit { added: 1, path, .. } if path == "late.parquet"),
        "it has no schema: {refused}"
    );
    assert_eq!(refused.code().id, "SK0531");
    assert_eq!(world.bytes("t").len(), 2);
    std::fs::remove_file(world.path("t/late.parquet")).unwrap();
    assert_eq!(publish_held(&dataset, Some(run)).unwrap().version, 1);
}

#[test]
fn a_held_version_that_somebody_changed_is_not_published() {
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m");
    let path = dataset.held_path(run).unwrap().unwrap();
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
    assert_eq!(publish_held(&dataset, None).unwrap().version, 1);
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
    assert_eq!(bytes(&dataset.held_path(run).unwrap().unwrap()).into_values().next().unwrap(), b"a+m");
    std::fs::remove_file(world.path("t/late.parquet")).unwrap();
    assert_eq!(publish_held(&dataset, None).unwrap().version, 1);
}

#[test]
fn a_rollback_just_before_the_lock_makes_a_held_version_stale_and_nothing_unknown() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let (dataset, path) = (world.dataset("t"), world.path("t"));
    world.migrate(&dataset, "m1").unwrap();
    world.hold(&dataset, "m2");
    let rolled_back =
        |path: std::path::PathBuf, to: u64| move || drop(roll_back(&open(&path), Some(to)).unwrap());
    crash::act_at("held.before-lock", rolled_back(path.clone(), 0));
    let stale = publish_held(&dataset, None).unwrap_err();
    assert_eq!(
        (stale.code().id, stale.to_string()),
        ("SK0531", "it was made from version 1, and version 2 is current".to_owned())
    );
    crash::act_at("held.before-lock", rolled_back(path, 1));
    discard(&dataset, None).unwrap();
    assert_eq!((dataset.history().unwrap().versions().len(), left(&dataset, "held")), (4, 0));
}

#[test]
fn a_held_version_that_became_current_is_published_even_if_its_shell_cannot_be_removed() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.hold(&dataset, "m");
    crash::fail_at("held.after-done");
    assert_eq!(publish_held(&dataset, None).unwrap().version, 1);
    assert_eq!(left(&dataset, "held"), 1);
    recover(&dataset).unwrap();
    assert_eq!(left(&dataset, "held"), 0);
}

#[test]
fn a_directory_of_held_versions_that_somebody_made_and_did_not_sync_is_synced() {
    let waits = |made: bool| {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let dataset = world.dataset("t");
        world.migrate(&dataset, "m1").unwrap();
        if made {
            std::fs::create_dir(dataset.state_path().join("held")).unwrap();
        }
        let before = crash::waits_for_disk();
        world.hold(&dataset, "m2");
        crash::waits_for_disk() - before
    };
    assert_eq!(waits(true), waits(false));
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
        assert_eq!(dataset.held_path(run).unwrap().is_some(), is_held, "{point}");
        assert_eq!(left(&dataset, "held"), usize::from(is_held), "{point}");
        assert_eq!(resolve(&dataset, run).unwrap() == Outcome::Held { base: 0 }, is_held, "{point}");
    }
}

#[test]
fn rejects_go_to_the_quarantine_when_the_held_version_is_published() {
    let (world, dataset) = World::with_one_file();
    let run = held_with_rejects(&world, &dataset);
    assert_eq!(std::fs::read(dataset.held_rejects(run).unwrap().unwrap()).unwrap(), REJECTED);
    assert_eq!(left(&dataset, "quarantine"), 0);
    publish_held(&dataset, None).unwrap();
    let kept = dataset.state_path().join(format!("quarantine/{run}.parquet"));
    assert_eq!(std::fs::read(kept).unwrap(), REJECTED);
}

/// Runs the migration once with rejects and holds its result.
fn held_with_rejects(world: &World, dataset: &skein_dataset::Dataset) -> RunId {
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(dataset, &lock, "m");
    reject(&ready);
    hold(ready).answer.unwrap();
    lock.run
}

/// Whether data files fit is a matter of formats, which these tests know nothing of: sidecars always do.
#[test]
fn what_was_only_added_joins_a_held_version_whenever_it_comes() {
    for point in ["", "publish.after-data-sync", "swap.after-slot", "swap.after-exchange"] {
        let world = World::new();
        world.put("t/k=1/a.parquet", b"a");
        let dataset = world.dataset("t");
        let run = held_with_rejects(&world, &dataset);
        world.put("t/_SUCCESS", b"");
        let old = match point {
            "swap.after-exchange" => dataset.state_path().join("kept/1"),
            _ => world.path("t"),
        };
        if !point.is_empty() {
            crash::act_at(point, move || put(&old.join("k=2/README"), b"late"));
        }
        let published = publish_held(&dataset, None).unwrap();
        let late: &[&str] = if point.is_empty() { &[] } else { &["k=2/README"] };
        assert_eq!(published.joined, [&["_SUCCESS"], late].concat(), "{point}");
        let mut contents: Vec<_> = world.bytes("t").into_values().collect();
        contents.sort();
        let wanted: &[&[u8]] = if point.is_empty() { &[b"", b"a+m"] } else { &[b"", b"a+m", b"late"] };
        assert_eq!(contents, wanted, "{point}");
        let history = dataset.history().unwrap();
        assert_eq!(history.head().unwrap().version, published.version);
        assert_eq!((history.held().len(), left(&dataset, "held"), left(&dataset, "stage")), (0, 0, 0));
        let kept = dataset.state_path().join(format!("quarantine/{run}.parquet"));
        assert_eq!(std::fs::read(kept).unwrap(), REJECTED);
        let record = history.head().unwrap().files.iter().find(|file| file.rows.is_some()).unwrap();
        assert_eq!(record.applied.len(), 1, "{point}: it is known to be migrated");
        roll_back(&dataset, None).unwrap();
        let mut contents: Vec<_> = world.bytes("t").into_values().collect();
        contents.sort();
        let wanted: &[&[u8]] = if point.is_empty() { &[b"", b"a"] } else { &[b"", b"a", b"late"] };
        assert_eq!(contents, wanted, "{point}");
    }
}

#[test]
fn an_observed_addition_does_not_move_a_dataset_on_but_one_that_is_gone_again_leaves_it_publishable() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let runs = [world.hold(&dataset, "m1"), {
        world.put("t/README", b"r");
        world.hold_over(&dataset, "m2", 1)
    }];
    assert_eq!(dataset.history().unwrap().head().unwrap().version, 1, "the second run observed it");
    assert_eq!(dataset.history().unwrap().moved_on(0), None);
    std::fs::remove_file(world.path("t/README")).unwrap();
    let drift = publish_held(&dataset, Some(runs[1])).unwrap_err();
    assert!(matches!(&drift, HeldError::Drift { changes } if *changes == [Change::Removed("README".into())]));
    let published = publish_held(&dataset, Some(runs[0])).unwrap();
    assert_eq!(
        (published.joined.len(), world.bytes("t").into_values().next().unwrap()),
        (0, b"a+m1".to_vec())
    );
}

#[test]
fn a_process_that_dies_while_it_publishes_a_copy_leaves_the_version_held_or_published() {
    for (point, is_published) in [
        ("stage.after-create", false),
        ("publish.after-data-sync", false),
        ("publish.after-adopt", false),
        ("publish.after-intent", true),
        ("swap.after-exchange", true),
        ("swap.after-decision", true),
        ("settle.after-done", true),
        ("held.after-done", true),
    ] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let dataset = world.dataset("t");
        let run = held_with_rejects(&world, &dataset);
        world.put("t/README", b"r");
        crash::fail_at(point);
        // Whatever fails after it, it is current.
        assert_eq!(publish_held(&dataset, None).is_ok(), point == "held.after-done", "{point}");
        recover(&dataset).unwrap();
        let history = dataset.history().unwrap();
        assert_eq!(
            (history.held().is_empty(), left(&dataset, "held") == 0),
            (is_published, is_published),
            "{point}"
        );
        assert_eq!(left(&dataset, "stage"), 0, "{point}");
        if !is_published {
            assert_eq!(world.bytes("t")["a.parquet"], b"a", "{point}");
            publish_held(&dataset, Some(run)).unwrap();
        }
        let mut contents: Vec<_> = world.bytes("t").into_values().collect();
        contents.sort();
        assert_eq!(contents, [b"a+m".to_vec(), b"r".to_vec()], "{point}");
        let kept = dataset.state_path().join(format!("quarantine/{run}.parquet"));
        assert_eq!(std::fs::read(kept).unwrap(), REJECTED, "{point}");
    }
}

#[test]
fn what_is_in_the_way_of_a_hold_is_named_and_not_taken_for_a_replaced_dataset() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    put(&dataset.state_path().join(format!("held/{}/x", lock.run)), b"in the way");
    let Outcome::Unknown { cause } = hold(ready).answer.unwrap() else { panic!("it cannot be held") };
    assert_eq!(cause, format!("held/{} exists already in the dataset's state", lock.run));
}
