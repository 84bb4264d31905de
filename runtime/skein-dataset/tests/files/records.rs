//! A record that nobody could read back is not written, and what it was for does not begin.

use std::path::Path;

use skein_dataset::{Dataset, LaterWrites, Publish, attempt_many, beside, hold, roll_back, roll_back_over};

use crate::world::{World, bytes, open, put, stage};

/// The dataset with room for records of that many bytes.
fn narrow(path: &Path, bytes: u64) -> Dataset {
    open(path).with_records_up_to(bytes)
}

/// Bytes of the largest record.
fn largest(dataset: &Dataset) -> u64 {
    let log = dataset.state_path().join("log").read_dir().unwrap();
    log.map(|entry| entry.unwrap().metadata().unwrap().len()).max().unwrap()
}

/// One run with the answer of `end`.
fn refused(world: &World, dataset: &Dataset, end: &str) -> String {
    let lock = dataset.lock_run(world.run()).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let (staging, commit) = stage(dataset, &lock, &snapshot, "m2");
    let publish = Publish { dataset, lock: &lock, snapshot, staging, commit };
    let answer = match end {
        "publish" => attempt_many(vec![publish]).pop().unwrap().answer,
        "hold" => hold(publish).answer,
        _ => beside(publish, &"v2".parse().unwrap()).answer,
    };
    let error = answer.unwrap_err();
    assert_eq!(error.code().id, "SK0542", "{end}: {error}");
    error.to_string()
}

#[test]
fn what_would_not_fit_a_record_is_refused_before_anything_is_announced() {
    for end in ["publish", "hold", "beside"] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let path = world.path("t");
        world.migrate(&open(&path), "m1").unwrap();
        let (before, records) = (bytes(&path), open(&path).history().unwrap().next_number());
        let said = refused(&world, &narrow(&path, 600), end);
        assert!(
            said.starts_with("the next record would have ") && said.ends_with("one has at most 600B"),
            "{said}"
        );
        assert_eq!((bytes(&path), open(&path).history().unwrap().next_number()), (before, records), "{end}");
        assert!(!world.path("v2").exists() && !world.path(".skein/v2").exists());
        world.migrate(&open(&path), "m2").unwrap();
    }
}

#[test]
fn a_first_run_whose_version_would_not_fit_leaves_an_empty_log() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let path = world.path("t");
    refused(&world, &narrow(&path, 200), "publish");
    assert_eq!(open(&path).history().unwrap().next_number(), 0);
}

#[test]
fn a_rollback_whose_records_would_not_fit_touches_nothing_and_is_not_unknown() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let path = world.path("t");
    world.migrate(&open(&path), "m1").unwrap();
    let (before, records) = (bytes(&path), open(&path).history().unwrap().next_number());
    let error = roll_back(&narrow(&path, 300), None).unwrap_err();
    assert_eq!((error.code().id, error.hint().unwrap().contains("--file-size")), ("SK0542", true), "{error}");
    assert_eq!((bytes(&path), open(&path).history().unwrap().next_number()), (before, records));

    // What others did is observed first; that record does not fit either.
    let most = largest(&open(&path));
    for n in 0..20 {
        put(&path.join(format!("late {n}.parquet")), b"late");
    }
    let error = roll_back_over(&narrow(&path, most), None, LaterWrites::Keep).unwrap_err();
    assert_eq!(error.code().id, "SK0542", "{error}");
    assert_eq!(open(&path).history().unwrap().next_number(), records);
    assert_eq!(roll_back_over(&open(&path), None, LaterWrites::Keep).unwrap().set_aside[0].files, 20);
}
