//! What others do to a dataset: before, during and after a run. Nothing of theirs is lost, nothing is hidden.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use skein_dataset::{
    Change, Conflict, Outcome, Publish, RollbackError, Staging, StateError, VersionKind, attempt_many, crash,
    publish_many, recover, resolve, roll_back,
};

use crate::world::{World, catch_up, left, publish, stage, staged};

fn drifted(outcome: Outcome) -> Vec<Change> {
    match outcome {
        Outcome::Conflict { reason: Conflict::Drift { changes } } => changes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_added_changed_or_removed_during_a_run_win_and_nothing_staged_is_left() {
    type Act = fn(&World);
    let acts: [(Act, Change); 4] = [
        (|w| w.put("t/new.parquet", b"n"), Change::Added("new.parquet".into())),
        (|w| w.put("t/a.parquet", b"A"), Change::Modified("a.parquet".into())),
        (|w| std::fs::remove_file(w.path("t/b.parquet")).unwrap(), Change::Removed("b.parquet".into())),
        (|w| w.put("t/_SUCCESS", b"2"), Change::Modified("_SUCCESS".into())),
    ];
    for (act, change) in acts {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("t/b.parquet", b"b");
        world.put("t/_SUCCESS", b"1");
        let dataset = world.dataset("t");
        let lock = dataset.lock_run(world.run()).unwrap();
        let ready = staged(&dataset, &lock, "m");
        act(&world);
        let theirs = world.bytes("t");
        ready.snapshot.check_unchanged(&dataset).unwrap_err();
        let outcome = publish(ready).unwrap();
        assert_eq!(drifted(outcome), [change]);
        assert_eq!(world.bytes("t"), theirs);
        assert_eq!(left(&dataset, "stage"), 0);
        assert_eq!(dataset.head().unwrap(), None, "nothing was recorded");
    }
}

#[test]
fn a_dataset_that_was_replaced_during_a_run_is_left_alone() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    std::fs::rename(world.path("t"), world.path("t.old")).unwrap();
    world.put("t/a.parquet", b"other");
    let outcome = publish(ready).unwrap();
    assert_eq!(drifted(outcome), [Change::Modified("t".into())]);
    assert_eq!(world.bytes("t")["a.parquet"], b"other");
}

#[test]
fn a_rollback_during_a_run_makes_the_run_a_conflict() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m2");
    roll_back(&dataset, None).unwrap();
    let outcome = publish(ready).unwrap();
    assert_eq!(outcome, Outcome::Conflict { reason: Conflict::HeadMoved });
    assert_eq!(world.bytes("t")["a.parquet"], b"a");
    assert_eq!(resolve(&dataset, lock.run).unwrap(), Outcome::Conflict { reason: Conflict::NotPublished });
}

#[test]
fn a_pinned_file_that_changed_is_an_error_and_never_other_bytes() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/b.parquet", b"b");
    let dataset = world.dataset("t");
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    world.put("t/a.parquet", b"longer");
    std::fs::remove_file(world.path("t/b.parquet")).unwrap();
    for file in snapshot.files() {
        assert_eq!(snapshot.open_file(file).unwrap_err().code().id, "SK0525");
    }
}

#[test]
fn a_second_run_is_told_who_is_at_work() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let (dataset, first) = (world.dataset("t"), world.run());
    let lock = dataset.lock_run(first).unwrap();
    let refused = world.dataset("t").lock_run(world.run()).unwrap_err();
    assert_eq!(refused.code().id, "SK0513");
    assert_eq!(
        refused.to_string(),
        format!("{first} (process {}) is at work on this dataset", std::process::id())
    );
    assert!(recover(&world.dataset("t")).unwrap().busy);
    drop(lock);
    world.dataset("t").lock_run(world.run()).unwrap();
}

#[test]
fn what_others_wrote_between_runs_is_observed_migrated_and_in_the_way_of_a_rollback() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    world.put("t/late.parquet", b"late");

    let refused = roll_back(&dataset, None).unwrap_err();
    assert_eq!(refused.code().id, "SK0521");
    assert!(
        matches!(refused, RollbackError::LaterWrites { changes } if changes == [Change::Added("late.parquet".into())])
    );

    assert_eq!(world.migrate(&dataset, "m2").unwrap(), Outcome::Committed { version: 3 });
    let history = dataset.history().unwrap();
    let observed = VersionKind::Observed { changes: vec![Change::Added("late.parquet".into())] };
    assert_eq!(history.version(2).unwrap().kind, observed);

    assert_eq!(roll_back(&dataset, None).unwrap().to, 2);
    let names: Vec<String> = world.bytes("t").into_keys().collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"late.parquet".to_owned()));
    assert_eq!(roll_back(&dataset, Some(0)).unwrap_err().code().id, "SK0521");
    assert_eq!(world.bytes("t").len(), 2);
}

#[test]
fn a_changed_mode_is_not_a_later_write() {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["t/a.parquet", "one.parquet"] {
        let world = World::new();
        world.put(name, b"a");
        let root = name.split('/').next().unwrap();
        let dataset = world.dataset(root);
        world.migrate(&dataset, "m1").unwrap();
        let file = if root == "t" {
            world.path("t").join(world.bytes("t").into_keys().next().unwrap())
        } else {
            world.path(root)
        };
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(roll_back(&dataset, Some(0)).unwrap().to, 0, "{name}");
        assert_eq!(world.bytes(root).into_values().next().unwrap(), b"a");
        assert_eq!(roll_back(&dataset, Some(2)).unwrap().version, 4, "the mode took a version of its own");
    }
}

#[test]
fn a_run_that_is_asked_to_stop_while_it_copies_or_hashes_leaves_the_dataset_alone() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/README", b"r");
    world.migrate(&world.dataset("t"), "m1").unwrap();
    // A touched file is known only after its bytes were read.
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(world.path("t/README")).unwrap().set_modified(now).unwrap();
    world.put("t/late.parquet", b"as large as no other");
    let before = world.bytes("t");
    let stop = Arc::new(AtomicBool::new(false));
    let dataset = world.dataset("t").stopped_by(Arc::clone(&stop));
    let lock = dataset.lock_run(world.run()).unwrap();
    let asked = |to_stop| stop.store(to_stop, Ordering::Relaxed);
    let is_empty = || left(&dataset, "stage") == 0;

    asked(true);
    assert_eq!(dataset.pin(&lock).unwrap_err().code().id, "SK0002");
    asked(false);
    let snapshot = dataset.pin(&lock).unwrap();
    let staging = Staging::create(&dataset, &lock, &snapshot, 0).unwrap();
    asked(true);
    for file in snapshot.files() {
        assert_eq!(staging.join(&snapshot, file).unwrap_err().code().id, "SK0002");
    }
    assert_eq!(staging.copy_sidecars(&snapshot).unwrap_err().code().id, "SK0002");
    staging.discard().unwrap();
    assert!(is_empty());

    asked(false);
    let (staging, commit) = stage(&dataset, &lock, &snapshot, "m2");
    asked(true);
    let refused = publish(Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit }).unwrap_err();
    assert_eq!(refused.code().id, "SK0002", "late.parquet has no hash yet");
    assert!(is_empty());
    assert_eq!(world.bytes("t"), before);
    drop(lock);
    assert_eq!(world.migrate(&world.dataset("t"), "m2").unwrap(), Outcome::Committed { version: 3 });
}

#[test]
fn an_error_in_the_commit_window_is_unknown_until_it_is_resolved() {
    for (point, committed) in [
        ("publish.before-data-sync", None),
        ("publish.after-data-sync", None),
        ("publish.after-intent", Some(1)),
        ("publish.after-intent-sync", Some(1)),
        ("swap.after-slot", Some(1)),
        ("swap.after-exchange", Some(1)),
        ("swap.after-decision", Some(1)),
        ("publish.after-last-sync", Some(1)),
    ] {
        let (world, dataset) = World::with_one_file();
        let lock = dataset.lock_run(world.run()).unwrap();
        let ready = staged(&dataset, &lock, "m");
        crash::fail_at(point);
        let answer = publish(ready);
        match (answer, committed) {
            (Err(e), None) => {
                assert_eq!(e.code().id, "SK0004");
                assert_eq!(left(&dataset, "stage"), 0);
                assert_eq!(world.bytes("t")["a.parquet"], b"a");
            }
            (Ok(unknown @ Outcome::Unknown { .. }), Some(version)) => {
                assert_eq!(unknown.code().unwrap().id, "SK0523");
                assert_eq!(left(&dataset, "stage"), 1, "{point}");
                assert_eq!(resolve(&dataset, lock.run).unwrap(), Outcome::Committed { version }, "{point}");
                assert_eq!(resolve(&dataset, lock.run).unwrap(), Outcome::Committed { version }, "{point}");
                assert_eq!(world.bytes("t").into_values().next().unwrap(), b"a+m");
            }
            other => panic!("{point}: {other:?}"),
        }
    }
}

#[test]
fn an_error_in_the_window_of_a_rollback_is_unknown_until_it_is_recovered() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m").unwrap();
    crash::fail_at("swap.after-exchange");
    let unknown = roll_back(&dataset, None).unwrap_err();
    assert_eq!(
        (unknown.code().id, unknown.to_string().as_str(), unknown.hint()),
        ("SK0523", "it is not known whether the rollback happened", None)
    );
    recover(&dataset).unwrap();
    assert_eq!(world.bytes("t").into_values().collect::<Vec<_>>(), [b"a"]);
}

#[test]
fn drift_that_is_seen_only_when_the_outcome_is_resolved_is_a_conflict() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    crash::fail_at("publish.after-intent-sync");
    publish(ready).unwrap();
    world.put("t/late.parquet", b"late");
    assert_eq!(drifted(resolve(&dataset, lock.run).unwrap()), [Change::Added("late.parquet".into())]);
    assert_eq!(world.bytes("t").len(), 2);
    assert_eq!(world.bytes("t")["a.parquet"], b"a");
    assert_eq!(dataset.history().unwrap().undone().len(), 1);
    drop(lock);
    assert_eq!(world.migrate(&dataset, "m").unwrap(), Outcome::Committed { version: 2 });
}

#[test]
fn what_others_write_into_a_version_that_is_taken_back_is_set_aside() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    crash::fail_at("swap.after-exchange");
    publish(ready).unwrap();
    world.put("t/into-new.parquet", b"theirs");
    crate::world::put(&dataset.state_path().join("kept/0/into-old.parquet"), b"theirs too");
    assert_eq!(drifted(resolve(&dataset, lock.run).unwrap()), [Change::Added("into-old.parquet".into())]);
    assert_eq!(world.bytes("t").into_keys().collect::<Vec<_>>(), ["a.parquet", "into-old.parquet"]);
    let aside = crate::world::bytes(&dataset.state_path().join("aside/1"));
    assert_eq!(aside["into-new.parquet"], b"theirs");
}

#[test]
fn a_replaced_dataset_under_an_open_intent_is_not_touched() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    crash::fail_at("swap.after-exchange");
    publish(ready).unwrap();
    // Both versions out of sight: nobody can say what should be live.
    std::fs::rename(world.path("t"), world.path("elsewhere")).unwrap();
    std::fs::rename(dataset.state_path().join("kept/0"), world.path("elsewhere too")).unwrap();
    world.put("t/z.parquet", b"z");
    let held = resolve(&dataset, lock.run).unwrap_err();
    assert!(matches!(held, StateError::Replaced { .. }), "{held}");
    assert_eq!(held.code().id, "SK0514");
    assert_eq!(world.bytes("t")["z.parquet"], b"z");
    std::fs::rename(world.path("t"), world.path("t.foreign")).unwrap();
    std::fs::rename(world.path("elsewhere"), world.path("t")).unwrap();
    std::fs::rename(world.path("elsewhere too"), dataset.state_path().join("kept/0")).unwrap();
    assert_eq!(resolve(&dataset, lock.run).unwrap(), Outcome::Committed { version: 1 });
}

#[test]
fn a_kept_version_that_was_touched_is_not_brought_back() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    let kept = dataset.state_path().join("kept/0");
    crate::world::put(&kept.join("a.parquet"), b"b");
    let damaged = roll_back(&dataset, None).unwrap_err();
    assert_eq!(
        (damaged.code().id, damaged.to_string()),
        ("SK0524", "version 0 is damaged: a.parquet".to_owned())
    );
    crate::world::put(&kept.join("a.parquet"), b"a");
    crate::world::put(&kept.join("b.parquet"), b"b");
    assert_eq!(roll_back(&dataset, None).unwrap_err().to_string(), "version 0 is damaged: b.parquet");
    std::fs::remove_file(kept.join("b.parquet")).unwrap();
    std::fs::rename(&kept, world.path("away")).unwrap();
    assert_eq!(roll_back(&dataset, None).unwrap_err().code().id, "SK0520");
    assert_eq!(roll_back(&dataset, Some(7)).unwrap_err().code().id, "SK0519");
    std::fs::rename(world.path("away"), &kept).unwrap();
    assert_eq!(roll_back(&dataset, None).unwrap().to, 0);
}

#[test]
fn a_damaged_log_is_named_and_nothing_is_done() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    let log = dataset.state_path().join("log");
    let record = |n: u64| log.join(format!("{n:020}.json"));
    let after = world.bytes("t");
    for (n, damage) in [(3_u64, 0_usize), (3, 40), (1, 100), (0, 0)] {
        let sound = std::fs::read(record(n)).unwrap();
        crate::world::put(&record(n), &sound[..damage]);
        let refused = roll_back(&dataset, None).unwrap_err();
        assert_eq!(refused.code().id, "SK0522");
        assert!(refused.to_string().starts_with(&format!("record {n} of the log is damaged")), "{refused}");
        assert_eq!(dataset.lock_run(world.run()).unwrap_err().code().id, "SK0522");
        crate::world::put(&record(n), &sound);
    }
    std::fs::rename(record(1), world.path("away")).unwrap();
    assert_eq!(roll_back(&dataset, None).unwrap_err().to_string(), "record 1 of the log is damaged: missing");
    std::fs::rename(world.path("away"), record(1)).unwrap();
    let other = World::new();
    other.put("t/a.parquet", b"a");
    other.migrate(&other.dataset("t"), "other").unwrap();
    let foreign = other.path(".skein/t/log").join(format!("{:020}.json", 2));
    std::fs::rename(record(2), world.path("away")).unwrap();
    std::fs::copy(foreign, record(2)).unwrap();
    assert_eq!(roll_back(&dataset, None).unwrap_err().to_string(), "record 2 of the log does not fit");
    std::fs::rename(world.path("away"), record(2)).unwrap();
    assert_eq!(world.bytes("t"), after);
    roll_back(&dataset, None).unwrap();
}

#[test]
fn a_batch_publishes_each_run_by_itself() {
    let world = World::new();
    let datasets: Vec<_> = (0..5)
        .map(|i| {
            world.put(&format!("d{i}/a.parquet"), b"a");
            world.dataset(&format!("d{i}"))
        })
        .collect();
    let locks: Vec<_> = datasets.iter().map(|d| d.lock_run(world.run()).unwrap()).collect();
    let runs = datasets.iter().zip(&locks).map(|(dataset, lock)| staged(dataset, lock, "m"));
    let runs: Vec<_> = runs.collect();
    world.put("d3/late.parquet", b"late");
    let outcomes: Vec<_> = publish_many(runs).into_iter().map(Result::unwrap).collect();
    for (i, outcome) in outcomes.into_iter().enumerate() {
        if i == 3 {
            assert_eq!(drifted(outcome), [Change::Added("late.parquet".into())]);
        } else {
            assert_eq!(outcome, Outcome::Committed { version: 1 });
        }
    }
}

/// Adds files between the pin and the publish, or between the publish's last look and its exchange.
#[test]
fn what_others_only_added_gives_the_run_back_and_is_caught_up() {
    for late in ["before", "in the last moment"] {
        let world = World::new();
        world.put("t/k=1/a.parquet", b"a");
        let dataset = world.dataset("t");
        let lock = dataset.lock_run(world.run()).unwrap();
        let ready = staged(&dataset, &lock, "m");
        let attempt = std::fs::read_dir(dataset.state_path().join("stage")).unwrap().next().unwrap().unwrap();
        let inode = |path: &std::path::Path| std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap());
        let first = attempt.path().join("data/t/k=1").read_dir().unwrap().next().unwrap().unwrap().path();
        let (first, written) = (first.file_name().unwrap().to_owned(), inode(&first));
        let path = world.path("t");
        let others = move |dir: &std::path::Path| {
            crate::world::put(&dir.join("k=2/late.parquet"), b"late");
            crate::world::put(&dir.join("README"), b"r");
        };
        match late {
            "before" => others(&path),
            // A writer that has the directory open, in the moment in which it changes places.
            _ => crash::act_at("swap.after-exchange", {
                let displaced = dataset.state_path().join("kept/0");
                move || others(&displaced)
            }),
        }
        let attempted = attempt_many(vec![ready]).pop().unwrap();
        let changes = drifted(attempted.answer.unwrap());
        assert!(changes.iter().all(|change| matches!(change, Change::Added(_))), "{changes:?}");
        let version = if late == "before" { 1 } else { 2 };
        assert_eq!(catch_up(attempted.returned.unwrap()), Outcome::Committed { version }, "{late}");
        let mut contents: Vec<_> = world.bytes("t").into_values().collect();
        contents.sort();
        assert_eq!(contents, [b"a+m".to_vec(), b"late+m".to_vec(), b"r".to_vec()], "{late}");
        assert_eq!(inode(&world.path("t/k=1").join(first)), written, "what was staged is not touched again");
        assert_eq!(left(&dataset, "stage"), 0);
        roll_back(&dataset, None).unwrap();
        let mut contents: Vec<_> = world.bytes("t").into_values().collect();
        contents.sort();
        assert_eq!(
            contents,
            [b"a".to_vec(), b"late".to_vec(), b"r".to_vec()],
            "{late}: theirs are never lost"
        );
    }
}

#[test]
fn a_run_that_was_given_back_and_is_dropped_leaves_nothing() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(&dataset, &lock, "m");
    world.put("t/late.parquet", b"late");
    let attempted = attempt_many(vec![ready]).pop().unwrap();
    assert!(attempted.returned.is_some());
    drop(attempted);
    assert_eq!(left(&dataset, "stage"), 0);
}

#[test]
fn what_changed_again_while_it_was_caught_up_is_a_conflict() {
    let (world, dataset) = World::with_one_file();
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    world.put("t/late.parquet", b"late");
    assert_eq!(dataset.pin_again(&lock, &snapshot).unwrap().1.len(), 1);
    world.put("t/a.parquet", b"A");
    assert_eq!(dataset.pin_again(&lock, &snapshot).unwrap_err().code().id, "SK0514");
}
