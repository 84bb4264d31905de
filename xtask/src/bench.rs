//! `cargo xtask bench`: builds what is measured, optimised, and hands over to `skein-bench`.
//!
//! What is measured and how is the benchmark's business; this prepares and forwards.

use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::chromium;
use crate::guests;
use crate::process;
use crate::project::Project;
use crate::setup;
use crate::surroundings::Surroundings;

/// The measurements, in the order in which all of them run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Four of fourteen columns computed, the rest carried
    Lineitem,
    /// Rename, drop and reorder only
    Rename,
    /// Every column through the guest
    Free,
    /// Sandboxed against the same transform compiled natively
    Native,
    /// What fingerprints cost, by type and over a whole run
    Fingerprint,
    /// Time to instantiate a module
    Instantiate,
    /// Time to compile a module, and from a cached artifact to the first batch
    Compile,
    /// Time to stop a runaway guest
    Stop,
    /// Five thousand small datasets in one process
    Small,
    /// A campaign over five thousand small datasets, what it costs, and large datasets beside small ones
    Campaign,
    /// A hundred thousand registered datasets
    Scale,
    /// The portal over a hundred thousand datasets, by a browser and by a hundred who watch
    Portal,
    /// The allocator's tick, fairness and promptness
    Fleet,
    /// A server under 200 clients at once, and 500 readers of its events
    Load,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// One JSON document per benchmark on standard output
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Which one; all of them if none is named
    #[arg(value_enum)]
    name: Option<Name>,
    /// Rounds of each pair
    #[arg(long)]
    rounds: Option<u32>,
    /// TPC-H scale factor
    #[arg(long)]
    sf: Option<f64>,
    /// How results are printed
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn run(project: &Project, request: &Request) -> Result<()> {
    if request.name.is_none_or(|name| name == Name::Portal) {
        chromium::install()?;
    }
    let surroundings = prepare(project)?;
    let one = request.name.as_ref().map(std::slice::from_ref);
    for name in one.unwrap_or(Name::value_variants()) {
        let mut command = Command::new(project.target().join("release/skein-bench"));
        command.current_dir(project.root()).args(request.arguments(*name));
        process::run(surroundings.given_to(&mut command))?;
    }
    Ok(())
}

/// Release builds of the binary and the benchmark, guests, Python.
pub(crate) fn prepare(project: &Project) -> Result<Surroundings> {
    let python = setup::install(project)?;
    let guests = guests::build(project)?;
    process::run(project.cargo().args([
        "build",
        "--locked",
        "--release",
        "-p",
        "skein",
        "-p",
        "skein-bench",
    ]))?;
    Ok(Surroundings { guests, skein: project.target().join("release/skein"), python })
}

impl Request {
    fn arguments(&self, name: Name) -> Vec<String> {
        let word = name.to_possible_value().expect("no measurement is hidden").get_name().to_owned();
        let mut arguments = vec![word];
        let rounds = self.rounds.map(|rounds| ("--rounds", rounds.to_string()));
        let sf = self.sf.map(|sf| ("--sf", sf.to_string()));
        let json = (self.output == Output::Json).then(|| ("-o", "json".to_owned()));
        for (option, value) in [rounds, sf, json].into_iter().flatten() {
            arguments.extend([option.to_owned(), value]);
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, Output, Request};

    #[test]
    fn options_are_forwarded_only_if_they_were_given() {
        let request = Request { name: None, rounds: Some(7), sf: None, output: Output::Json };
        assert_eq!(request.arguments(Name::Free), ["free", "--rounds", "7", "-o", "json"]);
        let request = Request { name: None, rounds: None, sf: Some(0.1), output: Output::Table };
        assert_eq!(request.arguments(Name::Lineitem), ["lineitem", "--sf", "0.1"]);
    }
}
