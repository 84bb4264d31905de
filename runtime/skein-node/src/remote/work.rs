//! What each kind of task is: from its payload to its outcome.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skein_api::node::{
    AgentLimits, CheckTask, DatasetPlace, DatasetPlan, DryRunTask, Fragment, Lease, Notes, Outcome, Payload,
    PlanTask, Planned, RunTask, SplitTask, Staged as ApiStaged, TaskRules, Work,
};
use skein_api::{AttemptPhase, List, Meters, NameRule as ApiNames, RunRows, Text, Why};
use skein_dataset::{Dataset, HandedOver, NameRule, Options, Place, ProbeCache, RowCounts, staged_attempts};
use skein_sandbox::{ArtifactTrust, Engine, Limits, LogLevel, Module};
use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, Clock, Code, ErrorClass, Millis, Rows, RuleResult, RulesLead,
    RunId, ServerId, Verdict, VerifyLevel, chain, codes,
};

use super::client::{Client, ClientError};
use super::rule_book::{RuleBook, sensitive_of};
use super::{notes, rehearsal, sampling, scanning, secrets, watching};
use crate::choice::FileChoice;
use crate::dry_run::{DryRun, DryRunRequest, dry_run};
use crate::error::RunError;
use crate::fingerprint::Fingerprint;
use crate::journal::Journal;
use crate::look::look;
use crate::managed::prepare_attempt;
use crate::params::Params;
use crate::part::{Part, PartDone};
use crate::pieces::Resumption;
use crate::progress::Progress;
use crate::report::{Cost, RunReport};
use crate::resize::Resize;
use crate::rules::RulesAsked;
use crate::run::{Preparation, Prepared, RunRequest};
use crate::staged::{Staged, since};

/// How long a task waits for somebody who is at a dataset's log.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Before a dataset is looked at again that could not be for a reason that may pass.
const LOOK_AGAIN: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(500)];
/// Artifacts and parameters that are kept for the next task.
const KEPT: usize = 16;

/// How a task ended for its worker.
pub(super) enum Done {
    Over(Box<Outcome>),
    Staged(Box<Staged>, StagedRun),
}

/// What is told of a run that is handed over.
pub(super) struct StagedRun {
    files: u64,
    taken_over: u64,
    rows: RunRows,
    meters: Meters,
    rules: Vec<RuleResult>,
    verified: VerifyLevel,
    fingerprint: Option<Blake3>,
}

impl StagedRun {
    fn of(report: &RunReport, taken_over: u64) -> Self {
        let rows = report.rows;
        let (read, written, rejected, filtered) = (rows.read, rows.written, rows.rejected, rows.filtered);
        let meters = Meters {
            fuel: report.cost.fuel,
            cpu_ms: report.cost.cpu,
            wall_ms: report.cost.wall,
            memory_peak: report.cost.memory_peak,
            bytes_read: report.bytes_read,
            bytes_written: report.bytes_written,
            bytes_spliced: report.bytes_spliced,
        };
        let rows = RunRows { read, written, rejected, filtered };
        let fingerprint = report.fingerprint.as_ref().map(Fingerprint::digest);
        let (verified, rules) = (report.verified, report.rules.clone());
        Self { files: report.files as u64, taken_over, rows, meters, rules, verified, fingerprint }
    }

    pub(super) fn handed(&self, over: &HandedOver) -> ApiStaged {
        ApiStaged {
            descriptor: over.digest,
            base: over.base,
            version: over.version,
            files: self.files,
            taken_over: self.taken_over,
            rows: self.rows,
            meters: self.meters,
            rules: (!self.rules.is_empty()).then(|| List::first(self.rules.clone()).0),
            verified: self.verified,
            fingerprint: self.fingerprint,
        }
    }

    pub(super) const fn meters(&self) -> Meters {
        self.meters
    }

    /// With the time of processors for all of it: the report knows that of its rows alone, in whole milliseconds for each part.
    pub(super) fn that_took(self, cpu_ms: Millis) -> Self {
        Self { meters: Meters { cpu_ms, ..self.meters }, ..self }
    }
}

/// What all tasks of a node share.
pub(super) struct Shop {
    engine: Engine,
    client: Arc<Client>,
    clock: Arc<dyn Clock>,
    probes: Arc<ProbeCache>,
    slots: usize,
    trusted: Mutex<Option<ArtifactTrust>>,
    modules: Mutex<BTreeMap<Blake3, Module>>,
    pub(super) rules: RuleBook,
    params: Mutex<BTreeMap<(Blake3, Option<CampaignId>), Params>>,
}

/// A task that cannot be done.
enum Trouble {
    Run(RunError),
    Server(ClientError),
    Other(Code, String),
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

impl Shop {
    pub(super) fn open(client: Arc<Client>, clock: Arc<dyn Clock>, slots: usize) -> std::io::Result<Self> {
        let engine = Engine::runtime(Arc::clone(&clock)).map_err(std::io::Error::other)?;
        Ok(Self {
            engine,
            client,
            clock,
            probes: Arc::default(),
            slots,
            trusted: Mutex::default(),
            modules: Mutex::default(),
            rules: RuleBook::new(slots),
            params: Mutex::default(),
        })
    }

    pub(super) fn trust(&self, key: &str) {
        let key = format!("blake3:{key}").parse::<Blake3>().ok();
        let trust = key.and_then(|Blake3(bytes)| ArtifactTrust::from_bytes(&bytes));
        *self.trusted.lock().unwrap_or_else(PoisonError::into_inner) = trust;
    }

    /// Does a task, up to staged if it is a run.
    pub(super) fn carry_out(&self, lease: Lease, progress: &Progress) -> Done {
        let Lease { held, payload, .. } = lease;
        let over = |outcome| Done::Over(Box::new(outcome));
        let done = match payload {
            Payload::Run(task) | Payload::Seal(task) => self.run(held.attempt, &task, progress),
            Payload::Split(task) => self.split(held.attempt, &task, progress).map(over),
            Payload::Plan(task) => self.plan(&task, progress).map(Outcome::Planned).map(over),
            Payload::DryRun(task) => self.sample(held.attempt, &task, progress).map(over),
            Payload::Scan(task) => Ok(over(scanning::scan(&task, progress))),
            Payload::Check(task) => self.check(&task, progress).map(over),
            Payload::Scrub(task) => self
                .dataset_at(&task.dataset)
                .map(|at| over(watching::scrub(at.stopped_by(progress.files()), &task, &self.clock))),
        };
        done.unwrap_or_else(|trouble| {
            trouble.told_to(progress.journal());
            over(trouble.outcome_of(progress))
        })
    }

    /// What the attempt that began then has to tell.
    pub(super) fn notes(&self, progress: &Progress, began: Duration) -> Box<Notes> {
        notes::of(&self.client, progress.journal(), since(&*self.clock, began))
    }

    /// On the clock that does not step.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn run(&self, attempt: AttemptId, task: &RunTask, progress: &Progress) -> Result<Done, Trouble> {
        let over = |outcome| Ok(Done::Over(Box::new(outcome)));
        let prepared = match self.prepare(attempt, (task, self.slots), progress)? {
            Ok(prepared) => prepared,
            Err(outcome) => return over(outcome),
        };
        let mut staged = prepared.stage(progress)?;
        if let Some(rules) = &task.rules {
            self.judge((&mut staged, task), rules, progress)?;
        }
        let known = StagedRun::of(staged.report(), progress.read().taken_over);
        Ok(Done::Staged(Box::new(staged), known))
    }

    /// Looks at what must hold of a run before it is handed over. What is broken for good ends it here.
    fn judge(
        &self,
        (staged, task): (&mut Staged, &RunTask),
        rules: &TaskRules,
        progress: &Progress,
    ) -> Result<(), Trouble> {
        let asked = self.rules.asked(&self.client, rules, |place| {
            self.dataset(place, task.server).map_err(|_| "it cannot be opened".to_owned())
        })?;
        progress.enters(AttemptPhase::Rules);
        let lead = staged.judge(&self.rules.jail, &asked, progress);
        if progress.is_cancelled() {
            return Err(RunError::Cancelled.into());
        }
        for result in &staged.report().rules {
            let level = if result.leads() == RulesLead::On { LogLevel::Info } else { LogLevel::Warn };
            progress.journal().node_said(level, &result.to_string());
        }
        match lead {
            RulesLead::On | RulesLead::Hold => Ok(()),
            RulesLead::Fail => {
                let results = staged.report().rules.iter();
                let broken = results.filter(|result| result.leads() == RulesLead::Fail).cloned().collect();
                Err(RunError::RuleBroken(broken).into())
            }
        }
    }

    /// Looks at what was published as it is now.
    fn check(&self, task: &CheckTask, progress: &Progress) -> Result<Outcome, Trouble> {
        let dataset = self.dataset_at(&task.dataset)?;
        let opened =
            |place: &DatasetPlace| self.dataset_at(place).map_err(|_| "it cannot be opened".to_owned());
        let asked = match &task.rules {
            Some(rules) => self.rules.asked(&self.client, rules, opened)?,
            None => RulesAsked::default(),
        };
        Ok(watching::check((&dataset, task), asked, (&self.rules.jail, &*self.clock, progress)))
    }

    fn split(&self, attempt: AttemptId, task: &SplitTask, progress: &Progress) -> Result<Outcome, Trouble> {
        let started = self.clock.elapsed();
        let prepared = match self.prepare(attempt, (&task.run, 1), progress)? {
            Ok(prepared) => prepared,
            Err(outcome) => return Ok(outcome),
        };
        let part = Part { number: task.part, of: task.parts };
        let made = prepared.stage_part(part, progress)?;
        let (whole, rows, cost) = match made {
            PartDone::Whole => (true, RowCounts::default(), Cost::default()),
            PartDone::Kept { rows, cost } => (false, rows, cost),
        };
        let wall_ms = since(&*self.clock, started);
        let meters = Meters {
            fuel: cost.fuel,
            cpu_ms: cost.cpu,
            wall_ms,
            memory_peak: cost.memory_peak,
            ..Meters::default()
        };
        let RowCounts { read, written, rejected, filtered } = rows;
        let rows = RunRows { read, written, rejected, filtered };
        Ok(Outcome::Fragment(Fragment { whole, taken_over: progress.read().taken_over, rows, meters }))
    }

    /// Plans an attempt, or says what there is to say without one. Large ones take over what earlier attempts kept.
    fn prepare(
        &self,
        attempt: AttemptId,
        (task, threads): (&RunTask, usize),
        progress: &Progress,
    ) -> Result<Result<Box<Prepared>, Outcome>, Trouble> {
        let module = self.module(&task.work)?;
        let dataset = self.dataset(&task.dataset, task.server)?;
        let earlier = staged_attempts(&dataset).map_err(|error| Trouble::Run(error.into()))?;
        let request = self.request((task.run, threads), (&task.work, &task.dataset))?;
        let clock = Arc::clone(&self.clock);
        let prepared = match prepare_attempt((dataset, attempt), &module, request, clock, progress)? {
            Preparation::AlreadyMigrated { version, .. } => {
                return Ok(Err(Outcome::AlreadyMigrated { version }));
            }
            Preparation::Ready(prepared) => prepared,
        };
        if let Some(planned) = task.schema {
            let found = prepared.digests()?.schema;
            if found != planned {
                return Ok(Err(Outcome::SchemaMoved { found }));
            }
        }
        let earlier = earlier.iter().map(|earlier| earlier.attempt).filter(|earlier| *earlier != attempt);
        let resumption = Resumption { earlier: earlier.collect(), from: Bytes::ONE_TASK };
        Ok(Ok(Box::new(prepared.resumable(resumption))))
    }

    fn sample(&self, attempt: AttemptId, task: &DryRunTask, progress: &Progress) -> Result<Outcome, Trouble> {
        let module = self.module(&task.work)?;
        let request = DryRunRequest {
            run: self.request((RunId::new(uuid::Uuid::nil()), 1), (&task.work, &task.dataset))?,
            rows: usize::try_from(task.rows.0).unwrap_or(usize::MAX),
            into: None,
        };
        let dataset = self.dataset_at(&task.dataset)?;
        let seen = dry_run(dataset, &module, &request, &self.clock, progress)?;
        let rehearsed = match &seen {
            DryRun::WouldRun(forecast) => {
                let dataset = self.dataset(&task.dataset, task.server)?;
                let request =
                    self.request((RunId::new(uuid::Uuid::nil()), self.slots), (&task.work, &task.dataset))?;
                let clock = Arc::clone(&self.clock);
                rehearsal::rehearse((dataset, attempt), &module, (request, clock), (forecast, progress))?
            }
            DryRun::AlreadyMigrated { .. } => None,
        };
        Ok(sampling::told(&self.client, &seen, rehearsed)?)
    }

    fn plan(&self, task: &PlanTask, progress: &Progress) -> Result<Planned, Trouble> {
        let module = self.module(&task.work)?;
        let mut plans = Vec::with_capacity(task.datasets.len());
        for place in task.datasets.iter() {
            let request = self.request((RunId::new(uuid::Uuid::nil()), 1), (&task.work, place))?;
            progress.journal().turns_to(place.dataset);
            plans.push(self.looked(place, task, (&module, &request), progress)?);
        }
        let datasets = List::new(plans).map_err(|error| Trouble::Other(codes::BUG, error.to_string()))?;
        Ok(Planned { datasets })
    }

    /// A dataset as it is planned. What passes is waited for a little here, and longer between the tries of the task. What stays to
    /// the last is that dataset's fault alone: it is refused, not the plan.
    fn looked(
        &self,
        place: &DatasetPlace,
        task: &PlanTask,
        (module, request): (&Module, &RunRequest),
        progress: &Progress,
    ) -> Result<DatasetPlan, Trouble> {
        let mut waits = LOOK_AGAIN.into_iter();
        loop {
            let opened = self.dataset(place, task.server);
            let trouble = match opened.and_then(|dataset| Ok(look(&dataset, module, request, progress)?)) {
                Ok(found) => return Ok(planned(place, found)),
                Err(trouble) => trouble,
            };
            let (code, message) = match &trouble {
                Trouble::Other(code, message) => (*code, message.clone()),
                Trouble::Run(error) => (error.code(), chain(error)),
                Trouble::Server(_) => return Err(trouble),
            };
            let passes = code.class == ErrorClass::Transient;
            if let Some(wait) = waits.next().filter(|_| passes && !progress.is_cancelled()) {
                std::thread::sleep(wait);
                continue;
            }
            // What is wrong with a dataset's place is the dataset's; what a look ends with only if it stays.
            let is_its_own = if passes { task.last } else { matches!(trouble, Trouble::Other(..)) };
            return if is_its_own {
                Ok(refused(place, Why::new(code, &message, None)))
            } else {
                Err(trouble)
            };
        }
    }

    fn request(
        &self,
        (run, threads): (RunId, usize),
        (work, place): (&Work, &DatasetPlace),
    ) -> Result<RunRequest, Trouble> {
        Ok(RunRequest {
            run,
            params: self.params(work)?,
            name: work.migration.as_ref().map(ToString::to_string),
            again: work.again,
            threads,
            limits: limits(&work.limits),
            rejects_max: work.rejects_max,
            allow_empty: work.allow_empty,
            verify: work.verify,
            files: FileChoice::everything(),
            checkpoint_rows: work.checkpoint_rows,
            resize: Resize::NONE,
            names: match work.names {
                ApiNames::Hashed => NameRule::Hashed,
                ApiNames::Keep => NameRule::Keep,
            },
            sensitive: sensitive_of(place),
        })
    }

    fn dataset(&self, place: &DatasetPlace, server: ServerId) -> Result<Dataset, Trouble> {
        Ok(self.dataset_at(place)?.managed_by(server))
    }

    fn dataset_at(&self, place: &DatasetPlace) -> Result<Dataset, Trouble> {
        let other = |code: Code, error: &dyn std::error::Error| Trouble::Other(code, error.to_string());
        let at = Place::resolve(Path::new(place.location.as_str()))
            .map_err(|error| other(error.code(), &error))?;
        if at.path() != Path::new(place.location.as_str()) {
            let message = format!("{} is a link to {} now", place.location, at.path().display());
            return Err(Trouble::Other(codes::DATASET_NOT_FOUND, message));
        }
        let options = Options { lock_wait: LOCK_WAIT, threads: 1, probes: Arc::clone(&self.probes) };
        Dataset::open(at, Arc::clone(&self.clock), options).map_err(|error| other(error.code(), &error))
    }

    /// The module, fetched and checked once.
    fn module(&self, work: &Work) -> Result<Module, Trouble> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(&work.artifact) {
            return Ok(module.clone());
        }
        let trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let trusted =
            trusted.ok_or_else(|| Trouble::Other(codes::BUG, "no key to check modules with".to_owned()))?;
        let artifact = self.client.blob(work.artifact)?;
        let module = Module::load(&self.engine, &artifact, &trusted)
            .map_err(|error| Trouble::Other(error.code(), error.to_string()))?;
        while modules.len() >= KEPT {
            modules.pop_first();
        }
        modules.insert(work.artifact, module.clone());
        Ok(module)
    }

    /// Parameters, fetched once, with the values of the secrets that they name. Those of one campaign never change, and another
    /// one's may be others.
    fn params(&self, work: &Work) -> Result<Params, Trouble> {
        let key = (work.params, work.secrets_of);
        let mut kept = self.params.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(params) = kept.get(&key) {
            return Ok(params.clone());
        }
        let value: serde_json::Value = serde_json::from_slice(&self.client.blob(work.params)?)
            .map_err(|error| Trouble::Other(codes::BUG, format!("parameters that are no JSON: {error}")))?;
        let value = if value.is_null() { serde_json::Value::Object(Default::default()) } else { value };
        let (secrets, digest_key) = match work.secrets_of {
            Some(campaign) => secrets::of(&self.client, campaign, &value)?,
            None => (BTreeMap::new(), [0; 32]),
        };
        let params = Params::new(value, secrets, &digest_key)
            .map_err(|error| Trouble::Other(error.code(), error.to_string()))?;
        while kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(key, params.clone());
        Ok(params)
    }
}

impl Trouble {
    /// What a person finds at the end of the attempt's log.
    fn told_to(&self, journal: &Journal) {
        let (code, message) = match self {
            Self::Run(error) => (error.code(), chain(error)),
            Self::Server(error) => (codes::SERVER_UNREACHABLE, error.to_string()),
            Self::Other(code, message) => (*code, message.clone()),
        };
        if code == codes::CANCELLED {
            return;
        }
        journal.node_said(LogLevel::Error, &format!("{}: {message}", code.id));
        if let Self::Run(RunError::Guest { source, .. }) = self {
            source.backtrace().iter().for_each(|frame| {
                journal.node_said(LogLevel::Info, &format!("at {frame}"));
            });
        }
    }

    /// What came of a run that may have been asked to stop.
    fn outcome_of(self, progress: &Progress) -> Outcome {
        match self {
            Self::Run(RunError::Evicted) => {
                Outcome::Evicted { checkpoints: progress.read().checkpoints, meters: Meters::default() }
            }
            other @ (Self::Run(_) | Self::Server(_) | Self::Other(..)) => other.outcome(),
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Run(error) => failed(&error, Meters::default()),
            Self::Server(error) => {
                let why = Why::new(codes::SERVER_UNREACHABLE, &error.to_string(), None);
                Outcome::Failed { why, meters: Meters::default() }
            }
            Self::Other(code, message) => {
                Outcome::Failed { why: Why::new(code, &message, None), meters: Meters::default() }
            }
        }
    }
}

/// What an error of a run means for its task.
pub(super) fn failed(error: &RunError, meters: Meters) -> Outcome {
    if error.code() == codes::CANCELLED {
        return Outcome::Revoked;
    }
    Outcome::Failed { why: Why::new(error.code(), &chain(error), error.hint_in_task().as_deref()), meters }
}

fn planned(place: &DatasetPlace, found: crate::look::Look) -> DatasetPlan {
    let why = found.reason.map(|why| Why::new(why.code, &why.message, why.hint.as_deref()));
    DatasetPlan {
        dataset: place.dataset,
        verdict: found.verdict,
        schema: found.digests.map(|digests| digests.schema),
        plan: found.digests.map(|digests| digests.plan),
        rows: found.rows,
        bytes: found.bytes,
        files: found.files as u64,
        row_groups: found.row_groups as u64,
        hides_nothing: List::first(found.hides_nothing.iter().map(|name| Text::escaped(name)).collect()).0,
        why,
    }
}

fn refused(place: &DatasetPlace, why: Why) -> DatasetPlan {
    DatasetPlan {
        dataset: place.dataset,
        verdict: Verdict::Refused,
        schema: None,
        plan: None,
        rows: Rows(0),
        bytes: Bytes(0),
        files: 0,
        row_groups: 0,
        hides_nothing: List::EMPTY,
        why: Some(why),
    }
}

/// Of each agent, as control says them.
pub(crate) fn limits(asked: &AgentLimits) -> Limits {
    Limits {
        fuel_per_call: asked.fuel_per_call,
        fuel_per_task: asked.fuel_per_task,
        wall_per_call: asked.wall_per_call_ms,
        wall_per_task: asked.wall_per_task_ms,
        memory: asked.memory,
        output_bytes_per_call: asked.output_bytes_per_call,
        output_bytes_per_batch: asked.output_bytes_per_batch,
        expansion: asked.expansion,
        expansion_floor: asked.expansion_floor,
        rows_per_answer: asked.rows_per_answer,
        log_lines: asked.log_lines,
        log_bytes: asked.log_bytes,
        rejects: asked.rejects,
        state_bytes: asked.state_bytes,
        drains_per_batch: asked.drains_per_batch,
        metric_names: asked.metric_names,
    }
}
