//! Somebody adds files without end: a run takes them in a bounded number of times, and what still comes then joins as it
//! is or is a conflict. Nothing is lost, hidden or migrated twice either way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use host_tests::guard::{state_directory, tree};
use host_tests::{Site, fixture, text_table};
use serde_json::{Value, json};
use skein_dataset::crash;
use skein_node::{CATCH_UP_ROUNDS, JOIN_ROUNDS, Progress, RunReport, Staged};
use skein_sandbox::Module;
use skein_types::codes;

use crate::Shop;

/// Files before the writer begins.
const FIRST: usize = 40;
/// Between two files of the writer, as long as no run is refused.
const PERIOD_MS: u64 = 50;
const MIGRATIONS: usize = 4;
/// How many runs in all may meet more files than they can take in: each time the writer takes twice as long, for this
/// machine may be at other work, and its disk slower than any round can be short.
const REFUSED_MAX: u32 = 8;

/// File `number`, whole at once: one row with that id and the word `low`.
fn add(dataset: &Path, number: usize) {
    let batch: RecordBatch = text_table::parse(&format!("id int64 | word string?\n{number} | low\n"));
    let aside = dataset.with_file_name(format!("aside-{number}"));
    fixture::write(&aside, &batch, 10);
    std::fs::rename(aside, dataset.join(format!("{number:04}.parquet"))).unwrap();
}

/// Whenever a publish of this thread has synced its data, one more file is there, from number `next` to before `end`.
fn add_at_each_try(dataset: PathBuf, next: usize, end: usize) {
    if next < end {
        crash::act_at("publish.after-data-sync", move || {
            add(&dataset, next);
            add_at_each_try(dataset, next + 1, end);
        });
    }
}

/// A migration to the same columns.
fn shout() -> Value {
    json!({ "name": "shout", "steps": [{ "case": "word", "to": "upper" }] })
}

fn staged(shop: &Shop, module: &Module, dataset: &Path, spec: &Value) -> Staged {
    let progress = Progress::default();
    shop.prepare(module, dataset, Shop::request(spec), &progress).unwrap().stage(&progress).unwrap()
}

/// The word in each file, by the id that is there too.
fn words(dataset: &Path) -> BTreeMap<usize, String> {
    let files = tree(dataset).into_keys().filter(|path| path.ends_with(".parquet"));
    let files = files.map(|path| fixture::read(&dataset.join(path)));
    let word = |rows: RecordBatch| {
        let ids = rows.column_by_name("id").unwrap().as_primitive::<Int64Type>().clone();
        let words = rows.column_by_name("word").unwrap().as_string::<i32>().clone();
        assert_eq!(ids.len(), 1);
        (usize::try_from(ids.value(0)).unwrap(), words.value(0).to_owned())
    };
    files.map(word).collect()
}

#[test]
fn what_comes_after_the_last_round_joins_as_it_is_and_is_migrated_by_the_next_run() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (site.directory("data/words"), shop.module("columns"));
    add(&dataset, 0);
    let staged = staged(&shop, &module, &dataset, &shout());
    let late = 2;
    let files = 1 + CATCH_UP_ROUNDS + late;
    add_at_each_try(dataset.clone(), 1, files);

    let report = staged.publish().unwrap();
    assert_eq!((report.caught_up, report.left_for_next), (CATCH_UP_ROUNDS + late, late));
    assert_eq!((report.files, report.rows.written.0), (files - late, (files - late) as u64));
    let expected = |low: usize| (0..files).map(move |n| (n, if n < low { "LOW" } else { "low" }.to_owned()));
    assert_eq!(words(&dataset), expected(files - late).collect());

    let next = shop.run(&module, &dataset, Shop::request(&shout())).unwrap();
    assert_eq!((next.files, next.rows.written.0, next.files_joined), (late, late as u64, files - late));
    assert_eq!(words(&dataset), expected(files).collect());
}

#[test]
fn where_there_is_no_end_to_it_or_schemas_would_mix_nothing_is_published() {
    let wider = json!({ "name": "wider", "steps": [{ "add": "more", "type": "string", "value": "x" }] });
    for (spec, rounds) in [(wider, CATCH_UP_ROUNDS), (shout(), CATCH_UP_ROUNDS + JOIN_ROUNDS)] {
        let (site, shop) = (Site::new(), Shop::new());
        let (dataset, module) = (site.directory("data/words"), shop.module("columns"));
        add(&dataset, 0);
        let staged = staged(&shop, &module, &dataset, &spec);
        let files = 1 + rounds + 1;
        add_at_each_try(dataset.clone(), 1, files);
        let refused = staged.publish().unwrap_err();
        assert_eq!(refused.code(), codes::DATASET_DRIFT, "{refused}");
        assert_eq!(words(&dataset), (0..files).map(|n| (n, "low".to_owned())).collect());
        assert_eq!(std::fs::read_dir(state_directory(&dataset).join("stage")).unwrap().count(), 0);
    }
}

#[test]
fn files_that_come_all_the_time_keep_no_run_from_its_end_and_none_is_lost_or_migrated_twice() {
    let (site, shop) = (Site::new(), Shop::new());
    let (dataset, module) = (site.directory("data/words"), shop.module("columns"));
    (0..FIRST).for_each(|number| add(&dataset, number));
    let spec = |number: usize| {
        let steps = json!([{ "case": "word", "to": "upper" }]);
        json!({ "name": format!("m{number}"), "steps": steps })
    };
    let (over, period) = (AtomicBool::new(false), AtomicU64::new(PERIOD_MS));
    let (files, reports) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut files = FIRST;
            while !over.load(Ordering::Relaxed) {
                add(&dataset, files);
                files += 1;
                std::thread::park_timeout(Duration::from_millis(period.load(Ordering::Relaxed)));
            }
            files
        });
        let mut refused = 0;
        let mut run = |number| loop {
            match shop.run(&module, &dataset, Shop::request(&spec(number))) {
                Err(error) if error.code() == codes::DATASET_DRIFT && refused < REFUSED_MAX => {
                    refused += 1;
                    period.store(PERIOD_MS << refused, Ordering::Relaxed);
                }
                answer => break answer,
            }
        };
        let reports: Vec<_> = (0..MIGRATIONS).map(&mut run).collect();
        over.store(true, Ordering::Relaxed);
        println!("{refused} runs were refused");
        (writer.join().unwrap(), reports)
    });
    let reports: Vec<RunReport> = reports.into_iter().map(Result::unwrap).collect();
    let caught_up: Vec<_> = reports.iter().map(|report| (report.caught_up, report.left_for_next)).collect();
    println!("{files} files, caught up with {caught_up:?}");
    assert!(caught_up.iter().all(|(count, _)| *count > 0), "nobody wrote meanwhile: {caught_up:?}");
    for number in 0..MIGRATIONS {
        let (request, progress) = (Shop::request(&spec(number)), Progress::default());
        if let Some(prepared) = shop.prepare_any(&module, &dataset, request, &progress).unwrap() {
            prepared.stage(&progress).unwrap().publish().unwrap();
        }
    }

    assert_eq!(words(&dataset), (0..files).map(|n| (n, "LOW".to_owned())).collect());
    let head = shop.dataset(&dataset).head().unwrap().unwrap();
    assert_eq!(head.files.len(), files);
    let all: BTreeSet<String> = (0..MIGRATIONS).map(|number| format!("m{number}")).collect();
    for file in &head.files {
        let names: Vec<String> = file.applied.iter().map(|applied| applied.name.clone()).collect();
        assert_eq!(names.len(), MIGRATIONS, "{} went twice through one: {names:?}", file.stat.path);
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), all, "{} was left out", file.stat.path);
    }
}
