//! `skein-bench`: writes benchmark tables and runs the benchmarks.

mod arguments;
mod campaign;
mod contender;
mod copies;
mod fingerprints;
mod fleet;
mod load;
mod many;
mod measure;
mod native;
mod scale;
mod server;
mod small_times;
mod workshop;

use std::io::Write as _;

use clap::Parser as _;
use skein_bench::report::Report;
use skein_bench::tables;

use arguments::{Arguments, Command, Measurement, Output};
use measure::Bench;

type Measure = fn(&Bench<'_>) -> anyhow::Result<Vec<Report>>;

fn main() -> anyhow::Result<()> {
    // Clients of servers need one, though they speak plain HTTP here.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("chosen twice"))?;
    let (measurement, measure): (Measurement, Measure) = match Arguments::parse().command {
        Command::Tables(request) => return write_tables(&request),
        Command::Lineitem(measurement) => (measurement, |bench| bench.lineitem()),
        Command::Rename(measurement) => (measurement, |bench| bench.rename()),
        Command::Free(measurement) => (measurement, |bench| bench.free()),
        Command::Native(measurement) => (measurement, |bench| bench.native()),
        Command::Fingerprint(measurement) => (measurement, |bench| bench.fingerprint()),
        Command::Instantiate(measurement) => (measurement, |bench| bench.instantiate()),
        Command::Compile(measurement) => (measurement, |bench| bench.compile()),
        Command::Stop(measurement) => (measurement, |bench| bench.stop()),
        Command::Small(measurement) => (measurement, |bench| bench.small()),
        Command::Campaign(measurement) => (measurement, |bench| bench.campaign()),
        Command::Scale(measurement) => (measurement, |bench| bench.scale()),
        Command::Fleet(measurement) => (measurement, |bench| bench.fleet()),
        Command::Load(measurement) => (measurement, |bench| bench.load()),
    };
    let mut out = std::io::stdout().lock();
    for report in measure(&Bench::new(&measurement)?)? {
        match measurement.output {
            Output::Table => write!(out, "{report}")?,
            Output::Json => writeln!(out, "{}", serde_json::to_string(&report)?)?,
        }
    }
    Ok(())
}

fn write_tables(request: &tables::Request) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for file in tables::write(request)? {
        writeln!(out, "{}  {} rows  {}", file.path.display(), file.rows.0, file.bytes)?;
    }
    Ok(())
}
