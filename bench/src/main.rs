//! `skein-bench`: writes benchmark tables and runs the benchmarks.

use std::io::Write as _;

use clap::{Parser, Subcommand};
use skein_bench::tables;

#[derive(Parser)]
#[command(name = "skein-bench", version, about = "Benchmark tables and side-by-side benchmarks")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write TPC-H tables as Parquet; the same arguments always give the same bytes.
    Tables(tables::Request),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Tables(request) => {
            let mut out = std::io::stdout().lock();
            for file in tables::write(&request)? {
                writeln!(out, "{}  {} rows  {}", file.path.display(), file.rows.0, file.bytes)?;
            }
            Ok(())
        }
    }
}
