//! `kill -9` at every named crash point of run, publish, rollback and recovery, through the real binary.
//!
//! Each round: a dataset with one migration behind it is migrated again (in any publish mode, also while others add, overwrite
//! or remove files), rolled back, or has a held version published or discarded, and the process is killed at one point. At once the
//! dataset is old or new in full. Then somebody recovers: one process, two at once, one that is killed itself, or the next
//! run. Afterwards directory and log agree, nothing staged is left, and one more run succeeds.
//!
//! The first rounds are planned: every point, every act at each of its kinds of points, every recovery, single files too.
//! `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED` choose how many rounds there are and what those after the planned ones are.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

mod plan;
mod subject;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use host_tests::dice::{Dice, setting};
use host_tests::guard::{Tree, state_directory, tree};
use host_tests::{Call, Outcome, fixture};
use skein_dataset::{Dataset, Options, Place, ProbeCache};
use skein_types::{SystemClock, codes};

use plan::{Act, Met, Recovery, Round, TAKEN_BACK, schedule};
use subject::{BESIDE, Known, Subject, late, untouched};

const SEED: u64 = 20_261_123;

#[test]
fn killed_at_any_point_a_dataset_is_old_or_new_and_the_next_run_succeeds() {
    let planned = schedule(&plan::points());
    let rounds = usize::try_from(setting("SKEIN_SOAK_ROUNDS", planned.len() as u64)).unwrap();
    let seed = setting("SKEIN_SEED", SEED);
    println!("{rounds} rounds, {} of them planned, seed {seed}", planned.len());
    let known = [Known::new(false), Known::new(true)];
    let mut met = Met::default();
    for number in 0..rounds {
        let mut dice = Dice(seed.wrapping_add(number as u64));
        let round = Round::new(number, &planned, &mut dice);
        println!("round {number}: {round:?}");
        let killed =
            play(&round, &known[usize::from(round.single_file)], &format!("round {number}: {round:?}"));
        met.note(&round, killed);
    }
    if rounds >= planned.len() {
        met.check(&planned);
    }
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

/// Whether the act was killed, and its recovery went as meant.
fn play(round: &Round, known: &Known, what: &str) -> (bool, bool) {
    let first = matches!(round.act, Act::FirstRun);
    let subject = if first { untouched(round.single_file) } else { Subject::new(round.single_file) };
    let (old, new) = match round.act {
        Act::FirstRun => (&known.original, &known.first),
        Act::Run | Act::PublishHeld => (&known.first, &known.second),
        Act::Hold | Act::Discard | Act::Beside | Act::Finalize | Act::Forget => (&known.first, &known.first),
        Act::RollbackOver => (&known.grown.as_ref().unwrap()[0], &known.original),
        Act::Rollback => (&known.first, &known.original),
        Act::CatchUp => known.grown.as_ref().map(|[first, second]| (first, second)).unwrap(),
        Act::Disturbed(how) => (&known.disturbed[&how], &known.disturbed[&how]),
    };
    let killed = interrupted(&subject, round, what);
    is_one_of(&subject, [&old.tree, &new.tree], what);
    let recovered = recover_somehow(&subject, round.recovery, what);
    if round.recovery == Recovery::NextRun {
        if matches!(round.act, Act::Forget) && recovered {
            has_the_files_of(&subject, [&old.after_third, &new.after_third], what);
        } else {
            is_one_of(&subject, [&old.after_third, &new.after_third], what);
        }
        log_and_directory_agree(&subject, what);
        nothing_staged_is_left(&subject, what);
        // Back to what that run started from.
        subject.rollback().finish().succeeded();
    }
    is_one_of(&subject, [&old.tree, &new.tree], what);
    // What others did is observed by the next run only.
    if !matches!(round.act, Act::CatchUp | Act::RollbackOver | Act::Disturbed(_)) {
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
    (killed, recovered)
}

/// Does the act and dies; whether the point was met.
fn interrupted(subject: &Subject, round: &Round, what: &str) -> bool {
    let crash = format!("{}:{}", round.point, round.nth);
    let dies = |call: Call| ended(&call.env("SKEIN_CRASH_AT", &crash).finish(), what);
    match round.act {
        Act::FirstRun => dies(subject.first()),
        Act::Run => dies(subject.second()),
        Act::Rollback => dies(subject.rollback()),
        Act::Hold => dies(subject.hold()),
        Act::Beside => dies(subject.beside()),
        Act::Finalize => dies(subject.finalize()),
        Act::Forget => dies(subject.forget()),
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
            let run = subject.second().env("SKEIN_CRASH_AT", &crash);
            ended(&meanwhile(run, "publish.before-data-sync", || subject.grow()), what)
        }
        Act::Disturbed(how) => {
            let run = subject.second().env("SKEIN_CRASH_AT", &crash);
            // After the last look at the old version, or before it: then the exchange does not come about.
            let exchanged = round.point == "swap.after-exchange-back";
            let stops_at = if exchanged { "swap.after-slot" } else { "publish.after-intent-sync" };
            let outcome = meanwhile(run, stops_at, || subject.disturb(how));
            // The second or third time that it would come by it does not.
            if !outcome.was_killed() {
                outcome.refused(codes::DATASET_DRIFT);
            }
            outcome.was_killed()
        }
    }
}

/// What others do when a run has come to a point.
fn meanwhile(call: Call, point: &str, others: impl FnOnce()) -> Outcome {
    let run = call.env("SKEIN_STOP_AT", point).start();
    let stopped = run.has_stopped();
    others();
    if stopped {
        run.goes_on();
    }
    run.finish()
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

/// As [`is_one_of`], whatever the files are called: what is forgotten does not know that a part of a name is a hash.
fn has_the_files_of(subject: &Subject, versions: [&Tree; 2], what: &str) {
    let files = |tree: &Tree| {
        let mut files: Vec<String> = tree.values().cloned().collect();
        files.sort();
        files
    };
    let found = subject.tree();
    assert!(
        versions.iter().any(|tree| files(tree) == files(&found)),
        "{what}: neither old nor new: {found:#?}"
    );
}

/// Whether it went as it was meant to: what has nothing to end is not killed at it.
fn recover_somehow(subject: &Subject, recovery: Recovery, what: &str) -> bool {
    // Who died before there was a log, or forgot it, has left nothing to recover; a run begins anew.
    if !state_directory(&subject.dataset).join("log").is_dir() {
        subject.recover().finish().refused(codes::NO_HISTORY);
        if recovery != Recovery::NextRun {
            return false;
        }
    }
    let dies_at = |point: &str| {
        let killed = ended(&subject.recover().env("SKEIN_CRASH_AT", point).finish(), what);
        subject.recover().finish().succeeded();
        killed
    };
    match recovery {
        Recovery::Once => {
            subject.recover().finish().succeeded();
            true
        }
        Recovery::TwoAtOnce => {
            let both =
                [subject.recover().start(), subject.recover().start()].map(host_tests::call::Running::finish);
            let succeeded = both.iter().filter(|outcome| outcome.status.success()).count();
            assert!(succeeded >= 1, "{what}: {both:#?}");
            for outcome in both.iter().filter(|outcome| !outcome.status.success()) {
                outcome.refused(codes::DATASET_LOCKED);
            }
            true
        }
        Recovery::KilledBeforeSettle => dies_at("recover.before-settle"),
        Recovery::KilledBeforeSweep => dies_at("recover.before-sweep"),
        Recovery::KilledAfterSweep => dies_at("recover.after-sweep"),
        Recovery::NextRun => {
            let published = subject.third().finish().succeeded();
            assert!(published.stdout.contains("published"), "{what}: {}", published.stdout);
            true
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
    let options = Options { lock_wait: Duration::ZERO, threads: 1, probes: Arc::new(ProbeCache::default()) };
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
