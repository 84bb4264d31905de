//! A rival: a Python process that does the same work with its own library, kept alive and asked over lines of JSON.
//!
//! It does not know what the work is; the scripts in `bench/rivals/` do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest answer that is read; a comparison of two wide schemas stays far below.
const MAX_ANSWER: u64 = 1 << 20;

/// A library that does the same work as Skein.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Also judges whether two outputs have the same rows.
    DuckDb,
    /// Lazy frames and the streaming engine.
    Polars,
}

impl Kind {
    /// All rivals.
    pub const ALL: [Self; 2] = [Self::DuckDb, Self::Polars];

    fn script(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb_rival.py",
            Self::Polars => "polars_rival.py",
        }
    }
}

/// Where Python and the scripts are.
#[derive(Clone, Debug)]
pub struct Python {
    /// The interpreter of a virtual environment with `duckdb` and `polars`.
    pub interpreter: PathBuf,
    /// `bench/rivals`.
    pub scripts: PathBuf,
}

/// One piece of work, for whoever does it.
#[derive(Clone, Debug, Serialize)]
pub struct Work {
    /// Name of the job in `bench/rivals/jobs.py`.
    pub job: &'static str,
    /// Parquet file to read.
    pub source: PathBuf,
    /// Codec of the output, in Parquet's lower-case name.
    pub codec: &'static str,
    /// Rows per row group of the output.
    pub row_group_rows: u64,
}

/// What one round of work took.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Took {
    /// From opening the source to the output written, without fsync.
    pub seconds: f64,
    /// Size of the output.
    pub bytes: u64,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The library.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Threads that it works with.
    pub threads: usize,
}

/// Two outputs side by side, as DuckDB sees them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Comparison {
    /// Names and types.
    pub left_schema: Vec<String>,
    /// Names and types.
    pub right_schema: Vec<String>,
    /// Rows of the left side.
    pub rows: u64,
    /// Rows of `left EXCEPT ALL right`.
    pub only_left: u64,
    /// Rows of `right EXCEPT ALL left`.
    pub only_right: u64,
}

impl Comparison {
    /// Fails unless both sides have the same columns and the same rows.
    pub fn must_be_equal(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.left_schema == self.right_schema,
            "columns differ: {:?} and {:?}",
            self.left_schema,
            self.right_schema
        );
        anyhow::ensure!(
            (self.only_left, self.only_right) == (0, 0),
            "of {} rows, {} stand only left and {} only right",
            self.rows,
            self.only_left,
            self.only_right
        );
        Ok(())
    }
}

/// A running rival. Ends with its stdin, at the latest when dropped.
#[derive(Debug)]
pub struct Rival {
    /// Who it is.
    pub hello: Hello,
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Refused { error: String },
    Given(T),
}

impl Rival {
    /// Starts the process and waits for its greeting.
    pub fn start(kind: Kind, python: &Python, threads: usize) -> anyhow::Result<Self> {
        let mut process = Command::new(&python.interpreter)
            .arg(python.scripts.join(kind.script()))
            .arg(threads.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", python.interpreter.display()))?;
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("a piped stdout")?);
        let nobody = Hello { name: format!("{kind:?}"), version: String::new(), threads };
        let mut rival = Self { hello: nobody, process, commands, answers };
        rival.hello = rival.ask(&serde_json::json!({ "op": "hello" }))?;
        anyhow::ensure!(
            rival.hello.threads == threads,
            "{} works with {} threads",
            kind.script(),
            rival.hello.threads
        );
        Ok(rival)
    }

    /// Does the work once; the rival times itself. The output stays at `out`.
    pub fn run(&mut self, work: &Work, out: &Path) -> anyhow::Result<Took> {
        let mut command = serde_json::to_value(work)?;
        command["op"] = "run".into();
        command["out"] = text(out)?.into();
        self.ask(&command)
    }

    /// Does the work over every source in turn; the outputs are in the directory `out` under their sources' names.
    pub fn run_all(&mut self, work: &Work, sources: &[PathBuf], out: &Path) -> anyhow::Result<Took> {
        let mut command = serde_json::to_value(work)?;
        command["op"] = "run-all".into();
        command["out"] = text(out)?.into();
        command["sources"] =
            sources.iter().map(|path| text(path)).collect::<anyhow::Result<Vec<_>>>()?.into();
        self.ask(&command)
    }

    /// Compares two files. Only DuckDB knows how.
    pub fn compare(&mut self, left: &Path, right: &Path) -> anyhow::Result<Comparison> {
        self.ask(&serde_json::json!({ "op": "compare", "left": text(left)?, "right": text(right)? }))
    }

    fn ask<T: DeserializeOwned>(&mut self, command: &serde_json::Value) -> anyhow::Result<T> {
        let name = &self.hello.name;
        let stdin = self.commands.as_mut().context("a piped stdin")?;
        writeln!(stdin, "{command}").with_context(|| format!("{name} has gone away"))?;
        let mut line = String::new();
        (&mut self.answers).take(MAX_ANSWER).read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "{name} ended without an answer; see its messages above");
        match serde_json::from_str(&line).with_context(|| format!("{name} answered {line:?}"))? {
            Answer::Given(answer) => Ok(answer),
            Answer::Refused { error } => anyhow::bail!("{name}: {error}"),
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // The loop of a rival ends with its stdin; an error here means it is gone already.
        drop(self.commands.take());
        if self.process.wait().is_err() {
            self.process.kill().ok();
        }
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::Comparison;

    fn comparison() -> Comparison {
        let schema = vec!["a BIGINT".to_owned()];
        Comparison { left_schema: schema.clone(), right_schema: schema, rows: 3, only_left: 0, only_right: 0 }
    }

    #[test]
    fn outputs_are_equal_only_with_the_same_columns_and_no_row_on_one_side_alone() {
        assert!(comparison().must_be_equal().is_ok());
        let missing = Comparison { only_right: 1, ..comparison() }.must_be_equal().unwrap_err();
        assert_eq!(missing.to_string(), "of 3 rows, 0 stand only left and 1 only right");
        let renamed = Comparison { right_schema: vec!["b BIGINT".to_owned()], ..comparison() };
        let message = renamed.must_be_equal().unwrap_err().to_string();
        assert!(message.starts_with("columns differ"), "{message}");
    }
}
