//! The Python environment with DuckDB, Polars, pandas, pyarrow and PySpark, in the target directory.
//!
//! It is made once; a stamp holds the requirements that it was made from, and is written last, so that an
//! interrupted installation is repeated.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::project::Project;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
/// Nothing is compiled on the way; PySpark is published as source only, and there is nothing in it to compile.
const BINARIES: [&str; 2] = ["--only-binary=:all:", "--no-binary=pyspark"];

/// Makes the environment unless it is there already; answers its interpreter.
pub(crate) fn install(project: &Project) -> Result<PathBuf> {
    let venv = project.target().join("venv");
    if is_current(&venv) {
        return Ok(interpreter(&venv));
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).with_context(|| format!("cannot replace {}", venv.display()))?;
    }
    fs::create_dir_all(project.target())?;
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv)).context(
        "tests and benchmarks need Python 3.11 or later with the venv module (Debian: apt-get install python3-venv)",
    )?;
    let mut pip = Command::new(interpreter(&venv));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(BINARIES).arg("-r");
    pip.arg(project.root().join("xtask/requirements.txt"));
    process::run(&mut pip).context("the packages of xtask/requirements.txt cannot be installed")?;
    let mut java = Command::new(interpreter(&venv));
    java.env("PYTHONDONTWRITEBYTECODE", "1").arg(project.root().join("host-tests/foreign/java.py"));
    process::run(&mut java).context("PySpark has no Java to run in")?;
    let mut stamp = File::create(stamp(&venv))?;
    stamp.write_all(REQUIREMENTS.as_bytes())?;
    Ok(interpreter(&venv))
}

/// The interpreter of an environment that is there; installs nothing.
pub(crate) fn require(project: &Project) -> Result<PathBuf> {
    let venv = project.target().join("venv");
    if !is_current(&venv) {
        bail!(
            "no Python environment for xtask/requirements.txt in {}: run `cargo xtask setup` once",
            venv.display()
        );
    }
    Ok(interpreter(&venv))
}

fn is_current(venv: &Path) -> bool {
    fs::read(stamp(venv)).is_ok_and(|made_from| made_from == REQUIREMENTS.as_bytes())
}

fn stamp(venv: &Path) -> PathBuf {
    venv.join("requirements.stamp")
}

fn interpreter(venv: &Path) -> PathBuf {
    venv.join("bin/python")
}
