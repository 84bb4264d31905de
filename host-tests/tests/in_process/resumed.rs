//! A later attempt at a large run takes over what an earlier one has made, and nobody can tell from the result.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use host_tests::guard::{Tree, tree};
use host_tests::{Site, fixture};
use serde_json::{Value, json};
use skein_dataset::Outcome;
use skein_node::{HandOver, Part, PartDone, Progress, Resumption, RunError, RunRequest};
use skein_sandbox::Module;
use skein_types::{AttemptId, Bytes, Rows, RunId};
use uuid::Uuid;

use crate::Shop;
use crate::handed::{managed, prepared, publish, rename};

const SITE: &str = "SKEIN_TEST_SITE";
const SIGKILL: i32 = 9;

/// Nine row groups in two files. Casting notes to numbers rejects two rows of three.
fn dataset(site: &Path) -> PathBuf {
    let path = site.join("data");
    std::fs::create_dir_all(&path).unwrap();
    fixture::write(&path.join("a.parquet"), &fixture::orders(0, 5_000), 1_000);
    fixture::write(&path.join("b.parquet"), &fixture::orders(5_000, 8_500), 1_000);
    path
}

fn spec() -> Value {
    json!({ "name": "c", "steps": [{ "cast": "note", "to": "int64" }, { "case": "customer", "to": "upper" }] })
}

fn request(params: &Value) -> RunRequest {
    let run = RunId::new(Uuid::from_u128(0xabc));
    RunRequest { run, rejects_max: 10_000, ..Shop::request(params) }
}

fn after(earlier: &[u128]) -> Resumption {
    let earlier = earlier.iter().map(|number| AttemptId::new(Uuid::from_u128(*number))).collect();
    Resumption { earlier, from: Bytes(0) }
}

/// Everything that may be asked of a result, but how long it took.
fn facts(done: &HandOver) -> (Value, Bytes) {
    let mut summary: Value = serde_json::from_str(done.summary.as_json()).unwrap();
    for of_this_process in ["cpu", "wall", "memory_peak"] {
        assert!(summary["cost"].as_object_mut().unwrap().remove(of_this_process).is_some());
    }
    (summary, done.over.bytes)
}

/// One attempt from end to end; answers what it made and what it kept on its way.
fn attempt(
    shop: &Shop,
    module: &Module,
    path: &Path,
    (params, number, earlier): (&Value, u128, &[u128]),
) -> (HandOver, usize) {
    let prepared = prepared(shop, module, path, request(params), number).resumable(after(earlier));
    let staged = prepared.stage(&Progress::default()).unwrap();
    let kept = pieces(path, number).len();
    (staged.hand_over().unwrap(), kept)
}

fn pieces(path: &Path, number: u128) -> Vec<PathBuf> {
    let attempt = AttemptId::new(Uuid::from_u128(number)).to_string();
    let stage = path.with_file_name(".skein").join(path.file_name().unwrap()).join("stage");
    let Ok(entries) = std::fs::read_dir(stage.join(attempt).join("pieces")) else { return Vec::new() };
    let mut pieces: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    pieces.sort();
    pieces
}

/// What a run that nobody disturbed makes of it: data and rejected rows.
fn undisturbed(
    shop: &Shop,
    module: &Module,
    make: fn(&Path) -> PathBuf,
    params: &Value,
) -> (Tree, (Value, Bytes), Option<RecordBatch>) {
    let site = Site::new();
    let path = make(&site.path("one"));
    let ours = managed(shop, &path);
    let prepared = prepared(shop, module, &path, request(params), 1);
    let done = prepared.stage(&Progress::default()).unwrap().hand_over().unwrap();
    assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
    (tree(&path), facts(&done), rejects(&ours.state_path()))
}

fn rejects(state: &Path) -> Option<RecordBatch> {
    let path = state.join(format!("quarantine/{}.parquet", RunId::new(Uuid::from_u128(0xabc))));
    path.exists().then(|| fixture::read(&path))
}

fn resumes(shop: &Shop, module: &Module, make: fn(&Path) -> PathBuf, (params, splits): (&Value, usize)) {
    let expected = undisturbed(shop, module, make, params);
    let site = Site::new();
    let path = make(&site.path("one"));
    let ours = managed(shop, &path);
    // It dies when everything is made and nothing handed over.
    let first = prepared(shop, module, &path, request(params), 1).resumable(after(&[]));
    std::mem::forget(first.stage(&Progress::default()).unwrap());
    let kept = pieces(&path, 1);
    assert_eq!(kept.len(), splits);
    // Of that one piece is lost and one is torn.
    std::fs::remove_file(&kept[0]).unwrap();
    let torn = std::fs::OpenOptions::new().write(true).open(&kept[1]).unwrap();
    torn.set_len(torn.metadata().unwrap().len() / 2).unwrap();

    let second = prepared(shop, module, &path, request(params), 2).resumable(after(&[1]));
    std::mem::forget(second.stage(&Progress::default()).unwrap());
    assert_eq!(pieces(&path, 2).len(), 2, "made again, and kept");
    let (done, made) = attempt(shop, module, &path, (params, 3, &[1, 2]));
    assert_eq!(made, 0, "all of it is found in one of the two");
    assert_eq!(pieces(&path, 3), Vec::<PathBuf>::new());
    assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
    assert_eq!((tree(&path), facts(&done), rejects(&ours.state_path())), expected);
}

#[test]
fn a_run_that_keeps_its_rows_in_place_takes_over_row_groups_with_their_rejects() {
    let shop = Shop::new();
    let module = shop.module("columns");
    resumes(&shop, &module, dataset, (&spec(), 9));
}

/// The two columns that the hostile guest knows, in row groups that are one split together.
fn numbers(site: &Path) -> PathBuf {
    let path = site.join("data");
    let schema = Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("s", DataType::Utf8, true),
    ]));
    for file in 0..3_i64 {
        let numbers = Int64Array::from_iter_values(file * 1_000..(file + 1) * 1_000);
        let texts: StringArray = (0..1_000).map(|n| (n % 3 != 0).then(|| format!("text {n}"))).collect();
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
        std::fs::create_dir_all(&path).unwrap();
        fixture::write(&path.join(format!("{file}.parquet")), &batch, 300);
    }
    path
}

#[test]
fn a_run_of_free_shape_takes_over_the_row_groups_that_it_cut() {
    let shop = Shop::new();
    let module = shop.module("guest-hostile");
    resumes(&shop, &module, numbers, (&json!({ "behave": "", "shape": "free" }), 3));
}

#[test]
fn what_differs_is_not_taken_over_and_small_runs_keep_nothing() {
    let (shop, site) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&site.path("one"));
    managed(&shop, &path);
    let first = prepared(&shop, &module, &path, request(&spec()), 1).resumable(after(&[]));
    std::mem::forget(first.stage(&Progress::default()).unwrap());
    assert_eq!(pieces(&path, 1).len(), 9);
    let other = json!({ "name": "c", "steps": [{ "cast": "note", "to": "int32" }, { "case": "customer", "to": "upper" }] });
    assert_eq!(attempt(&shop, &module, &path, (&other, 2, &[1])).1, 9, "other parameters");
    let rows = fixture::read(&path.join("b.parquet"));
    fixture::write(&path.join("b.parquet"), &rows, 1_000);
    assert_eq!(attempt(&shop, &module, &path, (&spec(), 3, &[1])).1, 4, "a file that was written again");
    let small = Resumption { from: Bytes::ONE_TASK, ..after(&[1]) };
    let small = prepared(&shop, &module, &path, request(&spec()), 4).resumable(small);
    assert!(small.bytes() < Bytes::ONE_TASK);
    let staged = small.stage(&Progress::default()).unwrap();
    assert_eq!(pieces(&path, 4), Vec::<PathBuf>::new());
    drop(staged);
}

#[test]
fn a_run_that_is_made_in_parts_by_several_attempts_is_the_one_that_one_attempt_makes() {
    let shop = Shop::new();
    let module = shop.module("columns");
    let expected = undisturbed(&shop, &module, dataset, &spec());
    let site = Site::new();
    let path = dataset(&site.path("one"));
    let ours = managed(&shop, &path);
    let mut rows = Rows(0);
    for number in 0..4_u32 {
        let attempt = u128::from(number) + 1;
        let prepared = prepared(&shop, &module, &path, request(&spec()), attempt).resumable(after(&[]));
        match prepared.stage_part(Part { number, of: 4 }, &Progress::default()).unwrap() {
            PartDone::Kept { rows: made, .. } => rows += made.read,
            PartDone::Whole => panic!("it has parts"),
        }
        let splits = 9 * (attempt as usize) / 4 - 9 * (number as usize) / 4;
        assert_eq!(pieces(&path, attempt).len(), splits);
    }
    assert_eq!(rows, Rows(8_500));
    let (done, made) = attempt(&shop, &module, &path, (&spec(), 9, &[1, 2, 3, 4]));
    assert_eq!(made, 0, "all of it was made in parts");
    assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
    assert_eq!((tree(&path), facts(&done), rejects(&ours.state_path())), expected);
}

#[test]
fn a_run_without_work_for_a_guest_has_no_parts() {
    let (shop, site) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&site.path("one"));
    managed(&shop, &path);
    let prepared = prepared(&shop, &module, &path, request(&rename()), 1).resumable(after(&[]));
    let part = prepared.stage_part(Part { number: 0, of: 2 }, &Progress::default()).unwrap();
    assert_eq!(part, PartDone::Whole);
}

#[test]
fn a_run_that_is_asked_to_stop_leaves_its_checkpoints_and_nothing_else() {
    let (shop, site) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&site.path("one"));
    let ours = managed(&shop, &path);
    let progress = Progress::default();
    progress.evict();
    let error = prepared(&shop, &module, &path, request(&spec()), 1)
        .resumable(after(&[]))
        .stage(&progress)
        .unwrap_err();
    assert!(matches!(error, RunError::Evicted), "{error:?}");
    let left = tree(&ours.state_path().join("stage").join(AttemptId::new(Uuid::from_u128(1)).to_string()));
    let files = left.values().filter(|what| !what.starts_with("directory")).count();
    assert_eq!(files, pieces(&path, 1).len(), "{left:?}");

    // Without checkpoints it ends as if nobody had asked.
    let staged = prepared(&shop, &module, &path, request(&spec()), 2).stage(&progress);
    drop(staged.unwrap());
}

/// Values that come again, so that rows depend on all before them.
fn again(site: &Path) -> PathBuf {
    let path = dataset(site);
    fixture::write(&path.join("c.parquet"), &fixture::orders(2_000, 4_500), 1_000);
    path
}

#[test]
fn a_run_with_state_goes_on_behind_its_last_checkpoint() {
    let shop = Shop::new();
    let module = shop.module("dedupe-keys");
    let params = json!({ "keys": ["customer", "year"] });
    let request = || RunRequest { checkpoint_rows: Rows(2_000), ..request(&params) };
    let undisturbed = |path: &Path| {
        let ours = managed(&shop, path);
        let staged = prepared(&shop, &module, path, request(), 1).stage(&Progress::default());
        let done = staged.unwrap().hand_over().unwrap();
        assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
        (tree(path), facts(&done))
    };
    let expected = undisturbed(&again(&Site::new().path("one")));

    let site = Site::new();
    let path = again(&site.path("one"));
    let ours = managed(&shop, &path);
    let asked = Progress::default();
    asked.evict();
    for number in 1..=3 {
        let earlier: Vec<u128> = (1..number).collect();
        let prepared = prepared(&shop, &module, &path, request(), number).resumable(after(&earlier));
        let error = prepared.stage(&asked).unwrap_err();
        assert!(matches!(error, RunError::Evicted), "{error:?}");
        // Two row groups and what the agent saved behind them.
        assert_eq!(pieces(&path, number).len(), 3);
    }
    let progress = Progress::default();
    let last = prepared(&shop, &module, &path, request(), 4).resumable(after(&[1, 2, 3]));
    let done = last.stage(&progress).unwrap().hand_over().unwrap();
    assert_eq!(progress.read().taken_over, 3);
    assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
    assert_eq!((tree(&path), facts(&done)), expected);
}

/// Not a test of its own: an attempt that another process is killed in.
#[test]
fn a_child_makes_an_attempt() {
    let Some(path) = std::env::var_os(SITE) else { return };
    let shop = Shop::new();
    let module = shop.module("columns");
    attempt(&shop, &module, Path::new(&path), (&spec(), 1, &[]));
}

#[test]
fn after_a_kill_only_what_was_under_way_is_made_again() {
    let shop = Shop::new();
    let module = shop.module("columns");
    let expected = undisturbed(&shop, &module, dataset, &spec());
    for (point, kept) in [("piece.after-rename:5", 5), ("piece.before-rename:5", 4)] {
        let site = Site::new();
        let path = dataset(&site.path("one"));
        let ours = managed(&shop, &path);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "resumed::a_child_makes_an_attempt", "--test-threads=1"]);
        let output = child.env(SITE, &path).env("SKEIN_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(SIGKILL), "{}", String::from_utf8_lossy(&output.stderr));
        let found = pieces(&path, 1).len();
        // The other worker may have been about to keep one too.
        assert!((kept..=kept + 1).contains(&found), "{point}: {found}");
        let (done, made) = attempt(&shop, &module, &path, (&spec(), 2, &[1]));
        assert_eq!(made, 9 - found, "{point}");
        assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
        assert_eq!((tree(&path), facts(&done), rejects(&ours.state_path())), expected, "{point}");
    }
}
