//! Exchanges of one node, as control counts them.
//!
//! Kept in the ledger with the node's lease and changed in the transaction that takes the exchange: after a restart of control
//! an exchange that was taken and not answered is still known as such.

use skein_types::{Code, ErrorClass, codes};

/// What control knows about a node's exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// How often the node registered or lost its lease.
    pub incarnation: u64,
    /// The last exchange that was taken; 0 if there was none.
    pub sequence: u64,
}

/// What an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// The next: take what it reports, renew the lease, count it.
    Fresh(Session),
    /// The last one again, because its answer was lost: give the same answer. If that is forgotten, make it anew from what
    /// the ledger says that the node has; take nothing, renew nothing.
    Again,
}

/// An exchange that is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeRefused {
    /// The node's tasks were given to others.
    #[error("incarnation {given} of the node is over; the present one is {current}")]
    Fenced {
        /// The exchange's.
        given: u64,
        /// The node's.
        current: u64,
    },
    /// Older than the last one, or one was left out.
    #[error("exchange {given} does not follow exchange {last}")]
    Sequence {
        /// The exchange's.
        given: u64,
        /// The last one that was taken.
        last: u64,
    },
}

impl ExchangeRefused {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::Fenced { .. } => codes::NODE_FENCED,
            Self::Sequence { .. } => codes::NODE_SEQUENCE,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Fenced { .. } => Some("end all agents and register again"),
            Self::Sequence { .. } => Some("nothing: what it was about is over"),
        }
    }
}

impl Session {
    /// Looks at an exchange.
    pub fn receive(&self, incarnation: u64, sequence: u64) -> Result<Receive, ExchangeRefused> {
        if incarnation != self.incarnation {
            return Err(ExchangeRefused::Fenced { given: incarnation, current: self.incarnation });
        }
        if sequence == self.sequence && sequence > 0 {
            return Ok(Receive::Again);
        }
        if self.sequence.checked_add(1) != Some(sequence) {
            return Err(ExchangeRefused::Sequence { given: sequence, last: self.sequence });
        }
        Ok(Receive::Fresh(Self { sequence, ..*self }))
    }

    /// The node registered, died or lost its lease: whatever it says as what it was is refused from now on.
    #[must_use]
    pub const fn ended(&self) -> Self {
        Self { incarnation: self.incarnation + 1, sequence: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExchangeRefused, Receive, Session};

    #[test]
    fn the_next_is_taken_the_last_is_answered_again_and_all_others_are_refused() {
        let session = Session { incarnation: 3, sequence: 7 };
        assert_eq!(session.receive(3, 8), Ok(Receive::Fresh(Session { incarnation: 3, sequence: 8 })));
        assert_eq!(session.receive(3, 7), Ok(Receive::Again));
        for given in [0, 1, 6, 9, u64::MAX] {
            assert_eq!(session.receive(3, given), Err(ExchangeRefused::Sequence { given, last: 7 }));
        }
        for given in [0, 2, 4, u64::MAX] {
            let refused = session.receive(given, 8).unwrap_err();
            assert_eq!(refused, ExchangeRefused::Fenced { given, current: 3 });
            assert_eq!(refused.code().id, "SK0662");
        }
    }

    #[test]
    fn number_0_is_nobodys_and_the_last_number_has_none_after_it() {
        let new = Session { incarnation: 1, sequence: 0 };
        assert_eq!(new.receive(1, 0), Err(ExchangeRefused::Sequence { given: 0, last: 0 }));
        let last = Session { incarnation: 1, sequence: u64::MAX };
        assert_eq!(last.receive(1, 0), Err(ExchangeRefused::Sequence { given: 0, last: u64::MAX }));
    }

    #[test]
    fn after_its_end_nothing_that_the_node_says_as_what_it_was_is_taken() {
        let session = Session { incarnation: 3, sequence: 7 };
        let ended = session.ended();
        assert_eq!(ended.receive(3, 8), Err(ExchangeRefused::Fenced { given: 3, current: 4 }));
        assert_eq!(ended.receive(4, 1), Ok(Receive::Fresh(Session { incarnation: 4, sequence: 1 })));
    }
}
