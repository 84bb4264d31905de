//! The command line of `check`.

use std::path::PathBuf;

use clap::Args;

use super::{Output, ParamArgs, SelectionArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein check columns                                      what its spec can say
  skein check columns --dataset /data/users --params @drop-phone.toml")]
pub(crate) struct CheckArgs {
    /// The migration module: a WebAssembly component, or the name of one that is installed, such as `columns`.
    pub(crate) module: PathBuf,
    /// Also plan it for this dataset and show what would become of each column.
    #[arg(long, value_name = "DATASET")]
    pub(crate) dataset: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) with: ParamArgs,
    /// Name of the migration, by which Skein knows that it was applied [default: the module's own].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Plan for files to which this migration was applied before, too.
    #[arg(long)]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// How to print the result.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}
