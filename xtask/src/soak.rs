//! `cargo xtask soak`: the long forms of seeded tests. The same tests run in `cargo xtask test` with few rounds.

use std::hash::{BuildHasher, Hasher, RandomState};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::guests;
use crate::process;
use crate::project::Project;
use crate::setup;
use crate::surroundings::Surroundings;
use crate::test;

/// The soaks, in the order in which all of them run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Kills the process at every named crash point of run, publish, rollback and recovery
    Crash,
    /// Four engines read in a loop while versions are swapped
    Readers,
}

impl Name {
    /// The integration test of `host-tests` that reads `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED`.
    const fn test(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Readers => "readers",
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Which one; all of them if none is named
    #[arg(value_enum)]
    name: Option<Name>,
    /// Rounds
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Repeats a soak that failed
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(project: &Project, request: &Request) -> Result<()> {
    let python = setup::install(project)?;
    let surroundings =
        Surroundings { guests: guests::build(project)?, skein: test::build_skein(project)?, python };
    let seed = request.seed.unwrap_or_else(fresh_seed);
    let one = request.name.as_ref().map(std::slice::from_ref);
    for name in one.unwrap_or(Name::value_variants()) {
        println!("{} rounds with seed {seed}; repeat with --seed {seed}", request.rounds);
        let mut cargo = project.cargo();
        cargo.args(["test", "--locked", "--workspace"]).args(test::CRASH_POINTS);
        cargo.args(["--test", name.test(), "--", "--nocapture"]);
        cargo.env("SKEIN_SOAK_ROUNDS", request.rounds.to_string()).env("SKEIN_SEED", seed.to_string());
        process::run(surroundings.given_to(&mut cargo))?;
    }
    Ok(())
}

/// Different each time; it is printed, so that a failure can be repeated.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
