//! Old versions and what others wrote: kept, given up, collected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_dataset::{
    Change, Dataset, LaterWrites, Outcome, Place, ROLLBACK_WINDOW, RejectedRows, RolledBack, Step,
    VersionKind, collect, crash, finalize, finalize_displaced_by, recover, roll_back, roll_back_over,
};
use skein_types::{Bytes, Clock, RunId, Timestamp};

use crate::world::{World, bytes, left, options, put};

/// A clock that stands where it is put.
#[derive(Debug)]
struct Put(AtomicU64);

impl Clock for Put {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

const DAY: u64 = 24 * 60 * 60 * 1_000;

fn at_clock(world: &World, name: &str) -> (Dataset, Arc<Put>) {
    let clock = Arc::new(Put(AtomicU64::new(100 * DAY)));
    let place = Place::resolve(&world.path(name)).unwrap();
    (Dataset::open(place, Arc::<Put>::clone(&clock), options()).unwrap(), clock)
}

fn kept(dataset: &Dataset) -> Vec<String> {
    let entries = std::fs::read_dir(dataset.state_path().join("kept")).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn versions_past_their_window_are_given_up_and_logged_and_cannot_come_back() {
    let world = World::new();
    world.put("t/a.parquet", b"aa");
    world.put("t/b.parquet", b"b");
    let (dataset, clock) = at_clock(&world, "t");
    world.migrate(&dataset, "m1").unwrap();
    clock.0.fetch_add(DAY, Ordering::Relaxed);
    world.migrate(&dataset, "m2").unwrap();
    assert_eq!(kept(&dataset), ["0", "1"]);
    assert_eq!(dataset.history().unwrap().kept_bytes(0), Some(Bytes(3)));

    clock.0.fetch_add(6 * DAY - 1, Ordering::Relaxed);
    assert_eq!(finalize(&dataset, ROLLBACK_WINDOW, RejectedRows::Keep).unwrap().versions, [] as [u64; 0]);
    clock.0.fetch_add(1, Ordering::Relaxed);
    let records = dataset.history().unwrap().next_number();
    let done = finalize(&dataset, ROLLBACK_WINDOW, RejectedRows::Keep).unwrap();
    assert_eq!((done.versions, done.files, done.bytes), (vec![0], 2, Bytes(3)));
    assert_eq!(done.waiting.iter().map(|w| (w.version, w.ahead)).collect::<Vec<_>>(), [(1, false)]);
    assert_eq!(dataset.history().unwrap().next_number(), records + 1);
    assert_eq!((kept(&dataset), dataset.history().unwrap().kept_bytes(0)), (vec!["1".to_owned()], None));
    assert_eq!(roll_back(&dataset, Some(0)).unwrap_err().code().id, "SK0520");

    let done = finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap();
    assert_eq!((done.versions, done.waiting), (vec![1], Vec::new()));
    assert_eq!(kept(&dataset), [] as [String; 0]);
    assert_eq!(
        finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap().versions,
        [] as [u64; 0],
        "once"
    );
    assert_eq!(world.migrate(&dataset, "m3").unwrap(), Outcome::Committed { version: 3 });
    assert_eq!(roll_back(&dataset, None).unwrap().to, 2);
}

/// The run that published a version.
fn run_of(dataset: &Dataset, version: u64) -> RunId {
    match &dataset.history().unwrap().version(version).unwrap().kind {
        VersionKind::Published(facts) => facts.run,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_version_is_given_up_and_those_that_others_displaced_stay() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m1").unwrap();
    world.migrate(&dataset, "m2").unwrap();
    assert_eq!(kept(&dataset), ["0", "1"]);
    let run = run_of(&dataset, 2);
    assert_eq!(finalize_displaced_by(&dataset, run).unwrap().versions, [1]);
    assert_eq!(kept(&dataset), ["0"]);
    assert_eq!(
        finalize_displaced_by(&dataset, run).unwrap().versions,
        [1],
        "said again, for who died over it"
    );
    let nobody = RunId::new(uuid::Uuid::nil());
    assert_eq!(finalize_displaced_by(&dataset, nobody).unwrap().versions, [] as [u64; 0]);
    assert_eq!(roll_back(&dataset, Some(0)).unwrap().to, 0);
}

#[test]
fn a_clock_that_was_set_back_gives_nothing_up_and_breaks_nothing() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let (dataset, clock) = at_clock(&world, "t");
    world.migrate(&dataset, "m1").unwrap();
    clock.0.fetch_sub(30 * DAY, Ordering::Relaxed);
    world.migrate(&dataset, "m2").unwrap();
    let done = finalize(&dataset, ROLLBACK_WINDOW, RejectedRows::Keep).unwrap();
    let waiting: Vec<_> = done.waiting.iter().map(|w| (w.version, w.since.0 / DAY, w.ahead)).collect();
    assert_eq!((done.versions, waiting), (Vec::new(), vec![(0, 100, true), (1, 70, false)]));
    clock.0.fetch_add(8 * DAY, Ordering::Relaxed);
    let done = finalize(&dataset, ROLLBACK_WINDOW, RejectedRows::Keep).unwrap();
    assert_eq!((done.versions, done.waiting.len()), (vec![1], 1), "version 0 is from the future still");
    assert_eq!(roll_back(&dataset, Some(0)).unwrap().version, 3);
    assert_eq!(world.bytes("t")["a.parquet"], b"a");
    assert_eq!(finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap().versions, [2]);
}

#[test]
fn rejected_rows_that_are_half_removed_are_given_up_and_the_rest_goes() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let quarantine = dataset.state_path().join("quarantine");
    let put_rejects = || {
        // As runs leave them; here their content does not matter.
        for version in dataset.history().unwrap().versions() {
            if let VersionKind::Published(facts) = &version.kind {
                world.put(&format!(".skein/t/quarantine/{}.parquet", facts.run), b"raw");
            }
        }
    };
    let left = || std::fs::read_dir(&quarantine).unwrap().count();
    world.migrate(&dataset, "m1").unwrap();
    world.migrate(&dataset, "m2").unwrap();
    put_rejects();
    world.put(".skein/t/quarantine/others", b"not ours");
    crash::fail_at("finalize.after-rejects");
    let died = finalize(&dataset, Duration::ZERO, RejectedRows::GiveUp).unwrap_err();
    assert_eq!((died.code().id, left()), ("SK0004", 2), "one of two is gone");
    let steps = recover(&dataset).unwrap().steps;
    assert!(matches!(steps.as_slice(), [Step::RejectsRemoved { .. }]), "{steps:?}");
    assert_eq!(left(), 1, "what is not a run's stays");
    let done = finalize(&dataset, Duration::ZERO, RejectedRows::GiveUp).unwrap();
    assert_eq!((done.rejects.removed, done.rejects.left), (0, 1));
    // Rows of the version that is current stay, also where the number that they were kept under was given up.
    world.migrate(&dataset, "m3").unwrap();
    put_rejects();
    assert_eq!(roll_back(&dataset, Some(2)).unwrap().version, 4);
    assert_eq!(finalize(&dataset, Duration::ZERO, RejectedRows::GiveUp).unwrap().rejects.removed, 0);
}

#[test]
fn a_version_that_is_half_removed_is_given_up_and_the_rest_goes() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/b.parquet", b"b");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m1").unwrap();
    crash::fail_at("finalize.after-record");
    assert_eq!(finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap_err().code().id, "SK0004");
    std::fs::remove_file(dataset.state_path().join("kept/0/a.parquet")).unwrap();
    assert_eq!(roll_back(&dataset, None).unwrap_err().code().id, "SK0520");
    assert_eq!(recover(&dataset).unwrap().steps, [Step::Finalized { version: 0 }]);
    assert_eq!(kept(&dataset), [] as [String; 0]);
}

#[test]
fn what_no_record_gave_up_is_never_collected() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    let run = world.hold(&dataset, "m2");
    let state = dataset.state_path();
    put(&state.join("kept/7/x.parquet"), b"of nobody's, but no record says so");
    put(&state.join("aside/3/y.parquet"), b"others'");
    put(&state.join("stage/run_x.0/data/z.parquet"), b"dead");
    put(&state.join("held/run_y/data/z.parquet"), b"lost");
    put(&state.join("probe/a"), b"p");
    put(&state.join("log/.new-9"), b"torn");
    let lock = dataset.lock_run(world.run());
    // A run at work keeps everything where it is; taking the lock has swept already, so fill it up again.
    put(&state.join("stage/run_x.0/data/z.parquet"), b"dead");
    assert_eq!(collect(&world.dataset("t")).unwrap_err().code().id, "SK0513");
    drop(lock);
    put(&state.join("held/run_y/data/z.parquet"), b"lost");
    put(&state.join("probe/a"), b"p");
    let swept: Vec<_> = collect(&dataset).unwrap().into_iter().map(|s| (s.step, s.bytes.0)).collect();
    let gone = |attempt: &str, bytes| (Step::Swept { attempt: attempt.to_owned() }, bytes);
    assert_eq!(swept, [gone("run_x.0", 4), gone("run_y", 4), gone("probe", 1)]);
    assert_eq!(collect(&dataset).unwrap(), []);
    assert_eq!(kept(&dataset), ["0", "7"]);
    assert!(state.join("aside/3/y.parquet").is_file() && dataset.held_path(run).unwrap().unwrap().is_dir());
    assert!(!state.join("log/.new-9").exists());
}

#[test]
fn finalize_and_collect_wait_for_no_run() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    let lock = dataset.lock_run(world.run()).unwrap();
    let refused = finalize(&world.dataset("t"), Duration::ZERO, RejectedRows::Keep).unwrap_err();
    assert_eq!(refused.code().id, "SK0513");
    drop(lock);
    assert_eq!(kept(&dataset), ["0"]);
}

fn over(dataset: &Dataset, to: Option<u64>) -> RolledBack {
    roll_back_over(dataset, to, LaterWrites::Keep).unwrap()
}

#[test]
fn a_rollback_over_later_writes_keeps_them_beside_and_goes_on() {
    let world = World::new();
    world.put("t/k=1/a.parquet", b"a");
    world.put("t/_SUCCESS", b"1");
    let (dataset, before) = (world.dataset("t"), world.bytes("t"));
    world.migrate(&dataset, "m1").unwrap();
    world.put("t/k=2/late.parquet", b"late");
    world.put("t/_SUCCESS", b"2");
    assert_eq!(roll_back(&dataset, None).unwrap_err().code().id, "SK0521");

    let done = over(&dataset, None);
    assert_eq!((done.version, done.to), (3, 0));
    assert_eq!(world.bytes("t"), before);
    let [kept] = &done.set_aside[..] else { panic!("{done:?}") };
    assert_eq!((kept.version, kept.files, kept.bytes), (2, 2, Bytes(5)));
    assert_eq!(kept.path, dataset.state_path().join("later/2"));
    let theirs = [("_SUCCESS".to_owned(), b"2".to_vec()), ("k=2/late.parquet".to_owned(), b"late".to_vec())];
    assert_eq!(bytes(&kept.path), theirs.into_iter().collect());
    let observed = &dataset.history().unwrap().version(2).unwrap().kind.clone();
    assert!(matches!(observed, VersionKind::Observed { changes } if changes.len() == 2), "{observed:?}");
    assert_eq!(collect(&dataset).unwrap(), [], "it is theirs");

    // Forward again, and back: what was kept once is not kept twice.
    assert_eq!(roll_back(&dataset, Some(2)).unwrap().version, 4);
    assert_eq!(over(&dataset, Some(0)).set_aside[0].path, kept.path);
    assert_eq!(std::fs::read_dir(dataset.state_path().join("later")).unwrap().count(), 1);
}

#[test]
fn what_others_wrote_before_a_later_run_is_kept_as_they_wrote_it() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    world.put("t/late.parquet", b"late");
    world.migrate(&dataset, "m2").unwrap();
    world.put("t/last.parquet", b"last");
    let done = over(&dataset, Some(0));
    let kept: Vec<_> = done.set_aside.iter().map(|kept| (kept.version, bytes(&kept.path))).collect();
    let file = |name: &str, content: &[u8]| [(name.to_owned(), content.to_vec())].into_iter().collect();
    assert_eq!(kept, [(2, file("late.parquet", b"late")), (4, file("last.parquet", b"last"))]);
    assert_eq!(world.bytes("t")["a.parquet"], b"a");
}

#[test]
fn a_directory_of_later_writes_that_somebody_made_and_did_not_sync_is_synced() {
    let waits = |made: bool| {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let dataset = world.dataset("t");
        world.migrate(&dataset, "m1").unwrap();
        world.put("t/late.parquet", b"late");
        if made {
            std::fs::create_dir(dataset.state_path().join("later")).unwrap();
        }
        let before = crash::waits_for_disk();
        over(&dataset, None);
        crash::waits_for_disk() - before
    };
    assert_eq!(waits(true), waits(false));
}

#[test]
fn later_writes_with_one_content_are_all_kept() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m1").unwrap();
    for name in ["y.parquet", "k=1/x.parquet", "z.parquet"] {
        world.put(&format!("t/{name}"), b"the same");
    }
    let kept = over(&dataset, None).set_aside;
    let expected =
        ["k=1/x.parquet", "y.parquet", "z.parquet"].map(|name| (name.to_owned(), b"the same".to_vec()));
    assert_eq!((kept[0].files, bytes(&kept[0].path)), (3, expected.into()));
}

#[test]
fn a_single_file_that_others_replaced_is_kept_under_its_name() {
    let world = World::new();
    world.put("one.parquet", b"1");
    let dataset = world.dataset("one.parquet");
    world.migrate(&dataset, "m1").unwrap();
    world.put("one.parquet", b"theirs");
    let done = over(&dataset, None);
    assert_eq!(std::fs::read(world.path("one.parquet")).unwrap(), b"1");
    assert_eq!(std::fs::read(done.set_aside[0].path.join("one.parquet")).unwrap(), b"theirs");
}

#[test]
fn what_somebody_changed_among_the_kept_writes_is_not_taken_for_them() {
    let (world, dataset) = World::with_one_file();
    world.migrate(&dataset, "m1").unwrap();
    world.put("t/late.parquet", b"late");
    let first = over(&dataset, None).set_aside[0].path.clone();
    put(&first.join("late.parquet"), b"LATE");
    roll_back(&dataset, Some(2)).unwrap();
    let second = over(&dataset, Some(0)).set_aside[0].path.clone();
    assert_eq!(second, dataset.state_path().join("later/2.2"));
    assert_eq!(std::fs::read(second.join("late.parquet")).unwrap(), b"late");
    assert_eq!(std::fs::read(first.join("late.parquet")).unwrap(), b"LATE");
}

#[test]
fn a_rollback_that_dies_after_it_kept_later_writes_finds_them_the_next_time() {
    for point in ["later.before-rename", "later.after-rename", "rollback.before-intent"] {
        let (world, dataset) = World::with_one_file();
        world.migrate(&dataset, "m1").unwrap();
        world.put("t/late.parquet", b"late");
        let theirs = world.bytes("t");
        crash::fail_at(point);
        assert_eq!(
            roll_back_over(&dataset, None, LaterWrites::Keep).unwrap_err().code().id,
            "SK0004",
            "{point}"
        );
        assert_eq!(world.bytes("t"), theirs, "{point}");
        recover(&dataset).unwrap();
        let done = over(&dataset, None);
        assert_eq!(done.set_aside[0].path, dataset.state_path().join("later/2"), "{point}");
        assert_eq!(left(&dataset, "stage"), 0, "{point}");
    }
}

#[test]
fn what_they_removed_comes_back_and_is_not_kept() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/b.parquet", b"b");
    let (dataset, before) = (world.dataset("t"), world.bytes("t"));
    world.migrate(&dataset, "m1").unwrap();
    let gone = world.bytes("t").into_keys().next().unwrap();
    std::fs::remove_file(world.path("t").join(&gone)).unwrap();
    let refused = roll_back(&dataset, None).unwrap_err();
    assert!(refused.to_string().contains(&Change::Removed(gone).to_string()), "{refused}");
    assert_eq!(over(&dataset, None).set_aside, []);
    assert_eq!(world.bytes("t"), before);
}
