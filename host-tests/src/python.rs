//! Python with duckdb, polars and pyarrow, which write and read files as strangers do.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project;

/// `SKEIN_PYTHON`, else the virtual environment that `cargo xtask` makes.
pub fn interpreter() -> PathBuf {
    let python = project::given("SKEIN_PYTHON").unwrap_or_else(|| project::target().join("venv/bin/python"));
    assert!(
        python.is_file(),
        "no Python with duckdb, polars and pyarrow at {}; `cargo xtask test` makes it, or set SKEIN_PYTHON",
        python.display()
    );
    python
}

/// Runs a script of `host-tests/foreign/` and returns what it printed.
pub fn run(script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(interpreter())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(project::root().join("host-tests/foreign").join(script))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {arguments:?} failed:\n{said}");
    String::from_utf8(output.stdout).unwrap()
}
