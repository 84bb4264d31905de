//! `kill -9` at every named crash point of run, publish, rollback and recovery, through the real binary.
//!
//! Each round: a dataset with one migration behind it is migrated again (in any publish mode, also while others add to
//! it), rolled back, or has a held version published or discarded, and the process is killed at one point. At once the
//! dataset is old or new in full. Then somebody recovers: one process, two at once, one that is killed itself, or the next
//! run. Afterwards directory and log agree, nothing staged is left, and one more run succeeds.
//!
//! `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED` choose how many rounds and which.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use host_tests::dice::{Dice, setting};
use host_tests::guard::{Tree, state_directory, tree};
use host_tests::{Call, Outcome, Site, fixture, guests};
use serde_json::json;
use skein_dataset::{CRASH_POINTS, Dataset, Options, Place, ProbeCache, SyncMode};
use skein_types::{SystemClock, codes};

/// The name of the dataset that is made beside.
const BESIDE: &str = "beside.parquet";
/// Reached only if somebody writes between two looks at the dataset: they have tests of their own.
const TAKEN_BACK: [&str; 2] = ["swap.after-exchange-back", "swap.after-take-back"];
/// Every other point at least once.
const SHORT: usize = CRASH_POINTS.len() - TAKEN_BACK.len() - 1;
/// Met only where others wrote into a version that is given up; the tests of the crate that has it die there.
const SET_ASIDE: &str = "aside.after-move";
const SEED: u64 = 20_261_123;

/// A dataset in a directory of its own, with the versions that it may have.
struct Subject {
    site: Site,
    dataset: PathBuf,
}

impl Subject {
    /// Three files (or a single one) and one migration behind it.
    fn new(single_file: bool) -> Self {
        let site = Site::new();
        let dataset = if single_file {
            let file = site.directory("data").join("orders.parquet");
            fixture::write(&file, &fixture::orders(0, 2_000), 600);
            file
        } else {
            fixture::orders_directory(&site.path("data/orders"), 3);
            site.path("data/orders")
        };
        let subject = Self { site, dataset };
        subject.first().finish().succeeded();
        subject
    }

    fn columns(&self, params: &serde_json::Value) -> Call {
        self.site.run(&guests::component("columns"), &self.dataset).params(params)
    }

    fn first(&self) -> Call {
        self.columns(&json!({ "name": "first", "steps": [{ "rename": "customer", "to": "client" }] }))
    }

    /// Rejects some rows, so that there is a quarantine to move.
    fn second(&self) -> Call {
        self.columns(&json!({ "name": "second", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }, { "drop": "note" }] }))
    }

    fn hold(&self) -> Call {
        self.second().arg("--publish").arg("hold")
    }

    fn publish(&self) -> Call {
        self.site.skein("publish").arg(&self.dataset)
    }

    fn discard(&self) -> Call {
        self.site.skein("discard").arg(&self.dataset).arg("--yes")
    }

    fn finalize(&self) -> Call {
        self.site.skein("finalize").arg(&self.dataset).arg("--now").arg("--yes")
    }

    fn beside(&self) -> Call {
        self.second().arg("--publish").arg(format!("beside={BESIDE}"))
    }

    /// What others add while a run is at work.
    fn grow(&self) {
        fixture::write(&self.dataset.join("late.parquet"), &late(), 400);
    }

    fn third(&self) -> Call {
        self.columns(&json!({ "name": "third", "steps": [{ "drop": "year" }] }))
    }

    fn rollback(&self) -> Call {
        self.site.skein("rollback").arg(&self.dataset).arg("--yes")
    }

    fn recover(&self) -> Call {
        self.site.skein("recover").arg(&self.dataset)
    }

    fn tree(&self) -> Tree {
        tree(&self.dataset)
    }
}

/// What is interrupted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// The very first run over a dataset, which also registers it.
    FirstRun,
    Run,
    Rollback,
    Recover,
    Hold,
    PublishHeld,
    Discard,
    Beside,
    /// A run while which others add a file.
    CatchUp,
    Finalize,
    /// A rollback over what others added.
    RollbackOver,
}

/// The acts that meet a point, by its name.
fn acts(point: &str) -> &'static [Act] {
    match point.split('.').next().unwrap_or_default() {
        "register" => &[Act::FirstRun],
        "rollback" | "store" => &[Act::Rollback],
        "recover" => &[Act::Recover],
        "hold" => &[Act::Hold],
        "held" => &[Act::PublishHeld],
        "discard" => &[Act::Discard],
        "beside" => &[Act::Beside],
        "finalize" => &[Act::Finalize],
        "later" => &[Act::RollbackOver],
        "swap" | "settle" => &[Act::Run, Act::Rollback, Act::FirstRun, Act::PublishHeld, Act::CatchUp],
        _ if point == "stage.after-extend" => &[Act::CatchUp],
        "stage" => &[Act::Run, Act::FirstRun, Act::Hold, Act::Beside],
        _ if point == "publish.after-adopt" => &[Act::FirstRun],
        _ => &[Act::Run, Act::FirstRun],
    }
}

/// The versions that a dataset passes through, made once without any crash.
struct Known {
    original: Version,
    first: Version,
    second: Version,
    /// The first and the second with what others add; a single file has none.
    grown: Option<[Version; 2]>,
}

/// A version, and what one more migration makes of it.
struct Version {
    tree: Tree,
    after_third: Tree,
}

impl Version {
    /// The current one of `subject`, which goes back to it.
    fn of(subject: &Subject) -> Self {
        let tree = subject.tree();
        subject.third().finish().succeeded();
        let after_third = subject.tree();
        subject.rollback().finish().succeeded();
        assert!(subject.tree() == tree && after_third != tree, "versions that do not differ show nothing");
        Self { tree, after_third }
    }
}

impl Known {
    fn new(single_file: bool) -> Self {
        let subject = Subject::new(single_file);
        let first = Version::of(&subject);
        subject.second().finish().succeeded();
        let second = Version::of(&subject);
        subject.rollback().arg("--to").arg("0").finish().succeeded();
        let original = Version::of(&subject);
        assert!(
            original.tree != first.tree && first.tree != second.tree,
            "versions that do not differ show nothing"
        );
        let grown = (!single_file).then(|| {
            let subject = Subject::new(false);
            subject.grow();
            let first = Version::of(&subject);
            subject.second().finish().succeeded();
            [first, Version::of(&subject)]
        });
        Self { original, first, second, grown }
    }
}

struct Round<'a> {
    point: &'a str,
    act: Act,
    nth: u64,
    single_file: bool,
    recovery: Recovery,
}

#[test]
fn killed_at_any_point_a_dataset_is_old_or_new_and_the_next_run_succeeds() {
    let rounds = usize::try_from(setting("SKEIN_SOAK_ROUNDS", SHORT as u64)).unwrap();
    let seed = setting("SKEIN_SEED", SEED);
    println!("{rounds} rounds, seed {seed}");
    let known = [Known::new(false), Known::new(true)];
    let rare = |point: &&str| TAKEN_BACK.contains(point) || *point == SET_ASIDE;
    let points: Vec<_> = CRASH_POINTS.iter().copied().filter(|point| !rare(point)).collect();
    let mut met = BTreeMap::<&str, usize>::new();
    let mut recovered = BTreeMap::<Recovery, usize>::new();
    for number in 0..rounds {
        let mut dice = Dice(seed.wrapping_add(number as u64));
        let point = points[number % points.len()];
        let acts = acts(point);
        let act = acts[usize::try_from(dice.roll(acts.len() as u64)).unwrap()];
        // The first time over the list every point is reached at its first occurrence; later rounds go deeper.
        let nth = if number < points.len() { 1 } else { 1 + dice.roll(3) };
        let grows = [Act::CatchUp, Act::RollbackOver].contains(&act);
        let single_file = !grows && number >= points.len() && dice.roll(3) == 0;
        // In turn at first, so that the short form has each of them; by chance with every point later.
        let recovery = match number < points.len() {
            true => RECOVERIES[number % RECOVERIES.len()],
            false => RECOVERIES[usize::try_from(dice.roll(RECOVERIES.len() as u64)).unwrap()],
        };
        let round = Round { point, act, nth, single_file, recovery };
        let what = format!(
            "round {number}: {act:?} killed at {point}:{nth}, single file: {single_file}, then {recovery:?}"
        );
        println!("{what}");
        let killed = play(&round, &known[usize::from(single_file)], &mut dice, &what);
        *met.entry(point).or_default() += usize::from(killed);
        *recovered.entry(recovery).or_default() += usize::from(killed);
    }
    let missed: Vec<_> = met.iter().filter(|(_, times)| **times == 0).map(|(point, _)| *point).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
    let tried = RECOVERIES.iter().filter(|recovery| recovered.get(recovery).is_some_and(|times| *times > 0));
    assert_eq!(tried.count(), RECOVERIES.len().min(rounds), "{recovered:?}");
}

#[test]
fn a_late_write_to_the_displaced_version_is_kept_whatever_dies() {
    let subject = Subject::new(false);
    let mut expected = subject.tree();
    let what = "a late write";
    assert!(subject.second().env("SKEIN_CRASH_AT", "swap.after-exchange").finish().was_killed());
    assert_ne!(subject.tree(), expected, "the new version is in place by now");
    // A writer that had the directory open finishes its file in what is the old version since.
    let kept = state_directory(&subject.dataset).join("kept").read_dir().unwrap();
    let displaced = kept.map(|entry| entry.unwrap().path()).find(|path| tree(path) == expected).unwrap();
    fixture::write(&displaced.join("late.parquet"), &late(), 400);
    expected.insert("late.parquet".to_owned(), tree(&displaced)["late.parquet"].clone());

    for point in TAKEN_BACK {
        assert!(subject.recover().env("SKEIN_CRASH_AT", point).finish().was_killed(), "{point}");
    }
    subject.recover().finish().succeeded();
    assert_eq!(subject.tree(), expected);
    nothing_staged_is_left(&subject, what);
    subject.third().finish().succeeded();
    log_and_directory_agree(&subject, what);
}

#[test]
fn what_others_wrote_into_a_version_that_is_taken_back_is_named_whatever_dies() {
    let subject = Subject::new(false);
    let before = subject.tree();
    assert!(subject.second().env("SKEIN_CRASH_AT", "swap.after-exchange").finish().was_killed());
    let state = state_directory(&subject.dataset);
    let kept = state.join("kept").read_dir().unwrap();
    let displaced = kept.map(|entry| entry.unwrap().path()).find(|path| tree(path) == before).unwrap();
    fixture::write(&displaced.join("late.parquet"), &late(), 400);
    fixture::write(&subject.dataset.join("into-new.parquet"), &late(), 400);

    assert!(subject.recover().env("SKEIN_CRASH_AT", "swap.after-take-back").finish().was_killed());
    let said = subject.recover().finish().succeeded().stdout;
    let aside = state.join("aside").read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(aside.join("into-new.parquet").is_file());
    let named = format!("their files are in aside/{}", aside.file_name().unwrap().display());
    assert!(said.contains(&named), "wanted {named:?}:\n{said}");
    assert!(subject.dataset.join("late.parquet").is_file());
    assert!(!subject.dataset.join("into-new.parquet").exists());
    subject.third().finish().succeeded();
    log_and_directory_agree(&subject, "set aside");
}

/// Rows of the schema that the first migration made.
fn late() -> RecordBatch {
    let rows = fixture::orders(9_000, 9_100);
    let names = ["id", "client", "amount", "note", "year"];
    let schema = rows.schema();
    let columns = names.iter().zip(schema.fields().iter()).zip(rows.columns());
    let columns = columns.map(|((name, field), column)| (*name, Arc::clone(column), field.is_nullable()));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn play(round: &Round<'_>, known: &Known, dice: &mut Dice, what: &str) -> bool {
    let first = matches!(round.act, Act::FirstRun);
    let subject = if first { untouched(round.single_file) } else { Subject::new(round.single_file) };
    let (old, new) = match round.act {
        Act::FirstRun => (&known.original, &known.first),
        Act::Run | Act::Recover | Act::PublishHeld => (&known.first, &known.second),
        Act::Hold | Act::Discard | Act::Beside | Act::Finalize => (&known.first, &known.first),
        Act::RollbackOver => (&known.grown.as_ref().unwrap()[0], &known.original),
        Act::Rollback => (&known.first, &known.original),
        Act::CatchUp => known.grown.as_ref().map(|[first, second]| (first, second)).unwrap(),
    };
    let killed = interrupted(&subject, round, dice, what);
    is_one_of(&subject, [&old.tree, &new.tree], what);
    recover_somehow(&subject, round.recovery, dice, what);
    if round.recovery == Recovery::NextRun {
        is_one_of(&subject, [&old.after_third, &new.after_third], what);
        log_and_directory_agree(&subject, what);
        nothing_staged_is_left(&subject, what);
        // Back to what that run started from.
        subject.rollback().finish().succeeded();
    }
    is_one_of(&subject, [&old.tree, &new.tree], what);
    // What others added is observed by the next run only.
    if ![Act::CatchUp, Act::RollbackOver].contains(&round.act) {
        log_and_directory_agree(&subject, what);
    }
    nothing_staged_is_left(&subject, what);
    let made = subject.dataset.with_file_name(BESIDE);
    assert_eq!(made.exists(), state_directory(&made).exists(), "{what}: complete or not at all");
    if made.exists() {
        assert_eq!(tree(&made), known.second.tree, "{what}");
        agrees(&made, what);
    }
    subject.third().finish().succeeded();
    log_and_directory_agree(&subject, what);
    killed
}

/// Does the act and dies; whether the point was met.
fn interrupted(subject: &Subject, round: &Round<'_>, dice: &mut Dice, what: &str) -> bool {
    let crash = format!("{}:{}", round.point, round.nth);
    let dies = |call: Call| ended(&call.env("SKEIN_CRASH_AT", &crash).finish(), what);
    match round.act {
        Act::FirstRun => dies(subject.first()),
        Act::Run => dies(subject.second()),
        Act::Rollback => dies(subject.rollback()),
        Act::Hold => dies(subject.hold()),
        Act::Beside => dies(subject.beside()),
        Act::Finalize => dies(subject.finalize()),
        Act::RollbackOver => {
            subject.grow();
            dies(subject.rollback().arg("--later-writes").arg("keep"))
        }
        Act::PublishHeld => {
            subject.hold().finish().succeeded();
            dies(subject.publish())
        }
        Act::Discard => {
            subject.hold().finish().succeeded();
            dies(subject.discard())
        }
        Act::CatchUp => {
            let call = subject.second().env("SKEIN_STOP_AT", "publish.before-data-sync");
            let run = call.env("SKEIN_CRASH_AT", &crash).start();
            let stopped = run.has_stopped();
            subject.grow();
            if stopped {
                run.goes_on();
            }
            ended(&run.finish(), what)
        }
        Act::Recover => {
            // Recovery brings only what has an intent and no decision to its end; the others leave things to sweep.
            let earlier =
                ["publish.after-intent", "swap.after-exchange", "swap.after-decision", "stage.after-create"];
            let choices = if round.point == "recover.before-settle" { 2 } else { earlier.len() };
            let earlier = earlier[usize::try_from(dice.roll(choices as u64)).unwrap()];
            assert!(
                subject.second().env("SKEIN_CRASH_AT", earlier).finish().was_killed(),
                "{what}: {earlier}"
            );
            dies(subject.recover())
        }
    }
}

/// A dataset that no run has seen.
fn untouched(single_file: bool) -> Subject {
    let subject = Subject::new(single_file);
    subject.rollback().arg("--to").arg("0").finish().succeeded();
    std::fs::remove_dir_all(state_directory(&subject.dataset)).unwrap();
    subject
}

/// Whether the crash point was met; a call that never comes by must succeed.
fn ended(outcome: &Outcome, what: &str) -> bool {
    assert!(outcome.was_killed() || outcome.status.success(), "{what}: {outcome:#?}");
    outcome.was_killed()
}

fn is_one_of(subject: &Subject, versions: [&Tree; 2], what: &str) {
    let found = subject.tree();
    assert!(versions.contains(&&found), "{what}: neither old nor new: {found:#?}");
}

/// Who comes after a crash is not for us to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Recovery {
    Once,
    TwoAtOnce,
    KilledItself,
    /// No `skein recover` at all: the next run settles what an earlier one left.
    NextRun,
}

const RECOVERIES: [Recovery; 4] =
    [Recovery::Once, Recovery::TwoAtOnce, Recovery::KilledItself, Recovery::NextRun];

fn recover_somehow(subject: &Subject, recovery: Recovery, dice: &mut Dice, what: &str) {
    match recovery {
        Recovery::Once => {
            subject.recover().finish().succeeded();
        }
        Recovery::TwoAtOnce => {
            let both =
                [subject.recover().start(), subject.recover().start()].map(host_tests::call::Running::finish);
            let succeeded = both.iter().filter(|outcome| outcome.status.success()).count();
            assert!(succeeded >= 1, "{what}: {both:#?}");
            for outcome in both.iter().filter(|outcome| !outcome.status.success()) {
                outcome.refused(codes::DATASET_LOCKED);
            }
        }
        Recovery::KilledItself => {
            let points = ["recover.before-settle", "recover.before-sweep", "recover.after-sweep"];
            let point = points[usize::try_from(dice.roll(points.len() as u64)).unwrap()];
            ended(&subject.recover().env("SKEIN_CRASH_AT", point).finish(), what);
            subject.recover().finish().succeeded();
        }
        Recovery::NextRun => {
            let published = subject.third().finish().succeeded();
            assert!(published.stdout.contains("published"), "{what}: {}", published.stdout);
        }
    }
}

/// The files of the current version, as the log has them, are the files of the directory.
fn log_and_directory_agree(subject: &Subject, what: &str) {
    if state_directory(&subject.dataset).join("log").exists() {
        agrees(&subject.dataset, what);
    }
}

fn agrees(path: &Path, what: &str) {
    let options = Options {
        lock_wait: Duration::ZERO,
        threads: 1,
        sync: SyncMode::Each,
        probes: Arc::new(ProbeCache::default()),
    };
    let place = Place::resolve(path).unwrap();
    let dataset = Dataset::open(place, Arc::new(SystemClock::start()), options).unwrap();
    let history = dataset.history().unwrap();
    assert!(history.unsettled().is_none(), "{what}: {:?}", history.unsettled());
    let logged: Vec<String> = history.held().iter().map(|held| held.hold.facts.run.to_string()).collect();
    let held = state_directory(path).join("held").read_dir().into_iter().flatten();
    let mut held: Vec<String> = held.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    held.sort();
    assert_eq!(held, logged, "{what}: what is held");
    let logged: Vec<String> = history.kept().map(|(version, _)| version.version.to_string()).collect();
    let kept = state_directory(path).join("kept").read_dir().unwrap();
    let mut kept: Vec<String> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort();
    assert_eq!(kept, logged, "{what}: what is kept");
    // A first run that was killed early has registered the dataset and written no record.
    let Some(head) = history.head() else { return };
    let logged: BTreeMap<String, String> = head
        .files
        .iter()
        .map(|file| {
            (file.stat.path.clone(), file.blake3.to_string().trim_start_matches("blake3:").to_owned())
        })
        .collect();
    assert_eq!(logged, hashes(path), "{what}");
}

fn hashes(dataset: &Path) -> BTreeMap<String, String> {
    let name = dataset.file_name().unwrap().to_str().unwrap();
    tree(dataset)
        .into_iter()
        .filter(|(_, what)| what.starts_with("file"))
        .map(|(path, what)| {
            let path = if path.is_empty() { name.to_owned() } else { path };
            (path, what.rsplit(' ').next().unwrap().to_owned())
        })
        .collect()
}

/// Between runs a state directory holds the log, kept versions, the quarantine and the lock.
fn nothing_staged_is_left(subject: &Subject, what: &str) {
    let state = state_directory(&subject.dataset);
    if !state.exists() {
        return;
    }
    let staged = state.join("stage");
    let left: Vec<_> = staged.read_dir().into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{what}: {left:?}");
}
