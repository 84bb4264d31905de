//! Runs a migration in `cargo test`, without Wasm.
//!
//! [`Harness`] does what a host does with one dataset: plans, opens, cuts each file into batches, hands over only what the
//! plan reads, copies carried columns, applies rejects and `kept`, drains. Batches go through the same encoding as in the
//! sandbox, plans and answers are held to the host's rules, and a `sequential` migration is saved and reopened between
//! files. Limits (memory, fuel, sizes) are the sandbox's and not felt here.

mod fixture;
mod pick;
mod rules;
mod task;
mod text;

use std::collections::BTreeMap;
use std::marker::PhantomData;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};

use crate::host::native::{Host, install};
use crate::{Applied, Failure, Migration, Refusal, agent};
pub use fixture::arrows;
pub use rules::Checked;
pub use text::{csv, json, lines};

/// Why a run in the harness did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// `plan` refused the source.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The migration failed.
    #[error("failed: {0}")]
    Failed(#[from] Failure),
    /// The host would refuse the plan.
    #[error("the host would refuse the plan: {0}")]
    Plan(String),
    /// The host would refuse the answer to a call.
    #[error("the host would refuse the answer: {0}")]
    Answer(String),
    /// Other batch sizes gave another result.
    #[error("batches of {rows} rows give another result than batches of {than}")]
    Unstable {
        /// The size that differs.
        rows: usize,
        /// The size compared with.
        than: usize,
    },
    /// The test's own data does not fit together.
    #[error("test data: {0}")]
    Data(#[from] ArrowError),
}

/// A row that the migration refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Index of the file.
    pub file: usize,
    /// Row within the file; within the dataset for `sequential`.
    pub row: u64,
    /// Code.
    pub code: String,
    /// Message.
    pub message: String,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// All target columns, carried ones too, of all files.
    pub target: RecordBatch,
    /// Rows refused.
    pub rejects: Vec<Rejected>,
    /// For each source row of all files whether it is in the target; empty under `free`.
    pub kept: Vec<bool>,
    /// Log lines: level, message and fields.
    pub log: Vec<String>,
    /// Counters.
    pub counts: BTreeMap<String, u64>,
    /// Gauges.
    pub gauges: BTreeMap<String, f64>,
}

/// A host for one migration.
#[derive(Debug)]
pub struct Harness<M> {
    params: String,
    applied: Vec<Applied>,
    host: Host,
    batch_rows: usize,
    migration: PhantomData<fn() -> M>,
}

impl<M> Clone for Harness<M> {
    fn clone(&self) -> Self {
        Self {
            params: self.params.clone(),
            applied: self.applied.clone(),
            host: self.host.clone(),
            batch_rows: self.batch_rows,
            migration: PhantomData,
        }
    }
}

impl<M: Migration> Default for Harness<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Migration> Harness<M> {
    /// No parameters, batches of 1024 rows.
    #[must_use]
    pub fn new() -> Self {
        let (params, applied) = ("{}".to_owned(), Vec::new());
        Self { params, applied, host: Host::default(), batch_rows: 1024, migration: PhantomData }
    }

    /// Parameters.
    #[must_use]
    pub fn params(mut self, params: &serde_json::Value) -> Self {
        self.params = params.to_string();
        self
    }

    /// A secret of the run.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &[u8]) -> Self {
        self.host.secrets.insert(name.to_owned(), value.to_vec());
        self
    }

    /// A setting of the run.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.host.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An earlier migration.
    #[must_use]
    pub fn applied(mut self, applied: Applied) -> Self {
        self.applied.push(applied);
        self
    }

    /// Rows per batch; at least 1.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    /// Plans a source and holds the plan to the host's rules.
    pub fn plan(&self, schema: &Schema) -> Result<Checked, TestError> {
        let proposal = agent::plan::<M>(self.source(schema)?)?;
        rules::check(schema, proposal).map_err(TestError::Plan)
    }

    /// Migrates files of one schema.
    pub fn run(&self, files: &[RecordBatch]) -> Result<Outcome, TestError> {
        let schema = files.first().map(RecordBatch::schema).unwrap_or_else(|| Schema::empty().into());
        let plan = self.plan(&schema)?;
        let before = install(self.host.clone());
        let result = task::Task::<M>::new(&plan, self.source(&schema)?, self.batch_rows).run(files);
        let host = install(before);
        let done = result?;
        let line = |(level, text): (crate::log::Level, String)| format!("{level:?}: {text}").to_lowercase();
        Ok(Outcome {
            target: done.target,
            rejects: done.rejects,
            kept: done.kept,
            log: host.lines.into_iter().map(line).collect(),
            counts: host.counts,
            gauges: host.gauges,
        })
    }

    /// [`Harness::run`] with each of these batch sizes: the results must not differ.
    pub fn run_stable(&self, files: &[RecordBatch], sizes: &[usize]) -> Result<Outcome, TestError> {
        let first = self.run(files)?;
        for rows in sizes {
            let other = self.clone().batch_rows(*rows).run(files)?;
            if (&other.target, &other.rejects, &other.kept) != (&first.target, &first.rejects, &first.kept) {
                return Err(TestError::Unstable { rows: *rows, than: self.batch_rows });
            }
        }
        Ok(first)
    }

    fn source(&self, schema: &Schema) -> Result<agent::RawSource, Refusal> {
        let mut source = agent::raw_source(schema, &self.params)?;
        source.applied.clone_from(&self.applied);
        Ok(source)
    }
}

#[cfg(test)]
mod tests;
