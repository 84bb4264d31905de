//! The compile jail: untrusted bytes are parsed and compiled in a child process that can be killed and cannot do
//! anything else.
//!
//! The parent streams the module to the child's standard input and reads one answer, bounded, from its standard
//! output: `K`, or `E` with a code and a message, then the payload. It never parses the module. The child limits itself
//! (address space, CPU, files, processes, system calls) before it reads a byte.

mod check;
mod child;
mod confine;
mod describe;
mod error;
mod parent;

use std::path::PathBuf;
use std::time::Duration;

use skein_types::{Blake3, Bytes, ModuleDigest};

pub use child::child_main;
pub use describe::{DESCRIBE, Said, describe_in_child, describe_main};
pub use error::SubmitError;
pub use parent::compile_in_jail;

/// Largest module.
pub const MODULE_BYTES_MAX: usize = 64 << 20;

/// How the child is started and what it may use.
#[derive(Clone, Debug)]
pub struct JailOptions {
    /// The binary whose `compile` command calls [`child_main`].
    pub exe: PathBuf,
    /// Arguments that lead to [`child_main`]: `["compile"]` for the `skein` binary.
    pub args: Vec<String>,
    /// Address space of the child.
    pub memory: Bytes,
    /// Processor time of the child.
    pub cpu: Duration,
    /// Time until the child is killed.
    pub wall: Duration,
    /// Largest artifact.
    pub artifact: Bytes,
}

impl JailOptions {
    /// The usual limits.
    pub fn standard(exe: PathBuf) -> Self {
        Self {
            exe,
            args: vec!["compile".to_owned()],
            memory: Bytes::mib(3 * 1024),
            cpu: Duration::from_secs(60),
            // Twice the processor time: what shares a machine with a campaign is no compile bomb.
            wall: Duration::from_secs(120),
            artifact: Bytes::mib(512),
        }
    }
}

/// A module that passed the check and was compiled; not signed yet.
#[derive(Debug)]
pub struct CompiledModule {
    /// Identity of the module.
    pub digest: ModuleDigest,
    /// Engine that the artifact is for.
    pub engine: Blake3,
    /// Native code.
    pub artifact: Vec<u8>,
    /// What the check saw.
    pub report: CompileReport,
}

/// What the static check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CompileReport {
    /// Imported interfaces.
    pub imports: Vec<String>,
    /// Functions in all core modules.
    pub functions: u32,
    /// Core modules.
    pub modules: u32,
    /// Whether any function computes with vectors.
    pub simd: bool,
    /// Whether there is debug information, which nothing here reads.
    pub debug_info: bool,
}
