//! What fences a task's owner from those that owned it before.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The current ownership of a task. Every write that concerns the task carries it, and one with an older token changes
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token {
    /// Of the ledger: higher after it was restored from a copy that may lack its last records.
    pub generation: u64,
    /// Of the task: higher each time it changes hands.
    pub epoch: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_later_generation_fences_every_epoch_of_an_earlier_one() {
        assert!(Token { generation: 2, epoch: 0 } > Token { generation: 1, epoch: u64::MAX });
        assert!(Token { generation: 2, epoch: 4 } > Token { generation: 2, epoch: 3 });
    }
}
