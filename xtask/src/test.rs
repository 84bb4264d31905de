//! `cargo xtask test`: everything that a reviewer needs to trust a change.
//!
//! Nothing is left out because something is missing: that is a failure with the reason. `quick` is the same on a built
//! tree, without installing, without the documentation's examples and without lints of the guests as guests.

mod tally;

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::chromium;
use crate::finding::report;
use crate::guests;
use crate::layers;
use crate::privileges;
use crate::process;
use crate::project::Project;
use crate::setup;
use crate::source_tree::SourceTree;
use crate::stopwatch::Stopwatch;
use crate::surroundings::Surroundings;
use crate::tidy;
use tally::Tally;

/// The host's crash points are compiled in for tests; what ships has none.
pub(crate) const CRASH_POINTS: [&str; 2] = ["--features", "skein/crash-points"];

/// Tests at a time: those from outside wait for processes and disks most of their time.
const TESTS_OF_A_CORE: usize = 2;

/// How much to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Extent {
    /// Everything
    Full,
    /// Under five minutes on a built tree; installs nothing
    Quick,
}

pub(crate) fn run(project: &Project, extent: Extent) -> Result<()> {
    let whole = Stopwatch::start();
    privileges::require()?;
    check_text(project)?;
    let python = match extent {
        Extent::Full => chromium::install().and_then(|()| setup::install(project))?,
        Extent::Quick => chromium::require().and_then(|()| setup::require(project))?,
    };
    step("lints", || lint(project, extent))?;
    let guests = step("guests", || guests::build(project))?;
    let skein = step("build", || build_skein(project))?;
    let tally = step("tests", || run_tests(project, extent, &Surroundings { guests, skein, python }))?;
    println!("\nall of it took {}", whole.read());
    println!("{tally}");
    if !tally.is_sound() {
        bail!("tests failed");
    }
    Ok(())
}

/// What needs no build comes first: it fails within a second.
fn check_text(project: &Project) -> Result<()> {
    process::run(project.cargo().args(["fmt", "--all", "--check"]))?;
    let tree = SourceTree::load(project.root())?;
    report("layers", layers::check(&tree)?)?;
    report("tidy", tidy::check(&tree)?)
}

fn lint(project: &Project, extent: Extent) -> Result<()> {
    let clippy = |arguments: &[&str]| {
        let mut cargo = project.cargo();
        cargo.args(["clippy", "--locked"]).args(arguments).args(["--", "-D", "warnings"]);
        process::run(&mut cargo)
    };
    // As it ships, and as it is tested: tests are built with crash points alone. All targets both times, because without tests cargo
    // would choose other features of a few dependencies and check most of them a second time.
    clippy(&["--workspace", "--all-targets"])?;
    if extent == Extent::Quick {
        return Ok(());
    }
    clippy(&["--workspace", "--all-targets", CRASH_POINTS[0], CRASH_POINTS[1]])?;
    let packages = guests::packages(&SourceTree::load(project.root())?)?;
    let mut guests = vec!["--target", guests::TARGET];
    guests.extend(packages.iter().flat_map(|package| ["-p", package]));
    clippy(&guests)
}

/// The binary with crash points, unoptimised as the tests are. Everything is built along with it, because with fewer
/// packages cargo would choose other features and build the engine a second time for the tests.
pub(crate) fn build_skein(project: &Project) -> Result<PathBuf> {
    let mut cargo = project.cargo();
    cargo.args(["build", "--locked", "--workspace", "--all-targets"]).args(CRASH_POINTS);
    process::run(&mut cargo)?;
    Ok(project.target().join("debug/skein"))
}

fn run_tests(project: &Project, extent: Extent, surroundings: &Surroundings) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut cargo = project.cargo();
    cargo.args(["test", "--locked", "--workspace", "--no-fail-fast"]).args(CRASH_POINTS);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cargo.env("RUST_TEST_THREADS", (cores * TESTS_OF_A_CORE).to_string());
    if extent == Extent::Quick {
        cargo.arg("--all-targets");
    }
    let succeeded = process::watch(surroundings.given_to(&mut cargo), |line| tally.add(line))?;
    if !succeeded && tally.is_sound() {
        bail!("cargo test failed before or beside its tests");
    }
    Ok(tally)
}

fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let watch = Stopwatch::start();
    println!("\n== {name}");
    let answer = work()?;
    println!("== {name}: {}", watch.read());
    Ok(answer)
}
