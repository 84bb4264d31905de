//! What a run would do, without doing it: the same files, the same plans, the same checks, a sample of rows really sent
//! through the sandbox, and an estimate for the whole.
//!
//! ```text
//! look      no lock, no registration; nothing is written beside or into the dataset
//! decide    `Asked::work`, as a run does                                    -> lineage
//! probe     the first batches of a few row groups through the sandbox       -> rows, rejects
//! check     the same rows again, otherwise                                  -> determinism, dependencies, idempotence
//! estimate  from what that took, for the whole                              -> time, fuel, bytes, room
//! ```
//! The sample is a function of dataset, plan and limit. A module without state is probed at row groups spread over the
//! dataset, beginning with the first of each schema; one with state at the dataset's head, because it cannot begin
//! anywhere else. A guest that fails in the sample fails the dry run with the error that the run would have.
//!
//! Everything in the answer is bounded in size, and no secret of the parameters shows in it. Texts are those of data and
//! guests: who prints them escapes control characters. It knows no terminal.

mod again;
mod cell;
mod checks;
mod choice;
mod estimate;
mod influence;
mod own_output;
mod probe;
mod relay;
mod sample;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use skein_api::{AttemptPhase, SampleCosts};
use skein_dataset::{Dataset, Output, Role, Room, Snapshot};
use skein_sandbox::Module;
use skein_types::{Bytes, Clock, Fuel, Millis, Origin, Rows, SchemaPlan, Shape, StateKind};

use crate::aside;
use crate::counters::Counters;
use crate::cpu;
use crate::error::RunError;
use crate::lineage::Lineage;
use crate::progress::Progress;
use crate::report::Migration;
use crate::run::{self, Asked, RunRequest, Work};
use crate::sandboxed::Sandboxes;
use cell::Printer;
use checks::Checking;
use choice::Candidate;
use estimate::{Seen, Whole};
use probe::{Probe, Prober};

pub use cell::Cell;
pub use checks::{Checks, Undeclared};
pub use estimate::Estimate;
pub(crate) use estimate::sealing;
pub use sample::{Fate, RejectedRow, Rejects, Sample, SampledColumns, SampledGroup, SampledRow};

/// Row groups that are looked at, and so at most as many files.
const PICKS_MAX: usize = 6;
/// Batches of each.
const PICK_BATCHES: usize = 2;
/// Batches of the head of a dataset, for a module with state.
const HEAD_BATCHES: usize = 8;
/// Partition columns and the like that are named.
const NAMES_MAX: usize = 64;

/// What to look at.
#[derive(Debug)]
pub struct DryRunRequest {
    /// The run that it would be.
    pub run: RunRequest,
    /// Source rows that are shown, at most.
    pub rows: usize,
    /// The directory of plain files that it would write instead of a version.
    pub into: Option<PathBuf>,
}

/// What a run would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DryRun {
    /// There is something to do.
    WouldRun(Box<Forecast>),
    /// All files have been through exactly this migration: a run would do nothing.
    AlreadyMigrated {
        /// The current version; 0 for a dataset that no run has published to.
        version: u64,
        /// What was applied.
        migration: Migration,
    },
}

/// What there is to do and what would come of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forecast {
    /// The current version; 0 for a dataset that no run has published to.
    pub version: u64,
    /// What would be applied.
    pub migration: Migration,
    /// Whether the module remembers rows.
    pub state: StateKind,
    /// How much there is.
    pub work: WorkCounts,
    /// Schema diff and lineage, one for each distinct source schema.
    pub plans: Vec<Lineage>,
    /// Rows before and after.
    pub sample: Sample,
    /// Rejects in the sampled row groups.
    pub rejects: Rejects,
    /// What the module counted over the sampled rows.
    #[serde(default, skip_serializing_if = "Counters::is_empty")]
    pub counters: Counters,
    /// Whether the same rows gave the same result, and what the module says of its own output.
    pub checks: Checks,
    /// What the new version would not have any more.
    pub left_out: LeftOut,
    /// For the whole.
    pub estimate: Estimate,
    /// Disk space for what would be written.
    pub room: RoomView,
    /// What would end the run, or what is likely to, that looking showed already.
    pub warnings: Vec<Warning>,
    /// How long looking took.
    pub took: Millis,
    /// What the sampled rows took and became, not extrapolated.
    #[serde(skip)]
    pub tried: Tried,
    /// What the whole would take, as a campaign reckons.
    #[serde(skip)]
    pub costs: SampleCosts,
}

/// What became of the sampled rows and what that took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Sent through the module, or looked at if none is needed.
    pub read: Rows,
    /// That came out.
    pub written: Rows,
    /// That the module refused.
    pub rejected: Rows,
    /// That the module lets go.
    pub filtered: Rows,
    /// Fuel of agents.
    pub fuel: Fuel,
    /// CPU time of reading them, of the module and of encoding what it made.
    pub cpu: Millis,
}

impl Tried {
    fn of(seen: &Seen) -> Self {
        Self {
            read: Rows(seen.rows),
            written: Rows(seen.rows_out),
            rejected: Rows(seen.rejected),
            filtered: Rows(seen.filtered),
            fuel: Fuel(seen.fuel_open.saturating_add(seen.fuel)),
            cpu: Millis(u64::try_from(seen.cpu.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// How much there is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkCounts {
    /// Files to migrate.
    pub files: usize,
    /// Files that they become, if the run is to change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_after: Option<usize>,
    /// Their rows.
    pub rows: Rows,
    /// Their size.
    pub bytes: Bytes,
    /// Their row groups.
    pub row_groups: usize,
    /// Data files that have been through the migration already and join as they are.
    pub joined: usize,
    /// Partition columns of the dataset.
    pub partitions: Vec<String>,
}

/// What would not be taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Metadata keys of the files that were looked at, which would be wrong after the change.
    pub metadata: Vec<String>,
    /// Files such as `_metadata`; the first of them.
    pub files: Vec<String>,
    /// How many files there are beside them.
    pub more_files: usize,
}

impl LeftOut {
    fn of(snapshot: &Snapshot, keys: &BTreeSet<String>) -> Self {
        let dropped = || snapshot.files().iter().filter(|file| file.stat.role == Role::Dropped);
        Self {
            metadata: keys.iter().take(NAMES_MAX).cloned().collect(),
            files: dropped().take(NAMES_MAX).map(|file| file.stat.path.clone()).collect(),
            more_files: dropped().count().saturating_sub(NAMES_MAX),
        }
    }
}

/// Disk space beside the dataset, or where plain files are to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// A second copy and a fifth.
    pub needed: Bytes,
    /// What the file system has.
    pub free: Bytes,
    /// The directory of plain files, if that is what the run would write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// Why a run may not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The code of the error that it would end with.
    pub code: Cow<'static, str>,
    /// What was seen.
    pub message: String,
}

/// Looks at what a run would do. Writes nothing, needs no lock, and works where the dataset can only be read.
pub fn dry_run(
    dataset: Dataset,
    module: &Module,
    request: &DryRunRequest,
    clock: &Arc<dyn Clock>,
    progress: &Progress,
) -> Result<DryRun, RunError> {
    let (started, cpu_before) = (clock.elapsed(), cpu::exactly_of_this_thread());
    let dataset = dataset.stopped_by(progress.files());
    let manifest = run::describe(module, &request.run.limits)?;
    let migration = run::migration(module, &manifest, &request.run)?;
    let output = request.into.as_deref().map(|to| Output::at(to, &dataset, &request.run.run.to_string()));
    let output = output.transpose()?;
    let snapshot = dataset.look().map_err(|e| RunError::from(e).if_asked_to_stop())?;
    let version = snapshot.version().unwrap_or(0);
    let asked = Asked { module, manifest: &manifest, migration: &migration, request: &request.run };
    let Some(work) = asked.work(&snapshot, progress)? else {
        return Ok(DryRun::AlreadyMigrated { version, migration });
    };
    let (room, obstacle) = match &output {
        None => beside_room(&asked, &dataset, (&snapshot, &work))?,
        Some(output) => output_room(output, (&snapshot, &work))?,
    };
    let recut = Recut::of(&asked, (&snapshot, &work))?;
    let mut plans: Vec<Lineage> = work.plans.groups.iter().map(Lineage::of).collect();
    let looking = cpu::exactly_of_this_thread().saturating_sub(cpu_before);
    let sample = Sampling { plans: &plans, recut: &recut.files, rows: request.rows };
    let Looked { seen, sample, rejects, counters, left_out, mut checks } =
        sampled(&asked, (&snapshot, &work), &sample, progress)?;
    checks.prove(&work, &mut plans);
    let counts = WorkCounts {
        files_after: request.run.resize.file_size.map(|_| recut.outputs),
        // What is not selected is not written into a directory of plain files.
        joined: work.done.len() + if output.is_none() { work.left.len() } else { 0 },
        ..counts(&snapshot, &work, &plans)
    };
    let whole = whole(&asked, &counts, &recut);
    let estimate = Estimate::of(&seen, &whole);
    let took = clock.elapsed().saturating_sub(started);
    Ok(DryRun::WouldRun(Box::new(Forecast {
        version,
        state: manifest.state,
        work: counts,
        plans,
        sample,
        rejects,
        checks: checks.told,
        left_out,
        counters,
        costs: estimate.costs(&seen, &whole, looking),
        warnings: obstacle.into_iter().chain(warnings(&estimate, &request.run)).collect(),
        estimate,
        room,
        migration,
        took: Millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        tried: Tried::of(&seen),
    })))
}

/// What becomes of row groups.
struct Recut {
    /// How many files the run would write.
    outputs: usize,
    /// Files whose row groups are cut anew, and their size.
    files: BTreeSet<usize>,
    bytes: u64,
}

impl Recut {
    fn of(asked: &Asked<'_>, (snapshot, work): (&Snapshot, &Work)) -> Result<Self, RunError> {
        let outputs = asked.request.resize.outputs(snapshot, &work.files, &asked.migration.name)?;
        let anew = outputs.iter().filter(|output| output.row_groups.is_some());
        let files: BTreeSet<usize> = anew.flat_map(|output| &output.sources).copied().collect();
        let bytes = files.iter().map(|file| work.files[*file].pinned(snapshot).stat.size).sum();
        Ok(Self { outputs: outputs.len(), files, bytes })
    }
}

fn whole(asked: &Asked<'_>, counts: &WorkCounts, recut: &Recut) -> Whole {
    Whole {
        row_groups: counts.row_groups as u64,
        rows: counts.rows.0,
        bytes: counts.bytes.0,
        recut_bytes: recut.bytes,
        workers: asked.request.threads as u64,
        sequential: asked.manifest.state == StateKind::Sequential,
    }
}

/// What a run that publishes would find beside the dataset.
fn beside_room(
    asked: &Asked<'_>,
    dataset: &Dataset,
    (snapshot, work): (&Snapshot, &Work),
) -> Result<(RoomView, Option<Warning>), RunError> {
    run::left_fit(snapshot, &work.plans, &asked.request.files, &work.left)?;
    let Room { needed, free, obstacle } = dataset.room(snapshot)?;
    let warning =
        obstacle.map(|obstacle| Warning { code: obstacle.code().id.into(), message: obstacle.to_string() });
    Ok((RoomView { needed, free, output: None }, warning))
}

/// What a run that writes plain files would find where they are to be.
fn output_room(
    output: &Output,
    (snapshot, work): (&Snapshot, &Work),
) -> Result<(RoomView, Option<Warning>), RunError> {
    let Room { needed, free, obstacle } = aside::room(output, snapshot, work)?;
    let warning =
        obstacle.map(|obstacle| Warning { code: obstacle.code().id.into(), message: obstacle.to_string() });
    Ok((RoomView { needed, free, output: Some(output.path().display().to_string()) }, warning))
}

/// What rows are looked at.
struct Sampling<'a> {
    plans: &'a [Lineage],
    /// Files whose row groups are cut anew.
    recut: &'a BTreeSet<usize>,
    /// Rows that are shown, at most.
    rows: usize,
}

/// What came of looking.
struct Looked {
    seen: Seen,
    sample: Sample,
    rejects: Rejects,
    counters: Counters,
    left_out: LeftOut,
    checks: Checking,
}

/// Rows through the sandbox, and what they took.
fn sampled(
    asked: &Asked<'_>,
    (snapshot, work): (&Snapshot, &Work),
    sampling: &Sampling<'_>,
    progress: &Progress,
) -> Result<Looked, RunError> {
    let Asked { module, manifest, migration, request } = *asked;
    progress.enters(AttemptPhase::Transforming);
    let mut prober = Prober {
        snapshot,
        work,
        sandboxes: &Sandboxes::new(module, manifest, request, (&work.applied, progress)).bearing_rejects(),
        migration,
        batch_bytes: manifest.batch_bytes.map(u64::from),
        sequential: manifest.state == StateKind::Sequential,
        progress,
        recut: sampling.recut,
        seen: Seen::default(),
        counters: Counters::default(),
        keys_dropped: BTreeSet::new(),
        files: BTreeSet::new(),
    };
    let printer = Printer::new(request.params.mask());
    let mut sampler = sample::Sampler::new(work, sampling.plans, &printer, (manifest.state, sampling.rows));
    let mut checks = Checking::default();
    look(&mut prober, &mut sampler, (asked, &mut checks), sampling.rows)?;
    let (sample, rejects) = sampler.finish();
    let counters = prober.counters.renamed(|name| printer.words(name));
    let left_out = LeftOut::of(snapshot, &prober.keys_dropped);
    Ok(Looked { seen: prober.seen, sample, rejects, counters, left_out, checks })
}

/// Probes, shows and checks. One row group of a module without state is held at a time.
fn look(
    prober: &mut Prober<'_>,
    sampler: &mut sample::Sampler<'_>,
    (asked, checks): (&Asked<'_>, &mut Checking),
    rows: usize,
) -> Result<(), RunError> {
    let work = prober.work;
    // What is cut anew and what is not takes differently long, so both are looked at.
    let group_of = |file: usize| 2 * work.plans.group_of[file] + usize::from(prober.recut.contains(&file));
    let files: Vec<Candidate> = (work.files.iter().enumerate())
        .map(|(place, file)| Candidate { row_groups: file.row_groups, group: group_of(place) })
        .collect();
    match asked.manifest.state {
        StateKind::None => {
            let picks = choice::spread(&files, PICKS_MAX);
            for (part, pick) in picks.iter().enumerate() {
                let probe = prober.alone(*pick, PICK_BATCHES)?;
                sampler.show(&probe, choice::quota(rows, part, picks.len()))?;
                checks.alone(asked, prober, &probe)?;
            }
        }
        StateKind::Sequential => {
            let all = work.files.iter().map(|file| file.rows).sum();
            let probes = prober.head(choice::head(&files), HEAD_BATCHES, all)?;
            let shown = |probe: &Probe| probe.kept.rows() > 0;
            let parts: Vec<&Probe> = probes.iter().filter(|probe| shown(probe)).collect();
            for (part, probe) in parts.iter().enumerate() {
                sampler.show(probe, choice::quota(rows, part, parts.len()))?;
            }
            checks.head(asked, prober, (&probes, all))?;
        }
    }
    Ok(())
}

fn counts(snapshot: &Snapshot, work: &Work, plans: &[Lineage]) -> WorkCounts {
    let mut partitions: Vec<String> = Vec::new();
    for name in plans.iter().flat_map(Lineage::partitions) {
        if partitions.len() < NAMES_MAX && !partitions.iter().any(|known| known == name) {
            partitions.push(name.to_owned());
        }
    }
    WorkCounts {
        files: work.files.len(),
        files_after: None,
        rows: Rows(work.files.iter().map(|file| file.rows).sum()),
        bytes: work.files.iter().map(|file| Bytes(file.pinned(snapshot).stat.size)).sum(),
        row_groups: work.files.iter().map(|file| file.row_groups).sum(),
        joined: work.done.len(),
        partitions,
    }
}

fn warnings(estimate: &Estimate, run: &RunRequest) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (rejected, most) = (estimate.rows_rejected.0, run.rejects_max);
    if rejected > most {
        warnings.push(Warning {
            code: skein_types::codes::GUEST_REJECTS.id.into(),
            message: format!("about {rejected} rows would be rejected, more than {most} end a run"),
        });
    }
    let sampled = estimate.rows_sampled.0;
    if sampled > 0 && estimate.rows_written.0 == 0 && !run.allow_empty {
        warnings.push(Warning {
            code: skein_types::codes::NOTHING_LEFT.id.into(),
            message: format!("none of the {sampled} rows that were looked at is left, and no row ends a run"),
        });
    }
    warnings
}

/// Leaves that a run carries, copied or widened.
fn carried_leaves(plan: &SchemaPlan) -> Vec<usize> {
    let mut carried: Vec<usize> = Vec::new();
    for column in plan.columns() {
        if let Origin::Carried { leaves, .. } = &column.origin {
            let nodes = leaves.iter().filter_map(|leaf| plan.source_tree().get(*leaf));
            carried.extend(nodes.map(|node| node.leaves.start));
        }
    }
    carried
}

fn pairs_rows(shape: Shape) -> bool {
    match shape {
        Shape::Same | Shape::Filtered => true,
        Shape::Free => false,
    }
}
