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
mod portal;
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

/// What a benchmark found out, told as it goes: what comes after it may fail.
type Tell<'a> = &'a mut dyn FnMut(Report) -> anyhow::Result<()>;
type Measure = fn(&Bench<'_>, Tell<'_>) -> anyhow::Result<()>;

fn main() -> anyhow::Result<()> {
    // Clients of servers need one, though they speak plain HTTP here.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("chosen twice"))?;
    let (measurement, measure): (Measurement, Measure) = match Arguments::parse().command {
        Command::Tables(request) => return write_tables(&request),
        Command::Lineitem(measurement) => (measurement, |bench, tell| bench.lineitem(tell)),
        Command::Rename(measurement) => (measurement, |bench, tell| bench.rename(tell)),
        Command::Free(measurement) => (measurement, |bench, tell| bench.free(tell)),
        Command::Native(measurement) => (measurement, |bench, tell| bench.native(tell)),
        Command::Fingerprint(measurement) => (measurement, |bench, tell| bench.fingerprint(tell)),
        Command::Instantiate(measurement) => (measurement, |bench, tell| bench.instantiate(tell)),
        Command::Compile(measurement) => (measurement, |bench, tell| bench.compile(tell)),
        Command::Stop(measurement) => (measurement, |bench, tell| bench.stop(tell)),
        Command::Small(measurement) => (measurement, |bench, tell| bench.small(tell)),
        Command::Campaign(measurement) => (measurement, |bench, tell| bench.campaign(tell)),
        Command::Scale(measurement) => (measurement, |bench, tell| bench.scale(tell)),
        Command::Portal(measurement) => (measurement, |bench, tell| bench.portal(tell)),
        Command::Fleet(measurement) => (measurement, |bench, tell| bench.fleet(tell)),
        Command::Load(measurement) => (measurement, |bench, tell| bench.load(tell)),
    };
    let mut out = std::io::stdout().lock();
    measure(&Bench::new(&measurement)?, &mut |report| {
        match measurement.output {
            Output::Table => write!(out, "{report}")?,
            Output::Json => writeln!(out, "{}", serde_json::to_string(&report)?)?,
        }
        Ok(out.flush()?)
    })
}

fn write_tables(request: &tables::Request) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for file in tables::write(request)? {
        writeln!(out, "{}  {} rows  {}", file.path.display(), file.rows.0, file.bytes)?;
    }
    Ok(())
}
