//! The command line and the environment.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use skein_bench::rival::Python;
use skein_bench::tables;

#[derive(Parser)]
#[command(name = "skein-bench", version, about = "Benchmark tables and side-by-side benchmarks")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write TPC-H tables as Parquet; the same arguments always give the same bytes.
    Tables(tables::Request),
    /// Compute four of fourteen columns and carry ten, beside DuckDB and Polars.
    Lineitem(Measurement),
    /// Rename, drop and reorder only, beside DuckDB and Polars.
    Rename(Measurement),
    /// The work of `lineitem` with every column through the guest.
    Free(Measurement),
    /// The sandbox beside the same transform compiled natively.
    Native(Measurement),
    /// Cells and rows summed up by type, and `lineitem` with and without.
    Fingerprint(Measurement),
    /// Time to make an instance.
    Instantiate(Measurement),
    /// Time to compile a module, and from a kept artifact to the first batch.
    Compile(Measurement),
    /// Time to stop a runaway guest.
    Stop(Measurement),
    /// Five thousand datasets of 1,200 rows (at scale factor 1) in one process, beside a loop of DuckDB.
    Small(Measurement),
    /// A campaign over five thousand datasets of 1,200 rows (at scale factor 1) through a server with two nodes, what it costs,
    /// and large datasets beside small ones.
    Campaign(Measurement),
    /// A hundred thousand registered datasets (at scale factor 1): registration, plan, lists, restart, memory and disk.
    Scale(Measurement),
    /// The portal over a hundred thousand datasets (at scale factor 1) of a campaign at work: first paint, bytes and nodes of pages, frames of
    /// the heat map, and what a hundred who watch cost.
    Portal(Measurement),
    /// The allocator: time of a tick over 50 nodes and 1,000 queues, and how even, prompt and exact it is.
    Fleet(Measurement),
    /// A server under 200 clients at once, and 500 readers of its events, one of whom never reads.
    Load(Measurement),
}

/// How to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct Measurement {
    /// Timed rounds: 5 or more where medians are compared, 3 of campaigns if not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,
    /// TPC-H scale factor.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) sf: f64,
    /// Threads of every contender; the machine's cores if not given.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Directory for tables and outputs, on the disk that counts; `bench` in Cargo's target directory if not given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// How answers are printed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// JSON, one document per answer.
    Json,
}

impl Measurement {
    /// Threads of every contender.
    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Directory for tables and outputs.
    pub(crate) fn data(&self) -> anyhow::Result<PathBuf> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => Ok(target()?.join("bench")),
        }
    }
}

/// What `cargo xtask bench` built and installed.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) skein: PathBuf,
    pub(crate) guests: PathBuf,
    pub(crate) python: Python,
}

impl Surroundings {
    /// From the variables that `cargo xtask bench` sets; without them, from where it puts things.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let target = target()?;
        let named = |variable: &str, usual: &str| {
            std::env::var_os(variable).map_or_else(|| target.join(usual), PathBuf::from)
        };
        let interpreter = named("SKEIN_PYTHON", "venv/bin/python");
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals");
        Ok(Self {
            skein: named("SKEIN_BIN", "release/skein"),
            guests: named("SKEIN_TEST_GUESTS", "guests"),
            python: Python { interpreter, scripts },
        })
    }
}

/// Cargo's target directory: this binary lies in `<target>/<profile>`.
fn target() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.ancestors().nth(2).context("a binary in a directory of its profile")?.to_owned())
}
