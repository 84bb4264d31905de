//! What a run knows beside its dataset: what it is asked to do, its plans, and what it has made so far. All that is needed
//! to do the same to files that come later.

use std::sync::Arc;
use std::time::Duration;

use skein_api::AttemptPhase;
use skein_dataset::{NameRule, Snapshot, Staging};
use skein_sandbox::{Manifest, Module};
use skein_types::{Clock, StateKind, VerifyLevel};

use crate::agent::AgentSource;
use crate::error::RunError;
use crate::inputs::InputFile;
use crate::part::Part;
use crate::pieces::Pieces;
use crate::planning::Plans;
use crate::presented::Recorded;
use crate::preserved;
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::readback;
use crate::report::Migration;
use crate::run::RunRequest;
use crate::sandboxed::Sandboxes;
use crate::sequential;
use crate::transform::{Transform, Transformed};

/// A run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) files: Vec<InputFile>,
    pub(crate) plans: Plans,
    /// What files presented that join.
    pub(crate) recorded: Recorded,
    /// What all files have been through, for the guest.
    pub(crate) applied: Vec<skein_sandbox::Applied>,
    pub(crate) module: Module,
    pub(crate) manifest: Manifest,
    pub(crate) migration: Migration,
    pub(crate) request: RunRequest,
    pub(crate) started: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) made: Made,
}

/// What a run has made so far.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) transformed: Transformed,
    pub(crate) quarantine: Quarantine,
    pub(crate) files_dropped: Vec<String>,
    /// Data files that were taken over as they are.
    pub(crate) joined: usize,
    pub(crate) caught_up: usize,
    /// Of these, data files that came last and joined as they are.
    pub(crate) left_for_next: usize,
}

impl Made {
    /// Nothing.
    pub(crate) fn new(request: &RunRequest, progress: &Progress) -> Self {
        Self {
            transformed: Transformed::default(),
            quarantine: Quarantine::new(request.rejects_max, progress.journal()),
            files_dropped: Vec::new(),
            joined: 0,
            caught_up: 0,
            left_for_next: 0,
        }
    }
}

/// Where a job works: what it reads from, what it writes to, how it names that, and who watches.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) staging: &'a Staging,
    pub(crate) rule: NameRule,
    pub(crate) progress: &'a Progress,
    /// Where what splits give is kept for later attempts, if it is.
    pub(crate) pieces: Option<Pieces<'a>>,
}

impl Bench<'_> {
    /// Asked between two splits.
    pub(crate) fn may_go_on(&self) -> Result<(), RunError> {
        if self.progress.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        // Without pieces there is no checkpoint to go on from.
        if self.pieces.is_some() && self.progress.is_evicted() {
            return Err(RunError::Evicted);
        }
        Ok(())
    }
}

impl Job {
    /// Agents in the sandbox.
    pub(crate) fn sandboxes(&self, progress: &Progress) -> Sandboxes {
        Sandboxes::new(&self.module, &self.manifest, &self.request, (&self.applied, progress))
    }

    /// Transforms files that the plans are for, after `first_file` others of the run, by one source of agents for each
    /// schema group.
    pub(crate) fn transform<'a>(
        &'a self,
        (files, first_file): (&'a [InputFile], usize),
        bench: Bench<'a>,
        agents: &'a [Box<dyn AgentSource + 'a>],
    ) -> Result<Transformed, RunError> {
        bench.progress.enters(AttemptPhase::Transforming);
        let outputs = self.request.resize.outputs(bench.snapshot, files, &self.migration.name)?;
        let secret = preserved::secret()?;
        let transform = Transform { job: self, bench, files, outputs: &outputs, first_file, agents, secret };
        let made = match self.manifest.state {
            StateKind::None => transform.run(self.request.threads)?,
            StateKind::Sequential => sequential::run(&transform)?,
        };
        if self.request.verify.reaches(VerifyLevel::Readback) {
            readback::read_back(self, &made.outputs, bench.staging, bench.progress)?;
        }
        Ok(made)
    }

    /// Makes one part of the splits and keeps it.
    pub(crate) fn part<'a>(
        &'a self,
        part: Part,
        bench: Bench<'a>,
        agents: &'a [Box<dyn AgentSource + 'a>],
    ) -> Result<Transformed, RunError> {
        bench.progress.enters(AttemptPhase::Transforming);
        let outputs = self.request.resize.outputs(bench.snapshot, &self.files, &self.migration.name)?;
        let files = &self.files;
        let secret = preserved::secret()?;
        Transform { job: self, bench, files, outputs: &outputs, first_file: 0, agents, secret }.part(part)
    }
}
