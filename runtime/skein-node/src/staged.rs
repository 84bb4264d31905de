//! A run whose result is written and not visible.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use skein_dataset::parquet::FreshFile;
use skein_dataset::{
    Applied, Attempted, Change, CommitData, Conflict, Dataset, FileFacts, NameRule, Outcome, Publish,
    RowCounts, RunLock, Snapshot, Staging, attempt_many, beside, hold,
};
use skein_types::{Bytes, Clock, Millis, Origin, VerifyLevel};

use crate::catch_up::Late;
use crate::error::RunError;
use crate::fingerprint::Fingerprint;
use crate::inputs::InputFile;
use crate::job::{Job, Made};
use crate::lane::{Sink, StagedOutput};
use crate::planning;
use crate::presented;
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::readback;
use crate::report::{ColumnCounts, Migration, RunOutcome, RunReport};
use crate::run::{Prepared, RunRequest};
use crate::sandboxed::Sandboxes;

/// How often files that others add while a run is under way are migrated with it.
pub const CATCH_UP_ROUNDS: usize = 8;

/// How often, after that, such files join as they are before it is a conflict: a writer that is faster than that will be
/// so the next time too.
pub const JOIN_ROUNDS: usize = 8;

/// How a finished run becomes visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishMode {
    /// In place of what it read.
    Replace,
    /// Not yet: it waits below the state for somebody to publish or discard it.
    Hold,
    /// As a dataset of its own beside the one that it read.
    Beside(skein_dataset::Name),
}

/// A staged run. Publish it, or drop it and nothing has happened.
#[derive(Debug)]
pub struct Staged {
    pub(crate) dataset: Dataset,
    pub(crate) lock: RunLock,
    pub(crate) snapshot: Snapshot,
    pub(crate) staging: Staging,
    pub(crate) commit: CommitData,
    pub(crate) report: RunReport,
    pub(crate) job: Job,
    pub(crate) later: Later,
}

/// Means for files that come later.
#[derive(Debug)]
pub(crate) struct Later {
    /// None if the agents came from elsewhere.
    pub(crate) sandboxes: Option<Sandboxes>,
    pub(crate) progress: Progress,
}

/// How one try to publish ended.
enum Tried {
    Done(RunOutcome),
    /// Nothing but added files stood in the way.
    Added(Box<Staged>, Vec<Change>),
}

impl Staged {
    /// Adds what belongs to the version beside the transformed files.
    pub(crate) fn complete(prepared: Prepared, staging: Staging, later: Later) -> Result<Self, RunError> {
        let Prepared { dataset, lock, snapshot, joined, mut job, .. } = prepared;
        add_the_rest(&mut job, &snapshot, &staging, &joined)?;
        let report = report(&job, &snapshot, &staging);
        let commit = commit(&job, facts(&job, &snapshot, 0)?, &report)?;
        Ok(Self { dataset, lock, snapshot, staging, commit, report, job, later })
    }

    /// Reads what is staged again and holds it against what was made. [`Prepared::stage`] does so by itself where the request
    /// says [`VerifyLevel::Readback`].
    pub fn read_back(&self) -> Result<(), RunError> {
        readback::read_back(
            &self.job,
            &self.job.made.transformed.outputs,
            &self.staging,
            &self.later.progress,
        )
    }

    /// What was done so far; the version is the one that it will be.
    pub const fn report(&self) -> &RunReport {
        &self.report
    }

    /// Makes the result current.
    pub fn publish(self) -> Result<RunReport, RunError> {
        match self.publish_as(&PublishMode::Replace)? {
            RunOutcome::Published(report) => Ok(*report),
            RunOutcome::Held(_)
            | RunOutcome::Beside(_)
            | RunOutcome::Written(_)
            | RunOutcome::AlreadyMigrated { .. } => {
                Err(RunError::bug("a publish was answered as something else"))
            }
        }
    }

    /// Publishes, holds, or makes a dataset beside. What others only added meanwhile is migrated too, or joins as it is
    /// where there is no end to it, a bounded number of times.
    pub fn publish_as(mut self, mode: &PublishMode) -> Result<RunOutcome, RunError> {
        let mut rounds = 0;
        loop {
            match self.attempt(mode).map_err(RunError::if_asked_to_stop)? {
                Tried::Done(outcome) => return Ok(outcome),
                Tried::Added(staged, changes)
                    if rounds < CATCH_UP_ROUNDS + JOIN_ROUNDS && staged.can_catch_up() =>
                {
                    let late = if rounds < CATCH_UP_ROUNDS { Late::Migrate } else { Late::Join };
                    rounds += 1;
                    tracing::debug!(run = %staged.lock.run, files = changes.len(), rounds, "catching up");
                    self = staged.catch_up(changes, late)?;
                }
                Tried::Added(_, changes) => {
                    return Err(RunError::Conflict { reason: Conflict::Drift { changes } });
                }
            }
        }
    }

    fn attempt(self, mode: &PublishMode) -> Result<Tried, RunError> {
        let Self { dataset, lock, snapshot, staging, commit, report, job, later } = self;
        let publish = Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit };
        let attempted = match mode {
            PublishMode::Replace => attempt_many(vec![publish]).pop(),
            PublishMode::Hold => Some(hold(publish)),
            PublishMode::Beside(name) => Some(beside(publish, name)),
        };
        let Attempted { answer, returned } =
            attempted.ok_or_else(|| RunError::bug("a publish without an answer"))?;
        match (answer?, returned) {
            (Outcome::Conflict { reason: Conflict::Drift { changes } }, Some(back)) => {
                let Publish { snapshot, staging, commit, .. } = back;
                let staged = Self { dataset, lock, snapshot, staging, commit, report, job, later };
                Ok(Tried::Added(Box::new(staged), changes))
            }
            (outcome, _) => ended(outcome, mode, (&dataset, &job), report).map(Tried::Done),
        }
    }
}

/// Makes many results current with the waits for the disk of one. The answers come in the order of the runs; one run's
/// trouble is not another's. A dataset to which others added files meanwhile catches up by itself, after the rest.
pub fn publish_all(staged: Vec<Staged>) -> Vec<Result<RunOutcome, RunError>> {
    let mut held = Vec::with_capacity(staged.len());
    let mut parts = Vec::with_capacity(staged.len());
    for Staged { dataset, lock, snapshot, staging, commit, report, job, later } in staged {
        held.push((dataset, lock, report, (job, later)));
        parts.push((snapshot, staging, commit));
    }
    let runs = held.iter().zip(parts).map(|((dataset, lock, ..), (snapshot, staging, commit))| Publish {
        dataset,
        lock,
        snapshot,
        staging,
        commit,
    });
    let attempted: Vec<_> = attempt_many(runs.collect())
        .into_iter()
        .map(|Attempted { answer, returned }| {
            let back = returned.map(|Publish { snapshot, staging, commit, .. }| (snapshot, staging, commit));
            (answer, back)
        })
        .collect();
    let mode = PublishMode::Replace;
    let ends = held.into_iter().zip(attempted).map(|((dataset, lock, report, (job, later)), attempted)| {
        match attempted {
            (Ok(Outcome::Conflict { reason: Conflict::Drift { .. } }), Some((snapshot, staging, commit))) => {
                Staged { dataset, lock, snapshot, staging, commit, report, job, later }.publish_as(&mode)
            }
            (answer, _) => ended(answer?, &mode, (&dataset, &job), report),
        }
    });
    ends.map(|end| end.map_err(RunError::if_asked_to_stop)).collect()
}

/// The report of what an outcome made of a run.
fn ended(
    outcome: Outcome,
    mode: &PublishMode,
    (dataset, job): (&Dataset, &Job),
    mut report: RunReport,
) -> Result<RunOutcome, RunError> {
    report.cost.wall = since(&*job.clock, job.started);
    let state = dataset.state_path();
    let run = report.run;
    let rejected = report.quarantine.take();
    let shown = |path: std::path::PathBuf| path.display().to_string();
    match outcome {
        Outcome::Committed { version } => {
            report.version = version;
            if let PublishMode::Beside(name) = mode {
                let place = dataset.path().with_file_name(name.to_string());
                let state = skein_dataset::state_beside(dataset, name);
                report.quarantine = rejected.map(|name| shown(state.join(name)));
                report.path = Some(shown(place));
                return Ok(RunOutcome::Beside(Box::new(report)));
            }
            report.quarantine = rejected.map(|name| shown(state.join(name)));
            Ok(RunOutcome::Published(Box::new(report)))
        }
        Outcome::Held { base } => {
            report.version = base + 1;
            // It is held whether or not the log can be read once more; `skein history` says where.
            let found = dataset.held_path(run).and_then(|path| Ok((path, dataset.held_rejects(run)?)));
            let (path, rejects) = found.unwrap_or_else(|error| {
                tracing::warn!(%run, %error, "where the held version lies is not known");
                (None, None)
            });
            report.path = path.map(shown);
            report.quarantine = rejected.and(rejects).map(shown);
            Ok(RunOutcome::Held(Box::new(report)))
        }
        Outcome::Conflict { reason } => Err(RunError::Conflict { reason }),
        Outcome::Refused { refusal } => Err(RunError::Refused(refusal)),
        Outcome::Unknown { cause } => Err(RunError::Unknown { cause }),
    }
}

pub(crate) fn since(clock: &dyn Clock, started: Duration) -> Millis {
    Millis(u64::try_from(clock.elapsed().saturating_sub(started).as_millis()).unwrap_or(u64::MAX))
}

/// Adds what belongs to a version beside the transformed files: rejects, files that join, sidecars.
pub(crate) fn add_the_rest(
    job: &mut Job,
    snapshot: &Snapshot,
    staging: &Staging,
    joined: &[usize],
) -> Result<(), RunError> {
    all_rejects_are_kept(&job.made)?;
    something_left(&job.made, &job.request)?;
    write_quarantine(staging, snapshot, &job.made.quarantine)?;
    for place in joined {
        staging.join(snapshot, &snapshot.files()[*place])?;
    }
    job.made.joined = joined.len();
    job.made.files_dropped = staging.copy_sidecars(snapshot)?;
    Ok(staging.finish_dirs()?)
}

/// Rows that were rejected are in the quarantine, each of them.
fn all_rejects_are_kept(made: &Made) -> Result<(), RunError> {
    let (rejected, kept) = (made.transformed.rows.rejected.0, made.quarantine.rows());
    if rejected == kept {
        return Ok(());
    }
    let what = format!("{rejected} rows were rejected, and {kept} are kept aside");
    Err(RunError::Counts { file: "all files".to_owned(), what })
}

/// A migration that is wrong in one place often refuses or drops every row, and an empty dataset looks like a success to
/// whoever reads it next. The limit of rejects does not see that: it is absolute, and small datasets have fewer rows.
pub(crate) fn something_left(made: &Made, request: &RunRequest) -> Result<(), RunError> {
    let RowCounts { read, written, rejected, .. } = made.transformed.rows;
    if request.allow_empty || written.0 > 0 || read.0 == 0 {
        return Ok(());
    }
    Err(RunError::NothingLeft { read: read.0, rejected: rejected.0, first: made.quarantine.first() })
}

/// Writes the quarantine file, if there is something for it.
pub(crate) fn write_quarantine(
    staging: &Staging,
    snapshot: &Snapshot,
    quarantine: &Quarantine,
) -> Result<(), RunError> {
    let Some((schema, batches)) = quarantine.table()? else { return Ok(()) };
    let sink = Sink::new(staging.quarantine(snapshot)?);
    let mut file = FreshFile::new(schema, sink.clone())?;
    for batch in &batches {
        file.write(batch)?;
    }
    file.finish()?;
    sink.finish(NameRule::Keep)?;
    Ok(())
}

pub(crate) fn report(job: &Job, snapshot: &Snapshot, staging: &Staging) -> RunReport {
    let outputs = &job.made.transformed.outputs;
    let mut metadata_dropped: Vec<String> =
        outputs.iter().flat_map(|o| o.output.dropped_keys().iter().cloned()).collect();
    metadata_dropped.sort();
    metadata_dropped.dedup();
    let mut cost = job.made.transformed.cost;
    cost.wall = since(&*job.clock, job.started);
    let sources = job.files.iter().map(|f| Bytes(f.pinned(snapshot).stat.size));
    let level = job.request.verify;
    RunReport {
        run: job.request.run,
        version: snapshot.version().map_or(1, |version| version + 1),
        path: None,
        migration: job.migration.clone(),
        files: outputs.len(),
        files_joined: job.made.joined,
        caught_up: job.made.caught_up,
        left_for_next: job.made.left_for_next,
        rows: job.made.transformed.rows,
        verified: level,
        fingerprint: level.reaches(VerifyLevel::Fingerprint).then(|| Fingerprint::of(job)),
        columns: columns(job, outputs),
        counters: job.made.transformed.counters.clone(),
        cost,
        bytes_read: sources.sum(),
        bytes_written: outputs.iter().map(|o| o.sealed.bytes).sum(),
        bytes_spliced: outputs.iter().map(|o| o.sealed.spliced_bytes).sum(),
        quarantine: (job.made.quarantine.rows() > 0)
            .then(|| format!("quarantine/{}.parquet", job.request.run)),
        rules: Vec::new(),
        metadata_dropped,
        files_dropped: job.made.files_dropped.clone(),
        attributes_lost: staging.lost_attributes(),
    }
}

/// Target columns by origin, as in the first schema group: all groups have one target.
fn columns(job: &Job, outputs: &[StagedOutput]) -> ColumnCounts {
    let Some(group) = job.plans.groups.first() else { return ColumnCounts::default() };
    let mut counts = ColumnCounts::default();
    let mut used = std::collections::BTreeSet::new();
    for column in group.plan.columns() {
        match &column.origin {
            Origin::Carried { source, .. } => {
                counts.carried += 1;
                used.insert(*source);
            }
            Origin::Computed { from } => {
                counts.computed += 1;
                used.extend(from.iter().map(|id| group.plan.source_tree().root_of(*id)));
            }
            Origin::Preserved { source } => {
                counts.preserved += 1;
                used.insert(*source);
            }
        }
    }
    counts.dropped = group.plan.source_tree().roots().len() - used.len();
    if outputs.iter().any(|o| o.sealed.spliced_bytes.0 > 0) {
        counts.spliced = outputs.iter().map(|o| o.output.spliced_columns().len()).min().unwrap_or(0);
    }
    counts
}

/// What the record will say; `files` are the [facts] of all outputs.
pub(crate) fn commit(job: &Job, files: Vec<FileFacts>, report: &RunReport) -> Result<CommitData, RunError> {
    let Migration { name, version, module, params } = job.migration.clone();
    let (digest, presented) = presented::record(&job.plans.groups)?;
    let group = job.plans.groups.first().ok_or_else(|| RunError::bug("a run without files was staged"))?;
    let fields = group.plan.columns().iter().map(|c| {
        let mut field = json!({
            "name": c.field.name(), "type": c.field.data_type().to_string(), "nullable": c.field.is_nullable()
        });
        // Part of what readers see, though in no file.
        if group.plan.is_partition(c) {
            field["partition"] = json!(true);
        }
        field
    });
    Ok(CommitData {
        migration: name,
        migration_version: version,
        module,
        params,
        plan: planning::digest(&job.plans.groups),
        schema: fields.collect(),
        rows: report.rows,
        presented: BTreeMap::from([(digest, presented)]),
        ext: ext(job, report),
        files,
    })
}

/// What is known of the outputs from the `first` on.
pub(crate) fn facts(job: &Job, snapshot: &Snapshot, first: usize) -> Result<Vec<FileFacts>, RunError> {
    let Migration { name, version, module, params } = job.migration.clone();
    let (digest, _) = presented::record(&job.plans.groups)?;
    let now = Applied { name, version, module, params, presented: vec![digest] };
    let facts = |output: &StagedOutput| {
        let sources: Vec<&InputFile> = output.sources.iter().map(|file| &job.files[*file]).collect();
        // Files that became one have been through the same.
        let mut applied = presented::combined(sources.iter().map(|file| file.pinned(snapshot).applied()));
        applied.retain(|earlier| earlier.name != now.name);
        applied.push(now.clone());
        FileFacts {
            path: output.entry.path.clone(),
            rows: output.sealed.rows,
            stats: stats(job, output, &sources),
            applied,
        }
    };
    Ok(job.made.transformed.outputs.iter().skip(first).map(facts).collect())
}

fn ext(job: &Job, report: &RunReport) -> serde_json::Value {
    let mut ext = json!({
        "cost": report.cost, "columns": report.columns, "bytes_spliced": report.bytes_spliced,
        "verified": report.verified
    });
    if let Some(fingerprint) = &report.fingerprint {
        ext["fingerprint"] = json!(fingerprint);
    }
    if !report.counters.is_empty() {
        ext["counters"] = json!(report.counters);
    }
    let choice = &job.request.files;
    if !choice.is_everything() {
        ext["selection"] = json!(choice.text());
    }
    ext
}

fn stats(job: &Job, output: &StagedOutput, sources: &[&InputFile]) -> serde_json::Value {
    let columns = output
        .sealed
        .columns
        .iter()
        .map(|c| json!({"path": c.path, "bytes": c.bytes, "values": c.values, "nulls": c.nulls}));
    let mut stats = json!({
        "row_groups": output.sealed.row_groups, "columns": columns.collect::<Vec<_>>(),
        // A file that joins later versions keeps it: it is not in what their runs have summed up.
        "run": job.request.run
    });
    if sources.len() > 1 {
        stats["sources"] = sources.iter().map(|file| file.path.as_str()).collect();
    }
    stats
}
