//! From a module file to a loaded module: compiled once in a jail, signed, kept, verified before every load.

mod named;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use skein_sandbox::jail::{CompileReport, JailOptions, compile_in_jail};
use skein_sandbox::{ArtifactKey, Engine, Limits, Manifest, Module};
use skein_types::{Bytes, Clock, Millis, ModuleDigest, codes};

use crate::failure::Failure;
use crate::home::Home;

/// One byte more than any module that the jail accepts.
const READ_MAX: u64 = (64 << 20) + 1;

/// A module that was compiled just now, with what the jail saw.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) module: Module,
    pub(crate) size: Bytes,
    pub(crate) compile: Millis,
    pub(crate) report: CompileReport,
}

/// Loads a module for running, compiling it first if this engine has not seen it.
pub(crate) fn load(path: &Path, home: &Home, clock: &Arc<dyn Clock>) -> Result<Module, Failure> {
    let path = &named::locate(path, home)?;
    let bytes = read(path)?;
    of_bytes(&bytes, home, clock).map_err(|failure| failure.about(path))
}

/// Loads a module from its bytes.
pub(crate) fn of_bytes(bytes: &[u8], home: &Home, clock: &Arc<dyn Clock>) -> Result<Module, Failure> {
    let forge = Forge::new(home, clock)?;
    match forge.kept(bytes) {
        Some(module) => Ok(module),
        None => Ok(forge.compile(bytes)?.module),
    }
}

/// Compiles a module whether or not it is kept.
pub(crate) fn compile(path: &Path, home: &Home, clock: &Arc<dyn Clock>) -> Result<Fresh, Failure> {
    let path = &named::locate(path, home)?;
    Forge::new(home, clock)?.compile(&read(path)?).map_err(|failure| failure.about(path))
}

/// The bytes of a module, as they are.
pub(crate) fn bytes(path: &Path, home: &Home) -> Result<Vec<u8>, Failure> {
    read(&named::locate(path, home)?)
}

/// What a module says about itself.
pub(crate) fn describe(module: &Module, limits: &Limits) -> Result<Manifest, Failure> {
    module.describe(limits).map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))
}

/// Where modules are compiled, signed and loaded.
struct Forge<'a> {
    home: &'a Home,
    clock: &'a dyn Clock,
    key: ArtifactKey,
    engine: Engine,
}

impl<'a> Forge<'a> {
    fn new(home: &'a Home, clock: &'a Arc<dyn Clock>) -> Result<Self, Failure> {
        let key = ArtifactKey::from_bytes(&home.artifact_key()?);
        let engine =
            Engine::runtime(Arc::clone(clock)).map_err(|error| Failure::new(error.code(), &error))?;
        Ok(Self { home, clock: &**clock, key, engine })
    }

    fn kept(&self, bytes: &[u8]) -> Option<Module> {
        let kept = self.home.artifact(ModuleDigest::of(bytes), &self.engine.fingerprint().short())?;
        match Module::load(&self.engine, &kept, &self.key.trust()) {
            Ok(module) => Some(module),
            // Damaged, or signed by a key that is gone: made again, never trusted.
            Err(error) => {
                tracing::warn!(%error, "kept artifact not used");
                None
            }
        }
    }

    fn compile(&self, bytes: &[u8]) -> Result<Fresh, Failure> {
        let started = self.clock.elapsed();
        let options =
            JailOptions::standard(std::env::current_exe().map_err(|error| Failure::new(codes::IO, &error))?);
        let compiled =
            compile_in_jail(&options, bytes).map_err(|error| Failure::new(error.code(), &error))?;
        let took = self.clock.elapsed().saturating_sub(started);
        let signed = self.key.sign(&compiled);
        self.home.keep_artifact(ModuleDigest::of(bytes), &self.engine.fingerprint().short(), &signed);
        let module = Module::load(&self.engine, &signed, &self.key.trust())
            .map_err(|error| Failure::new(error.code(), &error))?;
        Ok(Fresh {
            module,
            size: Bytes(bytes.len() as u64),
            compile: Millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            report: compiled.report,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(READ_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::text(
            codes::MODULE_NOT_FOUND,
            format!("cannot read module {}: {error}", path.display()),
        )),
    }
}
