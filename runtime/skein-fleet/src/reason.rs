//! Why something waits: each that waits has one reason, and it is the first thing that would have to change.

use std::fmt;

use skein_types::{Code, Name, QuotaOf, Resource, Timestamp, codes};

use crate::amounts::Spoken;

/// Why a queue has no more than it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is given what waits: a node takes it with its next exchange.
    Starting,
    /// No node takes anything new.
    NoNode,
    /// No node is large enough for one of its tasks.
    NeverFits {
        /// Of what a task needs more.
        resource: Resource,
        /// How much.
        needs: u64,
        /// What the largest node has.
        largest: u64,
    },
    /// One of its tasks alone is more than a limit lets run.
    OverLimit {
        /// Whose limit.
        of: QuotaOf,
        /// Of what.
        resource: Resource,
        /// How much a task needs.
        needs: u64,
        /// The limit.
        limit: u64,
    },
    /// As much runs as a limit lets.
    AtLimit {
        /// Whose limit.
        of: QuotaOf,
        /// Of what.
        resource: Resource,
        /// The limit.
        limit: u64,
    },
    /// Guests have computed as much as they may.
    FuelSpent {
        /// Whose budget.
        of: QuotaOf,
        /// When there is some again.
        until: Timestamp,
    },
    /// Others run on what it is guaranteed; they give it back at their next checkpoints.
    Reclaiming {
        /// Who has most of it.
        from: Name,
        /// Agents that end for it.
        agents: u32,
    },
    /// What is free is promised to others who do not lend it.
    Reserved {
        /// Of what.
        resource: Resource,
    },
    /// No node has as much free, and what would be its turn is running already.
    NoneFree {
        /// Of what.
        resource: Resource,
        /// How much a task needs.
        needs: u64,
    },
    /// It is given what is in use by tasks of others that are to end by themselves.
    Ending {
        /// Tasks whose places it gets.
        agents: u32,
    },
}

impl Reason {
    /// The page about those that do not pass by waiting.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::NeverFits { .. } | Self::OverLimit { .. } => Some(codes::TASK_NEVER_FITS),
            Self::Starting
            | Self::NoNode
            | Self::AtLimit { .. }
            | Self::FuelSpent { .. }
            | Self::Reclaiming { .. }
            | Self::Reserved { .. }
            | Self::NoneFree { .. }
            | Self::Ending { .. } => None,
        }
    }

    /// Whether it waits for others to use less, and not for something of its own.
    pub(crate) const fn is_contended(&self) -> bool {
        match self {
            Self::Reclaiming { .. } | Self::Reserved { .. } | Self::NoneFree { .. } | Self::Ending { .. } => {
                true
            }
            Self::Starting
            | Self::NoNode
            | Self::NeverFits { .. }
            | Self::OverLimit { .. }
            | Self::AtLimit { .. }
            | Self::FuelSpent { .. } => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("a node takes it next"),
            Self::NoNode => f.write_str("no node takes work now"),
            Self::NeverFits { resource, needs, largest } => {
                let (needs, largest) = (Spoken(*resource, *needs), Spoken(*resource, *largest));
                write!(f, "a task needs {needs}, and the largest node has {largest}")
            }
            Self::OverLimit { of, resource, needs, limit } => {
                let (needs, limit) = (Spoken(*resource, *needs), Spoken(*resource, *limit));
                write!(f, "a task needs {needs}, and {} has a limit of {limit}", Whose(of))
            }
            Self::AtLimit { of, resource, limit } => {
                write!(f, "{} is at its limit of {}", Whose(of), Spoken(*resource, *limit))
            }
            Self::FuelSpent { of, until } => {
                write!(f, "the fuel budget of {} is spent until {until}", Whose(of))
            }
            // Which team that is, whoever waits may not see.
            Self::Reclaiming { from: _, agents } => {
                write!(f, "waits for {agents} borrowed slot(s) to come back from another team")
            }
            Self::Reserved { resource } => {
                write!(f, "what is free of {resource} is guaranteed to others who do not lend it")
            }
            Self::NoneFree { resource, needs } => {
                write!(
                    f,
                    "no node has {} free, and others have no more than their share",
                    Spoken(*resource, *needs)
                )
            }
            Self::Ending { agents } => {
                write!(f, "gets the places of {agents} running task(s) of others when they end")
            }
        }
    }
}

struct Whose<'a>(&'a QuotaOf);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            QuotaOf::Org => f.write_str("the organisation"),
            QuotaOf::Default => f.write_str("the default"),
            QuotaOf::Team(team) => write!(f, "team {team}"),
            QuotaOf::Campaign(campaign) => write!(f, "campaign {campaign}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use skein_types::{QuotaOf, Resource, Timestamp};

    #[test]
    fn reasons_are_one_line_with_who_and_how_much() {
        let of = QuotaOf::Team("shop".parse().unwrap());
        let (resource, from) = (Resource::Slots, "x".parse().unwrap());
        let said = [
            Reason::AtLimit { of: of.clone(), resource, limit: 8 },
            Reason::FuelSpent { of, until: Timestamp(3_600_000) },
            Reason::Reclaiming { from, agents: 3 },
            Reason::NeverFits { resource: Resource::Memory, needs: 2 << 30, largest: 1 << 30 },
        ]
        .map(|reason| reason.to_string());
        assert_eq!(
            said,
            [
                "team shop is at its limit of 8 slots",
                "the fuel budget of team shop is spent until 1970-01-01T01:00:00.000Z",
                "waits for 3 borrowed slot(s) to come back from another team",
                "a task needs 2GiB of memory, and the largest node has 1GiB of memory",
            ]
        );
    }
}
