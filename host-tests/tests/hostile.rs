//! Modules that misbehave, through the binary: the code of what was noticed, the exit code of its class, the dataset as it
//! was to the byte, and nothing left behind.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use host_tests::{Call, Guard, Outcome, Site, fixture, guests, modules};
use serde_json::json;
use skein_types::{Code, codes};

/// Rows of a file; no row group fills its last byte of a bitmap.
const ROWS: i64 = 1_000;
const ROW_GROUP: usize = 301;

/// The two columns that the module knows.
fn dataset(site: &Site) -> PathBuf {
    let path = site.directory("data/two-columns");
    for file in 0..2 {
        let rows = file * ROWS..(file + 1) * ROWS;
        let numbers = Int64Array::from_iter_values(rows.clone());
        let texts: StringArray = rows.map(|n| (n % 3 != 0).then(|| format!("text {n}"))).collect();
        let schema =
            Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("s", DataType::Utf8, true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
        fixture::write(&path.join(format!("{file}.parquet")), &batch, ROW_GROUP);
    }
    path
}

/// A misbehaviour: its name, the shape under which it is tried, and what becomes of it.
type Case = (&'static str, &'static str, Code);

/// What a plan can lie about: noticed by `check` as well, before any row moves.
const PLANS: [Case; 18] = [
    ("plan-refuses", "same", codes::PLAN_REFUSED),
    ("plan-panics", "same", codes::GUEST_TRAP),
    ("plan-unknown-column", "same", codes::PLAN_UNKNOWN_COLUMN),
    ("plan-reads-unknown", "same", codes::PLAN_UNKNOWN_COLUMN),
    ("plan-no-origin", "same", codes::PLAN_BAD_TARGET),
    ("plan-two-origins", "same", codes::PLAN_BAD_TARGET),
    ("plan-own-parent", "same", codes::PLAN_BAD_TARGET),
    ("plan-deep", "same", codes::PLAN_BAD_TARGET),
    ("plan-wide", "same", codes::PLAN_BAD_TARGET),
    ("plan-shape", "same", codes::PLAN_BAD_TARGET),
    ("plan-impossible", "same", codes::PLAN_IMPOSSIBLE_TYPE),
    ("plan-wide-list", "same", codes::PLAN_TYPE_TOO_WIDE),
    ("plan-wide-binary", "same", codes::PLAN_TYPE_TOO_WIDE),
    ("plan-carried-type", "same", codes::PLAN_CARRIED_CHANGED),
    ("plan-carried-nullable", "same", codes::PLAN_CARRIED_CHANGED),
    ("plan-not-read", "same", codes::PLAN_NOT_READ),
    ("plan-carried", "free", codes::PLAN_FREE_CARRIES),
    ("plan-must", "same", codes::PLAN_UNKNOWN_MUST),
];

/// What goes wrong over the first rows.
const ROWS_GO_WRONG: [Case; 40] = [
    ("panic", "same", codes::GUEST_TRAP),
    ("unreachable", "same", codes::GUEST_TRAP),
    ("exit", "same", codes::GUEST_TRAP),
    ("fail-open", "same", codes::GUEST_FAILURE),
    ("fail", "same", codes::GUEST_FAILURE),
    ("loop", "same", codes::GUEST_FUEL),
    ("grow", "same", codes::GUEST_MEMORY),
    ("recurse", "same", codes::GUEST_STACK),
    ("huge-rows", "same", codes::GUEST_OUTPUT_TOO_LARGE),
    ("log", "same", codes::GUEST_LOG_FLOOD),
    ("print", "same", codes::GUEST_LOG_FLOOD),
    ("reject-all", "same", codes::GUEST_REJECTS),
    ("forged-empty", "same", codes::GUEST_FORGED_ARROW),
    ("forged-garbage", "same", codes::GUEST_FORGED_ARROW),
    ("forged-cut", "same", codes::GUEST_FORGED_ARROW),
    ("forged-past", "same", codes::GUEST_FORGED_ARROW),
    ("forged-overlap", "same", codes::GUEST_FORGED_ARROW),
    ("forged-utf8", "same", codes::GUEST_FORGED_ARROW),
    ("forged-offsets-past", "free", codes::GUEST_FORGED_ARROW),
    ("huge-node", "filtered", codes::GUEST_FORGED_ARROW),
    ("compressed", "same", codes::GUEST_COMPRESSED_ARROW),
    ("schema-name", "same", codes::GUEST_WRONG_SCHEMA),
    ("schema-type", "same", codes::GUEST_WRONG_SCHEMA),
    ("schema-fewer", "same", codes::GUEST_WRONG_SCHEMA),
    ("no-data", "same", codes::GUEST_WRONG_ROWS),
    ("fewer-rows", "same", codes::GUEST_WRONG_ROWS),
    ("more-rows", "filtered", codes::GUEST_WRONG_ROWS),
    ("kept", "same", codes::GUEST_BAD_SELECTION),
    ("kept-short", "filtered", codes::GUEST_BAD_SELECTION),
    ("kept-tail", "filtered", codes::GUEST_BAD_SELECTION),
    ("reject-after", "same", codes::GUEST_BAD_REJECT),
    ("reject-twice", "free", codes::GUEST_BAD_REJECT),
    ("preserved-changed", "same", codes::GUEST_PRESERVED_CHANGED),
    ("preserved-changed", "filtered", codes::GUEST_PRESERVED_CHANGED),
    ("nulls", "same", codes::GUEST_NULLS),
    ("drain-forever", "same", codes::GUEST_ENDLESS_DRAIN),
    ("drain-data", "free", codes::GUEST_ENDLESS_DRAIN),
    ("count", "same", codes::GUEST_METRICS_FLOOD),
    ("gauge", "same", codes::GUEST_METRICS_FLOOD),
    ("finish-rows", "free", codes::GUEST_FINISH_OUTPUT),
];

fn with(call: Call, behave: &str, shape: &str) -> Call {
    call.params(&json!({ "behave": behave, "shape": shape }))
}

/// Limits that make a test short; the others are what everybody has.
fn run(site: &Site, dataset: &Path, behave: &str, shape: &str) -> Call {
    let call = site.run(&guests::component("guest-hostile"), dataset);
    with(call.arg("--fuel").arg("2000000000").arg("--max-rejects").arg("100"), behave, shape)
}

/// A message is text for a terminal: the module's part of it must not be commands.
#[track_caller]
fn is_plain(outcome: &Outcome) {
    let commands = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!commands(&outcome.stderr) && !commands(&outcome.stdout), "{:?}", outcome.stderr);
}

#[test]
fn a_plan_that_lies_is_refused_by_check_and_by_run() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    for (behave, shape, code) in PLANS {
        println!("{behave} under {shape}: {code}");
        let check =
            site.skein("check").arg(guests::component("guest-hostile")).arg("--dataset").arg(&dataset);
        is_plain(with(check, behave, shape).finish().refused(code));
        is_plain(run(&site, &dataset, behave, shape).finish().refused(code));
        guard.untouched();
    }
    run(&site, &dataset, "", "same").finish().succeeded();
}

#[test]
fn a_module_that_misbehaves_over_rows_is_refused_dry_or_not_and_leaves_the_dataset_untouched() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    for (behave, shape, code) in ROWS_GO_WRONG {
        println!("{behave} under {shape}: {code}");
        is_plain(run(&site, &dataset, behave, shape).finish().refused(code));
        guard.untouched();
        let dry = run(&site, &dataset, behave, shape).arg("--dry-run").finish();
        match code == codes::GUEST_REJECTS {
            // Shown, up to a limit of its own, because that is what one looks for.
            true => assert!(dry.clone().succeeded().stdout.contains("warning[SK0311]"), "{}", dry.stdout),
            false => drop(dry.refused(code)),
        }
        is_plain(&dry);
        guard.untouched();
        run(&site, &dataset, behave, shape).arg("-o").arg("json").finish().refused_json(code);
        guard.untouched();
    }
    run(&site, &dataset, "", "same").finish().succeeded();
}

#[test]
fn a_module_that_behaves_badly_only_to_itself_gets_through() {
    for (behave, shape, times) in [("sleep", "same", 1), ("drain-twice", "free", 3)] {
        let site = Site::new();
        let dataset = dataset(&site);
        is_plain(&run(&site, &dataset, behave, shape).finish().succeeded());
        let rows = |path: &Path| fixture::read(path).num_rows();
        let files = std::fs::read_dir(&dataset).unwrap().map(|file| rows(&file.unwrap().path()));
        assert_eq!(files.sum::<usize>(), 2_000 * times, "{behave}");
    }
}

#[test]
fn a_column_that_comes_back_as_it_went_in_is_preserved() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    let tables = || {
        let files = std::fs::read_dir(&dataset).unwrap();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fixture::read(file)).collect::<Vec<_>>()
    };
    let before = tables();
    // Preserves `n`, computes `s`, answers each batch as it came.
    let outcome = run(&site, &dataset, "plan-preserved", "same").arg("-o").arg("json").finish();
    let report = outcome.succeeded().json();
    let columns = json!({ "carried": 0, "spliced": 0, "computed": 1, "preserved": 1, "dropped": 0 });
    assert_eq!(report["columns"], columns);
    assert_eq!(report["rows"], json!({ "read": 2000, "written": 2000, "rejected": 0, "filtered": 0 }));
    assert_eq!(tables(), before);
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(&host_tests::guard::tree(&dataset), guard.before());
}

#[test]
fn words_of_a_module_are_shown_and_not_obeyed() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    for behave in ["fail-loud", "panic-loud"] {
        let outcome = run(&site, &dataset, behave, "same").finish();
        is_plain(&outcome);
        assert!(outcome.stderr.contains("\\u{1b}[2Jowned"), "{behave}: {}", outcome.stderr);
        guard.untouched();
    }
}

#[test]
fn secrets_that_a_module_tells_are_masked_wherever_its_words_end_up() {
    const SECRET: &str = "hunter2-pepper";
    let site = Site::new();
    let dataset = dataset(&site);
    let file = site.file("pepper", SECRET);
    let call = |behave: &str| {
        let params = json!({ "behave": behave, "shape": "same", "key": { "$secret": "pepper" } });
        let call = site.run(&guests::component("guest-hostile"), &dataset).params(&params);
        call.arg("--secret").arg(format!("pepper=@{}", file.display()))
    };
    for (behave, code, said) in [
        ("tell-plan", codes::PLAN_REFUSED, "no: the key is ***"),
        ("tell-fail", codes::GUEST_FAILURE, "failed with ***: the key is ***"),
        ("tell-panic", codes::GUEST_TRAP, "the key is \"***\""),
    ] {
        let outcome = call(behave).finish();
        outcome.refused(code);
        assert!(outcome.stderr.contains(said), "{behave}: {}", outcome.stderr);
        let json = call(behave).arg("-o").arg("json").finish();
        json.refused_json(code);
        assert!(!format!("{outcome:?}{json:?}").contains(SECRET), "{json:#?}");
    }
    let outcome = call("tell-reject").arg("--max-rejects").arg("10").finish();
    outcome.refused(codes::GUEST_REJECTS);
    assert!(!outcome.stderr.contains(SECRET), "{}", outcome.stderr);
    let report =
        call("tell-reject").arg("--max-rejects").arg("5000").arg("--allow-empty").arg("-o").arg("json");
    let report = report.finish().succeeded().json();
    let rejects = fixture::read(Path::new(report["quarantine"].as_str().unwrap()));
    let words = |name: &str| {
        let column = rejects.column_by_name(name).unwrap().as_any().downcast_ref::<StringArray>().unwrap();
        column.value(0).to_owned()
    };
    assert_eq!(rejects.num_rows(), 2_000);
    assert_eq!(
        (words("skein_code"), words("skein_message")),
        ("***".to_owned(), "the key is ***".to_owned())
    );
}

/// Components made by hand: what they do wrong, they do before anybody asked for anything.
#[test]
fn a_module_that_starts_wrong_is_stopped_by_check_and_by_run() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    let start = |body: &str| format!("(func $start {body}) (start $start)");
    for (what, fields, code) in [
        ("start traps", start("unreachable"), codes::GUEST_TRAP),
        ("start recurses", start("(call $start)"), codes::GUEST_STACK),
        ("start grows", start("(drop (memory.grow (i32.const 2000)))"), codes::GUEST_MEMORY),
        ("data outside", "(data (i32.const 4194304) \"x\")".to_owned(), codes::GUEST_TRAP),
        ("tables", "(table 1 funcref) ".repeat(9), codes::MODULE_TOO_COMPLEX),
        ("large table", "(table 100001 funcref)".to_owned(), codes::MODULE_TOO_COMPLEX),
        ("memories", "(memory 1) (memory 1)".to_owned(), codes::MODULE_TOO_COMPLEX),
        // Over the length of its name.
        ("no name", "(data (i32.const 1028) \"\\00\")".to_owned(), codes::BAD_MANIFEST),
        ("no encoding", "(data (i32.const 2064) \"a row\")".to_owned(), codes::BAD_MANIFEST),
        ("no state", "(data (i32.const 2072) \"some\")".to_owned(), codes::BAD_MANIFEST),
    ] {
        println!("{what}: {code}");
        let module = site.file(&format!("{what}.wasm"), modules::by_hand(&fields));
        is_plain(site.skein("check").arg(&module).finish().refused(code));
        is_plain(site.run(&module, &dataset).finish().refused(code));
        guard.untouched();
    }
}

#[test]
fn a_module_that_never_gets_past_its_start_ends_at_a_limit() {
    let site = Site::new();
    let dataset = dataset(&site);
    let guard = Guard::over(&dataset);
    let looping = modules::by_hand("(func $start (loop $again (br $again))) (start $start)");
    let module = site.file("looping.wasm", looping);
    site.run(&module, &dataset).arg("--fuel").arg("2000000000").finish().refused(codes::GUEST_FUEL);
    guard.untouched();
    // With the usual fuel it depends on the machine whether that or the time is over first.
    let check = site.skein("check").arg(&module).finish();
    let over =
        if check.stderr.contains(codes::GUEST_WALL.id) { codes::GUEST_WALL } else { codes::GUEST_FUEL };
    check.refused(over);
    guard.untouched();
}
