//! What a compiled module says of itself, asked in a child process.
//!
//! Where modules are kept no guest runs. The child is what a node is, for one call: it loads a signed artifact and asks it, within the usual
//! limits of a call, and has little processor time. It has nothing of its parent: no environment, no directory, no file but its pipes.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skein_types::{Bytes, Encoding, StateKind, SystemClock, codes};

use super::confine;
use super::{JailOptions, SubmitError, parent};
use crate::{ArtifactTrust, Engine, Limits, Manifest, Module};

/// The word of the command line that leads to [`describe_main`].
pub const DESCRIBE: &str = "describe";
/// Bytes of an answer: the schema of the parameters, and a little.
const ANSWER_BYTES_MAX: Bytes = Bytes(2 << 20);
const ARTIFACT_BYTES_MAX: u64 = 1 << 30;
const CPU_SECONDS: u64 = 20;
const WALL: Duration = Duration::from_secs(60);

/// What a module says of itself, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Name of the migration.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// What made the module, for people.
    pub sdk: String,
    /// How batches are encoded.
    pub encoding: Encoding,
    /// What it remembers between batches.
    pub state: StateKind,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// JSON Schema of its parameters; none if it says nothing of them.
    pub params_schema: Option<Value>,
}

impl Said {
    fn of(module: &Module, manifest: Manifest) -> Self {
        let Manifest { name, version, sdk, encoding, state, params_schema, .. } = manifest;
        let imports = module.imports().to_vec();
        let params_schema = serde_json::from_str(&params_schema).ok();
        Self { name, version, sdk, encoding, state, imports, params_schema }
    }
}

/// Asks a compiled module what it is. Blocks until the child is gone.
pub fn describe_in_child(exe: &Path, artifact: &[u8], trust: &ArtifactTrust) -> Result<Said, SubmitError> {
    let key: String = trust.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut child = Command::new(exe)
        .args([DESCRIBE, &key])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(SubmitError::Process)?;
    let options =
        JailOptions { wall: WALL, artifact: ANSWER_BYTES_MAX, ..JailOptions::standard(exe.to_owned()) };
    let (answer, status) = parent::converse(&mut child, &options, artifact)?;
    if !status.success() {
        let why: String = String::from_utf8_lossy(&answer).chars().take(1_000).collect();
        return Err(SubmitError::Stopped(format!("it did not say what it is ({status}) {why}")));
    }
    serde_json::from_slice(&answer).map_err(|_| SubmitError::Protocol)
}

/// Body of `skein describe KEY`: a signed artifact on standard input, what it says of itself on standard output. Meant for
/// [`describe_in_child`] only.
pub fn describe_main(args: &[String]) -> ExitCode {
    let answer = described(args).and_then(|said| Ok(serde_json::to_vec(&said)?));
    let (text, code) = match answer {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(error) => (error.to_string().into_bytes(), ExitCode::FAILURE),
    };
    let mut out = io::stdout().lock();
    match out.write_all(&text).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn described(args: &[String]) -> io::Result<Said> {
    confine::of_one_call(CPU_SECONDS)?;
    let trust = args.first().and_then(|key| key_of(key)).and_then(|key| ArtifactTrust::from_bytes(&key));
    let trust = trust.ok_or_else(|| io::Error::other(codes::USAGE.title))?;
    let mut artifact = Vec::new();
    io::stdin().lock().take(ARTIFACT_BYTES_MAX).read_to_end(&mut artifact)?;
    let engine = Engine::runtime(Arc::new(SystemClock::start())).map_err(io::Error::other)?;

    let module = Module::load(&engine, &artifact, &trust).map_err(io::Error::other)?;
    let manifest = module.describe(&Limits::STANDARD).map_err(io::Error::other)?;
    Ok(Said::of(&module, manifest))
}

fn key_of(text: &str) -> Option<[u8; 32]> {
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let text: String = (0_u8..32).map(|byte| format!("{byte:02x}")).collect();
        let key = key_of(&text).unwrap();
        assert_eq!((key[0], key[31]), (0, 31));
        assert_eq!(key_of(&text[2..]), None);
        assert_eq!(key_of(&text.replace('0', "g")), None);
    }
}
