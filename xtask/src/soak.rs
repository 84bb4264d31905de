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
    /// A store that fails in every way, and servers that die at every named point
    Faults,
    /// Four engines read in a loop while versions are swapped
    Readers,
    /// A process appends files while migrations and rollbacks run
    Writers,
    /// The suites of the store on images of ext4, XFS and Btrfs, and in memory
    FileSystems,
    /// A campaign, with kill -9 of a node every second and of its server every ten; a round is a dataset
    CampaignKills,
    /// Kill -9 of a server alone, in whatever it does for campaigns
    ServerKills,
    /// Campaigns with datasets that fail, under three budgets; a round is a dataset
    CampaignFailures,
    /// The rollback of a campaign, killed in the middle; a round is a dataset
    CampaignRollback,
    /// A node that is stopped for longer than its lease; a round is a second
    StoppedNode,
    /// Kills a process in which four callers commit to a ledger
    Ledger,
    /// Whatever the description of the API allows; a round is a request to each route
    Openapi,
}

impl Name {
    /// Enough to show what it is for.
    const fn rounds(self) -> u32 {
        match self {
            Self::Crash | Self::Openapi => 200,
            Self::Faults => 5,
            Self::Readers => 1_000,
            Self::Writers => 25,
            Self::FileSystems => 40,
            Self::CampaignKills | Self::CampaignRollback => 5_000,
            Self::ServerKills | Self::Ledger => 500,
            Self::CampaignFailures => 1_000,
            Self::StoppedNode => 60,
        }
    }

    /// The integration test that reads `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED`, if it is one, and which part of it.
    const fn test(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Crash => Some(("crash", "")),
            Self::Faults => Some(("faults", "")),
            Self::Readers => Some(("readers", "")),
            Self::Writers => Some(("writers", "")),
            Self::FileSystems => None,
            Self::CampaignKills => Some(("campaign", "kills::")),
            Self::ServerKills => Some(("campaign", "control::")),
            Self::CampaignFailures => Some(("campaign", "failures::")),
            Self::CampaignRollback => Some(("campaign", "rollback::")),
            Self::StoppedNode => Some(("campaign", "stopped::")),
            Self::Ledger => Some(("sqlite", "")),
            Self::Openapi => Some(("openapi", "")),
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Which one; all of them if none is named
    #[arg(value_enum)]
    name: Option<Name>,
    /// Rounds: kills, swaps, migrations, datasets, seconds [default: what each is known to need]
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
        let Some((test, part)) = name.test() else {
            file_systems::run(project, &surroundings, rounds, seed)?;
            continue;
        };
        let mut cargo = project.cargo();
        cargo.args(["test", "--locked", "--workspace"]).args(test::CRASH_POINTS);
        cargo.args(["--test", test, "--", "--nocapture"]);
        if !part.is_empty() {
            // One at a time: each needs the whole machine.
            cargo.args(["--test-threads", "1", part]);
        }
        cargo.env("SKEIN_SOAK_ROUNDS", rounds.to_string()).env("SKEIN_SEED", seed.to_string());
        process::run(surroundings.given_to(&mut cargo))?;
    }
    Ok(())
}

/// Different each time; it is printed, so that a failure can be repeated.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
