//! The command line of what is about the versions of one dataset: `history`, `rollback`, `recover`, `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Output;

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// How to print the list.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// What becomes of later writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Later {
    /// They stand in the way.
    Refuse,
    /// They are copied first.
    Keep,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein history /data/prefs                which versions are kept
  skein rollback /data/prefs               the version before the current
  skein rollback /data/prefs --to 3 --yes")]
pub(crate) struct RollbackArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// The version to go back to [default: the one before the current].
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
    /// What becomes of what others wrote since that version: it stands in the way (refuse), or it is copied below the state
    /// before it is hidden, and the copy's place printed (keep).
    #[arg(long, value_enum, value_name = "refuse|keep", default_value_t = Later::Refuse)]
    pub(crate) later_writes: Later,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// Whose statement to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reader {
    /// A `SELECT`.
    Duckdb,
    /// PySpark.
    Spark,
    /// Python.
    Polars,
    /// Python.
    Pyarrow,
}

#[derive(Debug, Args)]
#[command(
    disable_version_flag = true,
    after_help = "\
Examples:
  skein export /data/prefs                       paths of the current version's data files
  skein export /data/prefs --version 3 --for duckdb
  skein export /data/prefs --version 3 --to /tmp/prefs-3
  skein export /data/prefs --verify-sql > verify.sql && duckdb -f verify.sql"
)]
pub(crate) struct ExportArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// Which version [default: the current].
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
    /// Copy the version into DIR, which must not exist or be empty, and prove every file by its hash.
    #[arg(long, value_name = "DIR", conflicts_with = "reader")]
    pub(crate) to: Option<PathBuf>,
    /// Print a statement that reads the version's data files.
    #[arg(long = "for", value_enum, value_name = "READER")]
    pub(crate) reader: Option<Reader>,
    /// Print SQL with which DuckDB checks the files that the version's run wrote against what Skein saw while it made them.
    #[arg(long, conflicts_with_all = ["to", "reader"])]
    pub(crate) verify_sql: bool,
    /// How to print the list or the summary.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}
