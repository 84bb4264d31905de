//! Datasets that a server manages: who may change them, who may look, and how they change hands.

use std::sync::Arc;
use std::time::Duration;

use skein_dataset::crash::waits_for_disk;
use skein_dataset::{
    Dataset, LaterWrites, Manager, Outcome, Place, RejectedRows, StateError, VersionFiles, collect, discard,
    examine, finalize, forget, manage_many, publish_held, recover, release, remove_attempts, resolve,
    roll_back, roll_back_over, staged_attempts,
};
use skein_types::{AttemptId, RunId, ServerId, SystemClock};

use crate::world::{World, left, open, options, publish, put, staged};

pub(crate) fn server(number: u128) -> ServerId {
    ServerId::new(uuid::Uuid::from_u128(number))
}

pub(crate) fn attempt(number: u128) -> AttemptId {
    AttemptId::new(uuid::Uuid::from_u128(number))
}

pub(crate) fn manager(number: u128) -> Manager {
    Manager { server: server(number), address: format!("http://127.0.0.1:{number}") }
}

/// A dataset of the world that server 1 manages, opened for it.
pub(crate) fn managed(world: &World, name: &str) -> Dataset {
    let dataset = world.dataset(name).managed_by(server(1));
    manage_many(&[&dataset], &manager(1)).pop().unwrap().unwrap();
    dataset
}

fn code<T, E: std::fmt::Display>(answer: Result<T, E>, code: impl Fn(&E) -> &'static str) -> String {
    match answer {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{}: {error}", code(&error)),
    }
}

/// Everything that changes a dataset, as whoever opened it so, and what came of it.
fn changes(dataset: &Dataset, run: RunId) -> Vec<String> {
    vec![
        code(dataset.lock_run(run), |e| e.code().id),
        code(roll_back(dataset, None), |e| e.code().id),
        code(roll_back_over(dataset, Some(0), LaterWrites::Keep), |e| e.code().id),
        code(recover(dataset), |e| e.code().id),
        code(resolve(dataset, run), |e| e.code().id),
        code(publish_held(dataset, None), |e| e.code().id),
        code(discard(dataset, None), |e| e.code().id),
        code(finalize(dataset, Duration::ZERO, RejectedRows::Keep), |e| e.code().id),
        code(collect(dataset), |e| e.code().id),
        code(forget(dataset, true), |e| e.code().id),
        code(remove_attempts(dataset, &[attempt(7)]), |e| e.code().id),
        code(release(dataset), |e| e.code().id),
    ]
}

#[test]
fn whoever_is_not_the_server_may_look_and_change_nothing() {
    let (world, plain) = World::with_one_file();
    world.migrate(&plain, "m").unwrap();
    world.hold(&plain, "h");
    let ours = managed(&world, "t");
    let before = (world.bytes("t"), ours.history().unwrap());

    let refused =
        "SK0547: the dataset is managed by srv_00000000000000000000000000000001 at http://127.0.0.1:1";
    assert_eq!(changes(&world.dataset("t"), world.run()), vec![refused; 12]);
    let other = world.dataset("t").managed_by(server(2));
    assert_eq!(changes(&other, world.run()), vec![refused; 12]);
    let error = manage_many(&[&other], &manager(2)).pop().unwrap().unwrap_err();
    assert_eq!((error.code().id, error.to_string()), ("SK0547", refused[8..].to_owned()));
    assert!(matches!(error, StateError::Managed(found) if found == manager(1)));
    assert_eq!((world.bytes("t"), ours.history().unwrap()), before);

    let looks = world.dataset("t");
    assert_eq!(looks.manager().unwrap(), Some(manager(1)));
    assert_eq!(looks.look().unwrap().version(), Some(1));
    assert_eq!(VersionFiles::find(&looks, Some(0)).unwrap().files().len(), 1);
    let said: Vec<String> = examine(&looks).into_iter().map(|finding| finding.text).collect();
    assert!(said.iter().any(|text| text == &refused[8..]), "{said:?}");
}

#[test]
fn its_server_may_do_what_others_may_not_and_gives_it_back_whole() {
    let (world, plain) = World::with_one_file();
    world.migrate(&plain, "m").unwrap();
    let ours = managed(&world, "t");
    assert_eq!(roll_back(&ours, None).unwrap().version, 2);
    release(&ours).unwrap();
    assert_eq!(plain.manager().unwrap(), None);
    assert_eq!(world.migrate(&plain, "m2").unwrap(), Outcome::Committed { version: 3 });
    let late = "SK0548: srv_00000000000000000000000000000001 does not manage the dataset";
    assert_eq!(code(roll_back(&ours, None), |e| e.code().id), late);
    assert_eq!(code(ours.attempt(world.run(), attempt(1)), |e| e.code().id), late);
    release(&ours).unwrap();
}

#[test]
fn a_dataset_that_no_run_has_taken_is_taken_over_without_a_log() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    assert_eq!(ours.history().unwrap().next_number(), 0);
    assert_eq!(world.dataset("t").lock_run(world.run()).unwrap_err().code().id, "SK0547");
}

#[test]
fn a_dataset_is_not_taken_over_under_a_run() {
    let (world, plain) = World::with_one_file();
    let lock = plain.lock_run(world.run()).unwrap();
    let ready = staged(&plain, &lock, "m");
    let ours = world.dataset("t").managed_by(server(1));
    let error = manage_many(&[&ours], &manager(1)).pop().unwrap().unwrap_err();
    assert_eq!(error.code().id, "SK0513");
    assert_eq!(publish(ready).unwrap(), Outcome::Committed { version: 1 });
    drop(lock);
    manage_many(&[&ours], &manager(1)).pop().unwrap().unwrap();
    assert_eq!(ours.head().unwrap().unwrap().version, 1);
}

#[test]
fn taking_over_sweeps_what_dead_runs_left_and_taking_over_again_leaves_attempts_alone() {
    let (world, plain) = World::with_one_file();
    let lock = plain.lock_run(world.run()).unwrap();
    std::mem::forget(staged(&plain, &lock, "m").staging);
    drop(lock);
    assert_eq!(left(&plain, "stage"), 1);
    let ours = managed(&world, "t");
    assert_eq!(left(&plain, "stage"), 0);

    let lock = ours.attempt(world.run(), attempt(5)).unwrap();
    let ready = staged(&ours, &lock, "m");
    let moved = Manager { address: "http://elsewhere".to_owned(), ..manager(1) };
    manage_many(&[&ours], &moved).pop().unwrap().unwrap();
    assert_eq!(ours.manager().unwrap(), Some(moved));
    recover(&ours).unwrap();
    collect(&ours).unwrap();
    let seen: Vec<_> = staged_attempts(&ours).unwrap().iter().map(|a| (a.attempt, a.prepared)).collect();
    assert_eq!(seen, [(attempt(5), false)]);
    drop(ready);
    assert_eq!(staged_attempts(&ours).unwrap(), []);
}

#[test]
fn many_are_taken_over_with_the_waits_of_one() {
    let (world, options) = (World::new(), options());
    let opened = |name: String| {
        let place = Place::resolve(&world.path(&name)).unwrap();
        let dataset = Dataset::open(place, Arc::new(SystemClock::start()), options.clone()).unwrap();
        dataset.managed_by(server(1))
    };
    let datasets: Vec<Dataset> = (0..9)
        .map(|i| {
            world.put(&format!("d{i}/a.parquet"), b"a");
            opened(format!("d{i}"))
        })
        .collect();
    // The file system is tried once.
    manage_many(&[&datasets[8]], &manager(1)).pop().unwrap().unwrap();
    let all: Vec<&Dataset> = datasets[..8].iter().collect();
    let before = waits_for_disk();
    assert!(manage_many(&all, &manager(1)).into_iter().all(|answer| answer.is_ok()));
    assert_eq!(waits_for_disk() - before, 2);
    assert!(manage_many(&all, &manager(1)).into_iter().all(|answer| answer.is_ok()));
    assert_eq!(waits_for_disk() - before, 2, "nothing is written again");
}

#[test]
fn a_marker_that_cannot_be_read_keeps_everybody_away() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    let marker = ours.state_path().join("managed.json");
    let whole = std::fs::read(&marker).unwrap();
    let later = String::from_utf8(whole.clone()).unwrap().replace("\"format\":1", "\"format\":2");
    for (bytes, problem) in [
        (&b""[..], "cannot be read: EOF while parsing a value at line 1 column 0"),
        (later.as_bytes(), "has format 2, which is not known here"),
        (&vec![b' '; 5000], "is too large"),
    ] {
        put(&marker, bytes);
        for dataset in [&ours, &world.dataset("t")] {
            let error = recover(dataset).unwrap_err();
            let says = "the dataset is managed by a server, and managed.json, which says by which,";
            assert_eq!((error.code().id, error.to_string()), ("SK0547", format!("{says} {problem}")));
        }
    }
    put(&marker, &whole);
    recover(&open(&world.path("t")).managed_by(server(1))).unwrap();
}
