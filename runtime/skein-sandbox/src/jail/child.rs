//! The child's side: limit, read, check, compile, answer.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use skein_types::codes;

use super::check::check;
use super::confine::{Confinement, confine};
use super::{CompileReport, MODULE_BYTES_MAX, SubmitError};
use crate::engine;

/// Threads of the compiler.
const THREADS: &str = "2";

/// Body of `skein compile MEMORY CPU`: `args` are the numbers after the word. Module on standard input, answer on
/// standard output. Meant for [`super::compile_in_jail`] only.
pub fn child_main(args: &[String]) -> ExitCode {
    let answer = run(args);
    let mut out = io::stdout().lock();
    let written = match &answer {
        Ok((report, artifact)) => write_success(&mut out, report, artifact),
        Err(error) => write!(out, "E{}\n{error}", error.code().id),
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn write_success(out: &mut impl Write, report: &CompileReport, artifact: &[u8]) -> io::Result<()> {
    let report = serde_json::to_string(report)?;
    writeln!(out, "K{report}")?;
    out.write_all(artifact)
}

fn run(args: &[String]) -> Result<(CompileReport, Vec<u8>), SubmitError> {
    let [memory, cpu] = args else { return Err(SubmitError::Protocol) };
    let number = |text: &String| text.parse::<u64>().map_err(|_| SubmitError::Protocol);
    confine(Confinement { memory: number(memory)?, cpu_seconds: number(cpu)? })
        .map_err(SubmitError::Process)?;
    let mut module = Vec::new();
    let bound = u64::try_from(MODULE_BYTES_MAX + 1).unwrap_or(u64::MAX);
    io::stdin().lock().take(bound).read_to_end(&mut module).map_err(SubmitError::Process)?;
    let report = check(&module)?;
    let (engine, _) = engine::compiler().map_err(|error| {
        SubmitError::refused(codes::BUG, format!("the compiler cannot be set up: {error}"))
    })?;
    let artifact = engine.precompile_component(&module).map_err(|error| {
        let text: String = format!("{error:#}").chars().take(2000).collect();
        SubmitError::refused(codes::COMPILE_FAILED, format!("the module does not compile: {text}"))
    })?;
    Ok((report, artifact))
}

/// What the parent puts into the child's environment: the compiler's thread pool reads it.
pub(super) const ENVIRONMENT: [(&str, &str); 1] = [("RAYON_NUM_THREADS", THREADS)];
