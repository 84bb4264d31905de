//! What is looked at after a publish: whose columns files have that arrived, whether rules hold still, and whether every byte is
//! what it was.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use skein_api::node::{
    ArrivedFile, CheckTask, Checked, Columns, DamagedFile, Outcome, ScrubTask, Scrubbed, ScrubbedVersion,
};
use skein_api::{List, Meters, Text, Why};
use skein_dataset::{
    Arrived, Damage, Dataset, Flow, HealthError, Pace, ScrubError, pace, paced, scrub as read_all,
};
use skein_fleet::{Bucket, Take};
use skein_sandbox::LogLevel;
use skein_types::{Clock, RuleVerdict, codes};
use skein_verify::Jail;

use super::again;
use crate::progress::Progress;
use crate::rules::RulesAsked;

/// Reads the footers of files that arrived, and looks at rules again.
pub(super) fn check(
    (dataset, task): (&Dataset, &CheckTask),
    rules: RulesAsked,
    (jail, clock, progress): (&Jail, &dyn Clock, &Progress),
) -> Outcome {
    let arrived = match arrived(dataset, task) {
        Ok(arrived) => List::first(arrived).0,
        Err(error) => return failed(Why::new(error.code(), &skein_types::chain(&error), None)),
    };
    let stopped = || progress.is_cancelled();
    let results = again::judge((dataset, task.run), rules, (jail, clock, &stopped));
    if progress.is_cancelled() {
        return Outcome::Revoked;
    }
    let of = |verdict| results.iter().filter(move |result| result.verdict == verdict);
    let unsure = u32::try_from(of(RuleVerdict::Inconclusive).count()).unwrap_or(u32::MAX);
    let broken = List::first(of(RuleVerdict::Broken).cloned().collect()).0;
    for result in results.iter().filter(|result| result.verdict != RuleVerdict::Pass) {
        progress.journal().node_said(LogLevel::Warn, &result.to_string());
    }
    Outcome::Checked(Checked { arrived, broken, unsure })
}

fn arrived(dataset: &Dataset, task: &CheckTask) -> Result<Vec<ArrivedFile>, HealthError> {
    if task.arrived.is_empty() {
        return Ok(Vec::new());
    }
    let paths: Vec<String> = task.arrived.iter().map(ToString::to_string).collect();
    let file = |(path, has): (String, Arrived)| ArrivedFile {
        path: Text::escaped(&path),
        has: match has {
            Arrived::New => Columns::New,
            Arrived::Old => Columns::Old,
            Arrived::Other => Columns::Other,
            Arrived::Gone => Columns::Gone,
        },
    };
    Ok(dataset.arrived(task.run, &paths)?.into_iter().map(file).collect())
}

/// Reads every version of a dataset, no faster than it may.
pub(super) fn scrub(dataset: Dataset, task: &ScrubTask, clock: &Arc<dyn Clock>) -> Outcome {
    let all = pace();
    let slowed = task.rate.map(|rate| -> Arc<dyn Pace> {
        let bucket = Mutex::new(Bucket::new(rate.0, clock.elapsed()));
        Arc::new(Slowed { bucket, clock: Arc::clone(clock), all: all.clone() })
    });
    let read = match slowed {
        Some(slowed) => paced(Some(slowed), || read_all(&dataset)),
        None => read_all(&dataset),
    };
    match read {
        Ok(versions) => {
            let versions = versions.into_iter().map(told).collect();
            Outcome::Scrubbed(Scrubbed { versions: List::first(versions).0 })
        }
        Err(error) if error.code() == codes::CANCELLED => Outcome::Revoked,
        Err(error @ (ScrubError::Log(_) | ScrubError::Io(_) | ScrubError::Moved)) => {
            failed(Why::new(error.code(), &skein_types::chain(&error), None))
        }
    }
}

fn told(read: skein_dataset::Scrubbed) -> ScrubbedVersion {
    let file = |damaged: skein_dataset::Damaged| DamagedFile {
        path: Text::escaped(&damaged.path),
        how: Text::escaped(damaged.how.as_str()),
        written: damaged.how == Damage::Written,
    };
    let skein_dataset::Scrubbed { version, current, files, bytes, damaged } = read;
    let damaged = List::first(damaged.into_iter().map(file).collect()).0;
    ScrubbedVersion { version, current, files, bytes, damaged }
}

fn failed(why: Why) -> Outcome {
    Outcome::Failed { why, meters: Meters::default() }
}

/// A rate below the task's own.
struct Slowed {
    bucket: Mutex<Bucket>,
    clock: Arc<dyn Clock>,
    all: Option<Arc<dyn Pace>>,
}

impl fmt::Debug for Slowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slowed")
    }
}

impl Pace for Slowed {
    fn pass(&self, flow: Flow, bytes: u64) {
        let mut left = bytes;
        while left > 0 {
            let now = self.clock.elapsed();
            let taken = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now, left);
            let Some(Take { bytes, wait }) = taken else { break };
            left = left.saturating_sub(bytes);
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
        }
        if let Some(all) = &self.all {
            all.pass(flow, bytes);
        }
    }
}
