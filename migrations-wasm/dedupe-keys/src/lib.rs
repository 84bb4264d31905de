//! Keeps the first row of each key, over the whole dataset.
//!
//! `sequential` and `filtered`: files in the order of their paths, rows in order; every column is carried, only the key's
//! columns are read. The state is the set of 128-bit hashes of the keys seen, bounded by a parameter: with a billion keys
//! the chance that two different ones meet is below 10^-20.

mod key;
mod seen;

use schemars::JsonSchema;
use serde::Deserialize;
use skein_sdk::arrow_array::BooleanArray;
use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source, StateKind};

pub use seen::Seen;

/// Keys that fit a module's 64 MiB with its state being saved.
const KEYS_MAX: u32 = 500_000;

/// Parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Dotted paths of the columns that make the key.
    pub keys: Vec<String>,
    /// Most distinct keys; one more ends the run with the code `too-many-keys`.
    #[serde(default = "keys_max")]
    pub max_keys: u32,
}

const fn keys_max() -> u32 {
    KEYS_MAX
}

/// One open task.
#[derive(Debug)]
pub struct DedupeKeys {
    keys: Vec<String>,
    seen: Seen,
    max_keys: usize,
}

impl Migration for DedupeKeys {
    const NAME: &'static str = "dedupe-keys";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const STATE: StateKind = StateKind::Sequential;

    type Params = Params;
    type State = Seen;

    fn plan(source: &Source, params: &Params) -> Result<Plan, Refusal> {
        if params.keys.is_empty() {
            return Err(Refusal::new("bad-params", "`keys` is empty"));
        }
        for path in &params.keys {
            key::check(source, path)?;
        }
        let keys: Vec<&str> = params.keys.iter().map(String::as_str).collect();
        Ok(Plan::carry_all(source).read(&keys).filter())
    }

    fn open(_: &Context, params: Params, state: Option<Seen>) -> Result<Self, Failure> {
        let max_keys = params.max_keys as usize;
        Ok(Self { keys: params.keys, seen: state.unwrap_or_default(), max_keys })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let columns: Vec<_> = self.keys.iter().map(|path| batch.array(path)).collect::<Result<_, _>>()?;
        let hashes = key::hashes(&columns, batch.rows())?;
        let first: BooleanArray = hashes.into_iter().map(|hash| Some(self.seen.insert(hash))).collect();
        if self.seen.len() > self.max_keys {
            let message = format!("more than {} distinct keys", self.max_keys);
            return Err(Failure::new("too-many-keys", message));
        }
        out.keep_only(&first)
    }

    fn state(&self) -> Option<&Seen> {
        Some(&self.seen)
    }
}

skein_sdk::export!(DedupeKeys);
