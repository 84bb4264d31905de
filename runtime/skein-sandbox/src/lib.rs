//! Engine, limits, host functions, compile jail and guest-output preflight.

mod agent;
mod artifact;
mod backtrace;
mod bindings;
mod engine;
mod error;
mod host;
mod instance;
pub mod jail;
mod limits;
mod module;
pub mod preflight;
mod schema;

pub use agent::{Agent, AgentRequest, NotOpened, Processed, Reject, Usage};
pub use artifact::{ArtifactKey, ArtifactTrust, LoadError};
pub use engine::{ENGINE_VERSION, EPOCH_TICK, Engine, EngineError, compiled_for};
pub use error::GuestError;
pub use host::log::{LogEntry, LogLevel, LogSource};
pub use host::{GuestConfig, Seed};
pub use instance::CancelFlag;
pub use limits::{Limits, ListedLimit};
pub use module::{Applied, Manifest, Module, PlanCallError, Source};
pub use schema::SchemaError;
