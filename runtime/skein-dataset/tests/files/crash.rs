//! Processes that die at every named point; afterwards old or new in full, log and directory agree, and work goes on.
//!
//! The test binary runs itself: a child does one operation on the dataset that its environment names and kills itself
//! at the point that `SKEIN_CRASH_AT` names. `SKEIN_CRASH_ROUNDS` makes the seeded part longer.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};
use skein_dataset::{
    CRASH_POINTS, Change, Dataset, LaterWrites, Outcome, Recovered, RejectedRows, Step, VersionKind,
    attempt_many, beside, crash, discard, finalize, forget, hold, publish_held, recover, roll_back,
    roll_back_over,
};
use skein_types::{Blake3, RunId};

use crate::world::{Bytes, World, bytes, catch_up, open, publish, put, stage};

#[path = "crash/server.rs"]
mod server;

const DATASET: &str = "SKEIN_TEST_DATASET";
const OPERATION: &str = "SKEIN_TEST_OPERATION";
const SIGKILL: i32 = 9;
/// Met only where others wrote between two looks at the dataset.
const TAKEN_BACK: [&str; 2] = ["swap.after-exchange-back", "swap.after-take-back"];

/// Met only by a rollback over later writes.
const LATER: [&str; 2] = ["later.before-rename", "later.after-rename"];

/// How a child ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Killed,
    Done,
}

/// Not a test of its own: what the children of the others do.
#[test]
fn a_child_does_its_operation() {
    let (Some(path), Some(operation)) = (std::env::var_os(DATASET), std::env::var_os(OPERATION)) else {
        return;
    };
    let dataset = open(Path::new(&path));
    match operation.to_str().unwrap() {
        "run" => {
            let lock = dataset.lock_run(RunId::new(uuid::Uuid::now_v7())).unwrap();
            let snapshot = dataset.pin(&lock).unwrap();
            let (staging, commit) = stage(&dataset, &lock, &snapshot, "crash");
            publish(skein_dataset::Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit })
                .unwrap();
        }
        "hold" => hold_one(&dataset),
        "publish held" => drop(publish_held(&dataset, None).unwrap()),
        "discard" => drop(discard(&dataset, None).unwrap()),
        "beside" => {
            let lock = dataset.lock_run(RunId::new(uuid::Uuid::now_v7())).unwrap();
            let snapshot = dataset.pin(&lock).unwrap();
            let (staging, commit) = stage(&dataset, &lock, &snapshot, "crash");
            let publish =
                skein_dataset::Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit };
            drop(beside(publish, &BESIDE.parse().unwrap()).answer.unwrap());
        }
        "catch up" => {
            let lock = dataset.lock_run(RunId::new(uuid::Uuid::now_v7())).unwrap();
            let snapshot = dataset.pin(&lock).unwrap();
            let (staging, commit) = stage(&dataset, &lock, &snapshot, "crash");
            put(&dataset.path().join("late.parquet"), b"late");
            let publish =
                skein_dataset::Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit };
            let returned = attempt_many(vec![publish]).pop().unwrap().returned.unwrap();
            assert_eq!(catch_up(returned), Outcome::Committed { version: 3 });
        }
        "finalize" => drop(finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap()),
        "forget" => drop(forget(&dataset, true).unwrap()),
        "rollback over" => drop(roll_back_over(&dataset, None, LaterWrites::Keep).unwrap()),
        "rollback" => drop(roll_back(&dataset, None).unwrap()),
        "recover" => drop(recover(&dataset).unwrap()),
        other if server::operation(other, &dataset) => {}
        other => panic!("no operation {other}"),
    }
}

/// The name of the dataset that is made beside.
const BESIDE: &str = "beside.parquet";

fn hold_one(dataset: &Dataset) {
    let lock = dataset.lock_run(RunId::new(uuid::Uuid::now_v7())).unwrap();
    let snapshot = dataset.pin(&lock).unwrap();
    let (staging, commit) = stage(dataset, &lock, &snapshot, "crash");
    hold(skein_dataset::Publish { dataset, lock: &lock, snapshot, staging, commit }).answer.unwrap();
}

pub(crate) fn command(dataset: &Path, operation: &str, crash_at: Option<&str>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::a_child_does_its_operation", "--nocapture", "--test-threads=1"]);
    command.env(DATASET, dataset).env(OPERATION, operation).env_remove("SKEIN_CRASH_AT");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(point) = crash_at {
        command.env("SKEIN_CRASH_AT", point);
    }
    command
}

pub(crate) fn child(dataset: &Path, operation: &str, crash_at: Option<&str>) -> End {
    let output = command(dataset, operation, crash_at).output().unwrap();
    match (output.status.signal(), output.status.code()) {
        (Some(SIGKILL), _) => End::Killed,
        (_, Some(0)) => End::Done,
        _ => panic!("{operation} at {crash_at:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A dataset with one migration behind it, so that there is something to roll back.
fn prepared(world: &World, directory: bool) -> std::path::PathBuf {
    let path = if directory { world.path("t") } else { world.path("t.parquet") };
    if directory {
        world.put("t/a.parquet", b"a");
        world.put("t/k=1/b.parquet", b"b");
        world.put("t/_SUCCESS", b"");
    } else {
        put(&path, b"a");
    }
    assert_eq!(world.migrate(&open(&path), "m1").unwrap(), Outcome::Committed { version: 1 });
    path
}

/// What data there is, names aside.
fn contents(bytes: &Bytes) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = bytes.values().cloned().collect();
    all.sort();
    all
}

fn migrated(before: &Bytes) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = before
        .iter()
        .map(|(path, b)| if path == "_SUCCESS" { b.clone() } else { [b, &b"+crash"[..]].concat() })
        .collect();
    all.sort();
    all
}

/// The log ends in a version that is what lies in the place, nothing is under way.
fn agree(dataset: &Dataset) {
    let history = dataset.history().unwrap();
    assert_eq!(history.unsettled(), None);
    let Some(head) = history.head() else { return };
    let live = bytes(&dataset.path());
    assert_eq!(head.files.len(), live.len());
    for file in &head.files {
        let content = live.get(&file.stat.path).or_else(|| live.get("")).unwrap();
        assert_eq!(Blake3::of(content), file.blake3, "{}", file.stat.path);
    }
    let held: Vec<String> = history.held().iter().map(|held| held.hold.facts.run.to_string()).collect();
    let dir = dataset.state_path().join("held");
    let mut found: Vec<String> = match dir.is_dir() {
        true => {
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        }
        false => Vec::new(),
    };
    found.sort();
    assert_eq!(found, held, "what is held is there, and nothing else");
    for held in history.held() {
        let ready = bytes(&dataset.held_path(held.hold.facts.run).unwrap().unwrap());
        let mut hashes: Vec<Blake3> = ready.values().map(|b| Blake3::of(b)).collect();
        let mut recorded: Vec<Blake3> = held.hold.files.iter().map(|f| f.blake3).collect();
        hashes.sort();
        recorded.sort();
        assert_eq!(hashes, recorded);
    }
    for version in history.versions() {
        let kept = history.slot_of(version.version);
        let next = history.version(version.version + 1).map(|next| &next.kind);
        let overwritten = matches!(next, Some(VersionKind::Observed { .. }));
        assert!(
            overwritten
                || history.is_current(version.version)
                || kept.is_some()
                || finalized(dataset, version.version),
            "version {} is lost",
            version.version
        );
        if let Some(slot) = kept {
            let mut kept: Vec<Blake3> = bytes(&dataset.state_path().join(format!("kept/{slot}")))
                .values()
                .map(|b| Blake3::of(b))
                .collect();
            let mut recorded: Vec<Blake3> = version.files.iter().map(|f| f.blake3).collect();
            kept.sort();
            recorded.sort();
            assert_eq!(kept, recorded, "version {}", version.version);
        }
    }
}

/// Whether a record gave the version up; then nothing of it may be left.
fn finalized(dataset: &Dataset, version: u64) -> bool {
    let given_up = roll_back(dataset, Some(version)).is_err_and(|error| error.code().id == "SK0520");
    given_up && !dataset.state_path().join(format!("kept/{version}")).exists()
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

/// After a crash: readers saw old or new; recovery, crashing itself at `again`, brings log and directory together;
/// then a run and a rollback work.
fn survives(path: &Path, valid: &[Vec<Vec<u8>>], again: Option<&str>) {
    let seen = contents(&bytes(path));
    assert!(valid.contains(&seen), "a reader saw {seen:?}");
    if again.is_some() {
        child(path, "recover", again);
        assert!(valid.contains(&contents(&bytes(path))));
    }
    let dataset = open(path);
    recover(&dataset).unwrap();
    assert_eq!(
        recover(&dataset).unwrap(),
        Recovered { steps: Vec::new(), busy: false },
        "recovery is idempotent"
    );
    agree(&dataset);
    let now = bytes(path);
    assert!(valid.contains(&contents(&now)));
    assert_eq!(child(path, "run", None), End::Done);
    agree(&dataset_again(path));
    assert_eq!(contents(&bytes(path)), migrated(&now));
    assert_eq!(child(path, "rollback", None), End::Done);
    let dataset = dataset_again(path);
    agree(&dataset);
    assert_eq!(bytes(path), now);
    assert!(is_empty(&dataset.state_path().join("stage")));
}

fn dataset_again(path: &Path) -> Dataset {
    open(path)
}

/// One round; answers whether the child met the point.
fn round(directory: bool, operation: &str, point: &str, again: Option<&str>) -> End {
    let world = World::new();
    let path = prepared(&world, directory);
    let new = bytes(&path);
    let old: Vec<Vec<u8>> = {
        let mut all: Vec<Vec<u8>> =
            new.values().map(|b| b.strip_suffix(b"+m1").unwrap_or(b).to_vec()).collect();
        all.sort();
        all
    };
    let valid = match operation {
        "rollback" => vec![contents(&new), old],
        "run" | "publish held" => vec![contents(&new), migrated(&new)],
        _ => vec![contents(&new)],
    };
    if ["publish held", "discard"].contains(&operation) {
        hold_one(&open(&path));
    }
    let end = child(&path, operation, Some(point));
    survives(&path, &valid, again);
    let beside = path.with_file_name(BESIDE);
    assert_eq!(beside.exists(), world.path(".skein").join(BESIDE).exists(), "{operation} at {point}");
    if beside.exists() {
        assert_eq!(contents(&bytes(&beside)), migrated(&new));
        agree(&open(&beside));
    }
    end
}

fn meets(operation: &str, point: &str) -> bool {
    let shared = point.starts_with("swap.") && !TAKEN_BACK.contains(&point) || point.starts_with("settle.");
    match operation {
        "run" => {
            shared
                || (point.starts_with("stage.") && point != "stage.after-extend")
                || (point.starts_with("publish.") && point != "publish.after-adopt")
                || point.ends_with("-sweep")
        }
        "rollback" => shared || point.starts_with("rollback.") || point.starts_with("store."),
        "hold" => point.starts_with("hold.") || point.starts_with("store."),
        "publish held" => shared || point.starts_with("held.") || point.starts_with("store."),
        "discard" => point.starts_with("discard.") || point.starts_with("store."),
        "beside" => point.starts_with("beside.") || point.starts_with("store."),
        // Runs of this world reject no row.
        "finalize" => {
            (point.starts_with("finalize.") && point != "finalize.after-rejects")
                || point.starts_with("store.")
        }
        _ => false,
    }
}

const OPERATIONS: [&str; 7] = ["run", "rollback", "hold", "publish held", "discard", "beside", "finalize"];

#[test]
fn every_point_of_every_operation_can_be_the_last() {
    for directory in [true, false] {
        for operation in OPERATIONS {
            for point in CRASH_POINTS.iter().filter(|point| meets(operation, point)) {
                assert_eq!(round(directory, operation, point, None), End::Killed, "{operation} at {point}");
            }
        }
    }
}

#[test]
fn a_run_that_dies_while_it_catches_up_leaves_what_others_added_and_nothing_else() {
    let world = World::new();
    let path = prepared(&world, true);
    let mut expected = bytes(&path);
    assert_eq!(child(&path, "catch up", Some("stage.after-extend")), End::Killed);
    expected.insert("late.parquet".into(), b"late".to_vec());
    assert_eq!(bytes(&path), expected);
    let dataset = open(&path);
    assert!(matches!(&recover(&dataset).unwrap().steps[..], [Step::Swept { .. }]));
    assert_eq!(child(&path, "run", None), End::Done);
    agree(&dataset);
    assert_eq!(contents(&bytes(&path)), migrated(&expected));
}

#[test]
fn a_discard_or_finalize_that_dies_after_it_set_others_files_aside_loses_none() {
    for operation in ["discard", "finalize"] {
        let world = World::new();
        let path = prepared(&world, true);
        let dataset = open(&path);
        hold_one(&dataset);
        let run = dataset.history().unwrap().held()[0].hold.facts.run;
        let theirs = match operation {
            "discard" => dataset.held_path(run).unwrap().unwrap(),
            _ => dataset.state_path().join("kept/0"),
        };
        put(&theirs.join("k=1/theirs.parquet"), b"theirs");
        put(&theirs.join("theirs too.parquet"), b"theirs too");
        assert_eq!(child(&path, operation, Some("aside.after-move")), End::Killed, "{operation}");
        recover(&dataset).unwrap();
        assert!(!theirs.exists(), "{operation}");
        let aside: Vec<_> = bytes(&dataset.state_path().join("aside")).into_values().collect();
        assert_eq!(aside, [b"theirs".to_vec(), b"theirs too".to_vec()], "{operation}");
    }
}

#[test]
fn every_point_of_a_rollback_over_later_writes_can_be_the_last() {
    for point in
        [LATER.as_slice(), &["rollback.before-intent", "rollback.after-intent", "swap.after-exchange"]]
            .concat()
    {
        let world = World::new();
        let path = prepared(&world, true);
        let before = bytes(&path);
        put(&path.join("late.parquet"), b"late");
        let grown = bytes(&path);
        assert_eq!(child(&path, "rollback over", Some(point)), End::Killed, "{point}");
        let dataset = open(&path);
        recover(&dataset).unwrap();
        if bytes(&path) == grown {
            assert_eq!(child(&path, "rollback over", None), End::Done, "{point}");
        }
        agree(&dataset);
        assert_ne!(bytes(&path), before);
        assert_eq!(bytes(&path).len(), before.len());
        assert_eq!(bytes(&dataset.state_path().join("later/2"))["late.parquet"], b"late", "{point}");
        assert_eq!(std::fs::read_dir(dataset.state_path().join("later")).unwrap().count(), 1, "{point}");
    }
}

#[test]
fn every_point_of_a_first_run_can_be_the_last() {
    for point in
        ["register.before-probe", "register.after-place", "publish.after-adopt", "publish.after-intent"]
    {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        let (path, before) = (world.path("t"), world.bytes("t"));
        assert_eq!(child(&path, "run", Some(point)), End::Killed, "{point}");
        survives(&path, &[contents(&before), migrated(&before)], None);
    }
}

#[test]
fn every_point_of_a_recovery_can_be_the_last() {
    for again in [
        "recover.before-settle",
        "recover.before-sweep",
        "recover.after-sweep",
        "swap.after-slot",
        "swap.after-exchange",
        "swap.after-decision",
        "settle.after-quarantine",
        "settle.after-done",
    ] {
        for operation in ["run", "rollback"] {
            let point = if operation == "run" { "publish.after-intent" } else { "rollback.after-intent" };
            assert_eq!(round(true, operation, point, Some(again)), End::Killed);
        }
    }
}

#[test]
fn every_point_is_met_by_some_test_here() {
    let recovery = ["recover.before-settle", "recover.before-sweep", "recover.after-sweep"];
    for point in CRASH_POINTS {
        let met = OPERATIONS.iter().any(|operation| meets(operation, point))
            || *point == "stage.after-extend"
            || LATER.contains(point)
            || recovery.contains(point)
            || TAKEN_BACK.contains(point)
            || point.starts_with("register.")
            || *point == "aside.after-move"
            || point.starts_with("forget.")
            || *point == "publish.after-adopt"
            || server::meets(point)
            // Met in old.rs.
            || *point == "finalize.after-rejects";
        assert!(met, "{point}");
    }
}

#[test]
fn what_others_wrote_into_the_displaced_version_takes_the_exchange_back_also_over_crashes() {
    for points in [&TAKEN_BACK[..1], &TAKEN_BACK[1..], &TAKEN_BACK] {
        let world = World::new();
        let path = prepared(&world, true);
        let before = bytes(&path);
        assert_eq!(child(&path, "run", Some("swap.after-exchange")), End::Killed);
        assert_eq!(contents(&bytes(&path)), migrated(&before));
        // A writer that had the directory open finishes its file in what is the old version by now.
        let dataset = open(&path);
        put(&dataset.state_path().join("kept/1/late.parquet"), b"late");
        for point in points {
            assert_eq!(child(&path, "recover", Some(point)), End::Killed, "{point}");
        }
        let recovered = recover(&dataset).unwrap();
        assert!(
            matches!(&recovered.steps[0], Step::TakenBack { changes, set_aside: None }
                if changes == &[Change::Added("late.parquet".into())]),
            "{recovered:?}"
        );
        let mut expected = before;
        expected.insert("late.parquet".into(), b"late".to_vec());
        assert_eq!(bytes(&path), expected);
        assert_eq!(child(&path, "run", None), End::Done);
        agree(&open(&path));
        assert_eq!(contents(&bytes(&path)), migrated(&expected));
    }
}

#[test]
fn what_was_set_aside_is_still_known_after_a_crash_before_the_record() {
    let world = World::new();
    let path = prepared(&world, true);
    let before = bytes(&path);
    assert_eq!(child(&path, "run", Some("swap.after-exchange")), End::Killed);
    // Others write into both versions: the old one has to come back, and the new one is not ours alone any more.
    let dataset = open(&path);
    put(&dataset.state_path().join("kept/1/late.parquet"), b"late");
    put(&path.join("into-new.parquet"), b"theirs");
    assert_eq!(child(&path, "recover", Some("swap.after-take-back")), End::Killed);
    let number = dataset.history().unwrap().next_number() - 1;
    let aside = format!("aside/{number}");
    let found = bytes(&dataset.state_path().join(&aside));
    assert_eq!(found["into-new.parquet"], b"theirs");

    let recovered = recover(&dataset).unwrap();
    let taken_back = Step::TakenBack {
        changes: vec![Change::Added("late.parquet".into())],
        set_aside: Some(aside.clone()),
    };
    assert_eq!(recovered.steps[0], taken_back);
    let mut expected = before;
    expected.insert("late.parquet".into(), b"late".to_vec());
    assert_eq!(bytes(&path), expected);
    assert_eq!(bytes(&dataset.state_path().join(&aside)), found);
    assert_eq!(child(&path, "run", None), End::Done);
    agree(&open(&path));
}

#[test]
fn a_rollback_that_is_taken_back_leaves_the_kept_version_where_it_was() {
    let world = World::new();
    let path = prepared(&world, true);
    let before = bytes(&path);
    assert_eq!(child(&path, "rollback", Some("swap.after-exchange")), End::Killed);
    let dataset = open(&path);
    put(&dataset.state_path().join("kept/1/late.parquet"), b"late");
    put(&path.join("into-kept.parquet"), b"theirs");

    let taken_back = Step::TakenBack {
        changes: vec![Change::Added("late.parquet".into())],
        set_aside: Some("kept/0".into()),
    };
    assert_eq!(recover(&dataset).unwrap().steps[0], taken_back);
    let mut expected = before;
    expected.insert("late.parquet".into(), b"late".to_vec());
    assert_eq!(bytes(&path), expected);
    assert_eq!(bytes(&dataset.state_path().join("kept/0"))["into-kept.parquet"], b"theirs");
    assert_eq!(child(&path, "run", None), End::Done);
}

#[test]
fn an_exchange_that_the_disk_forgot_is_not_repeated_over_what_others_wrote_since() {
    for directory in [true, false] {
        let world = World::new();
        let path = prepared(&world, directory);
        assert_eq!(child(&path, "run", Some("swap.after-decision")), End::Killed);
        let dataset = open(&path);
        let displaced = dataset.state_path().join("kept/1");
        let new = bytes(&path);
        // The record is durable, the names are not.
        let exchange = || rustix::fs::renameat_with(CWD, &path, CWD, &displaced, RenameFlags::EXCHANGE);
        exchange().unwrap();
        let late = if directory { path.join("late.parquet") } else { path.clone() };
        let old = std::fs::read(&late).ok();
        put(&late, b"late");
        assert_eq!(recover(&dataset).unwrap_err().code().id, "SK0514", "directory: {directory}");
        assert_eq!(std::fs::read(&late).unwrap(), b"late");

        match old {
            Some(old) => put(&late, &old),
            None => std::fs::remove_file(&late).unwrap(),
        }
        if directory {
            assert_eq!(recover(&dataset).unwrap().steps[0], Step::Settled { version: 2 });
            assert_eq!(bytes(&path), new);
            agree(&dataset);
        }
    }
}

#[test]
fn a_revert_is_not_recorded_before_its_renames_are_synced() {
    let world = World::new();
    let path = prepared(&world, true);
    let dataset = open(&path);
    assert_eq!(child(&path, "run", Some("swap.after-exchange")), End::Killed);
    put(&dataset.state_path().join("kept/1/late.parquet"), b"late");
    let records = dataset.history().unwrap().next_number();
    crash::fail_at("store.before-dir-sync");
    assert_eq!(recover(&dataset).unwrap_err().code().id, "SK0004");
    assert_eq!(dataset.history().unwrap().next_number(), records, "the first sync comes before the record");
    assert!(matches!(recover(&dataset).unwrap().steps[0], Step::TakenBack { .. }));
    assert_eq!(dataset.history().unwrap().next_number(), records + 1);
}

#[test]
fn two_processes_that_recover_at_once_agree() {
    for point in ["publish.after-intent", "swap.after-slot", "swap.after-exchange", "swap.after-decision"] {
        let world = World::new();
        let path = prepared(&world, true);
        let before = bytes(&path);
        assert_eq!(child(&path, "run", Some(point)), End::Killed);
        let both: Vec<_> = (0..2).map(|_| command(&path, "recover", None).spawn().unwrap()).collect();
        for one in both {
            let output = one.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        agree(&open(&path));
        survives(&path, &[migrated(&before)], None);
    }
}

#[test]
fn seeded_rounds_of_crashes_within_crashes() {
    let rounds =
        std::env::var_os("SKEIN_CRASH_ROUNDS").and_then(|v| v.to_str()?.parse().ok()).unwrap_or(8_u64);
    let seed =
        std::env::var_os("SKEIN_CRASH_SEED").and_then(|v| v.to_str()?.parse().ok()).unwrap_or(20_261_123_u64);
    let mut state = seed;
    let mut pick = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    for i in 0..rounds {
        let (directory, operation) = (pick(2) == 0, OPERATIONS[pick(OPERATIONS.len())]);
        let points: Vec<&str> = CRASH_POINTS.iter().copied().filter(|p| meets(operation, p)).collect();
        let (point, again) = (points[pick(points.len())], CRASH_POINTS[pick(CRASH_POINTS.len())]);
        println!("seed {seed} round {i}: {operation} at {point}, recovery at {again}, directory {directory}");
        assert_eq!(round(directory, operation, point, Some(again)), End::Killed);
    }
}
