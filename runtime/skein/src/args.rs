//! The command line.

mod authoring;
mod resize;
mod size;

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use skein_dataset::{BadName, NameRule};
use skein_node::PublishMode;
use skein_types::Bytes;

use crate::commands::campaign::CampaignArgs;
use crate::commands::dataset::DatasetArgs;
use crate::commands::discard::DiscardArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::finalize::FinalizeArgs;
use crate::commands::fleet::FleetArgs;
use crate::commands::forget::ForgetArgs;
use crate::commands::gc::GcArgs;
use crate::commands::module::ModuleArgs;
use crate::commands::node::NodeArgs;
use crate::commands::publish::PublishArgs;
use crate::commands::serve::ServeArgs;
pub(crate) use authoring::{BuildArgs, DevArgs, NewArgs};
pub(crate) use resize::ResizeArgs;

const EXAMPLES: &str = "\
Examples:
  skein check prefs.wasm --dataset /data/prefs
  skein run prefs.wasm /data/prefs --params '{\"zone\":\"UTC\"}' --dry-run
  skein run prefs.wasm /data/prefs --params '{\"zone\":\"UTC\"}'
  skein run columns /data/users --params @drop-phone.toml
  skein history /data/prefs
  skein rollback /data/prefs

Exit codes: 0 done (or nothing to do), 1 the module failed, 5 not found, 6 conflict, 7 denied,
64 usage, 65 bad input, 70 a mistake in Skein, 75 try again later, 130 interrupted.
Each error has a page: skein explain SK0311.";

/// Migrate datasets with code that need not be trusted.
///
/// A migration module is a WebAssembly component. Skein runs it in a sandbox over each row group of a Parquet
/// dataset, copies the columns that the module does not touch, checks what comes out, publishes the result
/// atomically and keeps the old version so that it can be rolled back.
#[derive(Debug, Parser)]
#[command(name = "skein", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    /// Say more on stderr (-v decisions, -vv everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Directory in which the dataset's state (log, kept versions, quarantine) lies [default: .skein beside the
    /// dataset, or as skein.toml says]. On the dataset's own device; a dataset keeps the state that it has.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Settings of this machine [default: skein.toml in $SKEIN_HOME, if it is there].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the crate of a new migration.
    New(NewArgs),
    /// Build a migration's crate into a module.
    Build(BuildArgs),
    /// Build a migration again and again while it is written, and show what it does to a few rows.
    Dev(DevArgs),
    /// Migrate a dataset with a module and publish the result.
    Run(RunArgs),
    /// Look at a module, and at what it would do to a dataset, without doing it.
    Check(CheckArgs),
    /// List the versions of a dataset.
    History(HistoryArgs),
    /// Make current what a run with `--publish hold` has finished.
    Publish(PublishArgs),
    /// Give up what a run with `--publish hold` has finished.
    Discard(DiscardArgs),
    /// Make an older version of a dataset current again.
    Rollback(RollbackArgs),
    /// Give up old versions and free what they take.
    Finalize(FinalizeArgs),
    /// Remove all that Skein knows of a dataset, and leave the dataset.
    Forget(ForgetArgs),
    /// Remove what dead processes left behind.
    Gc(GcArgs),
    /// Finish or undo what a killed process left behind. Safe to run at any time.
    Recover(RecoverArgs),
    /// Print the files of a version, or copy them out.
    Export(ExportArgs),
    /// Say what this machine and the places of datasets are fit for.
    Doctor(DoctorArgs),
    /// Run a server with the nodes of this machine: campaigns over many datasets.
    Serve(ServeArgs),
    /// Submit and list modules of a server.
    Module(ModuleArgs),
    /// Add, list and remove datasets of a server.
    Dataset(DatasetArgs),
    /// Plan, start, watch and undo campaigns of a server.
    Campaign(CampaignArgs),
    /// Show how a server and its nodes are, and what they have done.
    Fleet(FleetArgs),
    /// Print the page of an error code.
    Explain(ExplainArgs),
    /// Print a completion script for a shell.
    Completion(CompletionArgs),
    /// Print a page of the reference.
    #[command(hide = true)]
    Reference(ReferenceArgs),
    /// Carry out tasks of a server; started by `skein serve`.
    #[command(hide = true)]
    Node(NodeArgs),
    /// Compile one module from stdin; started by Skein itself under limits.
    #[command(hide = true)]
    Compile {
        /// The limits, as the parent passes them.
        #[arg(trailing_var_arg = true)]
        limits: Vec<String>,
    },
}

impl Command {
    pub(crate) fn output(&self) -> Output {
        match self {
            Self::New(a) => a.output,
            Self::Build(a) => a.output,
            Self::Run(a) => a.output,
            Self::Check(a) => a.output,
            Self::History(a) => a.output,
            Self::Publish(a) => a.output,
            Self::Discard(a) => a.output,
            Self::Rollback(a) => a.output,
            Self::Finalize(a) => a.output,
            Self::Forget(a) => a.output,
            Self::Gc(a) => a.output,
            Self::Recover(a) => a.output,
            Self::Export(a) => a.output,
            Self::Doctor(a) => a.output,
            Self::Module(a) => a.server.output,
            Self::Dataset(a) => a.server.output,
            Self::Campaign(a) => a.server.output,
            Self::Fleet(a) => a.server.output,
            Self::Dev(_)
            | Self::Serve(_)
            | Self::Node(_)
            | Self::Explain(_)
            | Self::Completion(_)
            | Self::Reference(_)
            | Self::Compile { .. } => Output::Table,
        }
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// One JSON document on stdout.
    Json,
}

/// Which server, shared by the commands that ask one.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where the server is [default: $SKEIN_SERVER, or http://127.0.0.1:7447].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// How to print the result.
    #[arg(short = 'o', long = "format", global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// What to migrate with, shared by `run` and `check`.
#[derive(Debug, Args)]
pub(crate) struct ParamArgs {
    /// Parameters: JSON, or @FILE with JSON or (if it ends in .toml) TOML, or @- for JSON on standard input.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) params: Option<String>,
    /// A secret that the parameters name as {"$secret":"NAME"}; read from FILE without its last line break.
    #[arg(long = "secret", value_name = "NAME=@FILE")]
    pub(crate) secrets: Vec<String>,
}

/// Heading of [`SelectionArgs`] in the help. Named by each option: `next_help_heading` would go on after them.
const SELECTION: &str = "Selection of files";

/// Which data files to work on, shared by `run` and `check`.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Work only on data files whose path inside the dataset matches; `*` stays in a directory, `**` does not.
    #[arg(long, value_name = "GLOB", help_heading = SELECTION)]
    pub(crate) include: Vec<String>,
    /// Leave data files out whose path inside the dataset matches.
    #[arg(long, value_name = "GLOB", help_heading = SELECTION)]
    pub(crate) exclude: Vec<String>,
    /// Work only on these hive partitions: KEY=VALUE, KEY=VALUE1,VALUE2 or KEY!=VALUE; all given must hold.
    #[arg(long = "where", value_name = "CONDITION", help_heading = SELECTION)]
    pub(crate) partitions: Vec<String>,
    /// Let files that are not selected keep another schema than those that are.
    #[arg(long, help_heading = SELECTION)]
    pub(crate) mixed_schemas: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein run columns /data/users --params @drop-phone.toml --dry-run      look first
  skein run columns /data/users --params @drop-phone.toml
  skein run prefs.wasm /data/prefs --publish hold                        wait for `skein publish`
  skein run columns --manifest users.csv --params @drop-phone.toml       many datasets
  skein run columns /data/events --params '{\"name\":\"compact\"}' --file-size 256MiB")]
pub(crate) struct RunArgs {
    /// The migration module: a WebAssembly component, or the name of one that is installed, such as `columns`.
    pub(crate) module: PathBuf,
    /// A directory of Parquet files, or one Parquet file.
    #[arg(required_unless_present = "manifest")]
    pub(crate) dataset: Option<PathBuf>,
    /// Many datasets instead of one: a CSV table with the columns `dataset` and, if some have parameters of their own,
    /// `params`, or one JSON object with these keys per line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dataset", "publish"])]
    pub(crate) manifest: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) with: ParamArgs,
    /// Agents at work at the same time [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Fuel for one call of the module.
    #[arg(long, value_name = "N")]
    pub(crate) fuel: Option<u64>,
    /// Memory of one agent, for example 128MiB [default: 64MiB].
    #[arg(long, value_name = "SIZE", value_parser = size::size)]
    pub(crate) memory: Option<Bytes>,
    /// Rejected rows that end the run.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) max_rejects: u64,
    /// Publish a result without a row though rows were read.
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Name of the migration, by which Skein knows that it was applied [default: the module's own].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Run although this migration was applied before.
    #[arg(long)]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Write the result into DIR, which must not exist or be empty, and leave the dataset alone: nothing is locked,
    /// recorded or changed. Files that are not selected are not written.
    #[arg(long = "output", value_name = "DIR", conflicts_with_all = ["publish", "manifest"], value_parser = directory())]
    pub(crate) into: Option<PathBuf>,
    /// Show what the run would do, with sampled rows before and after, and write nothing.
    #[arg(long, conflicts_with = "manifest")]
    pub(crate) dry_run: bool,
    /// Rows that a dry run shows.
    #[arg(
        long, value_name = "N", default_value_t = 20, requires = "dry_run",
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    pub(crate) limit: u16,
    /// What becomes of the result: it takes the place of the dataset (replace), waits to be looked at until `skein publish`
    /// or `skein discard` (hold), or becomes a new dataset in the same directory (beside=NAME).
    #[arg(long, value_name = "replace|hold|beside=NAME", default_value = "replace", value_parser = publish_mode)]
    pub(crate) publish: PublishMode,
    /// How files are called that the run writes into a directory: after their sources with a part of their content's hash
    /// (hash), so that a reader which lists the old version and opens a file later misses it; or exactly like their
    /// sources (keep), where such a reader may mix two versions [default: hash, or as skein.toml says].
    #[arg(long, value_enum, value_name = "hash|keep", conflicts_with = "into")]
    pub(crate) names: Option<Names>,
    #[command(flatten)]
    pub(crate) sizes: ResizeArgs,
    /// How to print the summary.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// A place to write to. The name of a format is meant for `-o`.
fn directory() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        Some(format @ ("json" | "table" | "ndjson")) => Err(format!(
            "that is a format, and this names a directory: write `-o {format}` (or `./{format}` for the directory)"
        )),
        _ => Ok(path),
    })
}

/// How files are called that a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Names {
    /// With a part of their content's hash.
    Hash,
    /// Like their sources.
    Keep,
}

impl Names {
    pub(crate) fn rule(self) -> NameRule {
        match self {
            Self::Hash => NameRule::Hashed,
            Self::Keep => NameRule::Keep,
        }
    }
}

fn publish_mode(text: &str) -> Result<PublishMode, String> {
    match (text, text.strip_prefix("beside=")) {
        ("replace", _) => Ok(PublishMode::Replace),
        ("hold", _) => Ok(PublishMode::Hold),
        (_, Some(name)) => name.parse().map(PublishMode::Beside).map_err(|error: BadName| error.to_string()),
        (_, None) => Err("one of replace, hold, beside=NAME".to_owned()),
    }
}

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
  skein export /data/prefs --version 3 --to /tmp/prefs-3"
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
    /// How to print the list or the summary.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Datasets, or what might become one. Nothing is written but a probe beside each, which is removed.
    pub(crate) datasets: Vec<PathBuf>,
    /// How to print the findings.
    #[arg(short = 'o', long = "format", value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// A page that is made from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    /// Commands and options.
    Cli,
    /// Limits of an agent.
    Limits,
    /// Error codes and classes.
    Errors,
    /// The contract with modules.
    Contract,
}

#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    /// Which page.
    #[arg(value_enum)]
    pub(crate) page: Page,
}
