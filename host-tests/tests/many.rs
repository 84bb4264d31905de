//! `skein run MODULE --manifest FILE`: many datasets in one process.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use host_tests::call::Stream;
use host_tests::guard::{state_directory, tree};
use host_tests::{Call, Guard, Outcome, Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

/// Single files, each with rows of its own.
fn datasets(site: &Site, count: i64) -> Vec<PathBuf> {
    let parent = site.directory("data");
    let dataset = |number: i64| {
        let path = parent.join(format!("orders-{number:03}.parquet"));
        fixture::write(&path, &fixture::orders(number * 40, (number + 1) * 40), 30);
        path
    };
    (0..count).map(dataset).collect()
}

/// A table of these.
fn list(site: &Site, datasets: &[PathBuf]) -> PathBuf {
    let mut table = "dataset\n".to_owned();
    datasets.iter().for_each(|dataset| writeln!(table, "{}", dataset.display()).unwrap());
    site.file("datasets.csv", table)
}

fn params(name: &str) -> Value {
    json!({ "name": name, "steps": [{ "rename": "customer", "to": "client" }, { "drop": "note" }] })
}

fn run(site: &Site, list: &Path) -> Call {
    let call = site.skein("run").arg(guests::component("columns")).arg("--manifest").arg(list);
    call.params(&params("tidy")).arg("-o").arg("json")
}

/// The lines of standard output by dataset.
fn lines(outcome: &Outcome) -> BTreeMap<PathBuf, Value> {
    let lines = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (PathBuf::from(line["dataset"].as_str().unwrap()), line)).collect()
}

fn outcomes(outcome: &Outcome) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines(outcome).values() {
        *counts.entry(line["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Version and what it is, by the dataset's history.
fn versions(site: &Site, dataset: &Path) -> Vec<Value> {
    let history = site.skein("history").arg(dataset).arg("-o").arg("json").finish().succeeded().json();
    let versions = history["versions"].as_array().unwrap().iter();
    versions.map(|v| json!([v["version"], v["kind"], v["current"]])).collect()
}

fn migrated_once() -> [Value; 2] {
    [json!([0, "adopted", false]), json!([1, "published", true])]
}

#[test]
fn bad_datasets_among_many_are_reported_with_their_lines_and_stop_no_other() {
    let site = Site::new();
    let mut all = datasets(&site, 70);
    fixture::orders_directory(&site.path("data/directory"), 2);
    all.push(site.path("data/directory"));
    all.push(site.path("data/missing.parquet"));
    all.push(site.file("data/text.parquet", "no rows at all"));
    let list = list(&site, &all);

    let first = run(&site, &list).finish();
    assert_eq!(first.code(), i32::from(codes::FILE_NOT_PARQUET.exit_code()), "{}", first.stderr);
    assert_eq!(outcomes(&first), BTreeMap::from([("published".to_owned(), 71), ("refused".to_owned(), 2)]));
    let told = lines(&first);
    let refused = |name: &str| {
        let line = &told[&site.path(name)];
        json!([line["line"], line["error"]["code"]])
    };
    assert_eq!(refused("data/missing.parquet"), json!([73, codes::DATASET_NOT_FOUND.id]));
    assert_eq!(refused("data/text.parquet"), json!([74, codes::FILE_NOT_PARQUET.id]));
    assert_eq!(told[&all[3]]["rows"], json!({ "read": 40, "written": 40, "rejected": 0, "filtered": 0 }));
    for dataset in [&all[0], &all[69], &all[70]] {
        assert_eq!(versions(&site, dataset), migrated_once(), "{}", dataset.display());
    }
    assert_eq!(fixture::read(&all[69]).schema().field(1).name(), "client");
    assert!(!state_directory(&site.path("data/text.parquet")).exists(), "a refused dataset has a trace");

    let trees = || all[..71].iter().map(|dataset| tree(dataset)).collect::<Vec<_>>();
    let before = trees();
    let second = run(&site, &list).finish();
    assert_eq!(
        outcomes(&second),
        BTreeMap::from([("already_migrated".to_owned(), 71), ("refused".to_owned(), 2)])
    );
    assert_eq!(trees(), before);
}

#[test]
fn people_get_a_summary_with_the_first_refusals() {
    let site = Site::new();
    let mut all = datasets(&site, 3);
    all.push(site.path("data/missing.parquet"));
    let list = list(&site, &all);
    let call = site.skein("run").arg(guests::component("columns")).arg("--manifest").arg(&list);
    let outcome = call.params(&params("tidy")).finish();
    outcome.refused(codes::DATASET_NOT_FOUND);
    assert!(outcome.stdout.starts_with("3 published, 1 refused of 4 datasets, in "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("rows     120 read, 120 written"), "{}", outcome.stdout);
    let missing = site.path("data/missing.parquet");
    for said in [
        "1 of 4 datasets were not migrated",
        "1 x SK0501 the dataset does not exist",
        &format!("line 5, {}: SK0501: ", missing.display()),
    ] {
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
}

#[test]
fn a_dataset_may_have_parameters_of_its_own() {
    let site = Site::new();
    let all = datasets(&site, 2);
    let own = json!({ "dataset": all[1], "params": { "steps": [{ "drop": "year" }] } });
    let list = site.file("datasets.ndjson", format!("{}\n{own}\n", json!({ "dataset": all[0] })));
    run(&site, &list).finish().succeeded();
    let names = |path: &Path| {
        let schema = fixture::read(path).schema();
        schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&all[0]), ["id", "client", "amount", "year"]);
    assert_eq!(names(&all[1]), ["id", "customer", "amount", "note"]);
}

#[test]
fn killed_in_the_middle_of_a_lot_it_goes_on_when_it_is_called_again() {
    for point in ["publish.after-data-sync:7", "swap.after-exchange:20", "settle.after-done:9"] {
        let site = Site::new();
        let all = datasets(&site, 40);
        let list = list(&site, &all);
        let killed = run(&site, &list).env("SKEIN_CRASH_AT", point).finish();
        assert!(killed.was_killed(), "{point}: {killed:#?}");
        let again = run(&site, &list).finish().succeeded();
        let ends = outcomes(&again);
        assert_eq!(ends.values().sum::<usize>(), 40, "{point}: {ends:?}");
        for dataset in &all {
            assert_eq!(versions(&site, dataset), migrated_once(), "{point}: {}", dataset.display());
            let left = std::fs::read_dir(state_directory(dataset).join("stage")).unwrap().count();
            assert_eq!(left, 0, "{point}: something staged is left of {}", dataset.display());
        }
    }
}

#[test]
fn interrupted_it_ends_soon_and_goes_on_when_it_is_called_again() {
    let site = Site::new();
    let all = datasets(&site, 200);
    let list = list(&site, &all);
    let mut running = run(&site, &list).arg("--threads").arg("1").start();
    running.says(Stream::Stdout, |text| text.contains('\n'));
    running.interrupt();
    let outcome = running.finish();
    assert_eq!(outcome.code(), i32::from(codes::CANCELLED.exit_code()), "{}", outcome.stderr);
    let done = outcomes(&outcome).get("published").copied().unwrap_or_default();
    assert!((1..200).contains(&done), "{done}");

    let ends = outcomes(&run(&site, &list).finish().succeeded());
    assert_eq!(ends["already_migrated"], done);
    assert_eq!(ends["published"], 200 - done);
    for dataset in [&all[0], &all[100], &all[199]] {
        assert_eq!(versions(&site, dataset), migrated_once());
    }
}

#[test]
fn a_list_that_is_wrong_is_refused_before_anything_runs() {
    let site = Site::new();
    let all = datasets(&site, 2);
    let guard = Guard::over(&all[0]);
    std::os::unix::fs::symlink(&all[0], site.path("link")).unwrap();

    let twice = list(&site, &[all[0].clone(), all[1].clone(), site.path("link")]);
    let outcome = run(&site, &twice).finish();
    outcome.refused_json(codes::MANIFEST_OVERLAPS);
    assert_eq!(outcome.json()["error"]["details"], json!(["line 4: the same dataset as in line 2"]));

    let nested = list(&site, &[all[0].clone(), site.path("data")]);
    let outcome = run(&site, &nested).finish();
    outcome.refused_json(codes::MANIFEST_OVERLAPS);
    assert_eq!(outcome.json()["error"]["details"], json!(["line 2: it lies in the dataset of line 3"]));

    let slip =
        site.file("slip.csv", format!("dataset,params\n{},\n{},{{\n", all[0].display(), all[1].display()));
    let outcome = run(&site, &slip).finish();
    outcome.refused_json(codes::MANIFEST_UNREADABLE);
    assert!(outcome.stdout.contains("line 3: params: "), "{}", outcome.stdout);

    run(&site, &site.path("no-such-list")).finish().refused_json(codes::FILE_NOT_FOUND);
    guard.untouched();
}
