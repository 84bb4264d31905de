//! Agents in the sandbox: the real kind.

use arrow_array::RecordBatch;
use skein_sandbox::{AgentRequest, Applied, GuestError, Limits, Module, Processed, Seed, Usage};
use skein_types::{ProposedPlan, SchemaPlan};

use crate::agent::{Agent, AgentSource};
use crate::params::Params;

/// Opens sandboxed agents for one schema group.
#[derive(Debug)]
pub(crate) struct SandboxAgents {
    pub(crate) module: Module,
    pub(crate) params: Params,
    pub(crate) applied: Vec<Applied>,
    pub(crate) limits: Limits,
    pub(crate) plan: SchemaPlan,
    pub(crate) proposed: ProposedPlan,
}

impl AgentSource for SandboxAgents {
    fn open(&self, seed: Seed, state: Option<Vec<u8>>) -> Result<Box<dyn Agent>, GuestError> {
        let agent = self.module.agent(AgentRequest {
            plan: &self.plan,
            proposed: &self.proposed,
            params: self.params.json(),
            applied: &self.applied,
            secrets: self.params.secrets(),
            state,
            seed,
            limits: &self.limits,
        })?;
        Ok(Box::new(agent))
    }
}

impl Agent for skein_sandbox::Agent {
    fn reseed(&mut self, seed: Seed) {
        Self::reseed(self, seed);
    }

    fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
        Self::process(self, first_row, batch)
    }

    fn finish(&mut self) -> Result<Processed, GuestError> {
        Self::finish(self)
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        Self::save(self)
    }

    fn usage(&self) -> Usage {
        Self::usage(self)
    }
}
