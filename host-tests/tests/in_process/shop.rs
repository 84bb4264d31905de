//! One process that runs modules: an engine and a clock for all of them, each module compiled in the binary's jail.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use host_tests::{guests, project};
use serde_json::Value;
use skein_dataset::{Dataset, NameRule, Options, Place, ProbeCache};
use skein_node::{
    FileChoice, Params, Preparation, Prepared, Progress, Resize, RunError, RunReport, RunRequest, prepare,
};
use skein_sandbox::jail::{JailOptions, compile_in_jail};
use skein_sandbox::{ArtifactKey, Engine, Limits, Module};
use skein_types::{Clock, RunId, SystemClock, VerifyLevel};
use uuid::Uuid;

const THREADS: usize = 2;

/// Runs modules.
pub(crate) struct Shop {
    engine: Engine,
    clock: Arc<dyn Clock>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        Self { engine: Engine::runtime(Arc::clone(&clock)).unwrap(), clock }
    }

    /// A guest, ready to run.
    pub(crate) fn module(&self, package: &str) -> Module {
        let component = std::fs::read(guests::component(package)).unwrap();
        let jail = JailOptions::standard(project::skein().to_owned());
        let key = ArtifactKey::generate().unwrap();
        let artifact = key.sign(&compile_in_jail(&jail, &component).unwrap());
        Module::load(&self.engine, &artifact, &key.trust()).unwrap()
    }

    /// A run of everybody's: standard limits and borders.
    pub(crate) fn request(params: &Value) -> RunRequest {
        RunRequest {
            run: RunId::new(Uuid::now_v7()),
            params: Params::new(params.clone(), BTreeMap::new(), &[0; 32]).unwrap(),
            name: None,
            again: false,
            threads: THREADS,
            limits: Limits::STANDARD,
            rejects_max: 0,
            allow_empty: true,
            verify: VerifyLevel::STANDARD,
            files: FileChoice::everything(),
            checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
            resize: Resize::NONE,
            names: NameRule::Hashed,
            sensitive: Vec::new(),
        }
    }

    /// A planned run over a dataset that has not been through it.
    pub(crate) fn prepare(
        &self,
        module: &Module,
        dataset: &Path,
        request: RunRequest,
        progress: &Progress,
    ) -> Result<Prepared, RunError> {
        let prepared = self.prepare_any(module, dataset, request, progress)?;
        Ok(prepared.unwrap_or_else(|| panic!("{} is migrated already", dataset.display())))
    }

    pub(crate) fn dataset(&self, path: &Path) -> Dataset {
        let options =
            Options { lock_wait: Duration::ZERO, threads: THREADS, probes: Arc::new(ProbeCache::default()) };
        Dataset::open(Place::resolve(path).unwrap(), Arc::clone(&self.clock), options).unwrap()
    }

    /// A planned run, or none over a dataset that has been through it.
    pub(crate) fn prepare_any(
        &self,
        module: &Module,
        dataset: &Path,
        request: RunRequest,
        progress: &Progress,
    ) -> Result<Option<Prepared>, RunError> {
        match prepare(self.dataset(dataset), module, request, Arc::clone(&self.clock), progress)? {
            Preparation::Ready(prepared) => Ok(Some(*prepared)),
            Preparation::AlreadyMigrated { .. } => Ok(None),
        }
    }

    /// A whole run in the sandbox.
    pub(crate) fn run(
        &self,
        module: &Module,
        dataset: &Path,
        request: RunRequest,
    ) -> Result<RunReport, RunError> {
        let progress = Progress::default();
        self.prepare(module, dataset, request, &progress)?.stage(&progress)?.publish()
    }
}
