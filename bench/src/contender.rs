//! Skein as a contender: the attempt runner over a copy of the source.
//!
//! What is timed: from opening the dataset to everything staged and hashed, and on to published. The copy is made, synced
//! and warm before the clock starts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use skein_bench::file_row::SkeinTook;
use skein_bench::rival::{Took, Work};
use skein_dataset::{Dataset, NameRule, Options, Place, ProbeCache};
use skein_node::{
    AgentSource, FileChoice, Params, Preparation, Progress, Resize, RunRequest, SchemaGroup, prepare,
};
use skein_sandbox::{Limits, Module};
use skein_types::{Blake3, Clock, RunId, VerifyLevel};
use uuid::Uuid;

/// Secrets take no part in benchmarks, so their digest key may be known.
const DIGEST_KEY: [u8; 32] = [0; 32];

/// Makes the agents of a run that does not use the sandbox.
pub(crate) type NativeAgents = fn(&SchemaGroup) -> Box<dyn AgentSource>;

/// One way of running one module.
pub(crate) struct Skein {
    pub(crate) module: Module,
    pub(crate) params: Params,
    pub(crate) native: Option<NativeAgents>,
    pub(crate) threads: usize,
    /// How far the result is verified.
    pub(crate) verify: VerifyLevel,
    /// Directory for the dataset; on the file system of the outputs.
    pub(crate) desk: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Parameters without secrets.
pub(crate) fn params(value: Value) -> anyhow::Result<Params> {
    Ok(Params::new(value, std::collections::BTreeMap::new(), &DIGEST_KEY)?)
}

impl Skein {
    /// Does the work on a fresh copy and leaves the result at `out`.
    pub(crate) fn run(&self, work: &Work, out: &Path) -> anyhow::Result<SkeinTook> {
        let file = self.fresh_copy(&work.source)?;
        let progress = Progress::default();
        let started = self.clock.elapsed();
        let dataset = self.open(&file)?;
        let prepared = prepare(dataset, &self.module, self.request(), Arc::clone(&self.clock), &progress)?;
        let Preparation::Ready(prepared) = prepared else {
            anyhow::bail!("a fresh copy was migrated already");
        };
        let staged = match self.native {
            None => prepared.stage(&progress)?,
            Some(agents) => prepared.stage_with(&progress, agents)?,
        };
        let seconds = self.since(started);
        let bytes = staged.report().bytes_written.0;
        staged.publish()?;
        let durable_seconds = self.since(started);
        fs::rename(&file, out).context("the output is on another file system")?;
        Ok(SkeinTook { staged: Took { seconds, bytes }, durable_seconds })
    }

    /// Does the work once, untimed: digest of the result, which is removed.
    pub(crate) fn digest(&self, work: &Work, outputs: &Path) -> anyhow::Result<Blake3> {
        let out = outputs.join("compared.parquet");
        self.run(work, &out)?;
        let digest = Blake3::of(&fs::read(&out)?);
        fs::remove_file(&out)?;
        Ok(digest)
    }

    fn fresh_copy(&self, source: &Path) -> anyhow::Result<PathBuf> {
        let home = self.desk.join("dataset");
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        let file = home.join("lineitem.parquet");
        fs::copy(source, &file)?;
        // Written back before anybody's clock runs.
        File::open(&file)?.sync_all()?;
        Ok(file)
    }

    fn open(&self, file: &Path) -> anyhow::Result<Dataset> {
        let options = Options {
            lock_wait: Duration::ZERO,
            threads: self.threads,
            probes: Arc::new(ProbeCache::default()),
        };
        Ok(Dataset::open(Place::resolve(file)?, Arc::clone(&self.clock), options)?)
    }

    fn request(&self) -> RunRequest {
        RunRequest {
            run: RunId::new(Uuid::now_v7()),
            params: self.params.clone(),
            name: None,
            again: false,
            threads: self.threads,
            limits: Limits::STANDARD,
            rejects_max: 0,
            allow_empty: true,
            verify: self.verify,
            files: FileChoice::everything(),
            checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
            resize: Resize::NONE,
            names: NameRule::Hashed,
            sensitive: Vec::new(),
        }
    }

    fn since(&self, started: Duration) -> f64 {
        (self.clock.elapsed() - started).as_secs_f64()
    }
}
