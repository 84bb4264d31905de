//! Leaves out every fourth row, and may forget how far it has counted when it is saved.

use schemars::JsonSchema;
use serde::Deserialize;
use skein_sdk::arrow_array::BooleanArray;
use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source, StateKind};

/// Parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// A column to read.
    pub column: String,
    /// What it saves is nothing.
    #[serde(default)]
    pub forgets: bool,
}

/// One open task.
#[derive(Debug)]
pub struct Forgetful {
    forgets: bool,
    counted: u64,
}

impl Migration for Forgetful {
    const NAME: &'static str = "forgetful";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const STATE: StateKind = StateKind::Sequential;

    type Params = Params;
    type State = u64;

    fn plan(source: &Source, params: &Params) -> Result<Plan, Refusal> {
        Ok(Plan::carry_all(source).read(&[params.column.as_str()]).filter())
    }

    fn open(_: &Context, params: Params, state: Option<u64>) -> Result<Self, Failure> {
        Ok(Self { forgets: params.forgets, counted: state.unwrap_or_default() })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let rows = batch.rows() as u64;
        let stays: BooleanArray = (0..rows).map(|row| Some((self.counted + row) % 4 != 3)).collect();
        self.counted += rows;
        out.keep_only(&stays)
    }

    fn state(&self) -> Option<&u64> {
        (!self.forgets).then_some(&self.counted)
    }
}

skein_sdk::export!(Forgetful);
