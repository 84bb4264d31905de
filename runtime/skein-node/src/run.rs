//! One run: prepare, stage, publish.
//!
//! ```text
//! prepare   lock, recover, pin, compare with what was applied, read footers, plan     nothing written
//! stage     every row group through its agent, files sealed, rejects kept              invisible
//! publish   the dataset's own protocol: intent, exchange, commit                       visible, or not at all
//! ```
//! Dropping a [`Prepared`] or [`Staged`] run leaves the dataset as it was. The crate knows no thread but its workers,
//! no terminal and no server: progress is counted, cancellation is a flag.

use std::sync::Arc;
use std::time::Duration;

use skein_dataset::{Applied, Dataset, NameRule, RunLock, Snapshot, Staging, StateError};
use skein_sandbox::{Limits, Manifest, Module};
use skein_types::{Bytes, Clock, Origin, Rows, RunId, StateKind, VerifyLevel};

use crate::agent::AgentSource;
use crate::choice::FileChoice;
use crate::error::RunError;
use crate::inputs::{self, InputFile};
use crate::job::{Bench, Job, Made};
use crate::look::PlanDigests;
use crate::params::Params;
use crate::pieces::{Pieces, Resumption};
use crate::planning::{self, Planner, Plans, SchemaGroup};
use crate::presented::Recorded;
use crate::progress::Progress;
use crate::replay;
use crate::report::Migration;
use crate::resize::Resize;
use crate::sandboxed::Sandboxes;
use crate::staged::{Later, Staged};

/// What to run.
#[derive(Debug)]
pub struct RunRequest {
    /// Stable over retries.
    pub run: RunId,
    /// For the module.
    pub params: Params,
    /// Name of the migration; the module's own if there is none.
    pub name: Option<String>,
    /// Run although it was applied before.
    pub again: bool,
    /// Workers.
    pub threads: usize,
    /// Of each agent.
    pub limits: Limits,
    /// Rejected rows that the run may have.
    pub rejects_max: u64,
    /// Whether a result without a row is one, though rows were read.
    pub allow_empty: bool,
    /// The data files to work on; the others join the new version as they are.
    pub files: FileChoice,
    /// Input rows after which a module with state is saved and opened again, at the next row-group border.
    pub checkpoint_rows: Rows,
    /// Sizes of files and row groups.
    pub resize: Resize,
    /// How the files of a directory are called.
    pub names: NameRule,
    /// Columns whose values are shown to nobody, beside those that are marked so in files.
    pub sensitive: Vec<String>,
    /// How far the result is verified before it becomes visible.
    pub verify: VerifyLevel,
}

impl RunRequest {
    /// The border of every run but those that test it: saving costs little over so many rows, and a task that is lost
    /// repeats no more than these.
    pub const CHECKPOINT_ROWS: Rows = Rows(1 << 20);
}

/// What preparing found.
#[derive(Debug)]
pub enum Preparation {
    /// There is something to do.
    Ready(Box<Prepared>),
    /// All files that are chosen have been through exactly this migration.
    AlreadyMigrated {
        /// The current version; 0 for a dataset that no run has published to.
        version: u64,
        /// What was applied.
        migration: Migration,
    },
}

/// A run that is planned and holds its dataset.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) dataset: Dataset,
    pub(crate) lock: RunLock,
    pub(crate) snapshot: Snapshot,
    /// Places of the data files that have been through the migration already, or are not chosen, and join as they are.
    pub(crate) joined: Vec<usize>,
    pub(crate) job: Job,
    /// None unless somebody may go on with it.
    pub(crate) resumption: Option<Resumption>,
}

/// What a run would plan.
#[derive(Debug)]
pub enum Planned {
    /// The plans, one per distinct schema.
    Ready(Vec<SchemaGroup>),
    /// All files that are chosen have been through exactly this migration.
    AlreadyMigrated {
        /// The current version; 0 for a dataset that no run has published to.
        version: u64,
        /// What was applied.
        migration: Migration,
    },
}

/// Plans without a lock and without writing anything: what `prepare` would plan, or refuse, for the dataset as it is now.
pub fn plan_only(
    dataset: &Dataset,
    module: &Module,
    request: &RunRequest,
    progress: &Progress,
) -> Result<Planned, RunError> {
    let (snapshot, migration, work) = look_at(dataset, module, request, progress)?;
    Ok(match work {
        None => Planned::AlreadyMigrated { version: snapshot.version().unwrap_or(0), migration },
        Some(work) => Planned::Ready(work.plans.groups),
    })
}

/// What there is to do now; no work if all has been through exactly this migration.
pub(crate) fn look_at(
    dataset: &Dataset,
    module: &Module,
    request: &RunRequest,
    progress: &Progress,
) -> Result<(Snapshot, Migration, Option<Work>), RunError> {
    let manifest = describe(module, &request.limits)?;
    let migration = migration(module, &manifest, request)?;
    let snapshot = dataset.look()?;
    let asked = Asked { module, manifest: &manifest, migration: &migration, request };
    let work = asked.work(&snapshot, progress)?;
    if let Some(work) = &work {
        left_fit(&snapshot, &work.plans, &request.files, &work.left)?;
    }
    Ok((snapshot, migration, work))
}

/// Locks, pins and plans. Writes nothing but, if there is a plan, the dataset's registration.
pub fn prepare(
    dataset: Dataset,
    module: &Module,
    request: RunRequest,
    clock: Arc<dyn Clock>,
    progress: &Progress,
) -> Result<Preparation, RunError> {
    let run = request.run;
    prepare_under(dataset, module, (request, clock), progress, |dataset| dataset.lock_run(run))
}

/// [`prepare`] under whatever keeps other runs away.
pub(crate) fn prepare_under(
    dataset: Dataset,
    module: &Module,
    (request, clock): (RunRequest, Arc<dyn Clock>),
    progress: &Progress,
    lock: impl FnOnce(&Dataset) -> Result<RunLock, StateError>,
) -> Result<Preparation, RunError> {
    let started = clock.elapsed();
    let dataset = dataset.stopped_by(progress.files());
    let manifest = describe(module, &request.limits)?;
    let migration = migration(module, &manifest, &request)?;
    let asked = Asked { module, manifest: &manifest, migration: &migration, request: &request };
    let seen = asked.first_look(&dataset, progress)?;
    let lock = lock(&dataset)?;
    let snapshot = dataset.pin(&lock).map_err(|e| RunError::from(e).if_asked_to_stop())?;
    let work = match seen {
        Some((earlier, work)) if snapshot.is_as(&earlier) => work,
        Some(_) | None => asked.work(&snapshot, progress)?,
    };
    let Some(work) = work else {
        return Ok(Preparation::AlreadyMigrated { version: snapshot.version().unwrap_or(0), migration });
    };
    progress.journal().reads(replay::seen(&snapshot, &work.files), migration.params);
    left_fit(&snapshot, &work.plans, &request.files, &work.left)?;
    decided(&work);
    let mut joined = [work.done.as_slice(), &work.left].concat();
    joined.sort_unstable();
    let job = work.job(module, (manifest, migration), request, (started, clock, progress));
    Ok(Preparation::Ready(Box::new(Prepared { dataset, lock, snapshot, joined, job, resumption: None })))
}

/// What a person asks about afterwards: why this file, and what becomes of which column.
fn decided(work: &Work) {
    let (done, left) = (work.done.len(), work.left.len());
    tracing::info!(files = work.files.len(), already_migrated = done, not_selected = left, "files chosen");
    for group in &work.plans.groups {
        let of = |is: fn(&Origin) -> bool| group.plan.columns().iter().filter(|c| is(&c.origin)).count();
        tracing::info!(
            files = group.files.len(),
            first = group.files.first().map_or("", String::as_str),
            shape = %group.plan.shape(),
            carried = of(|origin| matches!(origin, Origin::Carried { .. })),
            computed = of(|origin| matches!(origin, Origin::Computed { .. })),
            preserved = of(|origin| matches!(origin, Origin::Preserved { .. })),
            "schema group"
        );
        for column in group.plan.columns() {
            tracing::debug!(name = column.field.name(), origin = ?column.origin, "column");
        }
    }
}

/// What a run is asked to do, whatever the dataset holds.
pub(crate) struct Asked<'a> {
    pub(crate) module: &'a Module,
    pub(crate) manifest: &'a Manifest,
    pub(crate) migration: &'a Migration,
    pub(crate) request: &'a RunRequest,
}

/// What there is to do to a snapshot.
#[derive(Debug)]
pub(crate) struct Work {
    /// To be migrated.
    pub(crate) files: Vec<InputFile>,
    /// Places of the data files that have been through the migration already and join as they are.
    pub(crate) done: Vec<usize>,
    /// Places of the data files that are not chosen.
    pub(crate) left: Vec<usize>,
    pub(crate) plans: Plans,
    /// What `done` presented when they were migrated.
    pub(crate) recorded: Recorded,
    /// What all files have been through, for the guest.
    pub(crate) applied: Vec<skein_sandbox::Applied>,
}

impl Work {
    /// Sets out to do it.
    pub(crate) fn job(
        self,
        module: &Module,
        (manifest, migration): (Manifest, Migration),
        request: RunRequest,
        (started, clock, progress): (Duration, Arc<dyn Clock>, &Progress),
    ) -> Job {
        let Self { files, plans, recorded, applied, .. } = self;
        let (module, mut made) = (module.clone(), Made::new(&request, progress));
        made.quarantine.hush_for(plans.groups.iter().map(|group| &group.plan));
        Job { files, plans, recorded, applied, module, manifest, migration, request, started, clock, made }
    }
}

impl Asked<'_> {
    /// A run that is refused leaves no trace of Skein beside a dataset that never had one, so before the first run there is
    /// this look. What it found holds for the run if nothing has changed by the time that the dataset is locked. What
    /// another first run did meanwhile is not for the module to judge.
    fn first_look(
        &self,
        dataset: &Dataset,
        progress: &Progress,
    ) -> Result<Option<(Snapshot, Option<Work>)>, RunError> {
        if dataset.is_registered() {
            return Ok(None);
        }
        let seen = dataset.look().map_err(|e| RunError::from(e).if_asked_to_stop()).and_then(|snapshot| {
            let work = self.work(&snapshot, progress)?;
            if let Some(work) = &work {
                left_fit(&snapshot, &work.plans, &self.request.files, &work.left)?;
            }
            Ok((snapshot, work))
        });
        match seen {
            Err(_) if dataset.is_registered() => Ok(None),
            seen => seen.map(Some),
        }
    }

    /// The one place that decides which files a run or a dry run takes and what becomes of them; `None` if all have been
    /// through exactly this migration. Writes nothing.
    pub(crate) fn work(&self, snapshot: &Snapshot, progress: &Progress) -> Result<Option<Work>, RunError> {
        let Self { manifest, migration, request, .. } = *self;
        if manifest.state == StateKind::Sequential && !request.resize.is_none() {
            return Err(RunError::ResizeWithState { name: manifest.name.clone() });
        }
        let (places, left) = chosen(snapshot, &request.files)?;
        let (todo, done) = if request.again {
            (places, Vec::new())
        } else {
            unapplied(snapshot, &places, migration)
                .map_err(|error| self.refused_params(snapshot, &places, progress).unwrap_or(error))?
        };
        if todo.is_empty() {
            return Ok(None);
        }
        if manifest.state == StateKind::Sequential && !done.is_empty() {
            return Err(RunError::StateLost {
                name: migration.name.clone(),
                todo: todo.len(),
                done: done.len(),
            });
        }
        let recorded = Recorded::of(snapshot, &done, migration);
        let (files, plans, applied) = self.plan(snapshot, &todo, &recorded, progress)?;
        for place in &done {
            let pinned = &snapshot.files()[*place];
            let source = inputs::open(snapshot, pinned)?;
            planning::joins(&plans, (&pinned.stat.path, source.view()), &recorded)?;
        }
        Ok(Some(Work { files, done, left, plans, recorded, applied }))
    }

    fn plan(
        &self,
        snapshot: &Snapshot,
        places: &[usize],
        recorded: &Recorded,
        progress: &Progress,
    ) -> Result<(Vec<InputFile>, Plans, Vec<skein_sandbox::Applied>), RunError> {
        let Self { module, request, .. } = *self;
        let files = inputs::read(snapshot, places, &recorded.schemas, progress)?;
        let applied: Vec<skein_sandbox::Applied> = snapshot.applied_to_all().iter().map(for_guest).collect();
        let RunRequest { params, limits, sensitive, .. } = request;
        let planner = Planner { module, params, applied: &applied, limits, progress, sensitive };
        let plans = planner.plan(&files)?;
        Ok((files, plans, applied))
    }

    /// Parameters that the module would not take are told as such, and not as other ones than those that were applied:
    /// whoever follows that advice is refused again. One file is enough to ask.
    fn refused_params(&self, snapshot: &Snapshot, places: &[usize], progress: &Progress) -> Option<RunError> {
        let refused = self.plan(snapshot, places.get(..1)?, &Recorded::default(), progress).err()?;
        matches!(refused, RunError::ParamsRefused { .. }).then_some(refused)
    }
}

/// Readers see one dataset: files that stay as they are must have the schema of those that change.
pub(crate) fn left_fit(
    snapshot: &Snapshot,
    plans: &Plans,
    choice: &FileChoice,
    left: &[usize],
) -> Result<(), RunError> {
    if choice.mixed_schemas { Ok(()) } else { all_fit(snapshot, plans, left) }
}

/// Whether these files have the schema that the run writes.
pub(crate) fn all_fit(snapshot: &Snapshot, plans: &Plans, places: &[usize]) -> Result<(), RunError> {
    for place in places {
        let pinned = &snapshot.files()[*place];
        if let Some(difference) = planning::left_differs(plans, inputs::open(snapshot, pinned)?.view()) {
            return Err(RunError::LeftDiffers { file: pinned.stat.path.clone(), difference });
        }
    }
    Ok(())
}

impl Prepared {
    /// The plans, one per distinct schema.
    pub fn groups(&self) -> &[SchemaGroup] {
        &self.job.plans.groups
    }

    /// Keeps what splits give for later attempts at the same run, and takes over what earlier ones have kept.
    #[must_use]
    pub fn resumable(self, resumption: Resumption) -> Self {
        Self { resumption: Some(resumption), ..self }
    }

    /// Size of the files that are to be migrated.
    pub fn bytes(&self) -> Bytes {
        self.job.files.iter().map(|file| Bytes(file.pinned(&self.snapshot).stat.size)).sum()
    }

    /// What was planned: whoever approved something else has not approved this.
    pub fn digests(&self) -> Result<PlanDigests, RunError> {
        PlanDigests::of(self.groups())
    }

    /// Transforms everything in the sandbox.
    pub fn stage(self, progress: &Progress) -> Result<Staged, RunError> {
        let sandboxes = self.job.sandboxes(progress);
        let agents = self.groups().iter().map(|group| sandboxes.for_group(group)).collect();
        self.stage_by(progress, agents, Some(sandboxes))
    }

    /// Transforms everything with agents from elsewhere: native code, to measure what the sandbox costs. Files that
    /// others add meanwhile are not caught up.
    pub fn stage_with(
        self,
        progress: &Progress,
        agents: impl Fn(&SchemaGroup) -> Box<dyn AgentSource>,
    ) -> Result<Staged, RunError> {
        let agents = self.groups().iter().map(agents).collect();
        self.stage_by(progress, agents, None)
    }

    fn stage_by(
        mut self,
        progress: &Progress,
        agents: Vec<Box<dyn AgentSource>>,
        sandboxes: Option<Sandboxes>,
    ) -> Result<Staged, RunError> {
        let staging = Staging::create(&self.dataset, &self.lock, &self.snapshot, 0)?;
        let rule = self.job.request.names;
        let large = |wanted: &&Resumption| self.bytes() >= wanted.from;
        let pieces = self.resumption.as_ref().filter(large).map(|wanted| Pieces {
            dataset: &self.dataset,
            staging: &staging,
            earlier: &wanted.earlier,
        });
        let bench = Bench { snapshot: &self.snapshot, staging: &staging, rule, progress, pieces };
        self.job.made.transformed = match self.job.transform((&self.job.files, 0), bench, &agents) {
            Err(RunError::Evicted) => {
                staging.leave_pieces()?;
                return Err(RunError::Evicted);
            }
            made => made?,
        };
        let later = Later { sandboxes, progress: progress.following() };
        let staged = Staged::complete(self, staging, later).map_err(RunError::if_asked_to_stop)?;
        // The publish asks once more while it hashes; from its intent on it is finished whatever is asked.
        if progress.is_cancelled() { Err(RunError::Cancelled) } else { Ok(staged) }
    }
}

pub(crate) fn describe(module: &Module, limits: &Limits) -> Result<Manifest, RunError> {
    module.describe(limits).map_err(|source| RunError::Guest { place: "describe".to_owned(), source })
}

/// Name by which the dataset remembers the migration: the caller's, else the one in the parameters if the module says
/// that it is there, else the module's.
pub(crate) fn migration(
    module: &Module,
    manifest: &Manifest,
    request: &RunRequest,
) -> Result<Migration, RunError> {
    const FROM_PARAMS: &str = "name-from-params";
    let key = manifest.ext.iter().find(|(key, _)| key == FROM_PARAMS).map(|(_, param)| param.as_str());
    let name = match (&request.name, key) {
        (Some(name), _) => name.clone(),
        (None, None) => manifest.name.clone(),
        (None, Some(key)) => {
            let named = request.params.string(key).filter(|name| !name.is_empty());
            let near = || request.params.nearest_key(key).filter(|near| *near != key);
            let meant = || near().map_or_else(String::new, |near| format!(": did you mean it by {near:?}?"));
            named.map(str::to_owned).ok_or_else(|| RunError::ParamsRefused {
                message: format!("`{key}` is missing: it tells this migration from others{}", meant()),
                column: None,
            })?
        }
    };
    Ok(Migration {
        name,
        version: manifest.version.clone(),
        module: module.digest(),
        params: request.params.digest(),
    })
}

type Places = Vec<usize>;

/// Of these data files, those that have not been through the migration, and those that have.
pub(crate) fn unapplied(
    snapshot: &Snapshot,
    places: &[usize],
    migration: &Migration,
) -> Result<(Places, Places), RunError> {
    let (mut todo, mut done) = (Vec::new(), Vec::new());
    for place in places.iter().copied() {
        let applied = snapshot.files()[place].applied();
        match applied.iter().rev().find(|applied| applied.name == migration.name) {
            None => todo.push(place),
            Some(same) if same.module == migration.module && same.params == migration.params => {
                done.push(place)
            }
            Some(other) => {
                return Err(RunError::AppliedDifferently {
                    name: other.name.clone(),
                    module: other.module,
                    params: other.params,
                });
            }
        }
    }
    Ok((todo, done))
}

/// Places of the data files that are chosen, and of the others.
fn chosen(snapshot: &Snapshot, choice: &FileChoice) -> Result<(Places, Places), RunError> {
    choice.check(snapshot.data_files().map(|file| file.stat.path.as_str()))?;
    let data = snapshot.files().iter().enumerate().filter(|(_, f)| f.stat.role == skein_dataset::Role::Data);
    Ok(data.map(|(place, _)| place).partition(|place| choice.takes(&snapshot.files()[*place].stat.path)))
}

fn for_guest(applied: &Applied) -> skein_sandbox::Applied {
    skein_sandbox::Applied {
        name: applied.name.clone(),
        version: applied.version.clone(),
        module: applied.module,
        params: applied.params,
    }
}
