//! What an author implements.

use arrow_schema::SchemaRef;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Batch, Failure, Output, Plan, Refusal, Source};

/// What a module remembers between batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// Nothing: splits run in any order and in parallel, and the result must not depend on where batches are cut.
    None,
    /// One task over the whole dataset: files in byte order of their paths, rows in order.
    Sequential,
}

impl StateKind {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sequential => "sequential",
        }
    }
}

/// What a task starts from.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) source: Source,
    pub(crate) target: SchemaRef,
    pub(crate) made: SchemaRef,
}

impl Context {
    /// The source, as `plan` saw it.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The target schema of the plan.
    pub const fn target(&self) -> &SchemaRef {
        &self.target
    }

    /// The target columns that this module gives: computed and preserved ones, in target order.
    pub const fn made(&self) -> &SchemaRef {
        &self.made
    }
}

/// A migration. The value itself is one open task; [`crate::export!`] makes a module of the type.
///
/// Calls: [`plan`](Self::plan) once per distinct (schema, parameters); then per task [`open`](Self::open),
/// [`process`](Self::process) for each batch, [`finish`](Self::finish). For the same input everything must come out
/// the same: clock and random numbers inside the sandbox are functions of the data too.
pub trait Migration: Sized + 'static {
    /// Name of the migration; with the module's digest it decides whether a dataset was migrated already.
    const NAME: &'static str;
    /// Version, for people; mostly `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// Whether batches are independent.
    const STATE: StateKind = StateKind::None;
    /// Wanted size of a batch in bytes; 0 lets the host decide.
    const BATCH_BYTES: u32 = 0;
    /// Extensions of the manifest.
    const EXT: &'static [(&'static str, &'static str)] = &[];

    /// Parameters; `()` for none. Their JSON Schema goes into the manifest.
    type Params: DeserializeOwned + JsonSchema + 'static;
    /// What a `sequential` migration carries from checkpoint to checkpoint; `()` for none. Equal states must serialise
    /// to equal bytes: use `BTreeMap` and `BTreeSet`, not their hashed cousins.
    type State: Serialize + DeserializeOwned;

    /// Decides what becomes of each column; must be a pure function of its arguments.
    fn plan(source: &Source, params: &Self::Params) -> Result<Plan, Refusal>;

    /// Starts a task, or continues one from the state of its last checkpoint.
    fn open(context: &Context, params: Self::Params, state: Option<Self::State>) -> Result<Self, Failure>;

    /// Transforms one batch. See [`Output`] for what is expected per shape.
    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure>;

    /// The task is over. Only `sequential` migrations of shape `free` may still push rows.
    fn finish(&mut self, out: &mut Output) -> Result<(), Failure> {
        let _ = out;
        Ok(())
    }

    /// State at a checkpoint, for `sequential` migrations. `None`: nothing to remember yet.
    fn state(&self) -> Option<&Self::State> {
        None
    }
}
