//! The engine: one set of settings for compiling and running, and the ticker that makes guests interruptible.
//!
//! Both kinds of engine come from one function, [`config::build`], because an artifact loads only under exactly
//! the settings that it was compiled with. The engine that runs guests has no compiler; the one that compiles lives
//! only in the jail's child process.

mod baseline;
mod config;
mod slots;

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use skein_types::{Blake3, Clock, Code, ErrorClass, codes};

pub use config::ENGINE_VERSION;
pub(crate) use config::{MEMORIES, TABLE_ELEMENTS, TABLES};
pub(crate) use slots::{Slot, Slots};

/// Time between two epochs. A guest past its wall limit is noticed at the next one.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The machine's processor lacks an instruction set that artifacts are compiled for.
    #[error("this processor lacks {0}, which compiled modules use")]
    Processor(&'static str),
    /// wasmtime refuses the settings.
    #[error("the engine cannot be set up")]
    Setup(#[source] wasmtime::Error),
    /// The ticker thread could not be started.
    #[error("the engine's ticker thread cannot be started")]
    Ticker(#[source] std::io::Error),
}

impl EngineError {
    /// Code of the catalogue.
    pub const fn code(&self) -> Code {
        codes::BUG
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Processor(_) => ErrorClass::Denied,
            Self::Setup(_) => ErrorClass::Bug,
            Self::Ticker(_) => ErrorClass::Transient,
        }
    }
}

/// Runs compiled modules. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    fingerprint: Blake3,
    clock: Arc<dyn Clock>,
    slots: Slots,
}

impl Engine {
    /// An engine that loads and runs artifacts and cannot compile. Starts the ticker, which ends with the last clone.
    pub fn runtime(clock: Arc<dyn Clock>) -> Result<Self, EngineError> {
        baseline::check()?;
        let inner = config::build(config::Purpose::Run)
            .and_then(|config| wasmtime::Engine::new(&config))
            .map_err(EngineError::Setup)?;
        start_ticker(&inner)?;
        let fingerprint = config::fingerprint();
        Ok(Self { inner, fingerprint, clock, slots: Slots::new(config::AGENTS) })
    }

    /// What artifacts must have been made for: the engine's version and all settings that shape code.
    pub const fn fingerprint(&self) -> Blake3 {
        self.fingerprint
    }

    pub(crate) const fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    pub(crate) const fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// The compiler's side, for the jail's child: settings as [`Engine::runtime`], plus Cranelift.
pub(crate) fn compiler() -> Result<(wasmtime::Engine, Blake3), EngineError> {
    let engine = config::build(config::Purpose::Compile)
        .and_then(|config| wasmtime::Engine::new(&config))
        .map_err(EngineError::Setup)?;
    let fingerprint = config::fingerprint();
    Ok((engine, fingerprint))
}

/// A thread of its own: guests may occupy every worker thread, and epochs must pass all the same.
fn start_ticker(engine: &wasmtime::Engine) -> Result<(), EngineError> {
    let weak = engine.weak();
    let tick = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(EPOCH_TICK);
        }
    };
    thread::Builder::new().name("skein-epoch".to_owned()).spawn(tick).map_err(EngineError::Ticker)?;
    Ok(())
}

/// What artifacts of the jail are for.
pub fn compiled_for() -> Blake3 {
    config::fingerprint()
}
