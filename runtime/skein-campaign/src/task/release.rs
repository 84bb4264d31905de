//! Taking a task from a node, and what its deaths say about it.
//!
//! A guest that ends its node's process ends what else runs there, and nobody can tell which it was. So a task is counted each time
//! that a node died *while it was running*; after two it runs alone, where a third death leaves no doubt.

use super::{Claim, End, Ownership, Phase, TaskRefused};

/// Deaths after which a task runs alone.
pub const DEATHS_BEFORE_ALONE: u32 = 2;

/// Why a node has a task no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It is proven that the process ended.
    Died {
        /// An agent was at work on the task.
        running: bool,
    },
    /// The lease and its grace are over. The node may still run: the fence keeps what it does harmless. Says nothing about the
    /// task.
    Expired,
    /// The node said that it has it no more, or never had it.
    GivenBack,
}

/// A task that was taken from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// As it is now: ready, or failed if `suspend`.
    pub task: Ownership,
    /// It ended its node while it was alone there: nothing of its module shall start.
    pub suspend: bool,
}

impl Ownership {
    /// Takes the task from `from`. Its last checkpoint stays.
    pub fn release(&self, from: &Claim, why: Release) -> Result<Released, TaskRefused> {
        self.held_by(from)?;
        let died = matches!(why, Release::Died { running: true });
        let (suspend, deaths) = (died && self.alone(), self.deaths.saturating_add(u32::from(died)));
        let phase = if suspend { Phase::Done(End::Failed) } else { Phase::Ready };
        let task = Self { deaths, ..*self }.next_owner(phase)?;
        Ok(Released { task, suspend })
    }
}
