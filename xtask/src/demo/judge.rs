//! DuckDB's opinion of a result: the same query over the source, and the difference both ways as multisets; and what Skein wrote down of
//! it, as SQL. The scripts lie in `xtask/demo/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::process;

/// A Python process per question.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) python: PathBuf,
    /// Where the scripts are.
    pub(super) scripts: PathBuf,
}

/// What `verify.py` prints.
#[derive(Debug, Deserialize)]
pub(super) struct Verified {
    pub(super) agree: u64,
    pub(super) numbers: u64,
    others: Vec<String>,
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
        let mut command = self.script("compare.py");
        command.args([source, result, sql]);
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

    /// Fails unless DuckDB finds in each of the datasets in `list`, below `root`, what `verify.sql` says of it.
    pub(super) fn verify(&self, skein: &Path, (root, list): (&Path, &str)) -> Result<Verified> {
        let mut command = self.script("verify.py");
        command.current_dir(root).env("SKEIN_HOME", root.join("home")).arg(skein).arg(list);
        let json = process::stdout(&mut command)?;
        let verified: Verified = serde_json::from_str(&json).context("verify.py")?;
        ensure!(verified.others.is_empty(), "verify.sql: {}", verified.others.join("; "));
        Ok(verified)
    }

    /// Makes the value in a row of a dataset one that no module can compute with; what a person would type.
    pub(super) fn spoil(&self, root: &Path, (dataset, row): (&str, u64)) -> Result<String> {
        let mut command = self.script("spoil.py");
        command.current_dir(root).arg(dataset).arg(row.to_string());
        process::stdout(&mut command)?;
        Ok(format!("python3 spoil.py {dataset} {row}"))
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join(name));
        command
    }
}
