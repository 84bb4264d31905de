//! `cargo xtask`: the project's own commands, one module each.
//!
//! Nothing here is part of Skein; the binary and the crates do not know that it exists. Commands print what they run,
//! so that a person can run it without them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is what these commands are for"
)]

mod bench;
mod chromium;
mod demo;
mod environment;
mod finding;
mod guests;
mod layers;
mod privileges;
mod process;
mod project;
mod python;
mod reference;
mod setup;
mod soak;
mod source_tree;
mod stopwatch;
mod surroundings;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::project::Project;
use crate::source_tree::SourceTree;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks every Cargo.toml against the level table of ARCHITECTURE.md
    Layers,
    /// Checks the house rules that a program can check
    Tidy,
    /// Everything that a reviewer needs to trust a change
    Test {
        /// What of it
        #[arg(value_enum, default_value_t = test::Extent::Full)]
        extent: test::Extent,
    },
    /// Measures Skein beside DuckDB and Polars
    Bench(bench::Request),
    /// Runs the long forms of seeded tests
    Soak(soak::Request),
    /// Tells the story from end to end, each step checked
    Demo(demo::Request),
    /// Builds the migration modules and test guests for wasm32-wasip2
    Guests,
    /// Writes the pages of docs/reference that are made from the code
    Reference,
    /// Installs what tests and benchmarks need: the wasm target, a Python environment and Chromium
    Setup,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let project = Project::discover()?;
    match command {
        Command::Layers => finding::report("layers", layers::check(&SourceTree::load(project.root())?)?),
        Command::Tidy => finding::report("tidy", tidy::check(&SourceTree::load(project.root())?)?),
        Command::Test { extent } => test::run(&project, extent),
        Command::Bench(request) => bench::run(&project, &request),
        Command::Soak(request) => soak::run(&project, &request),
        Command::Demo(request) => demo::run(&project, &request),
        Command::Guests => guests::build(&project).map(|dir| println!("modules in {}", dir.display())),
        Command::Reference => reference::write(&project),
        Command::Setup => {
            chromium::install()?;
            setup::install(&project).map(|python| println!("Python: {}", python.display()))
        }
    }
}
