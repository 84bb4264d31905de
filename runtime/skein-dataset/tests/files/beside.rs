//! A run's output as a dataset of its own, next to the one that was read.

use skein_dataset::{
    Attempted, Dataset, Outcome, PublishError, Recovered, Step, VersionKind, beside, crash, recover,
    roll_back,
};

use crate::world::{REJECTED, World, applied, bytes, left, reject, staged};

/// Runs the migration over `dataset` and makes `name` of it.
fn make(world: &World, dataset: &Dataset, name: &str) -> Result<Outcome, PublishError> {
    let lock = dataset.lock_run(world.run()).unwrap();
    let ready = staged(dataset, &lock, "m");
    reject(&ready);
    let Attempted { answer, .. } = beside(ready, &name.parse().unwrap());
    answer
}

#[test]
fn the_new_dataset_has_its_own_log_and_the_old_one_is_as_it_was() {
    for (old, new) in [("t", "u"), ("t.parquet", "u.parquet")] {
        let world = World::new();
        if old == "t" {
            world.put("t/k=1/a.parquet", b"a");
        } else {
            world.put(old, b"a");
        }
        let (source, before) = (world.dataset(old), world.bytes(old));
        assert_eq!(make(&world, &source, new).unwrap(), Outcome::Committed { version: 0 });
        assert_eq!(world.bytes(old), before);
        assert_eq!((source.history().unwrap().versions().len(), left(&source, "stage")), (0, 0));

        let made = world.dataset(new);
        assert_eq!(world.bytes(new).into_values().collect::<Vec<_>>(), [b"a+m"]);
        let history = made.history().unwrap();
        let VersionKind::Beside(origin) = &history.head().unwrap().kind else { panic!("{history:?}") };
        assert_eq!((origin.dataset.as_str(), origin.version), (old, None));
        let rejects = made.state_path().join(format!("quarantine/{}.parquet", origin.facts.run));
        assert_eq!(std::fs::read(rejects).unwrap(), REJECTED);
        let lock = made.lock_run(world.run()).unwrap();
        assert_eq!(made.pin(&lock).unwrap().applied_to_all(), [applied("m")], "it is known to be migrated");
        drop(lock);

        let first = world.bytes(new);
        let Outcome::Committed { version } = world.migrate(&made, "m2").unwrap() else { panic!() };
        assert_eq!(world.bytes(new).into_values().collect::<Vec<_>>(), [b"a+m+m2"]);
        assert_eq!(roll_back(&made, Some(0)).unwrap().version, version + 1);
        assert_eq!(world.bytes(new), first);
        assert_eq!(world.bytes(old), before);
    }
}

#[test]
fn a_name_that_is_taken_is_refused_and_what_has_it_stays() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("u/b.parquet", b"b");
    world.put(".skein/v/log/x", b"left of an earlier dataset");
    let source = world.dataset("t");
    for name in ["u", "v", "t"] {
        let refused = make(&world, &source, name).unwrap_err();
        assert_eq!(refused.code().id, "SK0528", "{name}");
    }
    assert_eq!(world.bytes("u").into_keys().collect::<Vec<_>>(), ["b.parquet"]);
    assert!(!world.path(".skein/u").exists());
    assert_eq!(left(&source, "stage"), 0);
    for bad in ["", ".", "..", "a/b", ".skein"] {
        assert_eq!(bad.parse::<skein_dataset::Name>().unwrap_err().code().id, "SK0003", "{bad:?}");
    }
}

#[test]
fn an_error_on_the_way_leaves_the_new_dataset_complete_or_not_at_all() {
    for (point, there) in [
        ("beside.after-sync", false),
        ("beside.after-state", false),
        ("beside.after-data", true),
        ("beside.after-parent-sync", true),
    ] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let source = world.dataset("t");
        crash::fail_at(point);
        let answer = make(&world, &source, "u");
        match point {
            "beside.after-sync" => assert_eq!(answer.unwrap_err().code().id, "SK0004"),
            _ => assert!(matches!(answer.unwrap(), Outcome::Unknown { .. }), "{point}"),
        }
        let steps = recover(&source).unwrap().steps;
        assert_eq!(
            matches!(steps[..], [Step::Swept { .. }]),
            point != "beside.after-sync",
            "{point}: {steps:?}"
        );
        assert_eq!(recover(&source).unwrap(), Recovered { steps: Vec::new(), busy: false });
        assert_eq!((world.path("u").exists(), world.path(".skein/u").exists()), (there, there), "{point}");
        if there {
            assert_eq!(bytes(&world.path("u")).into_values().collect::<Vec<_>>(), [b"a+m"]);
            assert!(matches!(world.dataset("u").head().unwrap().unwrap().kind, VersionKind::Beside(_)));
        } else {
            assert_eq!(make(&world, &source, "u").unwrap(), Outcome::Committed { version: 0 });
        }
    }
}

#[test]
fn what_somebody_made_of_the_name_meanwhile_is_not_taken_back() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let source = world.dataset("t");
    crash::fail_at("beside.after-state");
    make(&world, &source, "u").unwrap();
    // Somebody else's dataset of that name, and a run over it, before anybody recovers.
    world.put("u/own.parquet", b"own");
    world.migrate(&world.dataset("u"), "theirs").unwrap();
    let theirs = world.bytes("u");
    recover(&source).unwrap();
    assert_eq!(world.bytes("u"), theirs);
    assert!(world.path(".skein/u/log").is_dir());
    assert_eq!(left(&source, "stage"), 0);
}

#[test]
fn a_single_file_that_was_made_beside_is_not_taken_for_touched_by_its_first_run() {
    let world = World::new();
    world.put("one.parquet", b"a");
    let dataset = world.dataset("one.parquet");
    assert_eq!(make(&world, &dataset, "two.parquet").unwrap(), Outcome::Committed { version: 0 });
    let made = world.dataset("two.parquet");
    assert_eq!(world.migrate(&made, "n").unwrap(), Outcome::Committed { version: 1 });
    let versions = made.history().unwrap().versions().len();
    assert_eq!((versions, world.bytes("two.parquet")[""].as_slice()), (2, &b"a+m+n"[..]));
    roll_back(&made, None).unwrap();
    assert_eq!(world.bytes("two.parquet")[""], b"a+m");
}

#[test]
fn a_made_state_that_cannot_be_looked_at_is_not_taken_for_somebody_elses() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let source = world.dataset("t");
    crash::fail_at("beside.after-state");
    assert!(matches!(make(&world, &source, "u").unwrap(), Outcome::Unknown { .. }));
    // Something that a handle of the state's directory may not follow, as a directory that a user may not enter.
    let (log, away) = (world.path(".skein/u/log"), world.path("away"));
    std::fs::rename(&log, &away).unwrap();
    std::os::unix::fs::symlink(&away, &log).unwrap();
    assert_eq!(recover(&source).unwrap_err().code().id, "SK0004");
    assert_eq!(left(&source, "stage"), 1, "the note of what was made is still there");
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&away, &log).unwrap();
    assert!(matches!(recover(&source).unwrap().steps[..], [Step::Swept { .. }]));
    assert!(!world.path(".skein/u").exists());
}
