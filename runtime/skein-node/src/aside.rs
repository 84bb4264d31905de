//! A run whose result is a directory of plain files: nothing is locked, recorded or changed.
//!
//! What is read is held still only by looking: a file that changed while it was read, or until the end, ends the run
//! without a result. Files that were added meanwhile are not in it and do not matter.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use skein_dataset::{
    Change, Conflict, Dataset, NameRule, OUTPUT_REJECTS, Output, Role, Snapshot, SnapshotError, Staging,
};
use skein_sandbox::Module;
use skein_types::{Clock, StateKind};

use crate::error::RunError;
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::RunOutcome;
use crate::run::{self, Asked, RunRequest, Work};
use crate::sandboxed::Sandboxes;
use crate::sequential;
use crate::staged::{self, Job, Later};
use crate::transform::Transform;

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
    let manifest = run::describe(module, &request.limits)?;
    let migration = run::migration(module, &manifest, &request)?;
    let output = Output::at(to, &dataset, &request.run.to_string())?;
    let snapshot = dataset.look()?;
    let asked = Asked { module, manifest: &manifest, migration: &migration, request: &request };
    let Some(Work { files, done, plans, applied, .. }) = asked.work(&snapshot, progress)? else {
        return Ok(RunOutcome::AlreadyMigrated { version: snapshot.version().unwrap_or(0), migration });
    };
    let places = files.iter().map(|file| file.place).chain(done.iter().copied());
    let data: BTreeSet<&str> = places.map(|place| snapshot.files()[place].stat.path.as_str()).collect();
    let keeps = |path: &str| Role::of(path) != Role::Data || data.contains(path);
    let staging = Staging::aside(&output, &dataset, &snapshot, keeps)?;
    let quarantine = Quarantine::new(request.rejects_max);
    let sandboxes = Sandboxes::new(module, &manifest, &request, (&applied, progress));
    let agents: Vec<_> = plans.groups.iter().map(|group| sandboxes.for_group(group)).collect();
    let outputs = request.resize.outputs(&snapshot, &files, &migration.name)?;
    let transform = Transform {
        snapshot: &snapshot,
        staging: &staging,
        files: &files,
        outputs: &outputs,
        first_file: 0,
        plans: &plans,
        agents: &agents,
        module: migration.module,
        params: migration.params,
        batch_bytes: manifest.batch_bytes.map(u64::from),
        rule: NameRule::Keep,
        checkpoint_rows: request.checkpoint_rows,
        progress,
        quarantine: &quarantine,
    };
    let transformed = match manifest.state {
        StateKind::None => transform.run(request.threads)?,
        StateKind::Sequential => sequential::run(&transform)?,
    };
    staged::something_left(&transformed.rows, &quarantine, &request)?;
    staged::write_quarantine(&staging, &snapshot, &quarantine)?;
    for place in &done {
        staging
            .join(&snapshot, &snapshot.files()[*place])
            .map_err(|e| RunError::from(e).if_asked_to_stop())?;
    }
    let job = Job {
        files_dropped: staging.copy_sidecars(&snapshot).map_err(|e| RunError::from(e).if_asked_to_stop())?,
        joined: done.len(),
        caught_up: 0,
        later: Later { sandboxes: None, progress: progress.following() },
        module: module.clone(),
        files,
        plans,
        applied,
        manifest,
        migration,
        request,
        started,
        clock,
        transformed,
        quarantine,
    };
    staging.finish_dirs()?;
    still_the_same(&snapshot, &dataset)?;
    deliver(&job, &snapshot, staging, output)
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
