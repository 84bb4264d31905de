//! `cargo xtask soak`: the long forms of seeded tests. The same tests run in `cargo xtask test` with few rounds.

mod file_systems;

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
    /// A process appends files while migrations and rollbacks run
    Writers,
    /// The suites of the store on images of ext4, XFS and Btrfs, and in memory
    FileSystems,
    /// Kills a process in which four callers commit to a ledger
    Ledger,
}

impl Name {
    /// Enough to show what it is for.
    const fn rounds(self) -> u32 {
        match self {
            Self::Crash => 200,
            Self::Readers => 1_000,
            Self::Writers => 25,
            Self::FileSystems => 40,
            Self::Ledger => 500,
        }
    }

    /// The integration test that reads `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED`, if it is one.
    const fn test(self) -> Option<&'static str> {
        match self {
            Self::Crash => Some("crash"),
            Self::Readers => Some("readers"),
            Self::Writers => Some("writers"),
            Self::FileSystems => None,
            Self::Ledger => Some("sqlite"),
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Which one; all of them if none is named
    #[arg(value_enum)]
    name: Option<Name>,
    /// Rounds: kills, swaps, migrations [default: what each is known to need]
    #[arg(long)]
    rounds: Option<u32>,
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
        let rounds = request.rounds.unwrap_or(name.rounds());
        println!("{rounds} rounds with seed {seed}; repeat with --seed {seed}");
        let Some(test) = name.test() else {
            file_systems::run(project, &surroundings, rounds, seed)?;
            continue;
        };
        let mut cargo = project.cargo();
        cargo.args(["test", "--locked", "--workspace"]).args(test::CRASH_POINTS);
        cargo.args(["--test", test, "--", "--nocapture"]);
        cargo.env("SKEIN_SOAK_ROUNDS", rounds.to_string()).env("SKEIN_SEED", seed.to_string());
        process::run(surroundings.given_to(&mut cargo))?;
    }
    Ok(())
}

/// Different each time; it is printed, so that a failure can be repeated.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
