//! DuckDB's opinion of a result: the same query over the source, and the difference both ways as multisets.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::process;

/// A Python process per question.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) python: PathBuf,
    /// `xtask/demo/compare.py`.
    pub(super) script: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Comparison {
    expected_columns: Vec<String>,
    found_columns: Vec<String>,
    rows: u64,
    missing: u64,
    unexpected: u64,
}

impl Judge {
    /// Fails unless `result` has the rows that the query in `sql` gives over `source`; answers how many these are.
    pub(super) fn compare(&self, source: &Path, result: &Path, sql: &Path) -> Result<u64> {
        let mut command = Command::new(&self.python);
        command.args([&self.script, source, result, sql]);
        let json = process::stdout(&mut command)?;
        let found: Comparison = serde_json::from_str(&json).context("compare.py")?;
        ensure!(
            found.expected_columns == found.found_columns,
            "columns differ: DuckDB has {:?}, Skein {:?}",
            found.expected_columns,
            found.found_columns
        );
        ensure!(
            (found.missing, found.unexpected) == (0, 0),
            "of {} rows, {} are missing and {} unexpected",
            found.rows,
            found.missing,
            found.unexpected
        );
        ensure!(found.rows > 0, "{} has no rows, so that comparing means nothing", result.display());
        Ok(found.rows)
    }
}
