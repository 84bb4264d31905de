//! Giving up old versions, and collecting what nobody needs.
//!
//! | crash | log ends with | kept/<n> | a rollback to it | recovery |
//! |---|---|---|---|---|
//! | before the record | whatever was | whole | works | nothing to do |
//! | after the record | finalize | whole or in part | SK0520 | removes the rest |
//!
//! The record comes first. The other way round a version that is half removed would still be one to roll back to, in
//! the log's eyes, until somebody looked at its files. Files that others wrote into a version are moved out of it before it is
//! removed. Rejected rows are given up by the same record, if they are: they are rows of the version that their run read, and
//! go with it.
//!
//! A version is given up once it has not been current for the rollback window. Times are those in the log, by the
//! clocks of whoever wrote it: one that lies in the future (a clock was set back since) has not passed, and is named.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use cap_std::fs::Dir;
use skein_types::{Bytes, RunId, Timestamp};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::given_up::{self, GivenUp};
use crate::log::machine::{History, Version, VersionKind};
use crate::log::record::Body;
use crate::publish::swap::QUARANTINE;
use crate::recover;
use crate::store;
use crate::sweep::{self, Swept};

/// How long an old version can be rolled back to, unless somebody says otherwise: seven days.
pub const ROLLBACK_WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What was given up, and what was not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Numbers of the versions whose files are gone.
    pub versions: Vec<u64>,
    /// How many files those were.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Where files are that others had written into those versions.
    pub set_aside: Vec<PathBuf>,
    /// Versions that are still kept.
    pub waiting: Vec<Waiting>,
    /// What became of rejected rows.
    pub rejects: Quarantined,
}

/// Quarantine files, whose rows are those of old versions as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quarantined {
    /// Files that were removed.
    pub removed: u64,
    /// Their size.
    pub removed_bytes: Bytes,
    /// Files that are there.
    pub left: u64,
    /// Their size.
    pub left_bytes: Bytes,
}

/// What becomes of rejected rows of the versions that are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedRows {
    /// They stay.
    Keep,
    /// They are given up too, also those of versions that were given up before.
    GiveUp,
}

/// A version whose rollback window has not passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub version: u64,
    /// When it ceased to be current, by the log.
    pub since: Timestamp,
    /// That time lies in the future: the clock was set back, or another machine's is ahead.
    pub ahead: bool,
    /// What giving it up would free.
    pub bytes: Bytes,
}

/// Gives up every version that has not been current for `window`; a window of zero means all.
pub fn finalize(
    dataset: &Dataset,
    window: Duration,
    rejected: RejectedRows,
) -> Result<Finalized, StateError> {
    let now = dataset.clock.now();
    give_up(dataset, rejected, |_, _, since| window.is_zero() || has_passed(now, since, window))
}

/// Gives up the version that a run displaced if it is kept, and no other: a run has no say over those that others displaced.
/// Which one that is stands in the log. Of one that is given up already it removes what a process that died over it has left.
pub fn finalize_displaced_by(dataset: &Dataset, run: RunId) -> Result<Finalized, StateError> {
    let is_displaced = |history: &History, kept: &Version, _| history.is_displaced_by(kept, run);
    let given_up = give_up(dataset, RejectedRows::Keep, is_displaced)?;
    if given_up.versions.is_empty() {
        collect(dataset)?;
        return Ok(gone_with(&dataset.history()?, run).unwrap_or(given_up));
    }
    Ok(given_up)
}

/// What an earlier call gave up, by the log.
fn gone_with(history: &History, run: RunId) -> Option<Finalized> {
    let gone = |version: &&std::sync::Arc<Version>| {
        history.is_displaced_by(version, run) && history.finalized_by(version.version).is_some()
    };
    let version = history.versions().iter().find(gone)?;
    let (versions, files) = (vec![version.version], version.files.len() as u64);
    Some(Finalized { versions, files, bytes: size(version), ..nothing() })
}

fn give_up(
    dataset: &Dataset,
    rejected: RejectedRows,
    is_due: impl Fn(&History, &Version, Timestamp) -> bool,
) -> Result<Finalized, StateError> {
    let Some(state) = dataset.state() else { return Ok(nothing()) };
    let _at_work = dataset.keep_runs_away("a finalize")?;
    let _lock = dataset.lock_publish(state)?;
    let (_, history) = recover::settle(dataset, state)?;
    let now = dataset.clock.now();
    let (due, waiting): (Vec<_>, Vec<_>) =
        history.kept().partition(|(version, since)| is_due(&history, version, *since));
    let files = due.iter().map(|(version, _)| version.files.len() as u64).sum();
    let bytes = due.iter().map(|(version, _)| size(version)).sum();
    let mut set_aside = Vec::new();
    let versions: Vec<u64> = due.iter().map(|(version, _)| version.version).collect();
    let (runs, removed) = match rejected {
        RejectedRows::Keep => (Vec::new(), Quarantined::default()),
        RejectedRows::GiveUp => rejects_to_remove(state, &history, &versions)?,
    };
    if !versions.is_empty() || !runs.is_empty() {
        let body = Body::Finalize { versions: versions.clone(), files, bytes, rejects: runs.clone() };
        let record = recover::append(dataset, state, &history, body)?;
        crash_point!("finalize.after-record").during("finalize", &dataset.place.name)?;
        set_aside = remove(dataset, state, &history, (&versions, &runs, record.number))?;
    }
    let waiting = waiting.into_iter().map(|(version, since)| Waiting {
        version: version.version,
        since,
        ahead: since > now,
        bytes: size(version),
    });
    let left = quarantined(state)?;
    let rejects = Quarantined { left: left.left, left_bytes: left.left_bytes, ..removed };
    Ok(Finalized { versions, files, bytes, set_aside, waiting: waiting.collect(), rejects })
}

/// Runs whose quarantine files go with these versions, as far as there are any.
fn rejects_to_remove(
    state: &State,
    history: &History,
    versions: &[u64],
) -> Result<(Vec<RunId>, Quarantined), StateError> {
    let (mut runs, mut found) = (Vec::new(), Quarantined::default());
    let Some(dir) = open_quarantine(state)? else { return Ok((runs, found)) };
    for run in history.rejects_of_given_up(versions) {
        let name = file_of(run);
        if store::node(&dir, &name)?.is_some() {
            found.removed += 1;
            found.removed_bytes += Bytes(store::tree_size(&dir, &name)?);
            runs.push(run);
        }
    }
    Ok((runs, found))
}

fn file_of(run: RunId) -> String {
    format!("{run}.parquet")
}

fn open_quarantine(state: &State) -> Result<Option<Dir>, StateError> {
    match state.root.open_dir(QUARANTINE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => Ok(Some(other.during("open", QUARANTINE)?)),
    }
}

/// How many quarantine files there are, and how large.
fn quarantined(state: &State) -> Result<Quarantined, StateError> {
    let mut found = Quarantined::default();
    let Some(dir) = open_quarantine(state)? else { return Ok(found) };
    for name in store::names(&dir, QUARANTINE)? {
        found.left += 1;
        found.left_bytes += Bytes(store::tree_size(&dir, &name)?);
    }
    Ok(found)
}

/// What rejected rows take; nothing for a dataset that no run has taken.
pub fn quarantine_of(dataset: &Dataset) -> Result<Quarantined, StateError> {
    dataset.state().map_or_else(|| Ok(Quarantined::default()), quarantined)
}

fn remove(
    dataset: &Dataset,
    state: &State,
    history: &History,
    (versions, runs, number): (&[u64], &[RunId], u64),
) -> Result<Vec<PathBuf>, StateError> {
    let mut aside = BTreeSet::new();
    for version in versions {
        aside.extend(set_aside(dataset, state, history, (*version, number))?);
        store::remove_tree(&state.kept, &version.to_string())?;
        crash_point!("finalize.after-remove").during("finalize", &dataset.place.name)?;
    }
    if let Some(dir) = open_quarantine(state)? {
        for run in runs {
            store::remove_tree(&dir, &file_of(*run))?;
            crash_point!("finalize.after-rejects").during("finalize", &dataset.place.name)?;
        }
    }
    Ok(aside.into_iter().map(|at| dataset.state_path().join(at)).collect())
}

/// Moves what others wrote into a kept version that record `number` gave up; answers where it is now, below the state.
pub(crate) fn set_aside(
    dataset: &Dataset,
    state: &State,
    history: &History,
    (version, number): (u64, u64),
) -> Result<Vec<String>, StateError> {
    let name = version.to_string();
    let files = history.version(version).map_or(&[][..], |version| &version.files);
    given_up::set_aside(dataset, state, &GivenUp { dir: &state.kept, name: &name, files, number })
}

/// Removes the rest of rejected rows that a record gave up, for the sweep; answers the runs.
pub(crate) fn sweep_rejects(state: &State, history: &History) -> Result<Vec<(RunId, Bytes)>, IoFault> {
    let dir = match state.root.open_dir(QUARANTINE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.during("open", QUARANTINE)?,
    };
    let mut swept = Vec::new();
    for name in store::names(&dir, QUARANTINE)? {
        let run = name.strip_suffix(".parquet").and_then(|run| run.parse::<RunId>().ok());
        if let Some(run) = run.filter(|run| history.are_rejects_gone(*run)) {
            swept.push((run, Bytes(store::tree_size(&dir, &name)?)));
            store::remove_tree(&dir, &name)?;
        }
    }
    Ok(swept)
}

/// Removes what dead processes left, now, and answers how much that was.
pub fn collect(dataset: &Dataset) -> Result<Vec<Swept>, StateError> {
    let Some(state) = dataset.state() else { return Ok(Vec::new()) };
    let _at_work = dataset.keep_runs_away("a collection")?;
    let _lock = dataset.lock_publish(state)?;
    let (_, history) = recover::settle(dataset, state)?;
    sweep::sweep(dataset, state, &history)
}

/// What giving up a kept version would free; files that share their blocks with others free less.
fn size(version: &Version) -> Bytes {
    version.files.iter().map(|file| Bytes(file.stat.size)).sum()
}

fn has_passed(now: Timestamp, since: Timestamp, window: Duration) -> bool {
    now.0.checked_sub(since.0).is_some_and(|passed| u128::from(passed) >= window.as_millis())
}

fn nothing() -> Finalized {
    Finalized {
        versions: Vec::new(),
        files: 0,
        bytes: Bytes(0),
        set_aside: Vec::new(),
        waiting: Vec::new(),
        rejects: Quarantined::default(),
    }
}

impl History {
    /// Whether a kept version is what a run displaced: when it was published, or when it came back after a rollback.
    fn is_displaced_by(&self, kept: &Version, run: RunId) -> bool {
        let Some(published) = self.published_by(run) else { return false };
        let content = |version: u64| self.version(version).map(|version| version.content);
        let by = kept.version.checked_add(1).and_then(|by| self.version(by));
        by.is_some_and(|by| match &by.kind {
            VersionKind::Published(facts) => facts.run == run,
            VersionKind::RolledBack { .. } => {
                Some(by.content) == content(published)
                    && published.checked_sub(1).and_then(content) == Some(kept.content)
            }
            VersionKind::Adopted | VersionKind::Beside(_) | VersionKind::Observed { .. } => false,
        })
    }

    /// What giving up the kept version of this number would free; none if nothing is kept under it.
    pub fn kept_bytes(&self, version: u64) -> Option<Bytes> {
        self.kept().find(|(kept, _)| kept.version == version).map(|(kept, _)| size(kept))
    }
}
