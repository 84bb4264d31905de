//! `cargo xtask demo`: the story from end to end, every step checked from outside.
//!
//! It says first what it will build, how long that takes and how much disk; then a server with teams and tokens gets 300 datasets
//! and a module, plans a campaign, rolls it out while one of its nodes is killed, is compared with DuckDB's answer, and takes a wave
//! back. Any mismatch ends it with an error. What was made vanishes with it, also after Ctrl-C, unless it is to be kept: then the
//! server goes on serving. What is left of the story can be walked through in a browser, which is how it is known that a newcomer can.

mod browser;
mod hostile;
mod imprint;
mod judge;
mod pictures;
mod server;
mod skein;
mod stage;
mod story;
mod walk;
mod warehouse;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::bench;
use crate::chromium;
use crate::project::Project;
use crate::stopwatch::Stopwatch;
use stage::{Interruption, Stage};

const ANNOUNCEMENT: &str = "\
This demo
  builds the skein binary, the benchmark tables' writer and the migration modules, optimised:
    about 15 minutes on 2 cores and up to 10 GB in the target directory from a clean clone, seconds after that;
  installs DuckDB, Polars and pyarrow into a Python environment in the target directory (300 MB), once;
  then makes 300 datasets of TPC-H tables (350 MB), serves them to three teams, migrates them with a node killed at
    work, compares the results with DuckDB's and rolls a wave back: at most 90 seconds and 2 GB.
It asks the server with curl, on a port of 127.0.0.1 that is free.
Outside the target directory it adds only what rustup and cargo need and lack: the toolchain and the wasm target
in ~/.rustup, downloaded crates in ~/.cargo.
";

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Keep the demo's directory, say where it is, and leave the server serving
    #[arg(long)]
    keep: bool,
    /// Then walk through its portal in Chromium as somebody who has read nothing, to a campaign that is approved and taken back
    #[arg(long)]
    walk: bool,
    /// Then put pictures of its portal's main pages there, as the documentation has them in `docs/portal`
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Where to make the demo's directory [default: the target directory]
    #[arg(long, value_name = "DIR")]
    place: Option<PathBuf>,
}

pub(crate) fn run(project: &Project, request: &Request) -> Result<()> {
    println!("{ANNOUNCEMENT}");
    let interruption = Interruption::listen()?;
    let told = build_and_tell(project, request, &interruption);
    // Whatever failed because of it, the interruption is the reason.
    interruption.check()?;
    told
}

fn build_and_tell(project: &Project, request: &Request, interruption: &Interruption) -> Result<()> {
    if request.walk || request.pictures.is_some() {
        chromium::install()?;
    }
    let surroundings = bench::prepare(project)?;
    let watch = Stopwatch::start();
    let place = request.place.as_deref().unwrap_or(project.target());
    let stage = Stage::new(place, &surroundings, interruption)?;
    let told = story::tell(project, &surroundings, &stage).and_then(|server| {
        if request.walk {
            walk::walk(project, &surroundings, &server)?;
        }
        if let Some(place) = &request.pictures {
            pictures::take(project, &surroundings, &server, place)?;
        }
        if request.keep {
            server.stays();
        }
        Ok(())
    });
    if request.keep {
        println!("\nkept: {}", stage.keep().display());
    }
    told?;
    println!("\nEverything was as it should be, in {}.", watch.read());
    Ok(())
}
