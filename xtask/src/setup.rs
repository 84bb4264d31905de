//! What tests and benchmarks need beside cargo: the wasm target and the Python environment.
//!
//! [`install`] brings what is missing, [`require`] only looks. Neither lets a test be left out: what cannot be had is
//! an error that says what to do.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::guests;
use crate::process;
use crate::project::Project;
use crate::python;

/// Installs what is missing; answers the Python interpreter to use.
pub(crate) fn install(project: &Project) -> Result<PathBuf> {
    if !has_wasm_target(project)? {
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", guests::TARGET]).current_dir(project.root());
        process::run(&mut rustup).with_context(|| {
            format!(
                "the toolchain has no {} and rustup cannot add it; install rustup, or the target by hand",
                guests::TARGET
            )
        })?;
    }
    python::install(project)
}

/// Fails if something is missing; answers the Python interpreter to use.
pub(crate) fn require(project: &Project) -> Result<PathBuf> {
    if !has_wasm_target(project)? {
        bail!("the toolchain has no {}: run `cargo xtask setup` once", guests::TARGET);
    }
    python::require(project)
}

/// Whether the toolchain holds the target's standard library; asks rustc, because not every toolchain is rustup's.
fn has_wasm_target(project: &Project) -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", guests::TARGET]).current_dir(project.root());
    let dir = PathBuf::from(process::stdout(&mut rustc)?.trim_end());
    let Ok(entries) = dir.read_dir() else { return Ok(false) };
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}
