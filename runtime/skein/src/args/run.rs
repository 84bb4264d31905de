//! The command line of `run`.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use skein_dataset::{BadName, NameRule};
use skein_node::PublishMode;
use skein_types::{Bytes, VerifyLevel};

use super::{Output, ParamArgs, ResizeArgs, SelectionArgs, size};

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
    /// How far the result is verified before it becomes visible: rows and preserved columns add up (counts); what the module
    /// gave and what is copied is summed up too, and recorded (fingerprint); staged files are read again and held against
    /// those sums (readback).
    #[arg(long, value_name = "counts|fingerprint|readback", default_value_t, value_parser = verify_level)]
    pub(crate) verify: VerifyLevel,
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
    /// After the publish, take the result back and bring it again, and compare every byte of both versions on the way.
    #[arg(long, conflicts_with_all = ["manifest", "into", "dry_run"])]
    pub(crate) round_trip: bool,
    /// How files are called that the run writes into a directory: after their sources with a part of their content's hash
    /// (hash), so that a reader which lists the old version and opens a file later misses it; or exactly like their
    /// sources (keep), where such a reader may mix two versions [default: hash, or as skein.toml says].
    #[arg(long, value_enum, value_name = "hash|keep", conflicts_with = "into")]
    pub(crate) names: Option<Names>,
    #[command(flatten)]
    pub(crate) sizes: ResizeArgs,
    /// Rules that the result must keep, as TOML; nothing is published where one of severity error or hold is broken, or cannot be
    /// evaluated.
    #[arg(long = "rule", value_name = "FILE.toml", conflicts_with_all = ["manifest", "into", "dry_run"])]
    pub(crate) rules: Option<PathBuf>,
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

fn verify_level(text: &str) -> Result<VerifyLevel, String> {
    text.parse().map_err(|error: skein_types::UnknownWord| error.to_string())
}

fn publish_mode(text: &str) -> Result<PublishMode, String> {
    match (text, text.strip_prefix("beside=")) {
        ("replace", _) => Ok(PublishMode::Replace),
        ("hold", _) => Ok(PublishMode::Hold),
        (_, Some(name)) => name.parse().map(PublishMode::Beside).map_err(|error: BadName| error.to_string()),
        (_, None) => Err("one of replace, hold, beside=NAME".to_owned()),
    }
}
