//! A process appends files to a dataset all the time while it is migrated and rolled back: no file is lost, none is migrated
//! twice, and the rows are counted in the end.
//!
//! A run that finds a file half written, or files that come faster than it catches up, may say so; it is called again.
//! A rollback over later writes is refused.
//!
//! `SKEIN_SOAK_ROUNDS` chooses how many migrations.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure here is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use host_tests::python::Worker;
use host_tests::{Outcome, Site, dice, fixture, guests};
use serde_json::{Value, json};
use skein_dataset::{Applied, Dataset, Options, Place};
use skein_types::{Clock as _, SystemClock, codes};

const MIGRATIONS: u64 = 10;
/// Files that are written at once when a run begins.
const BURST: u64 = 30;
/// Far beyond what the slowest machine needs to write a burst.
const DEADLINE: Duration = Duration::from_secs(120);
/// A file is half written for a few milliseconds: nobody meets one so often in a row.
const TRIES: usize = 20;

struct Busy {
    site: Site,
    dataset: PathBuf,
    writer: Worker,
    /// Answers of runs and rollbacks, and how often each was given.
    answers: BTreeMap<String, usize>,
    caught_up: u64,
}

impl Busy {
    /// A dataset with some files, and a writer that is at work on it.
    fn start() -> Self {
        let site = Site::new();
        let dataset = site.directory("data/events");
        let beside = site.directory("data/incoming");
        let mut writer = Worker::start("writer.py", &[]);
        writer.ask(&json!({ "do": "start", "into": dataset, "beside": beside }));
        let mut busy = Self { site, dataset, writer, answers: BTreeMap::new(), caught_up: 0 };
        busy.write(BURST);
        let clock = SystemClock::start();
        while busy.files() < BURST {
            assert!(clock.elapsed() < DEADLINE, "the writer is not at work: {} files", busy.files());
        }
        busy
    }

    /// From now on somebody writes.
    fn write(&mut self, burst: u64) {
        self.writer.ask(&json!({ "do": "go", "burst": burst }));
    }

    /// From now on nobody does.
    fn pause(&mut self) {
        self.writer.ask(&json!({ "do": "pause" }));
    }

    /// How many were written so far.
    fn files(&mut self) -> u64 {
        self.writer.ask(&json!({ "do": "count" }))["files"].as_u64().unwrap()
    }

    fn note(&mut self, what: &str, outcome: &Outcome) -> bool {
        let done = outcome.status.success();
        let code = if done { "done".to_owned() } else { code(outcome) };
        *self.answers.entry(format!("{what} {code}")).or_default() += 1;
        done
    }

    /// Migrates until it succeeds; answers the report.
    fn migrate(&mut self, name: &str) -> Value {
        let params = json!({ "name": name, "steps": [{ "add": name, "type": "string", "value": name }] });
        for _ in 0..TRIES {
            let run = self.site.run(&guests::component("columns"), &self.dataset).params(&params);
            let outcome = run.arg("-o").arg("json").finish();
            if self.note("run", &outcome) {
                let report = outcome.json();
                self.caught_up += report["caught_up"].as_u64().unwrap_or(0);
                return report;
            }
            let legal = [
                codes::DATASET_DRIFT,
                codes::FILE_CHANGED_WHILE_READ,
                codes::FILE_NOT_PARQUET,
                codes::FILE_TRUNCATED,
            ];
            assert!(legal.iter().any(|code| code.id == self::code(&outcome)), "{}", outcome.stdout);
        }
        panic!("{name} did not succeed in {TRIES} tries: {:?}", self.answers);
    }

    /// Rolls back, or is refused because others have written since.
    fn roll_back(&mut self) -> bool {
        let outcome =
            self.site.skein("rollback").arg(&self.dataset).arg("--yes").arg("-o").arg("json").finish();
        let done = self.note("rollback", &outcome);
        assert!(done || code(&outcome) == codes::LATER_WRITES.id, "{}", outcome.stdout);
        done
    }
}

fn code(outcome: &Outcome) -> String {
    outcome.json()["error"]["code"].as_str().unwrap().to_owned()
}

/// All ids in the files of a directory, with the file that each is in.
fn ids(dataset: &Path) -> Vec<i64> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dataset).unwrap() {
        let path = entry.unwrap().path();
        let rows = fixture::read(&path);
        ids.extend(rows.column_by_name("id").unwrap().as_primitive::<Int64Type>().values());
    }
    ids.sort_unstable();
    ids
}

/// For each file of the current version, by the log: the migrations that it has been through.
fn applied(dataset: &Path) -> BTreeMap<String, Vec<String>> {
    let options = Options { lock_wait: Duration::ZERO, threads: 1, probes: Arc::default() };
    let place = Place::resolve(dataset).unwrap();
    let dataset = Dataset::open(place, Arc::new(SystemClock::start()), options).unwrap();
    let head = dataset.head().unwrap().unwrap();
    let names = |applied: &[Applied]| applied.iter().map(|one| one.name.clone()).collect();
    head.files.iter().map(|file| (file.stat.path.clone(), names(&file.applied))).collect()
}

#[test]
fn nothing_is_lost_or_migrated_twice_while_somebody_writes_all_the_time() {
    let migrations = dice::setting("SKEIN_SOAK_ROUNDS", MIGRATIONS);
    let mut busy = Busy::start();
    let mut stand = BTreeSet::new();
    for number in 0..migrations {
        let name = format!("m{number}");
        // Every third time nobody writes between publish and rollback, so that some are not refused.
        let quiet = number % 3 == 2;
        if quiet {
            busy.pause();
        } else {
            busy.write(BURST);
        }
        busy.migrate(&name);
        let rolled_back = busy.roll_back();
        assert!(rolled_back || !quiet, "nobody wrote since");
        if !rolled_back {
            stand.insert(name);
        }
    }
    busy.pause();
    let files = busy.files();
    println!("{files} files written, {} caught up, {:?}", busy.caught_up, busy.answers);
    busy.migrate("last");
    stand.insert("last".to_owned());

    let wanted: Vec<i64> = (0..i64::try_from(files).unwrap() * 3).collect();
    assert!(ids(&busy.dataset) == wanted, "rows are lost or doubled");
    let applied = applied(&busy.dataset);
    assert_eq!(applied.len() as u64, files);
    for (file, through) in &applied {
        let once: BTreeSet<&String> = through.iter().collect();
        assert_eq!(once.len(), through.len(), "{file} went twice through one: {through:?}");
        assert!(once.iter().all(|name| stand.contains(*name)), "{file} went through one that was undone");
        assert!(once.contains(&"last".to_owned()), "{file} was left out: {through:?}");
    }
    assert!(busy.caught_up > 0, "no run met a file that was added meanwhile: {:?}", busy.answers);
}
