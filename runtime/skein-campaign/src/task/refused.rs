//! Why a move is not made.

use skein_types::{Code, ErrorClass, Token, codes};

/// A move that is not made; the task is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskRefused {
    /// A report of an attempt that does not have the task. Who made it stops, and says nothing more about it.
    #[error("attempt {given} does not have the task; its token is {current}")]
    Fenced {
        /// The report's.
        given: Token,
        /// The task's.
        current: Token,
    },
    /// A checkpoint that does not follow the last one.
    #[error("checkpoint {given} does not follow checkpoint {last}")]
    Checkpoint {
        /// The report's.
        given: u64,
        /// The task's; 0 if there is none.
        last: u64,
    },
    /// The task is not where the move starts.
    #[error("the task is {phase}")]
    Phase {
        /// It is there.
        phase: &'static str,
    },
    /// What is to be published is not what was intended.
    #[error("another descriptor was intended")]
    NotIntended,
    /// 2^64 owners.
    #[error("the task has no epoch left")]
    Exhausted,
}

impl TaskRefused {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::Fenced { .. } | Self::Checkpoint { .. } | Self::Phase { .. } => codes::TASK_FENCED,
            Self::NotIntended | Self::Exhausted => codes::BUG,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Fenced { .. } | Self::Checkpoint { .. } | Self::Phase { .. } => {
                Some("nothing: the attempt that has the task goes on")
            }
            Self::NotIntended | Self::Exhausted => None,
        }
    }
}
