//! A server and its nodes, which die at every point of the hand-over; afterwards the server goes on from what it knows.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use skein_dataset::{
    CRASH_POINTS, Dataset, Handed, Outcome, Undo, VersionKind, hand_over_many, manage_many, publish_handed,
    release, remove_attempts, resolve, roll_back_many, staged_attempts,
};
use skein_types::{AttemptId, Blake3, Clock as _, RunId, SystemClock};

use super::{End, agree, bytes, child, command, contents, migrated, prepared};
use crate::managed::{attempt, manager, server};
use crate::world::{World, left, open, stage};

const ATTEMPT: &str = "SKEIN_TEST_ATTEMPT";
/// Where a node leaves its answer; a server reads it there.
const ANSWER: &str = "answer";

fn run() -> RunId {
    RunId::new(uuid::Uuid::from_u128(0xabc))
}

/// The dataset as the server has it.
fn ours(path: &Path) -> Dataset {
    open(path).managed_by(server(1))
}

/// What children of this module do; `false` if it is not theirs.
pub(super) fn operation(operation: &str, dataset: &Dataset) -> bool {
    let ours = ours(&dataset.path());
    match operation {
        "manage" => manage_many(&[&ours], &manager(1)).pop().unwrap().unwrap(),
        "release" => release(&ours).unwrap(),
        "hand over" => {
            let number = std::env::var_os(ATTEMPT).unwrap();
            let number: u128 = number.to_str().unwrap().parse().unwrap();
            let lock = ours.attempt(run(), attempt(number)).unwrap();
            let snapshot = ours.pin(&lock).unwrap();
            let (staging, commit) = stage(&ours, &lock, &snapshot, "crash");
            let publish = skein_dataset::Publish { dataset: &ours, lock: &lock, snapshot, staging, commit };
            let over = hand_over_many(vec![publish]).pop().unwrap().unwrap();
            let answer = answer_of(&ours.path(), number);
            let mut file = std::fs::File::create(answer).unwrap();
            file.write_all(over.digest.to_string().as_bytes()).unwrap();
        }
        "publish handed" => {
            let answers = publish_handed(&[handed(&ours, 1)]);
            assert!(matches!(answers[0], Ok(Outcome::Committed { .. })), "{answers:?}");
        }
        "undo" => {
            let answers = roll_back_many(&[(&ours, run())]);
            assert!(matches!(answers[0], Ok(Undo::Undone(_) | Undo::AlreadyUndone { .. })), "{answers:?}");
        }
        "remove attempts" => remove_attempts(&ours, &[attempt(1), attempt(2)]).unwrap(),
        _ => return false,
    }
    true
}

fn answer_of(dataset: &Path, number: u128) -> PathBuf {
    dataset.with_file_name(format!("{ANSWER}.{number}"))
}

fn handed(dataset: &Dataset, number: u128) -> Handed<'_> {
    let answer = std::fs::read(answer_of(&dataset.path(), number)).unwrap();
    let digest: Blake3 = String::from_utf8(answer).unwrap().parse().unwrap();
    Handed { dataset, run: run(), attempt: attempt(number), digest }
}

/// A node that stages attempt `number`.
fn node(path: &Path, number: u128) -> Command {
    let mut node = command(path, "hand over", None);
    node.env(ATTEMPT, number.to_string());
    node
}

fn node_dies(path: &Path, number: u128, point: &str) {
    let output = node(path, number).env("SKEIN_CRASH_AT", point).output().unwrap();
    assert_eq!(output.status.signal(), Some(super::SIGKILL), "{point}");
}

fn node_works(path: &Path, number: u128) {
    let output = node(path, number).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A dataset with a version, that the server manages.
fn taken_over(world: &World, directory: bool) -> PathBuf {
    let path = prepared(world, directory);
    manage_many(&[&ours(&path)], &manager(1)).pop().unwrap().unwrap();
    path
}

fn staged(dataset: &Dataset) -> Vec<(AttemptId, bool)> {
    staged_attempts(dataset).unwrap().into_iter().map(|staged| (staged.attempt, staged.prepared)).collect()
}

/// Points that only this module's children meet, or those of a node in host-tests: they keep pieces.
pub(super) fn meets(point: &str) -> bool {
    ["manage.", "hand.", "handed.", "attempts.", "revert.", "piece."].iter().any(|of| point.starts_with(of))
}

fn of(prefixes: &[&str], but: &[&str]) -> Vec<&'static str> {
    let wanted = |point: &&&str| prefixes.iter().any(|of| point.starts_with(of)) && !but.contains(*point);
    CRASH_POINTS.iter().filter(wanted).copied().collect()
}

#[test]
fn a_node_that_dies_before_its_answer_leaves_what_its_server_removes_and_another_attempt_works() {
    for directory in [true, false] {
        let points = of(&["stage.", "hand."], &["stage.after-extend", "stage.before-discard"]);
        assert_eq!(points.len(), 6);
        for point in points {
            let world = World::new();
            let path = taken_over(&world, directory);
            let before = bytes(&path);
            node_dies(&path, 1, point);
            let ours = ours(&path);
            let described = ["hand.after-descriptor", "hand.after-sync"].contains(&point);
            assert_eq!(staged(&ours), [(attempt(1), described)], "{point}");
            assert_eq!(bytes(&path), before);
            node_works(&path, 2);
            let answers = publish_handed(&[handed(&ours, 2)]);
            assert_eq!(answers.into_iter().next().unwrap().unwrap(), Outcome::Committed { version: 2 });
            assert_eq!(child(&path, "remove attempts", None), End::Done);
            assert_eq!(contents(&bytes(&path)), migrated(&before));
            agree(&ours);
            assert_eq!(left(&ours, "stage"), 0);
        }
    }
}

#[test]
fn a_server_that_dies_while_it_publishes_finds_the_run_current_or_publishes_it_again() {
    let shared = of(
        &["publish.", "swap.", "settle.", "handed."],
        &[
            "publish.before-data-sync",
            "publish.after-adopt",
            "swap.after-exchange-back",
            "swap.after-take-back",
        ],
    );
    assert_eq!(shared.len(), 10, "{shared:?}");
    for directory in [true, false] {
        for point in &shared {
            let world = World::new();
            let path = taken_over(&world, directory);
            let before = bytes(&path);
            // The node is dead by then, and another attempt of the run is staged.
            node_works(&path, 1);
            node_works(&path, 2);
            assert_eq!(child(&path, "publish handed", Some(point)), End::Killed, "{point}");
            let seen = contents(&bytes(&path));
            assert!([contents(&before), migrated(&before)].contains(&seen), "{point}: {seen:?}");
            let ours = ours(&path);
            let found = resolve(&ours, run()).unwrap();
            if found != (Outcome::Committed { version: 2 }) {
                assert_eq!(contents(&bytes(&path)), contents(&before), "{point}");
                assert_eq!(child(&path, "publish handed", None), End::Done, "{point}");
            }
            assert_eq!(resolve(&ours, run()).unwrap(), Outcome::Committed { version: 2 }, "{point}");
            assert_eq!(child(&path, "publish handed", None), End::Done, "again, and nothing happens");
            assert_eq!(contents(&bytes(&path)), migrated(&before), "{point}");
            agree(&ours);
            let by_run = |v: &&std::sync::Arc<skein_dataset::Version>| matches!(&v.kind, VersionKind::Published(facts) if facts.run == run());
            assert_eq!(ours.history().unwrap().versions().iter().filter(by_run).count(), 1, "{point}");
            for again in [Some("attempts.after-remove"), None] {
                let end = child(&path, "remove attempts", again);
                assert_eq!(end, if again.is_some() { End::Killed } else { End::Done });
            }
            assert_eq!(left(&ours, "stage"), 0, "{point}");
            assert_eq!(child(&path, "undo", None), End::Done);
            assert_eq!(bytes(&path), before, "{point}");
        }
    }
}

#[test]
fn a_server_that_dies_after_the_record_of_a_first_version_publishes_over_it() {
    for point in ["publish.after-adopt", "publish.after-intent", "swap.after-exchange"] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let path = world.path("t");
        assert_eq!(child(&path, "manage", None), End::Done);
        let before = bytes(&path);
        node_works(&path, 1);
        assert_eq!(child(&path, "publish handed", Some(point)), End::Killed, "{point}");
        assert_eq!(child(&path, "publish handed", None), End::Done, "{point}");
        assert_eq!(contents(&bytes(&path)), migrated(&before), "{point}");
        let history = ours(&path).history().unwrap();
        assert_eq!((history.versions().len(), history.next_number()), (2, 4), "{point}");
    }
}

#[test]
fn a_server_that_dies_while_it_undoes_undoes_it_the_next_time() {
    let points = of(
        &["revert.", "publish.after-", "swap.", "settle."],
        &["publish.after-adopt", "swap.after-exchange-back", "swap.after-take-back"],
    );
    assert_eq!(points.len(), 10, "{points:?}");
    for directory in [true, false] {
        for point in &points {
            let world = World::new();
            let path = taken_over(&world, directory);
            let before = bytes(&path);
            node_works(&path, 1);
            assert_eq!(child(&path, "publish handed", None), End::Done);
            let new = bytes(&path);
            assert_eq!(child(&path, "undo", Some(point)), End::Killed, "{point}");
            assert!([&before, &new].contains(&&bytes(&path)), "{point}");
            assert_eq!(child(&path, "undo", None), End::Done, "{point}");
            assert_eq!(bytes(&path), before, "{point}");
            let ours = ours(&path);
            agree(&ours);
            assert_eq!(ours.history().unwrap().head().unwrap().version, 3, "undone once");
            assert_eq!(child(&path, "release", None), End::Done);
            assert_eq!(left(&ours, "stage"), 0, "{point}");
        }
    }
}

#[test]
fn a_dataset_changes_hands_whole_or_not_at_all() {
    for (point, is_managed) in [("manage.before-sync", false), ("manage.after-marker", true)] {
        let world = World::new();
        let path = prepared(&world, true);
        assert_eq!(child(&path, "manage", Some(point)), End::Killed);
        let found = open(&path).manager().unwrap();
        assert_eq!(found, is_managed.then(|| manager(1)), "{point}");
        if !is_managed {
            assert_eq!(child(&path, "run", None), End::Done);
        }
        assert_eq!(child(&path, "manage", None), End::Done);
        assert_eq!(open(&path).manager().unwrap(), Some(manager(1)));
        node_works(&path, 1);
        assert_eq!(child(&path, "release", Some("manage.after-release")), End::Killed);
        assert_eq!(open(&path).manager().unwrap(), None);
        assert_eq!(child(&path, "run", None), End::Done);
        assert_eq!(left(&open(&path), "stage"), 0);
    }
}

/// Waits until a child has stopped at its point.
fn stopped(child: &Child) {
    let stat = format!("/proc/{}/stat", child.id());
    let clock = SystemClock::start();
    // In brackets the command, then the state.
    let is_stopped = || String::from_utf8_lossy(&std::fs::read(&stat).unwrap()).contains(") T ");
    while !is_stopped() {
        assert!(clock.elapsed() < Duration::from_secs(60), "it does not stop");
        std::thread::yield_now();
    }
}

#[test]
fn a_node_that_wakes_up_after_its_run_is_current_changes_nothing() {
    for point in
        ["stage.before-file-rename", "hand.before-descriptor", "hand.after-descriptor", "hand.after-sync"]
    {
        for is_removed in [true, false] {
            let world = World::new();
            let path = taken_over(&world, true);
            let before = bytes(&path);
            let mut zombie = node(&path, 1);
            let zombie = zombie.env("SKEIN_STOP_AT", point).stdout(Stdio::null()).stderr(Stdio::null());
            let mut zombie = zombie.spawn().unwrap();
            stopped(&zombie);
            node_works(&path, 2);
            let ours = ours(&path);
            assert!(matches!(publish_handed(&[handed(&ours, 2)])[0], Ok(Outcome::Committed { version: 2 })));
            if is_removed {
                remove_attempts(&ours, &[attempt(1)]).unwrap();
            }
            let published = (bytes(&path), ours.history().unwrap());
            assert_eq!(contents(&published.0), migrated(&before));
            kill_process(Pid::from_child(&zombie), Signal::CONT).unwrap();
            zombie.wait().unwrap();
            assert_eq!((bytes(&path), ours.history().unwrap()), published, "{point}");
            // What it has staged after all is only ever one that is too late.
            if answer_of(&path, 1).exists() && !is_removed {
                let late = publish_handed(&[handed(&ours, 1)]).pop().unwrap().unwrap();
                assert_eq!(
                    late,
                    Outcome::Committed { version: 2 },
                    "its run is current, by the other attempt"
                );
            }
            remove_attempts(&ours, &[attempt(1)]).unwrap();
            assert_eq!((bytes(&path), left(&ours, "stage")), (published.0, 0));
        }
    }
}
