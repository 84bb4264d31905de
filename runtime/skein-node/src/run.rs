//! One run: prepare, stage, publish.
//!
//! ```text
//! prepare   lock, recover, pin, compare with what was applied, read footers, plan     nothing written
//! stage     every row group through its agent, files sealed, rejects kept              invisible
//! publish   the dataset's own protocol: intent, exchange, commit                       visible, or not at all
//! ```
//! Dropping a [`Prepared`] or [`Staged`] run leaves the dataset as it was. The crate knows no thread but its workers,
//! no terminal and no server: progress is counted, cancellation is a flag.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skein_dataset::{Applied, Dataset, NameRule, Output, Role, RunLock, Snapshot, Staging};
use skein_sandbox::{Limits, Manifest, Module, Source};
use skein_types::{Clock, Rows, RunId, StateKind};

use crate::agent::AgentSource;
use crate::choice::FileChoice;
use crate::error::RunError;
use crate::inputs::{self, InputFile};
use crate::params::Params;
use crate::planning::{self, Planner, Plans, SchemaGroup};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::Migration;
use crate::sandboxed::SandboxAgents;
use crate::sequential;
use crate::staged::Staged;
use crate::transform::Transform;

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
    /// The data files to work on; the others join the new version as they are.
    pub files: FileChoice,
    /// A directory for the result, instead of a new version: nothing is locked, recorded or changed. The files that are
    /// not chosen are not in it.
    pub output: Option<PathBuf>,
    /// Input rows after which a module with state is saved and opened again, at the next row-group border.
    pub checkpoint_rows: Rows,
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
    pub(crate) goal: Goal,
    pub(crate) snapshot: Snapshot,
    pub(crate) files: Vec<InputFile>,
    /// Places of the data files that join as they are: they have been through the migration, or are not chosen.
    pub(crate) joined: Vec<usize>,
    pub(crate) plans: Plans,
    /// What all files have been through, for the guest.
    pub(crate) applied: Vec<skein_sandbox::Applied>,
    pub(crate) module: Module,
    pub(crate) manifest: Manifest,
    pub(crate) migration: Migration,
    pub(crate) request: RunRequest,
    pub(crate) started: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What becomes of the result.
#[derive(Debug)]
pub(crate) enum Goal {
    /// The dataset's next version.
    Publish(RunLock),
    /// Plain files elsewhere.
    Output(Output),
}

/// Plans without a lock and without writing anything: what `prepare` would plan for the dataset as it is now.
pub fn plan_only(
    dataset: &Dataset,
    module: &Module,
    params: &Params,
    limits: &Limits,
    files: &FileChoice,
) -> Result<Vec<SchemaGroup>, RunError> {
    let snapshot = dataset.look()?;
    let chosen = Chosen::of(&snapshot, files)?.todo;
    let files = inputs::read(&snapshot, &chosen, &Progress::default())?;
    let applied: Vec<skein_sandbox::Applied> = snapshot.applied_to_all().iter().map(for_guest).collect();
    Ok(Planner { module, params, applied: &applied, limits }.plan(&files)?.groups)
}

/// Locks, pins and plans. Writes nothing but, if there is a plan, the dataset's registration.
pub fn prepare(
    dataset: Dataset,
    module: &Module,
    request: RunRequest,
    clock: Arc<dyn Clock>,
    progress: &Progress,
) -> Result<Preparation, RunError> {
    let started = clock.elapsed();
    let dataset = dataset.stopped_by(progress.files());
    let manifest = describe(module, &request.limits)?;
    let migration = migration(module, &manifest, &request)?;
    let (goal, snapshot) = match &request.output {
        None => take(&dataset, module, &request)?,
        Some(path) => {
            let output = Output::at(path, &dataset, &request.run.to_string())?;
            (Goal::Output(output), dataset.look()?)
        }
    };
    let mut chosen = Chosen::of(&snapshot, &request.files)?;
    if !request.again {
        chosen.leave_applied(&snapshot, &migration)?;
    }
    let Chosen { todo, done, left } = chosen;
    if todo.is_empty() {
        return Ok(Preparation::AlreadyMigrated { version: snapshot.version().unwrap_or(0), migration });
    }
    if manifest.state == StateKind::Sequential && !done.is_empty() {
        return Err(RunError::StateLost { name: migration.name, todo: todo.len(), done: done.len() });
    }
    let files = inputs::read(&snapshot, &todo, progress)?;
    let applied: Vec<skein_sandbox::Applied> = snapshot.applied_to_all().iter().map(for_guest).collect();
    let planner = Planner { module, params: &request.params, applied: &applied, limits: &request.limits };
    let plans = planner.plan(&files)?;
    for place in &done {
        let pinned = &snapshot.files()[*place];
        planning::joins(&plans, &pinned.stat.path, inputs::open(&snapshot, pinned)?.view())?;
    }
    let joined = match &goal {
        Goal::Output(_) => done,
        Goal::Publish(_) => {
            if !request.files.mixed_schemas {
                left_fit(&snapshot, &plans, &left)?;
            }
            let mut joined = [done, left].concat();
            joined.sort_unstable();
            joined
        }
    };
    Ok(Preparation::Ready(Box::new(Prepared {
        dataset,
        goal,
        snapshot,
        files,
        joined,
        plans,
        applied,
        module: module.clone(),
        manifest,
        migration,
        request,
        started,
        clock,
    })))
}

/// Takes the dataset for a run and pins it.
///
/// Reads footers twice, once: a run that is refused leaves no trace of Skein beside a dataset that never had one. What
/// another first run did meanwhile is not for the module to judge.
fn take(dataset: &Dataset, module: &Module, request: &RunRequest) -> Result<(Goal, Snapshot), RunError> {
    if !dataset.is_registered()
        && let Err(refused) = plan_only(dataset, module, &request.params, &request.limits, &request.files)
        && !dataset.is_registered()
    {
        return Err(refused);
    }
    let lock = dataset.lock_run(request.run)?;
    let snapshot = dataset.pin(&lock).map_err(|e| RunError::from(e).if_asked_to_stop())?;
    Ok((Goal::Publish(lock), snapshot))
}

/// Readers see one dataset: files that stay as they are must have the schema of those that change.
fn left_fit(snapshot: &Snapshot, plans: &Plans, left: &[usize]) -> Result<(), RunError> {
    for place in left {
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
        &self.plans.groups
    }

    /// Transforms everything in the sandbox.
    pub fn stage(self, progress: &Progress) -> Result<Staged, RunError> {
        let (module, state_kind, limits) =
            (self.module.clone(), self.manifest.state, self.request.limits.clone());
        let config = self.request.params.guest_config();
        let source = Source {
            schema: Arc::new(arrow_schema::Schema::empty()),
            params: self.request.params.json().to_owned(),
            applied: self.applied.clone(),
        };
        self.stage_with(progress, |group| {
            Box::new(SandboxAgents {
                module: module.clone(),
                source: Source { schema: Arc::clone(group.plan.source()), ..source.clone() },
                limits: limits.clone(),
                config: Arc::clone(&config),
                cancel: progress.agents().clone(),
                state_kind,
                plan: group.plan.clone(),
                proposed: group.proposed.clone(),
            })
        })
    }

    /// Transforms everything with agents from elsewhere: native code, to measure what the sandbox costs.
    pub fn stage_with(
        self,
        progress: &Progress,
        agents: impl Fn(&SchemaGroup) -> Box<dyn AgentSource>,
    ) -> Result<Staged, RunError> {
        let staging = self.staging()?;
        let quarantine = Quarantine::new(self.request.rejects_max);
        let agents: Vec<Box<dyn AgentSource>> = self.plans.groups.iter().map(agents).collect();
        let transform = Transform {
            snapshot: &self.snapshot,
            staging: &staging,
            files: &self.files,
            plans: &self.plans,
            agents: &agents,
            module: self.migration.module,
            params: self.migration.params,
            batch_bytes: self.manifest.batch_bytes.map(u64::from),
            rule: self.name_rule(),
            checkpoint_rows: self.request.checkpoint_rows,
            progress,
            quarantine: &quarantine,
        };
        let transformed = match self.manifest.state {
            StateKind::None => transform.run(self.request.threads)?,
            StateKind::Sequential => sequential::run(&transform)?,
        };
        let staged =
            Staged::complete(self, staging, transformed, quarantine).map_err(RunError::if_asked_to_stop)?;
        // The publish asks once more while it hashes; from its intent on it is finished whatever is asked.
        if progress.is_cancelled() { Err(RunError::Cancelled) } else { Ok(staged) }
    }

    fn staging(&self) -> Result<Staging, RunError> {
        let snapshot = &self.snapshot;
        match &self.goal {
            Goal::Publish(lock) => Ok(Staging::create(&self.dataset, lock, snapshot, 0)?),
            Goal::Output(output) => {
                let places = self.files.iter().map(|file| file.place).chain(self.joined.iter().copied());
                let data: BTreeSet<&str> =
                    places.map(|place| snapshot.files()[place].stat.path.as_str()).collect();
                let keeps = |path: &str| Role::of(path) != Role::Data || data.contains(path);
                Ok(Staging::aside(output, &self.dataset, snapshot, keeps)?)
            }
        }
    }

    /// A reader that lists a directory and opens late must miss a file rather than mix versions; a single file has
    /// only its name.
    pub(crate) fn name_rule(&self) -> NameRule {
        match (self.dataset.kind(), &self.goal) {
            (skein_dataset::Kind::Directory, Goal::Publish(_)) => NameRule::Hashed,
            (skein_dataset::Kind::File, _) | (_, Goal::Output(_)) => NameRule::Keep,
        }
    }
}

fn describe(module: &Module, limits: &Limits) -> Result<Manifest, RunError> {
    module.describe(limits).map_err(|source| RunError::Guest { place: "describe".to_owned(), source })
}

/// Name by which the dataset remembers the migration: the caller's, else the one in the parameters if the module says
/// that it is there, else the module's.
fn migration(module: &Module, manifest: &Manifest, request: &RunRequest) -> Result<Migration, RunError> {
    const FROM_PARAMS: &str = "name-from-params";
    let key = manifest.ext.iter().find(|(key, _)| key == FROM_PARAMS).map(|(_, param)| param.as_str());
    let name = match (&request.name, key) {
        (Some(name), _) => name.clone(),
        (None, None) => manifest.name.clone(),
        (None, Some(key)) => {
            let named = request.params.string(key).filter(|name| !name.is_empty());
            named.map(str::to_owned).ok_or_else(|| RunError::Manifest {
                problem: format!(
                    "{:?} takes the migration's name from parameter {key:?}, which is not given",
                    manifest.name
                ),
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

/// The data files of a snapshot, by what becomes of them.
struct Chosen {
    /// Go through the module.
    todo: Vec<usize>,
    /// Have been through it.
    done: Vec<usize>,
    /// Are not chosen.
    left: Vec<usize>,
}

impl Chosen {
    fn of(snapshot: &Snapshot, choice: &FileChoice) -> Result<Self, RunError> {
        choice.check(snapshot.data_files().map(|file| file.stat.path.as_str()))?;
        let takes = |place: &usize| choice.takes(&snapshot.files()[*place].stat.path);
        let (todo, left) = data_places(snapshot).partition(takes);
        Ok(Self { todo, done: Vec::new(), left })
    }

    /// Tells the files that have been through the migration from those that have not.
    fn leave_applied(&mut self, snapshot: &Snapshot, migration: &Migration) -> Result<(), RunError> {
        for place in std::mem::take(&mut self.todo) {
            let applied = snapshot.files()[place].applied();
            match applied.iter().rev().find(|applied| applied.name == migration.name) {
                None => self.todo.push(place),
                Some(same) if same.module == migration.module && same.params == migration.params => {
                    self.done.push(place);
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
        Ok(())
    }
}

fn data_places(snapshot: &Snapshot) -> impl Iterator<Item = usize> {
    let files = snapshot.files().iter().enumerate();
    files.filter(|(_, f)| f.stat.role == Role::Data).map(|(place, _)| place)
}

fn for_guest(applied: &Applied) -> skein_sandbox::Applied {
    skein_sandbox::Applied {
        name: applied.name.clone(),
        version: applied.version.clone(),
        module: applied.module,
        params: applied.params,
    }
}
