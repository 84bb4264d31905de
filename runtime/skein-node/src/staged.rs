//! A run whose result is written and not visible.

use serde_json::json;
use skein_dataset::parquet::FreshFile;
use skein_dataset::{
    Applied, Change, CommitData, Conflict, Dataset, FileFacts, NameRule, OUTPUT_REJECTS, Outcome, Publish,
    Snapshot, SnapshotError, Staging, publish_many,
};
use skein_types::{Bytes, Millis, Origin};

use crate::error::RunError;
use crate::lane::{Sink, StagedOutput};
use crate::quarantine::Quarantine;
use crate::report::{ColumnCounts, RunOutcome, RunReport};
use crate::run::{Goal, Prepared};
use crate::transform::Transformed;

/// A staged run. Publish it, or drop it and nothing has happened.
#[derive(Debug)]
pub struct Staged {
    dataset: Dataset,
    goal: Goal,
    snapshot: Snapshot,
    staging: Staging,
    commit: CommitData,
    report: RunReport,
    started: std::time::Duration,
    clock: std::sync::Arc<dyn skein_types::Clock>,
}

impl Staged {
    /// Adds what belongs to the version beside the transformed files: rejects, files that join, sidecars.
    pub(crate) fn complete(
        prepared: Prepared,
        staging: Staging,
        transformed: Transformed,
        quarantine: Quarantine,
    ) -> Result<Self, RunError> {
        let quarantined = write_quarantine(&staging, &prepared.snapshot, quarantine)?;
        let mut joined = Vec::with_capacity(prepared.joined.len());
        for place in &prepared.joined {
            let file = &prepared.snapshot.files()[*place];
            joined.push(staging.join(&prepared.snapshot, file)?);
        }
        let files_dropped = staging.copy_sidecars(&prepared.snapshot)?;
        staging.finish_dirs()?;
        let left = Left { files_dropped, attributes_lost: staging.lost_attributes(), quarantined };
        let report = report(&prepared, &transformed, left);
        let commit = commit(&prepared, &transformed, &report)?;
        let Prepared { dataset, goal, snapshot, started, clock, .. } = prepared;
        Ok(Self { dataset, goal, snapshot, staging, commit, report, started, clock })
    }

    /// What was done so far; the version is the one that it will be.
    pub const fn report(&self) -> &RunReport {
        &self.report
    }

    /// Makes the result what was asked for: current, or plain files elsewhere.
    pub fn finish(self) -> Result<RunOutcome, RunError> {
        match &self.goal {
            Goal::Publish(_) => Ok(RunOutcome::Published(Box::new(self.publish()?))),
            Goal::Output(_) => self.deliver(),
        }
    }

    /// Gives the plain files their directory, unless what they were made of has changed.
    fn deliver(self) -> Result<RunOutcome, RunError> {
        let Self { dataset, goal, snapshot, staging, mut report, started, clock, .. } = self;
        let Goal::Output(output) = goal else { return Err(RunError::bug("no output was asked for")) };
        let lost = |change: &Change| !matches!(change, Change::Added(_));
        if let Err(SnapshotError::Drift { changes }) = snapshot.check_unchanged(&dataset)
            && changes.iter().any(lost)
        {
            return Err(RunError::Conflict { reason: Conflict::Drift { changes } });
        }
        let directory = staging.deliver(output).map_err(|e| RunError::from(e).if_asked_to_stop())?;
        report.quarantine = report.quarantine.map(|_| directory.join(OUTPUT_REJECTS).display().to_string());
        report.cost.wall = since(&*clock, started);
        Ok(RunOutcome::Written { directory: directory.display().to_string(), report: Box::new(report) })
    }

    /// Makes the result current.
    pub fn publish(self) -> Result<RunReport, RunError> {
        let Self { dataset, goal, snapshot, staging, commit, mut report, started, clock } = self;
        let Goal::Publish(lock) = goal else { return Err(RunError::bug("the run does not publish")) };
        let publish = Publish { dataset: &dataset, lock: &lock, snapshot, staging, commit };
        let mut outcomes = publish_many(vec![publish]);
        let outcome = outcomes.pop().ok_or_else(|| RunError::bug("a publish without an answer"))?;
        match outcome.map_err(|e| RunError::from(e).if_asked_to_stop())? {
            Outcome::Committed { version } => {
                report.version = version;
                report.cost.wall = since(&*clock, started);
                report.quarantine =
                    report.quarantine.map(|name| dataset.state_path().join(name).display().to_string());
                Ok(report)
            }
            Outcome::Conflict { reason } => Err(RunError::Conflict { reason }),
            Outcome::Refused { refusal } => Err(RunError::Refused(refusal)),
            Outcome::Unknown { cause } => Err(RunError::Unknown { cause }),
        }
    }
}

fn since(clock: &dyn skein_types::Clock, started: std::time::Duration) -> Millis {
    Millis(u64::try_from(clock.elapsed().saturating_sub(started).as_millis()).unwrap_or(u64::MAX))
}

/// Whether there is a quarantine file.
fn write_quarantine(
    staging: &Staging,
    snapshot: &Snapshot,
    quarantine: Quarantine,
) -> Result<bool, RunError> {
    let Some((schema, batches)) = quarantine.into_table()? else { return Ok(false) };
    let sink = Sink::new(staging.quarantine(snapshot)?);
    let mut file = FreshFile::new(schema, sink.clone())?;
    for batch in &batches {
        file.write(batch)?;
    }
    file.finish()?;
    sink.finish(NameRule::Keep)?;
    Ok(true)
}

/// What the new version does not have, or not in the same way.
struct Left {
    files_dropped: Vec<String>,
    attributes_lost: Vec<String>,
    quarantined: bool,
}

fn report(prepared: &Prepared, transformed: &Transformed, left: Left) -> RunReport {
    let outputs = &transformed.outputs;
    let mut metadata_dropped: Vec<String> =
        outputs.iter().flat_map(|o| o.output.dropped_keys().iter().cloned()).collect();
    metadata_dropped.sort();
    metadata_dropped.dedup();
    let mut cost = transformed.cost;
    cost.wall = since(&*prepared.clock, prepared.started);
    let sources = prepared.files.iter().map(|f| Bytes(f.pinned(&prepared.snapshot).stat.size));
    RunReport {
        run: prepared.request.run,
        version: match &prepared.goal {
            Goal::Publish(_) => prepared.snapshot.version().map_or(1, |version| version + 1),
            Goal::Output(_) => prepared.snapshot.version().unwrap_or(0),
        },
        migration: prepared.migration.clone(),
        files: outputs.len(),
        files_joined: prepared.joined.len(),
        rows: transformed.rows,
        columns: columns(prepared, outputs),
        cost,
        bytes_read: sources.sum(),
        bytes_written: outputs.iter().map(|o| o.sealed.bytes).sum(),
        bytes_spliced: outputs.iter().map(|o| o.sealed.spliced_bytes).sum(),
        quarantine: left.quarantined.then(|| format!("quarantine/{}.parquet", prepared.request.run)),
        metadata_dropped,
        files_dropped: left.files_dropped,
        attributes_lost: left.attributes_lost,
    }
}

/// Target columns by origin, as in the first schema group: all groups have one target.
fn columns(prepared: &Prepared, outputs: &[StagedOutput]) -> ColumnCounts {
    let Some(group) = prepared.plans.groups.first() else { return ColumnCounts::default() };
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

fn commit(
    prepared: &Prepared,
    transformed: &Transformed,
    report: &RunReport,
) -> Result<CommitData, RunError> {
    let now = Applied {
        name: prepared.migration.name.clone(),
        version: prepared.migration.version.clone(),
        module: prepared.migration.module,
        params: prepared.migration.params,
    };
    let files = prepared.files.iter().zip(&transformed.outputs).map(|(input, output)| {
        let mut applied = input.pinned(&prepared.snapshot).applied().to_vec();
        applied.retain(|earlier| earlier.name != now.name);
        applied.push(now.clone());
        FileFacts { path: output.entry.path.clone(), rows: output.sealed.rows, stats: stats(output), applied }
    });
    let group =
        prepared.plans.groups.first().ok_or_else(|| RunError::bug("a run without files was staged"))?;
    let fields = group.plan.columns().iter().map(|c| {
        json!({"name": c.field.name(), "type": c.field.data_type().to_string(), "nullable": c.field.is_nullable()})
    });
    Ok(CommitData {
        migration: now.name.clone(),
        migration_version: now.version.clone(),
        module: now.module,
        params: now.params,
        plan: plan_digest(prepared),
        schema: fields.collect(),
        rows: report.rows,
        ext: ext(prepared, report),
        files: files.collect(),
    })
}

fn ext(prepared: &Prepared, report: &RunReport) -> serde_json::Value {
    let mut ext =
        json!({"cost": report.cost, "columns": report.columns, "bytes_spliced": report.bytes_spliced});
    let choice = &prepared.request.files;
    if !choice.is_everything() {
        ext["selection"] = json!(choice.text());
    }
    ext
}

/// Digest over the plans of all schema groups.
fn plan_digest(prepared: &Prepared) -> skein_types::Blake3 {
    let digests: Vec<u8> = prepared.plans.groups.iter().flat_map(|g| g.plan.digest().0).collect();
    skein_types::Blake3::of(&digests)
}

fn stats(output: &StagedOutput) -> serde_json::Value {
    let columns = output
        .sealed
        .columns
        .iter()
        .map(|c| json!({"path": c.path, "bytes": c.bytes, "values": c.values, "nulls": c.nulls}));
    json!({"row_groups": output.sealed.row_groups, "columns": columns.collect::<Vec<_>>()})
}
