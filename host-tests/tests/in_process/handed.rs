//! Runs of a dataset that a server manages: looked at for a plan, attempted, handed over, published by somebody else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_tests::guard::tree;
use host_tests::{Guard, Site, fixture, guests};
use serde_json::{Value, json};
use skein_dataset::{
    Dataset, Handed, History, Manager, Outcome, VersionKind, manage_many, publish_handed, staged_attempts,
};
use skein_node::{
    ChoiceText, FileChoice, HandOver, Look, Preparation, Prepared, Progress, RunRequest, hand_over_all, look,
    prepare_attempt,
};
use skein_sandbox::Module;
use skein_types::{AttemptId, Clock, Rows, RunId, ServerId, SystemClock, Verdict, codes};
use uuid::Uuid;

use crate::Shop;

const SERVER: u128 = 1;

pub(crate) fn server() -> ServerId {
    ServerId::new(Uuid::from_u128(SERVER))
}

fn dataset(site: &Site, name: &str) -> PathBuf {
    let path = site.directory(name);
    fixture::write(&path.join("a.parquet"), &fixture::orders(0, 3_000), 1_000);
    fixture::write(&path.join("b.parquet"), &fixture::orders(3_000, 5_000), 1_000);
    path
}

pub(crate) fn managed(shop: &Shop, path: &Path) -> Dataset {
    let dataset = shop.dataset(path).managed_by(server());
    let manager = Manager { server: server(), address: "here".to_owned() };
    manage_many(&[&dataset], &manager).pop().unwrap().unwrap();
    dataset
}

/// Renames a column.
pub(crate) fn rename() -> Value {
    json!({ "name": "r", "steps": [{ "rename": "customer", "to": "client" }] })
}

pub(crate) fn prepared(
    shop: &Shop,
    module: &Module,
    path: &Path,
    request: RunRequest,
    attempt: u128,
) -> Prepared {
    let dataset = shop.dataset(path).managed_by(server());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let attempt = AttemptId::new(Uuid::from_u128(attempt));
    match prepare_attempt((dataset, attempt), module, request, clock, &Progress::default()).unwrap() {
        Preparation::Ready(prepared) => *prepared,
        Preparation::AlreadyMigrated { .. } => panic!("{} is migrated already", path.display()),
    }
}

pub(crate) fn publish(dataset: &Dataset, run: RunId, done: &HandOver) -> Outcome {
    let (attempt, digest) = (done.over.attempt, done.over.digest);
    publish_handed(&[Handed { dataset, run, attempt, digest }]).pop().unwrap().unwrap()
}

#[test]
fn what_many_attempts_hand_over_is_what_plain_runs_publish() {
    let (shop, plain) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&plain, "data/plain");
    let report = shop.run(&module, &path, Shop::request(&rename())).unwrap();
    let expected = tree(&path);

    let site = Site::new();
    let paths = ["data/one", "data/two"].map(|name| dataset(&site, name));
    let datasets = paths.each_ref().map(|path| managed(&shop, path));
    let requests = [0, 1].map(|_| Shop::request(&rename()));
    let runs = requests.each_ref().map(|request| request.run);
    let mut staged = Vec::new();
    for (number, (path, request)) in paths.iter().zip(requests).enumerate() {
        let prepared = prepared(&shop, &module, path, request, number as u128);
        staged.push(prepared.stage(&Progress::default()).unwrap());
    }
    for (i, done) in hand_over_all(staged).into_iter().enumerate() {
        let done = done.unwrap();
        assert_eq!((done.over.base, done.over.version, done.over.rows), (0, 1, report.rows));
        assert_eq!(done.over.run, runs[i]);
        let summary: Value = serde_json::from_str(done.summary.as_json()).unwrap();
        assert_eq!(summary["rows"]["written"], 5_000);
        assert_eq!(summary["columns"], serde_json::to_value(&report.columns).unwrap());
        assert_eq!(summary["bytes_written"], serde_json::to_value(report.bytes_written).unwrap());
        assert_eq!(publish(&datasets[i], runs[i], &done), Outcome::Committed { version: 1 });
        assert_eq!(tree(&paths[i]), expected, "the same names and bytes");
        assert_eq!(staged_attempts(&datasets[i]).unwrap(), []);
    }
    let history = datasets[0].history().unwrap();
    let schema = |history: &History| {
        let VersionKind::Published(facts) = &history.head().unwrap().kind else { panic!("not published") };
        (facts.schema.clone(), facts.plan, facts.presented.clone())
    };
    assert_eq!(schema(&history), schema(&shop.dataset(&path).history().unwrap()));
}

#[test]
fn rejected_rows_are_summed_up_and_kept_with_the_version() {
    let (shop, site) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&site, "data/orders");
    let ours = managed(&shop, &path);
    let spec = json!({ "name": "c", "steps": [{ "cast": "note", "to": "int64" }] });
    let request = RunRequest { rejects_max: 10_000, ..Shop::request(&spec) };
    let run = request.run;
    let staged = prepared(&shop, &module, &path, request, 1).stage(&Progress::default()).unwrap();
    let done = staged.hand_over().unwrap();
    let summary: Value = serde_json::from_str(done.summary.as_json()).unwrap();
    let rejected = done.over.rows.rejected;
    assert!(rejected > Rows(8), "{rejected:?}");
    assert_eq!(summary["rows"]["rejected"], rejected.0);
    let notes = summary["rejects"].as_array().unwrap();
    assert_eq!(notes.len(), 8);
    assert_eq!(notes[0]["file"], "a.parquet");
    assert_eq!(publish(&ours, run, &done), Outcome::Committed { version: 1 });
    let rejects = ours.state_path().join(format!("quarantine/{run}.parquet"));
    assert_eq!(fixture::read(&rejects).num_rows() as u64, rejected.0);
}

fn looked(shop: &Shop, module: &Module, path: &Path, request: &RunRequest) -> Look {
    look(&shop.dataset(path), module, request, &Progress::default()).unwrap()
}

#[test]
fn a_look_says_what_a_run_would_find_and_leaves_no_trace() {
    let (shop, site) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&site, "data/orders");
    let guard = Guard::over(&path);
    let request = Shop::request(&rename());
    let found = looked(&shop, &module, &path, &request);
    guard.untouched();
    assert_eq!((found.verdict, found.version, found.files), (Verdict::Eligible, None, 2));
    assert_eq!((found.rows, found.reason.clone()), (Rows(5_000), None));
    let sizes = ["a.parquet", "b.parquet"].map(|file| path.join(file).metadata().unwrap().len());
    assert_eq!(found.bytes.0, sizes[0] + sizes[1]);

    // Another dataset of the same schema is planned the same, another schema and other parameters are not.
    let twin = dataset(&site, "data/twin");
    assert_eq!(looked(&shop, &module, &twin, &request).digests, found.digests);
    let other = json!({ "name": "r", "steps": [{ "rename": "customer", "to": "buyer" }] });
    let other = looked(&shop, &module, &path, &Shop::request(&other)).digests.unwrap();
    let digests = found.digests.unwrap();
    assert_eq!(other.schema, digests.schema);
    assert_ne!(other.plan, digests.plan);

    let ours = managed(&shop, &path);
    let attempt = prepared(&shop, &module, &path, Shop::request(&rename()), 1);
    assert_eq!(attempt.digests().unwrap(), digests, "a run plans what was approved");
    let run = attempt.stage(&Progress::default()).unwrap();
    let done = run.hand_over().unwrap();
    assert_eq!(publish(&ours, done.over.run, &done), Outcome::Committed { version: 1 });
    let again = looked(&shop, &module, &path, &request);
    assert_eq!((again.verdict, again.version, again.digests), (Verdict::AlreadyMigrated, Some(1), None));
}

#[test]
fn a_dataset_that_cannot_be_migrated_is_a_finding_with_its_reason() {
    let (shop, site) = (Shop::new(), Site::new());
    let module = shop.module("columns");
    let path = dataset(&site, "data/orders");
    let why = |found: Look| (found.verdict, found.reason.map_or("", |why| why.code.id));
    let missing = json!({ "name": "r", "steps": [{ "rename": "nobody", "to": "client" }] });
    let found = looked(&shop, &module, &path, &Shop::request(&missing));
    assert_eq!(found.digests, None);
    assert!(found.reason.clone().unwrap().message.contains("nobody"), "{found:?}");
    assert_eq!(found.verdict, Verdict::Refused);
    let empty = site.directory("data/empty");
    assert_eq!(
        why(looked(&shop, &module, &empty, &Shop::request(&rename()))),
        (Verdict::NotApplicable, "SK0502")
    );
    let files =
        FileChoice::new(ChoiceText { include: vec!["none/*".to_owned()], ..ChoiceText::default() }).unwrap();
    let request = RunRequest { files, ..Shop::request(&rename()) };
    assert_eq!(why(looked(&shop, &module, &path, &request)).0, Verdict::NotApplicable);
    let truncated = site.directory("data/truncated");
    fixture::write(&truncated.join("a.parquet"), &fixture::orders(0, 100), 100);
    let file = std::fs::OpenOptions::new().write(true).open(truncated.join("a.parquet")).unwrap();
    file.set_len(100).unwrap();
    assert_eq!(
        why(looked(&shop, &module, &truncated, &Shop::request(&rename()))),
        (Verdict::Refused, "SK0504")
    );
}

#[test]
fn every_command_that_would_change_a_managed_dataset_is_refused_and_looking_is_not() {
    let (shop, site) = (Shop::new(), Site::new());
    let path = dataset(&site, "data/orders");
    let columns = guests::component("columns");
    let renames = rename();
    site.run(&columns, &path).params(&renames).finish().succeeded();
    managed(&shop, &path);
    let guard = Guard::over(&path);
    let on = |command: &str| site.skein(command).arg(&path);
    let again = json!({ "name": "s", "steps": [{ "rename": "client", "to": "buyer" }] });
    let changes = [
        site.run(&columns, &path).params(&again),
        on("rollback").arg("--yes"),
        on("recover"),
        on("finalize").arg("--now").arg("--yes"),
        on("forget").arg("--yes"),
    ];
    for change in changes {
        let refused = change.finish();
        refused.refused(codes::DATASET_MANAGED);
        let says = format!("the dataset is managed by {} at here", server());
        assert!(refused.stderr.contains(&says), "{}", refused.stderr);
    }
    guard.untouched();
    // It stops no other dataset of a directory, and so it is told and not refused.
    let left = on("gc").finish().succeeded();
    assert!(left.stdout.contains("left to the server at here, which manages it"), "{}", left.stdout);
    guard.untouched();
    on("history").finish().succeeded();
    on("export").arg("--to").arg(site.path("copy")).finish().succeeded();
    site.run(&columns, &path).params(&again).arg("--dry-run").finish().succeeded();
    let seen = on("doctor").finish();
    assert_eq!(seen.code(), i32::from(codes::DATASET_MANAGED.exit_code()));
    assert!(seen.stdout.contains("SK0547"), "{}", seen.stdout);
    guard.untouched();
}
