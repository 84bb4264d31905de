//! What tests, benchmarks and the demo find in their environment: guests, the binary, and Python with its readers.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths of things that were built or installed.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// `SKEIN_TEST_GUESTS`: directory of components.
    pub(crate) guests: PathBuf,
    /// `SKEIN_BIN`: the binary.
    pub(crate) skein: PathBuf,
    /// `SKEIN_PYTHON`: interpreter with DuckDB, Polars and pyarrow.
    pub(crate) python: PathBuf,
}

impl Surroundings {
    /// Sets the variables for a child.
    pub(crate) fn given_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let variables: [(&str, &Path); 3] =
            [("SKEIN_TEST_GUESTS", &self.guests), ("SKEIN_BIN", &self.skein), ("SKEIN_PYTHON", &self.python)];
        command.envs(variables)
    }
}
