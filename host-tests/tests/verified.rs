//! What the host sees of a result by itself: modules that lie about it, sums that do not depend on encodings, numbers that
//! others check without us.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as a stranger would"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use host_tests::{Call, Guard, Site, fixture, guard, guests, python};
use serde_json::{Value, json};
use skein_types::{Code, codes};

/// The two columns that the module knows, in one file.
fn dataset(site: &Site, name: &str, (rows, row_group): (i64, usize)) -> PathBuf {
    let path = site.directory(name);
    let numbers = Int64Array::from_iter_values(0..rows);
    let texts: StringArray = (0..rows).map(|n| (n % 3 != 0).then(|| format!("text {n}"))).collect();
    let schema =
        Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("s", DataType::Utf8, true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
    fixture::write(&path.join("0.parquet"), &batch, row_group);
    path
}

fn run(site: &Site, dataset: &Path, behave: &str, shape: &str) -> Call {
    let call = site.run(&guests::component("guest-hostile"), dataset);
    call.params(&json!({ "behave": behave, "shape": shape }))
}

/// A lie about columns that pass through unchanged, the shape under which it is told, what becomes of it.
const LIES: [(&str, &str, Code); 22] = [
    ("lie-drop", "same", codes::GUEST_WRONG_ROWS),
    ("lie-drop", "filtered", codes::GUEST_WRONG_ROWS),
    ("lie-drop", "free", codes::PRESERVED_SET_CHANGED),
    ("lie-duplicate", "same", codes::GUEST_WRONG_ROWS),
    ("lie-duplicate", "free", codes::PRESERVED_SET_CHANGED),
    // One is lost, another there twice: the number of rows is right.
    ("lie-trade", "same", codes::GUEST_PRESERVED_CHANGED),
    ("lie-trade", "free", codes::PRESERVED_SET_CHANGED),
    ("lie-reorder", "same", codes::GUEST_PRESERVED_CHANGED),
    ("lie-reorder", "filtered", codes::GUEST_PRESERVED_CHANGED),
    ("lie-swap", "same", codes::GUEST_PRESERVED_CHANGED),
    ("lie-swap", "filtered", codes::GUEST_PRESERVED_CHANGED),
    ("lie-swap", "free", codes::PRESERVED_SET_CHANGED),
    ("lie-null", "same", codes::GUEST_PRESERVED_CHANGED),
    ("lie-null", "free", codes::PRESERVED_SET_CHANGED),
    ("lie-change", "same", codes::GUEST_PRESERVED_CHANGED),
    ("lie-change", "free", codes::PRESERVED_SET_CHANGED),
    // False counts: refused and there all the same, kept and missing.
    ("lie-reject", "same", codes::GUEST_WRONG_ROWS),
    ("lie-reject", "filtered", codes::GUEST_WRONG_ROWS),
    ("lie-reject", "free", codes::PRESERVED_SET_CHANGED),
    ("lie-kept", "filtered", codes::GUEST_WRONG_ROWS),
    // Only in batches of some sizes.
    ("lie-null-ragged", "same", codes::GUEST_PRESERVED_CHANGED),
    ("lie-trade-ragged", "free", codes::PRESERVED_SET_CHANGED),
];

#[test]
fn a_module_that_lies_about_rows_is_found_out_before_anything_is_published() {
    let site = Site::new();
    let dataset = dataset(&site, "data/two-columns", (1_000, 301));
    let guard = Guard::over(&dataset);
    for (behave, shape, code) in LIES {
        println!("{behave} under {shape}: {code}");
        // It is not a matter of the level.
        for level in ["counts", "fingerprint", "readback"] {
            let outcome = run(&site, &dataset, behave, shape).arg("--verify").arg(level).finish();
            outcome.refused(code);
            let named = code != codes::PRESERVED_SET_CHANGED && code != codes::GUEST_PRESERVED_CHANGED;
            assert!(named || outcome.stderr.contains("0.parquet, row group"), "{}", outcome.stderr);
            guard.untouched();
        }
    }
    let swapped = run(&site, &dataset, "lie-swap", "free").finish();
    assert!(swapped.stderr.contains("changed places between rows"), "{}", swapped.stderr);
}

#[test]
fn a_module_that_tells_the_truth_gets_through_under_every_shape() {
    for shape in ["same", "filtered", "free"] {
        let site = Site::new();
        let dataset = dataset(&site, "data/two-columns", (1_000, 301));
        let before = fixture::read(&dataset.join("0.parquet"));
        let call = run(&site, &dataset, "lie-none", shape).arg("--verify").arg("readback");
        let report = call.arg("-o").arg("json").finish().succeeded().json();
        assert_eq!((&report["columns"]["preserved"], &report["verified"]), (&json!(2), &json!("readback")));
        let file = std::fs::read_dir(&dataset).unwrap().next().unwrap().unwrap().path();
        assert_eq!(fixture::read(&file), before, "{shape}");
    }
    // Where rows have no places their order is nobody's lie.
    let site = Site::new();
    let dataset = dataset(&site, "data/two-columns", (1_000, 301));
    run(&site, &dataset, "lie-reorder", "free").finish().succeeded();
}

#[test]
fn a_module_that_behaves_where_a_dry_run_looks_is_found_out_by_the_run() {
    let site = Site::new();
    // Of a row group so large a dry run sends the first batches.
    let dataset = dataset(&site, "data/two-columns", (60_000, 60_000));
    let guard = Guard::over(&dataset);
    for (behave, shape, code) in [
        ("lie-null-later", "same", codes::GUEST_PRESERVED_CHANGED),
        ("lie-swap-later", "free", codes::PRESERVED_SET_CHANGED),
        ("lie-drop-later", "free", codes::PRESERVED_SET_CHANGED),
    ] {
        run(&site, &dataset, behave, shape).arg("--dry-run").finish().succeeded();
        run(&site, &dataset, behave, shape).finish().refused(code);
        guard.untouched();
    }
}

#[test]
fn a_module_cannot_differ_by_time_place_threads_or_chance() {
    // It gives what it sees of clocks and random numbers, which is all that it could depend on.
    let bytes = |threads: &str, offset: i64| {
        let site = Site::new();
        let dataset = dataset(&site, "data/two-columns", (5_000, 700));
        let call = run(&site, &dataset, "observe", "same").arg("--threads").arg(threads);
        let call = match offset {
            0 => call,
            offset => call.env("SKEIN_CLOCK_OFFSET", site.clock_is_off_by(offset)),
        };
        call.finish().succeeded();
        guard::tree(&dataset)
    };
    let first = bytes("1", 0);
    assert_eq!(bytes("2", 0), first);
    assert_eq!(bytes("2", 86_400 * 400), first);
}

fn history(site: &Site, dataset: &Path) -> Value {
    let call = site.skein("history").arg(dataset).arg("-o").arg("json");
    let history = call.finish().succeeded().json();
    history["versions"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn fingerprints_do_not_depend_on_how_rows_are_encoded() {
    let site = Site::new();
    let place = site.path("data");
    let names = python::run("verify.py", &[Path::new("encodings"), &place]);
    let mut first: Option<(String, Value)> = None;
    for name in names.split_whitespace() {
        let dataset = place.join(name);
        run(&site, &dataset, "lie-none", "free").finish().succeeded();
        let version = history(&site, &dataset);
        assert_eq!(version["verified"], "fingerprint");
        let found = version["fingerprint"].clone();
        let column = |at: usize, key: &str| found["columns"][at][key].clone();
        assert_eq!((column(0, "count"), column(1, "nulls")), (json!(5_000), json!(715)), "{name}");
        match &first {
            None => first = Some((name.to_owned(), found)),
            Some((other, expected)) => assert_eq!(&found, expected, "{name} and {other}"),
        }
    }
    assert_eq!(names.split_whitespace().count(), 13);
}

#[test]
fn the_level_is_recorded_and_counts_alone_leave_no_sums() {
    let site = Site::new();
    let dataset = dataset(&site, "data/two-columns", (1_000, 301));
    run(&site, &dataset, "", "same").arg("--verify").arg("counts").finish().succeeded();
    let version = history(&site, &dataset);
    assert_eq!((&version["verified"], version.get("fingerprint")), (&json!("counts"), None));
    let sql = site.skein("export").arg(&dataset).arg("--verify-sql").finish();
    sql.refused(codes::NO_SUCH_VERSION);
}

/// Amounts become decimals, notes are written in capitals, the rest is carried.
fn migrated(site: &Site) -> PathBuf {
    let dataset = site.path("data/or'ders");
    fixture::orders_directory(&dataset, 2);
    let spec = json!({ "name": "v2", "steps": [
        { "rename": "customer", "to": "client" },
        { "cast": "amount", "to": "decimal(12,2)" },
        { "case": "note", "to": "upper" },
    ]});
    let call = site.run(&guests::component("columns"), &dataset).params(&spec);
    call.arg("--verify").arg("readback").finish().succeeded();
    dataset
}

const VERIFIED: &str = "verified: 9 numbers, the columns and the files are as they were seen";

#[test]
fn duckdb_checks_a_version_without_us_and_sees_one_changed_value() {
    let site = Site::new();
    let dataset = migrated(&site);
    let sql = site.skein("export").arg(&dataset).arg("--verify-sql").finish().succeeded().stdout;
    assert!(sql.contains("carried them without decoding: id, client, year."), "{sql}");
    let file = site.file("verify.sql", &sql);
    let check = || python::run("verify.py", &[Path::new("check"), &file]);
    assert_eq!(check(), format!("{VERIFIED}; 3 columns not looked into\n"), "{sql}");
    let first = std::fs::read_dir(&dataset).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&first).unwrap();
    for (column, value, named) in [("amount", "7.25", "sum of amount"), ("note", "X", "sum of bytes of note")]
    {
        python::run("verify.py", &[Path::new("change"), &first, Path::new(column), Path::new(value)]);
        let said = check();
        assert!(said.contains(" of 13 checks fail") && said.contains(named), "{said}");
        std::fs::write(&first, &whole).unwrap();
        assert!(check().starts_with(VERIFIED));
    }
    // Of what was carried no value is looked at; that it is there, and what it is, is.
    for (change, named) in [
        (&["drop", "client"][..], "columns that a file does not have"),
        (&["retype", "id", "string"], "types of columns"),
        (&["rename", "year", "jahr"], "columns"),
    ] {
        let arguments: Vec<&Path> =
            [Path::new(change[0]), &first].into_iter().chain(change[1..].iter().map(Path::new)).collect();
        python::run("verify.py", &arguments);
        let said = check();
        assert!(said.contains(" of 13 checks fail") && said.contains(named), "{change:?}: {said}");
        std::fs::write(&first, &whole).unwrap();
    }
    let late = dataset.join("late.parquet");
    std::fs::write(&late, &whole).unwrap();
    assert!(check().contains("1 of 13 checks fail: files that were added"), "{}", check());
    std::fs::rename(&late, dataset.join("_late.parquet")).unwrap();
    assert!(check().starts_with(VERIFIED), "{}", check());
}

#[test]
fn what_joined_a_version_is_not_what_its_run_is_checked_for() {
    let site = Site::new();
    let dataset = migrated(&site);
    // Others add a file in the new schema; a run over it alone leaves those before as they are.
    let some = std::fs::read_dir(&dataset).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&some, dataset.join("added.parquet")).unwrap();
    let spec = json!({ "name": "trim", "steps": [{ "case": "note", "to": "lower" }] });
    let call = site.run(&guests::component("columns"), &dataset).params(&spec);
    call.arg("--include").arg("added.parquet").finish().succeeded();
    let sql = site.skein("export").arg(&dataset).arg("--verify-sql").finish().succeeded().stdout;
    let file = site.file("verify.sql", &sql);
    let said = python::run("verify.py", &[Path::new("check"), &file]);
    assert!(
        said.starts_with("verified: 5 numbers, the columns and the files are as they were seen"),
        "{said} {sql}"
    );
}
