//! A run whose result is a directory of plain files: nothing is locked, recorded or changed.
//!
//! What is read is held still only by looking: a file that changed while it was read, or until the end, ends the run
//! without a result. Files that were added meanwhile are not in it and do not matter.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use skein_dataset::{
    Change, Conflict, Dataset, NameRule, OUTPUT_REJECTS, Output, OutputError, Role, Room, Snapshot,
    SnapshotError, Staging,
};
use skein_sandbox::{Manifest, Module};
use skein_types::Clock;

use crate::error::RunError;
use crate::job::{Bench, Job};
use crate::progress::Progress;
use crate::report::{Migration, RunOutcome};
use crate::run::{self, Asked, RunRequest, Work};
use crate::staged;

/// What writing aside begins with: looked at is what there is to do, and where it goes.
pub(crate) struct Begun {
    pub(crate) manifest: Manifest,
    pub(crate) migration: Migration,
    pub(crate) output: Output,
    pub(crate) snapshot: Snapshot,
    /// None if all has been through the migration.
    pub(crate) work: Option<Work>,
}

impl Begun {
    pub(crate) fn at(
        to: &Path,
        dataset: &Dataset,
        module: &Module,
        (request, progress): (&RunRequest, &Progress),
    ) -> Result<Self, RunError> {
        let manifest = run::describe(module, &request.limits)?;
        let migration = run::migration(module, &manifest, request)?;
        let output = Output::at(to, dataset, &request.run.to_string())?;
        let snapshot = dataset.look()?;
        let asked = Asked { module, manifest: &manifest, migration: &migration, request };
        let work = asked.work(&snapshot, progress)?;
        Ok(Self { manifest, migration, output, snapshot, work })
    }
}

/// Runs a module over a dataset and writes the result into a directory that does not exist or is empty. Files that are
/// not chosen are not written, those that have been through the migration are copied.
pub fn write_aside(
    dataset: Dataset,
    module: &Module,
    request: RunRequest,
    to: &Path,
    (clock, progress): (Arc<dyn Clock>, &Progress),
) -> Result<RunOutcome, RunError> {
    let started = clock.elapsed();
    let dataset = dataset.stopped_by(progress.files());
    let Begun { manifest, migration, output, snapshot, work } =
        Begun::at(to, &dataset, module, (&request, progress))?;
    let Some(work) = work else {
        return Ok(RunOutcome::AlreadyMigrated { version: snapshot.version().unwrap_or(0), migration });
    };
    room(&output, &snapshot, &work)?;
    let staging = Staging::aside(&output, &dataset, &snapshot, contents(&snapshot, &work))?;
    let joined = work.done.clone();
    let mut job = work.job(module, (manifest, migration), request, (started, clock, progress));
    let sandboxes = job.sandboxes(progress);
    let agents: Vec<_> = job.plans.groups.iter().map(|group| sandboxes.for_group(group)).collect();
    let bench =
        Bench { snapshot: &snapshot, staging: &staging, rule: NameRule::Keep, progress, pieces: None };
    job.made.transformed = job.transform((&job.files, 0), bench, &agents)?;
    staged::add_the_rest(&mut job, &snapshot, &staging, &joined).map_err(RunError::if_asked_to_stop)?;
    still_the_same(&snapshot, &dataset)?;
    deliver(&job, &snapshot, staging, output)
}

/// What of a snapshot an output has: data files that are migrated or have been, and everything that is no data.
fn contents<'a>(snapshot: &'a Snapshot, work: &Work) -> impl Fn(&str) -> bool + use<'a> {
    let places = work.files.iter().map(|file| file.place).chain(work.done.iter().copied());
    let data: BTreeSet<&str> = places.map(|place| snapshot.files()[place].stat.path.as_str()).collect();
    move |path: &str| Role::of(path) != Role::Data || data.contains(path)
}

/// What an output would find where it is to be, refused where its names would meet. Writes nothing.
pub(crate) fn room(output: &Output, snapshot: &Snapshot, work: &Work) -> Result<Room<OutputError>, RunError> {
    // Without a guest nothing is rejected.
    if work.plans.groups.iter().any(|group| group.plan.needs_guest()) {
        output.refuse_rejects_name(snapshot, contents(snapshot, work))?;
    }
    Ok(output.room(snapshot.bytes_of(contents(snapshot, work)))?)
}

fn deliver(job: &Job, snapshot: &Snapshot, staging: Staging, output: Output) -> Result<RunOutcome, RunError> {
    let mut report = staged::report(job, snapshot, &staging);
    let directory = staging.deliver(output)?;
    report.version = snapshot.version().unwrap_or(0);
    report.quarantine = report.quarantine.map(|_| directory.join(OUTPUT_REJECTS).display().to_string());
    report.path = Some(directory.display().to_string());
    report.cost.wall = staged::since(&*job.clock, job.started);
    Ok(RunOutcome::Written(Box::new(report)))
}

fn still_the_same(snapshot: &Snapshot, dataset: &Dataset) -> Result<(), RunError> {
    match snapshot.check_unchanged(dataset) {
        Ok(()) => Ok(()),
        Err(SnapshotError::Drift { changes }) => {
            let added = |change: &Change| matches!(change, Change::Added(_));
            match changes.iter().all(added) {
                true => Ok(()),
                false => Err(RunError::Conflict { reason: Conflict::Drift { changes } }),
            }
        }
        Err(other) => Err(other.into()),
    }
}
