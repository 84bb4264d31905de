//! What others add while a run is at work is migrated with it; what they do beyond that is a conflict.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use host_tests::guard::{state_directory, tree};
use host_tests::{Guard, Site, fixture};
use serde_json::{Value, json};
use skein_dataset::FileRecord;
use skein_node::{Progress, PublishMode, Resize, RunError, RunOutcome, RunReport, RunRequest, Staged};
use skein_sandbox::Module;
use skein_types::{Bytes, Rows, codes};

use crate::Shop;

fn orders(site: &Site) -> PathBuf {
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    site.file("data/orders/_SUCCESS", "");
    dataset
}

fn spec() -> Value {
    json!({ "name": "tidy", "steps": [
        { "rename": "customer", "to": "client" }, { "cast": "amount", "to": "decimal(12,2)" }
    ] })
}

fn request(params: &Value) -> RunRequest {
    RunRequest { rejects_max: 1_000, ..Shop::request(params) }
}

fn staged(shop: &Shop, module: &Module, dataset: &Path) -> Staged {
    let progress = Progress::default();
    let prepared = shop.prepare(module, dataset, request(&spec()), &progress).unwrap();
    prepared.stage(&progress).unwrap()
}

/// Paths of the current files, without the hashes in their names, and how many rows each has.
fn rows(dataset: &Path) -> Vec<(String, usize)> {
    let files = tree(dataset).into_keys().filter(|path| path.ends_with(".parquet"));
    let stem = |path: &str| path.rsplit_once('-').map_or(path, |(stem, _)| stem).to_owned();
    let counted = files.map(|path| (stem(&path), fixture::read(&dataset.join(&path)).num_rows()));
    counted.collect()
}

fn is_refused(answer: Result<RunReport, RunError>, dataset: &Path) -> RunError {
    let refused = answer.unwrap_err();
    assert_eq!(refused.code().id, codes::DATASET_DRIFT.id, "{refused}");
    assert_eq!(refused.hint().unwrap(), "run it again: it will start from the dataset as it is now");
    let stage = state_directory(dataset).join("stage");
    assert_eq!(std::fs::read_dir(stage).unwrap().count(), 0);
    refused
}

#[test]
fn files_that_others_added_while_a_run_was_at_work_are_migrated_with_it() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (orders(&site), shop.module("columns"));
    let staged = staged(&shop, &module, &dataset);
    std::fs::create_dir(dataset.join("k=1")).unwrap();
    fixture::write(&dataset.join("k=1/late.parquet"), &fixture::orders(5_000, 5_300), 100);
    fixture::write(&dataset.join("early.parquet"), &fixture::orders(7_000, 7_050), 100);
    site.file("data/orders/README", "r");
    site.file("data/orders/_metadata", "m");

    let report = staged.publish().unwrap();
    assert_eq!((report.version, report.files, report.caught_up), (1, 4, 4));
    let (read, rejected) = (Rows(2_350), Rows(23));
    assert_eq!((report.rows.read, report.rows.rejected, report.rows.written), (read, rejected, Rows(2_327)));
    assert_eq!(report.files_dropped, ["_metadata"]);
    let expected = [("early", 50), ("k=1/late", 297), ("part-00000", 990), ("part-00001", 990)];
    assert_eq!(rows(&dataset), expected.map(|(path, rows)| (path.to_owned(), rows)));
    assert_eq!(std::fs::read(dataset.join("README")).unwrap(), b"r");
    // All rejects of the run, those of the late file too.
    let rejects = fixture::read(Path::new(&report.quarantine.unwrap()));
    assert_eq!(rejects.num_rows(), 23);
    let again = shop.prepare_any(&module, &dataset, request(&spec()), &Progress::default());
    assert!(again.unwrap().is_none(), "every file is known to be migrated");
}

#[test]
fn what_is_held_or_made_beside_has_the_late_files_too() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (orders(&site), shop.module("columns"));
    for (mode, name) in [(PublishMode::Hold, ""), (PublishMode::Beside("new".parse().unwrap()), "new")] {
        let staged = staged(&shop, &module, &dataset);
        fixture::write(&dataset.join(format!("late-{name}.parquet")), &fixture::orders(0, 50), 100);
        let theirs = rows(&dataset);
        let outcome = staged.publish_as(&mode).unwrap();
        assert_eq!(rows(&dataset), theirs);
        let (RunOutcome::Held(report) | RunOutcome::Beside(report)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((report.caught_up, rows(Path::new(&report.path.unwrap())).len()), (1, theirs.len()));
    }
}

#[test]
fn a_late_file_that_is_migrated_already_joins() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (orders(&site), shop.module("columns"));
    staged(&shop, &module, &dataset).publish().unwrap();
    fixture::write(&dataset.join("raw.parquet"), &fixture::orders(0, 50), 100);
    let staged = staged(&shop, &module, &dataset);
    let migrated = tree(&dataset).into_keys().find(|path| path.starts_with("part-00000")).unwrap();
    std::fs::copy(dataset.join(migrated), dataset.join("copy.parquet")).unwrap();
    let report = staged.publish().unwrap();
    assert_eq!((report.files, report.caught_up), (1, 1), "raw.parquet alone was transformed");
    assert_eq!(rows(&dataset).len(), 4);
}

#[test]
fn what_is_not_only_added_or_does_not_fit_is_a_conflict() {
    type Act = fn(&Site, &Path);
    let acts: [(&str, Act); 5] = [
        ("added wider.parquet", |_, d| {
            // A column that the files before do not have: they would have to be planned anew.
            let rows = fixture::orders(0, 9);
            let schema = rows.schema();
            let named = schema.fields().iter().map(|field| field.name().as_str()).zip(rows.columns());
            let more = std::iter::once(("more", rows.column(0)));
            let wider = RecordBatch::try_from_iter(named.chain(more).map(|(name, c)| (name, Arc::clone(c))));
            fixture::write(&d.join("wider.parquet"), &wider.unwrap(), 9);
        }),
        ("added k=1/other.parquet", |_, d| {
            std::fs::create_dir(d.join("k=1")).unwrap();
            let counted: ArrayRef = Arc::new(Int64Array::from(vec![1; 9]));
            let other = RecordBatch::try_from_iter([("customer", counted)]).unwrap();
            fixture::write(&d.join("k=1/other.parquet"), &other, 9);
        }),
        ("added half.parquet", |site, _| drop(site.file("data/orders/half.parquet", b"PAR1"))),
        ("removed part-00001.parquet", |_, d| {
            fixture::write(&d.join("late.parquet"), &fixture::orders(0, 9), 9);
            std::fs::remove_file(d.join("part-00001.parquet")).unwrap();
        }),
        ("modified _SUCCESS", |site, _| drop(site.file("data/orders/_SUCCESS", b"again"))),
    ];
    let shop = Shop::new();
    let module = shop.module("columns");
    for (what, act) in acts {
        let site = Site::new();
        let dataset = orders(&site);
        let staged = staged(&shop, &module, &dataset);
        act(&site, &dataset);
        let theirs = tree(&dataset);
        let refused = is_refused(staged.publish(), &dataset);
        assert!(refused.to_string().contains(what), "wanted {what:?}: {refused}");
        assert_eq!(tree(&dataset), theirs);
    }
}

#[test]
fn late_files_are_combined_among_themselves_where_files_shall_have_a_size() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (orders(&site), shop.module("columns"));
    let resize = Resize { file_size: Some(Bytes(1 << 20)), row_groups: None };
    let request = RunRequest { resize, ..request(&spec()) };
    let progress = Progress::default();
    let prepared = shop.prepare(&module, &dataset, request, &progress).unwrap();
    let staged = prepared.stage(&progress).unwrap();
    let late = [("early", 5_000, 5_150), ("late-0", 6_000, 6_150), ("late-1", 7_000, 7_150)];
    for (name, from, to) in late {
        fixture::write(&dataset.join(format!("{name}.parquet")), &fixture::orders(from, to), 100);
    }
    let report = staged.publish().unwrap();
    assert_eq!((report.files, report.caught_up), (2, 3), "one of those before, one of those after");
    assert_eq!(
        (report.rows.read, report.rows.rejected, report.rows.written),
        (Rows(2_450), Rows(23), Rows(2_427))
    );
    assert_eq!(rows(&dataset), [("early".to_owned(), 447), ("part-00000".to_owned(), 1_980)]);

    let head = shop.dataset(&dataset).head().unwrap().unwrap();
    let sources = |file: &FileRecord| file.stats.as_ref().map(|stats| stats["sources"].clone());
    let named =
        |names: &[&str]| Some(json!(names.iter().map(|n| format!("{n}.parquet")).collect::<Vec<_>>()));
    let data = head.files.iter().filter(|file| file.rows.is_some()).map(sources);
    let expected = [named(&["early", "late-0", "late-1"]), named(&["part-00000", "part-00001"])];
    assert_eq!(data.collect::<Vec<_>>(), expected);
    // A reject is told by the file that it was in, whatever that became.
    let rejects = fixture::read(Path::new(&report.quarantine.unwrap()));
    let files = rejects.column_by_name("skein_file").unwrap().as_string::<i32>();
    let of_late =
        files.iter().flatten().filter(|file| file.starts_with("late-") || file.starts_with("early"));
    assert_eq!(of_late.collect::<Vec<_>>(), ["early.parquet", "late-0.parquet", "late-1.parquet"]);
    let again = shop.prepare_any(&module, &dataset, self::request(&spec()), &Progress::default());
    assert!(again.unwrap().is_none(), "every file is known to be migrated");
}

#[test]
fn a_module_with_state_cannot_catch_up() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (orders(&site), shop.module("dedupe-keys"));
    let progress = Progress::default();
    let request = Shop::request(&json!({ "keys": ["id"] }));
    let prepared = shop.prepare(&module, &dataset, request, &progress).unwrap();
    let staged = prepared.stage(&progress).unwrap();
    fixture::write(&dataset.join("late.parquet"), &fixture::orders(0, 9), 9);
    let guard = Guard::over(&dataset);
    is_refused(staged.publish(), &dataset);
    assert_eq!(&tree(&dataset), guard.before());
}
