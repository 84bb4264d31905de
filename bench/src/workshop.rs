//! Modules for the measurements: compiled in the jail of the binary that is measured, signed, loaded.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use skein_sandbox::jail::{JailOptions, compile_in_jail};
use skein_sandbox::{ArtifactKey, Engine, Module};
use skein_types::Clock;

/// No guest of ours is larger.
const MODULE_MAX: u64 = 64 << 20;

/// Where modules come from and where they are compiled.
#[derive(Debug)]
pub(crate) struct Workshop {
    guests: PathBuf,
    jail: JailOptions,
    key: ArtifactKey,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Workshop {
    /// `skein` is the binary whose `compile` command is the jail; `guests` has the components.
    pub(crate) fn new(skein: PathBuf, guests: PathBuf, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let key = ArtifactKey::generate()?;
        let engine = Engine::runtime(Arc::clone(&clock))?;
        Ok(Self { guests, jail: JailOptions::standard(skein), key, engine, clock })
    }

    /// Bytes of a guest's component.
    pub(crate) fn component(&self, package: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.guests.join(format!("{}.wasm", package.replace('-', "_")));
        read(&path).with_context(|| path.display().to_string())
    }

    /// A component as a signed artifact.
    pub(crate) fn compile(&self, component: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.key.sign(&compile_in_jail(&self.jail, component)?))
    }

    /// A signed artifact, ready to run.
    pub(crate) fn load(&self, artifact: &[u8]) -> anyhow::Result<Module> {
        Ok(Module::load(&self.engine, artifact, &self.key.trust())?)
    }

    /// A guest, ready to run.
    pub(crate) fn module(&self, package: &str) -> anyhow::Result<Module> {
        self.load(&self.compile(&self.component(package)?)?)
    }

    /// Seconds that `work` takes, and its answer.
    pub(crate) fn timed<T>(&self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
        let started = self.clock.elapsed();
        let answer = work()?;
        Ok(((self.clock.elapsed() - started).as_secs_f64(), answer))
    }
}

/// A file that is a module or an artifact.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MODULE_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
