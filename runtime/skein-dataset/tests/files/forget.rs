//! A dataset that is forgotten: its state is gone in one step, its files are as they were.

use std::path::Path;
use std::time::Duration;

use skein_dataset::{
    ForgetError, Holding, Outcome, Part, Place, PlaceError, StateError, collect_forgotten, finalize, forget,
    holdings,
};
use skein_types::Bytes;

use crate::crash::{End, child};
use crate::world::{World, bytes, open, put};

fn entries(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_would_be_lost_is_named_and_nothing_goes_until_somebody_agrees() {
    let world = World::new();
    world.put("t/a.parquet", b"aa");
    assert!(matches!(forget(&world.dataset("t"), true), Err(ForgetError::NoHistory)));
    world.migrate(&world.dataset("t"), "m1").unwrap();
    put(&world.path(".skein/t/quarantine/run.parquet"), b"rejected");
    let dataset = world.dataset("t");
    let all = vec![
        Holding::Kept { version: 0, bytes: Bytes(2) },
        Holding::Part { part: Part::Rejects, bytes: Bytes(8) },
    ];
    assert_eq!(holdings(&dataset).unwrap(), all);
    let (live, state) = (world.bytes("t"), bytes(&world.path(".skein/t/log")));
    let Err(ForgetError::Holds { holdings }) = forget(&dataset, false) else { panic!("it was forgotten") };
    assert_eq!(holdings, all);
    assert_eq!((world.bytes("t"), bytes(&world.path(".skein/t/log"))), (live.clone(), state));

    assert_eq!(forget(&dataset, true).unwrap(), all);
    assert_eq!(world.bytes("t"), live);
    assert_eq!(entries(world.dir.path()), ["t"], "nothing of Skein is left");
    assert_eq!(world.migrate(&world.dataset("t"), "m1").unwrap(), Outcome::Committed { version: 1 });
}

#[test]
fn a_dataset_that_gave_its_old_versions_up_is_forgotten_and_the_directory_above_can_be_one() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/b.parquet", b"b");
    for name in ["t/a.parquet", "t/b.parquet"] {
        world.migrate(&world.dataset(name), "m1").unwrap();
        finalize(&world.dataset(name), Duration::ZERO).unwrap();
    }
    let refused = Place::resolve(&world.path("t")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a.parquet, b.parquet inside are datasets of their own, with their state in .skein"
    );
    assert!(refused.hint().unwrap().contains("skein forget"));
    assert_eq!(forget(&world.dataset("t/a.parquet"), false).unwrap(), []);
    let Err(PlaceError::ContainsDataset { datasets, .. }) = Place::resolve(&world.path("t")) else {
        panic!()
    };
    assert_eq!(datasets, ["b.parquet"]);
    assert_eq!(forget(&world.dataset("t/b.parquet"), false).unwrap(), []);
    assert_eq!(world.migrate(&world.dataset("t"), "m2").unwrap(), Outcome::Committed { version: 1 });
}

#[test]
fn a_state_elsewhere_goes_with_its_pointer() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    std::fs::create_dir(world.path("states")).unwrap();
    let place = Place::resolve(&world.path("t")).unwrap().with_states_in(&world.path("states")).unwrap();
    let clock = std::sync::Arc::new(skein_types::SystemClock::start());
    let dataset = skein_dataset::Dataset::open(place, clock, crate::world::options()).unwrap();
    world.migrate(&dataset, "m1").unwrap();
    finalize(&dataset, Duration::ZERO).unwrap();
    assert_eq!(forget(&open(&world.path("t")), false).unwrap(), []);
    assert_eq!(
        (entries(world.dir.path()), entries(&world.path("states"))),
        (vec!["states".into(), "t".into()], vec![])
    );
}

#[test]
fn a_run_at_work_and_whoever_waits_behind_a_forget_lose_nothing() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.migrate(&world.dataset("t"), "m1").unwrap();
    let dataset = world.dataset("t");
    let run = dataset.lock_run(world.run()).unwrap();
    assert!(matches!(forget(&world.dataset("t"), true), Err(ForgetError::State(StateError::Locked { .. }))));
    drop(run);
    let (before, late) = (world.bytes("t"), world.dataset("t"));
    forget(&dataset, true).unwrap();
    // Opened before, at work only now.
    assert!(late.lock_run(world.run()).is_err());
    assert!(skein_dataset::roll_back(&late, None).is_err());
    assert_eq!((world.bytes("t"), entries(world.dir.path())), (before, vec!["t".to_owned()]));
}

#[test]
fn every_point_of_a_forget_can_be_the_last() {
    for point in
        ["forget.before-rename", "store.before-dir-sync", "forget.after-rename", "forget.after-remove"]
    {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.migrate(&world.dataset("t"), "m1").unwrap();
        let path = world.path("t");
        let live = bytes(&path);
        assert_eq!(child(&path, "forget", Some(point)), End::Killed, "{point}");
        assert_eq!(bytes(&path), live, "{point}");
        let known = open(&path).history().unwrap().versions().len();
        assert_eq!(known, if point == "forget.before-rename" { 2 } else { 0 }, "{point}");
        let rest = collect_forgotten(world.dir.path()).unwrap();
        assert_eq!(rest.0 > 0, ["store.before-dir-sync", "forget.after-rename"].contains(&point), "{point}");
        assert_eq!(world.path(".skein").exists(), known > 0, "{point}");
        assert_eq!(child(&path, "run", None), End::Done, "{point}");
        assert_eq!(child(&path, "forget", None), End::Done, "{point}");
        assert_eq!(entries(world.dir.path()), ["t"], "{point}");
    }
}
