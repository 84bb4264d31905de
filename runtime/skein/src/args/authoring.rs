//! The command line of `new`, `build` and `dev`.

use std::path::PathBuf;

use clap::Args;

use super::{Output, ParamArgs};

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Name of the migration and of its crate: letters, digits, `-` and `_`.
    pub(crate) name: String,
    /// Make it for this dataset: its columns, and a few of its rows to test with.
    #[arg(long, value_name = "DATASET")]
    pub(crate) from: Option<PathBuf>,
    /// Make it lead to this schema: a dataset or Parquet file that has it, or a file of JSON
    /// ({"columns": [{"name": "id", "type": "int64", "nullable": false}]}).
    #[arg(long, value_name = "SCHEMA-OR-DATASET", requires = "from")]
    pub(crate) to: Option<PathBuf>,
    /// The directory to make [default: NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Make rows up instead of taking them from the dataset.
    #[arg(long)]
    pub(crate) no_sample: bool,
    /// Use the SDK in this directory (a clone of Skein) instead of the binary's own; SKEIN_SDK says the same.
    #[arg(long, value_name = "PATH")]
    pub(crate) sdk: Option<PathBuf>,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The crate of the migration.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Small and fast, for publishing; takes longer to build.
    #[arg(long)]
    pub(crate) release: bool,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The crate of the migration.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Rows to try it on: a dataset or Parquet file [default: fixture/source.parquet of the crate].
    #[arg(long, value_name = "DATASET")]
    pub(crate) dataset: Option<PathBuf>,
    /// Rows shown before and after.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) rows: usize,
    /// One round, and its result as exit code; without it, again after each change.
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) with: ParamArgs,
}
