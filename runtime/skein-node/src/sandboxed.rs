//! Agents in the sandbox: the real kind.

use std::sync::Arc;

use arrow_array::RecordBatch;
use skein_sandbox::{
    AgentRequest, Applied, CancelFlag, GuestConfig, GuestError, Limits, LogEntry, Manifest, Module,
    NotOpened, Processed, Seed, Source, Usage,
};
use skein_types::{Bytes, Fuel, ProposedPlan, SchemaPlan, StateKind};

use crate::agent::{Agent, AgentSource};
use crate::journal::{At, Journal};
use crate::mask::{Mask, Masked, NO_ROWS};
use crate::meters::Meters;
use crate::planning::SchemaGroup;
use crate::progress::Progress;
use crate::run::RunRequest;

/// Makes the sources of agents for all schema groups of a run, also of files that come later.
#[derive(Debug)]
pub(crate) struct Sandboxes {
    module: Module,
    /// But for the schema, which each group has its own of.
    source: Source,
    limits: Limits,
    config: Arc<GuestConfig>,
    mask: Arc<Mask>,
    journal: Arc<Journal>,
    meters: Arc<Meters>,
    cancel: CancelFlag,
    state_kind: StateKind,
}

impl Sandboxes {
    /// Cancelling the progress stops the agents.
    pub(crate) fn new(
        module: &Module,
        manifest: &Manifest,
        request: &RunRequest,
        (applied, progress): (&[Applied], &Progress),
    ) -> Self {
        Self {
            module: module.clone(),
            source: Source {
                schema: Arc::new(arrow_schema::Schema::empty()),
                params: request.params.json().to_owned(),
                applied: applied.to_vec(),
            },
            limits: request.limits.clone(),
            config: request.params.guest_config(),
            mask: Arc::new(request.params.mask()),
            journal: Arc::clone(progress.journal()),
            meters: Arc::clone(progress.meters()),
            cancel: progress.agents().clone(),
            state_kind: manifest.state,
        }
    }

    /// A dry run shows the rejects that would end a run.
    pub(crate) fn bearing_rejects(mut self) -> Self {
        self.limits.rejects = self.limits.rejects.max(Limits::STANDARD.rejects);
        self
    }

    pub(crate) fn for_group(&self, group: &SchemaGroup) -> Box<dyn AgentSource> {
        Box::new(SandboxAgents {
            module: self.module.clone(),
            source: Source { schema: Arc::clone(group.plan.source()), ..self.source.clone() },
            limits: self.limits.clone(),
            config: Arc::clone(&self.config),
            mask: match group.plan.reads_sensitive() {
                true => Arc::new(self.mask.hushed()),
                false => Arc::clone(&self.mask),
            },
            sensitive: sensitive_inputs(&group.plan),
            journal: Arc::clone(&self.journal),
            meters: Arc::clone(&self.meters),
            cancel: self.cancel.clone(),
            state_kind: self.state_kind,
            plan: group.plan.clone(),
            proposed: group.proposed.clone(),
        })
    }
}

/// Opens sandboxed agents for one schema group.
#[derive(Debug)]
struct SandboxAgents {
    module: Module,
    source: Source,
    limits: Limits,
    config: Arc<GuestConfig>,
    mask: Arc<Mask>,
    journal: Arc<Journal>,
    meters: Arc<Meters>,
    cancel: CancelFlag,
    state_kind: StateKind,
    plan: SchemaPlan,
    proposed: ProposedPlan,
    /// Columns of batches whose values are shown to nobody.
    sensitive: Vec<usize>,
}

/// Places of the sensitive columns among those that the module gets.
fn sensitive_inputs(plan: &SchemaPlan) -> Vec<usize> {
    let tree = plan.source_tree();
    let roots: std::collections::BTreeSet<_> = plan.reads().iter().map(|id| tree.root_of(*id)).collect();
    let places = roots.iter().enumerate().filter(|(_, root)| plan.sensitive().contains(root));
    places.map(|(place, _)| place).collect()
}

impl AgentSource for SandboxAgents {
    fn open(&self, seed: Seed, state: Option<Vec<u8>>) -> Result<Box<dyn Agent>, GuestError> {
        let request = AgentRequest {
            source: &self.source,
            proposed: &self.proposed,
            plan: &self.plan,
            state_kind: self.state_kind,
            state,
            seed,
            limits: &self.limits,
            config: Arc::clone(&self.config),
            cancel: self.cancel.clone(),
        };
        let agent = self.module.open_agent(request).map_err(|NotOpened { error, log, fuel }| {
            self.meters.fuel(fuel);
            self.journal.module_said(&At::default(), &log, &self.mask);
            self.journal.on_record(&At::default(), self.mask.error(error), NO_ROWS)
        })?;
        let (mask, journal) = (Arc::clone(&self.mask), Arc::clone(&self.journal));
        let masked = Masked::new(Box::new(agent), mask, (journal, Arc::clone(&self.meters)));
        Ok(Box::new(masked.reading(self.sensitive.clone())))
    }
}

impl Agent for skein_sandbox::Agent {
    fn reseed(&mut self, seed: Seed) {
        Self::reseed(self, seed);
    }

    fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
        Self::process(self, first_row, batch)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        Self::finish(self)
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        Self::save(self)
    }

    fn usage(&self) -> Usage {
        Self::usage(self)
    }

    fn fuel(&self) -> Fuel {
        Self::fuel(self)
    }

    fn memory(&self) -> Bytes {
        Self::memory(self)
    }

    fn said(&self) -> &[LogEntry] {
        Self::said(self)
    }

    fn log(&mut self) -> &[LogEntry] {
        Self::log(self)
    }
}
