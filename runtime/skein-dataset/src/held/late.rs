//! A held version becomes current although others have added files since: they join it as they are, if readers find its
//! columns in them, and the next run migrates them. That is where they would be if they had come right after the publish.
//!
//! What is held is not touched before it is decided: it is copied into an attempt of the run's own, the added files join
//! that one, and from there on it is a publish like any other. Whatever ends it before its decision, the copy is swept
//! and the version stays held.

use std::error::Error;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use cap_std::fs::Dir;
use skein_types::schema_difference;

use crate::dataset::{Dataset, RunLock, State};
use crate::fault::During as _;
use crate::held::{HeldError, PublishedHeld};
use crate::intact::{self, Proof};
use crate::listing::{Change, FileStat, Role, changes};
use crate::log::machine::{Held, History};
use crate::log::record::{Applied, FileRecord, Hold};
use crate::parquet::SourceFile;
use crate::partition::Partitions;
use crate::publish::alone::ExchangeError;
use crate::publish::{
    Attempted, CommitData, Conflict, FileFacts, Outcome, Publish, PublishError, attempt_many,
};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::staging::{QUARANTINE, Staging};
use crate::store;

/// How often files that are added meanwhile are taken in before it is a conflict.
const ROUNDS: usize = 8;

/// What is live, with the places of the files that were added to the version that a hold was made from; anything else that
/// happened since is an error.
pub(super) fn added(
    history: &History,
    held: &Held,
    live: Snapshot,
) -> Result<(Snapshot, Vec<usize>), HeldError> {
    let base = history.version(held.hold.base).expect("what is held has a base");
    if history.moved_on(base.version).is_some() {
        let head = history.head().map_or(base.version, |head| head.version);
        return Err(HeldError::MovedOn { base: base.version, head });
    }
    let stats = (base.files.iter().map(|f| &f.stat), live.files().iter().map(|f| &f.stat));
    let changes = changes(stats.0, stats.1, FileStat::same);
    if changes.iter().any(|change| !matches!(change, Change::Added(_))) {
        return Err(HeldError::Drift { changes });
    }
    let is_new = |path: &str| base.files.binary_search_by(|f| f.stat.path.as_str().cmp(path)).is_err();
    let places = live.files().iter().enumerate().filter(|(_, file)| is_new(&file.stat.path));
    let places = places.map(|(place, _)| place).collect();
    Ok((live, places))
}

/// Publishes a copy of what is held with the files at these places.
pub(super) fn publish(
    dataset: &Dataset,
    lock: &RunLock,
    held: &Held,
    (mut live, mut added): (Snapshot, Vec<usize>),
) -> Result<PublishedHeld, HeldError> {
    let state = dataset.state().expect("a lock was taken in the dataset's state");
    let ready = Ready::open(dataset, state, &held.hold)?;
    let mut joined = Vec::new();
    ready.fit(&live, (&added, &joined))?;
    let mut staging = Staging::create(dataset, lock, &live, 0)?;
    ready.copy(&staging)?;
    let mut commit = commit(&held.hold);
    for _ in 0..ROUNDS {
        for file in added.iter().map(|place| &live.files()[*place]) {
            if file.stat.role != Role::Dropped {
                staging.join(&live, file)?;
                joined.push(file.stat.path.clone());
            }
        }
        staging.finish_dirs()?;
        let attributes_lost = staging.lost_attributes();
        let publish = Publish { dataset, lock, snapshot: live, staging, commit };
        let Attempted { answer, returned } =
            attempt_many(vec![publish]).pop().expect("one publish has one answer");
        let back = match (answer?, returned) {
            (Outcome::Committed { version }, _) => {
                return Ok(PublishedHeld { joined, attributes_lost, ..PublishedHeld::alone(version) });
            }
            (Outcome::Conflict { reason: Conflict::Drift { .. } }, Some(back)) => back,
            (other, _) => return Err(ended(dataset, &held.hold, other)),
        };
        (staging, commit) = (back.staging, back.commit);
        (live, added) = dataset.pin_again(lock, &back.snapshot).map_err(|error| match error {
            SnapshotError::Drift { changes } => HeldError::Drift { changes },
            other @ (SnapshotError::Empty
            | SnapshotError::Moved(_)
            | SnapshotError::Changed { .. }
            | SnapshotError::Place(_)
            | SnapshotError::Log(_)
            | SnapshotError::State(_)
            | SnapshotError::Io(_)) => other.into(),
        })?;
        ready.fit(&live, (&added, &joined))?;
        staging.extend(&live, &added)?;
    }
    let changes = added.iter().map(|place| Change::Added(live.files()[*place].stat.path.clone()));
    Err(HeldError::Drift { changes: changes.collect() })
}

/// What an outcome that is not the wanted one means.
fn ended(dataset: &Dataset, hold: &Hold, outcome: Outcome) -> HeldError {
    match outcome {
        Outcome::Conflict { reason: Conflict::Drift { changes } } => HeldError::Drift { changes },
        Outcome::Conflict { reason: Conflict::HeadMoved | Conflict::NotPublished } => {
            let head = dataset.head().ok().flatten().map_or(hold.base, |head| head.version);
            HeldError::MovedOn { base: hold.base, head }
        }
        Outcome::Refused { refusal } => ExchangeError::Refused(refusal).into(),
        Outcome::Unknown { cause } => unknown(cause),
        Outcome::Committed { .. } | Outcome::Held { .. } => {
            unknown("a publish was answered as something else")
        }
    }
}

fn unknown(cause: impl Into<Box<dyn Error + Send + Sync>>) -> HeldError {
    ExchangeError::Unknown { what: "it", source: cause.into() }.into()
}

impl From<PublishError> for HeldError {
    fn from(e: PublishError) -> Self {
        match e {
            PublishError::Snapshot(e) => e.into(),
            PublishError::State(e) => e.into(),
            PublishError::Io(e) => e.into(),
            e @ (PublishError::Staged { .. } | PublishError::NameTaken { .. } | PublishError::Handed(_)) => {
                unknown(e)
            }
        }
    }
}

/// A held version that is what its record says.
struct Ready<'a> {
    hold: &'a Hold,
    /// The directory of the attempt that made it.
    attempt: Dir,
    root: Dir,
}

impl<'a> Ready<'a> {
    fn open(dataset: &Dataset, state: &State, hold: &'a Hold) -> Result<Self, HeldError> {
        let run = hold.facts.run;
        match intact::prove(dataset, (&state.root, &hold.source), &hold.files)? {
            Proof::Intact(..) => {}
            Proof::Missing => return Err(HeldError::Damaged { run, path: hold.source.clone() }),
            Proof::Damaged(path) => return Err(HeldError::Damaged { run, path }),
        }
        let attempt = hold.source.split('/').take(2).collect::<Vec<_>>().join("/");
        let open = |path: &str| state.root.open_dir(path).during("open", path);
        Ok(Self { hold, attempt: open(&attempt)?, root: open(&hold.source)? })
    }

    /// Whether readers find in the added files what they find in the held ones. `joined` is what has been added before.
    fn fit(&self, live: &Snapshot, (added, joined): (&[usize], &[String])) -> Result<(), HeldError> {
        let new = added.iter().map(|place| &live.files()[*place]);
        let new: Vec<_> = new.filter(|file| file.stat.role == Role::Data).collect();
        let unfit = |path: &str, problem: String| HeldError::Unfit {
            added: added.len() + joined.len(),
            path: path.to_owned(),
            problem,
        };
        let Some(first) = new.first() else { return Ok(()) };
        let partitions = |paths: &mut dyn Iterator<Item = &str>| Partitions::of(paths).keys().to_vec();
        let data = self.hold.files.iter().filter(|file| file.stat.role == Role::Data);
        let before = partitions(&mut data.map(|file| file.stat.path.as_str()));
        if before != partitions(&mut live.data_files().map(|file| file.stat.path.as_str())) {
            return Err(unfit(&first.stat.path, "it changes which levels are partition columns".to_owned()));
        }
        let mut views = Vec::with_capacity(new.len());
        for file in new {
            let path = file.stat.path.as_str();
            let source = SourceFile::open(live.open_file(file)?, path);
            views.push((path, Arc::clone(source.map_err(|error| unfit(path, error.to_string()))?.view())));
        }
        let held = self.schema()?;
        let differing = views.iter().find_map(|(path, view)| Some((path, schema_difference(&held, view)?)));
        differing.map_or(Ok(()), |(path, difference)| Err(unfit(path, difference)))
    }

    /// The schema of what the run wrote: other files may be as they were before.
    fn schema(&self) -> Result<SchemaRef, HeldError> {
        let facts = &self.hold.facts;
        let damaged = |path: &str| HeldError::Damaged { run: facts.run, path: path.to_owned() };
        let by_run = |file: &&FileRecord| {
            let is_it = |last: &Applied| {
                (&last.name, last.module, last.params) == (&facts.migration, facts.module, facts.params)
            };
            file.applied.last().is_some_and(is_it)
        };
        let written = self.hold.files.iter().find(by_run).ok_or_else(|| damaged(&self.hold.source))?;
        let path = &written.stat.path;
        let opened = store::open_file(&self.root, path)?.into_std();
        let source = SourceFile::open(opened, path).map_err(|_| damaged(path))?;
        Ok(Arc::clone(source.view()))
    }

    fn copy(&self, staging: &Staging) -> Result<(), HeldError> {
        let damaged = |path: &str| HeldError::Damaged { run: self.hold.facts.run, path: path.to_owned() };
        for record in &self.hold.files {
            let path = &record.stat.path;
            let from = store::open_file(&self.root, path)?.into_std();
            if staging.take_over(&from, &record.stat)?.blake3 != record.blake3 {
                return Err(damaged(path));
            }
        }
        if self.hold.facts.quarantine.is_none() {
            return Ok(());
        }
        match store::open_file(&self.attempt, QUARANTINE) {
            Ok(from) => Ok(staging.take_over_quarantine(&from.into_std())?),
            Err(fault) if fault.is_missing() || fault.is_irregular() => Err(damaged(QUARANTINE)),
            Err(fault) => Err(fault.into()),
        }
    }
}

/// What the run would have recorded. Of files that it only took over the snapshot knows.
fn commit(hold: &Hold) -> CommitData {
    let facts = &hold.facts;
    let known = hold.files.iter().filter_map(|file| {
        Some(FileFacts {
            path: file.stat.path.clone(),
            rows: file.rows?,
            stats: file.stats.clone().unwrap_or_default(),
            applied: file.applied.clone(),
        })
    });
    CommitData {
        migration: facts.migration.clone(),
        migration_version: facts.migration_version.clone(),
        module: facts.module,
        params: facts.params,
        plan: facts.plan,
        schema: facts.schema.clone(),
        rows: facts.rows,
        presented: facts.presented.clone(),
        ext: facts.ext.clone(),
        files: known.collect(),
    }
}
