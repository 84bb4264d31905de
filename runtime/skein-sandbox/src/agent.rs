//! A running module: one task, batch by batch.

mod answer;
mod encode;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use skein_types::{Bytes, Fuel, Millis, ProposedPlan, Rows, SchemaPlan, Selection, Shape, StateKind};

use crate::bindings::types as wit;
use crate::host::log::LogEntry;
use crate::host::{GuestConfig, Seed};
use crate::instance::{CancelFlag, Instance, Setup, bounded};
use crate::module::{Module, Source, plan_to_wit, source_to_wit};
use crate::preflight::Preflight;
use crate::{GuestError, Limits};
use encode::Encoder;

/// What an agent starts from.
#[derive(Debug)]
pub struct AgentRequest<'a> {
    /// The source as `plan` saw it.
    pub source: &'a Source,
    /// The plan as the module answered it; it gets it back.
    pub proposed: &'a ProposedPlan,
    /// The same plan, checked.
    pub plan: &'a SchemaPlan,
    /// What the manifest says.
    pub state_kind: StateKind,
    /// What [`Agent::save`] answered at the last checkpoint.
    pub state: Option<Vec<u8>>,
    /// For clock and randomness.
    pub seed: Seed,
    /// What the task may use.
    pub limits: &'a Limits,
    /// Settings and secrets.
    pub config: Arc<GuestConfig>,
    /// Stops the agent from outside.
    pub cancel: CancelFlag,
}

/// An agent that could not be opened, and what its module said before.
#[derive(Debug)]
pub struct NotOpened {
    /// Why.
    pub error: GuestError,
    /// Its log.
    pub log: Vec<LogEntry>,
    /// What that took.
    pub fuel: Fuel,
}

impl From<GuestError> for NotOpened {
    fn from(error: GuestError) -> Self {
        Self { error, log: Vec::new(), fuel: Fuel(0) }
    }
}

/// A row that the module refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Counted like `first_row`.
    pub row: u64,
    /// The module's code.
    pub code: String,
    /// The module's words.
    pub message: String,
}

/// What became of one batch.
#[derive(Debug)]
pub struct Processed {
    /// Rows for the computed and preserved columns, in the schema `SchemaPlan::guest_output`. Empty if it has no columns.
    pub data: Vec<RecordBatch>,
    /// Rows of the batch that stay. Full under `free`, where it means nothing but "not rejected".
    pub selection: Selection,
    /// Refused rows in ascending order.
    pub rejects: Vec<Reject>,
}

/// What an agent has used and moved so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Fuel of all calls.
    pub fuel: Fuel,
    /// Time inside calls.
    pub wall: Millis,
    /// Calls, instantiation included.
    pub calls: u64,
    /// Bytes given to the module.
    pub bytes_in: Bytes,
    /// Bytes that it answered.
    pub bytes_out: Bytes,
    /// Rows given.
    pub rows_in: Rows,
    /// Rows answered.
    pub rows_out: Rows,
    /// Rejected rows.
    pub rejects: u64,
    /// Most memory and tables held at once.
    pub memory_peak: Bytes,
    /// Log lines.
    pub log_lines: u64,
    /// Counters that the module set.
    pub counters: BTreeMap<String, u64>,
    /// Gauges that the module set.
    pub gauges: BTreeMap<String, f64>,
}

/// One attempt at a task. Any error ends it; so does dropping it.
pub struct Agent {
    instance: Instance,
    encoder: Encoder,
    preflight: Option<Preflight>,
    output: SchemaRef,
    shape: Shape,
    state_kind: StateKind,
    moved: Moved,
}

#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    bytes_in: u64,
    bytes_out: u64,
    rows_in: u64,
    rows_out: u64,
    rejects: u64,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("shape", &self.shape)
            .field("moved", &self.moved)
            .finish_non_exhaustive()
    }
}

impl Agent {
    pub(crate) fn open(module: &Module, request: AgentRequest<'_>) -> Result<Self, NotOpened> {
        let AgentRequest { source, proposed, plan, state_kind, state, seed, limits, config, cancel } =
            request;
        let context = wit::TaskContext {
            source: source_to_wit(source)?,
            plan: plan_to_wit(proposed)?,
            state,
            ext: Vec::new(),
        };
        let mut instance = Instance::new(module, Setup { limits, config, seed, cancel, call: "open" })?;
        let opened = instance.call("open", |guest, store| guest.call_open(store, &context));
        if let Err(error) = opened.and_then(|opened| failed("open", opened)) {
            let log = &mut instance.host_mut().log;
            log.close();
            let log = log.entries().to_vec();
            return Err(NotOpened { error, log, fuel: Fuel(instance.account().fuel) });
        }
        let output = Arc::new(plain(&plan.guest_output()));
        let input = Arc::new(plain(&plan.guest_input()));
        let preflight = (!output.fields().is_empty())
            .then(|| Preflight::new(SchemaRef::clone(&output), limits.rows_per_answer));
        Ok(Self {
            instance,
            encoder: Encoder::new(&input)?,
            preflight,
            output,
            shape: plan.shape(),
            state_kind,
            moved: Moved::default(),
        })
    }

    /// Gives the module one batch and collects all its output for it. `batch` has the columns of
    /// `SchemaPlan::guest_input`, by position; their names and metadata are the plan's.
    pub fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
        let result = self.process_inner(first_row, batch);
        if result.is_err() {
            self.instance.spend();
        }
        result
    }

    /// The task is over. Rows come only from `sequential` modules of shape `free`.
    pub fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        let result = self.finish_inner();
        if result.is_err() {
            self.instance.spend();
        }
        result
    }

    /// State to continue from in a new agent; `None` if the module has nothing to remember.
    pub fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        let state = failed("save", self.instance.call("save", |guest, store| guest.call_save(store))?)?;
        let limit = self.instance.limits.state_bytes;
        let found = Bytes(state.as_ref().map_or(0, |s| size(s.len())));
        if found > limit {
            self.instance.spend();
            return Err(GuestError::StateTooLarge { found, limit });
        }
        Ok(state)
    }

    /// Starts clock and randomness anew, as at a border between row groups.
    pub fn reseed(&mut self, seed: Seed) {
        self.instance.host_mut().reseed(seed);
    }

    /// Fuel of all calls so far, also of one that failed.
    pub const fn fuel(&self) -> Fuel {
        Fuel(self.instance.account().fuel)
    }

    /// What was used so far.
    pub fn usage(&self) -> Usage {
        let (account, host) = (self.instance.account(), self.instance.host());
        Usage {
            fuel: Fuel(account.fuel),
            wall: Millis(u64::try_from(account.wall.as_millis()).unwrap_or(u64::MAX)),
            calls: account.calls,
            bytes_in: Bytes(self.moved.bytes_in),
            bytes_out: Bytes(self.moved.bytes_out),
            rows_in: Rows(self.moved.rows_in),
            rows_out: Rows(self.moved.rows_out),
            rejects: self.moved.rejects,
            memory_peak: host.meter.peak(),
            log_lines: host.log.lines(),
            counters: host.metrics.counters().clone(),
            gauges: host.metrics.gauges().clone(),
        }
    }

    /// The log as far as its lines have ended.
    pub fn said(&self) -> &[LogEntry] {
        self.instance.host().log.entries()
    }

    /// Memory and tables that it holds. They never shrink.
    pub fn memory(&self) -> Bytes {
        self.instance.host().meter.peak()
    }

    /// The log so far, also after an error.
    pub fn log(&mut self) -> &[LogEntry] {
        let log = &mut self.instance.host_mut().log;
        log.close();
        log.entries()
    }

    /// Schema of [`Processed::data`].
    pub const fn output_schema(&self) -> &SchemaRef {
        &self.output
    }
}

/// Field metadata is not data: it does not cross the border with every batch.
fn plain(schema: &Schema) -> Schema {
    Schema::new(schema.fields().clone())
}

fn failed<T>(call: &'static str, answer: Result<T, wit::Failure>) -> Result<T, GuestError> {
    answer.map_err(|failure| GuestError::Failure {
        call,
        code: bounded(failure.code),
        message: bounded(failure.message),
    })
}

fn size(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
