//! A node makes itself known, and again after it lost its lease.

use serde::{Deserialize, Serialize};
use skein_types::{Bytes, Code, ErrorClass, Millis, NodeId, codes};

use super::PROTOCOL;
use crate::Name;
use crate::bounded::Text;

/// A node that wants work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// What it is called; the same again is the same node with its next incarnation.
    pub name: Name,
    /// Of its binary, for the log.
    pub version: Text<64>,
    /// Agents that it runs at a time.
    pub slots: u32,
    /// Thousandths of a core that are there for them; 0: it does not say.
    #[serde(default)]
    pub cpu: u64,
    /// For all of them; 0: it does not say.
    pub memory: Bytes,
    /// Bytes a second that it may read from stores; none: it does not say.
    #[serde(default)]
    pub read: Option<Bytes>,
    /// Bytes a second that it may write to stores; none: it does not say.
    #[serde(default)]
    pub write: Option<Bytes>,
}

/// It is one of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// Who it is.
    pub node: NodeId,
    /// How often it was. All that an earlier one had is given to others.
    pub incarnation: u64,
    /// A renewal is good for so long from the moment that it was sent.
    pub lease_ms: Millis,
    /// The node stops so long before that.
    pub margin_ms: Millis,
    /// Longest time between two exchanges.
    pub exchange_ms: Millis,
    /// A node that reached nobody for so long ends.
    pub alone_ms: Millis,
    /// Checks the signature of compiled modules: ed25519, 64 hex digits.
    pub artifact_key: Text<64>,
}

/// A node that may not take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeRefused {
    /// Another protocol.
    #[error("the node speaks version {found} of the protocol and this server {PROTOCOL}")]
    Protocol {
        /// The node's.
        found: u32,
    },
    /// Without the secret, or with another one.
    #[error("the node did not show the fleet's secret")]
    Secret,
}

impl NodeRefused {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::Protocol { .. } => codes::NODE_PROTOCOL,
            Self::Secret => codes::NODE_SECRET,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Protocol { .. } => Some("run the same version of skein everywhere"),
            Self::Secret => Some("start the node with the secret of this server's state directory"),
        }
    }
}

/// Whether a node speaks as we do. Looked at before anything else of what it says.
pub const fn check_protocol(found: u32) -> Result<(), NodeRefused> {
    if found == PROTOCOL { Ok(()) } else { Err(NodeRefused::Protocol { found }) }
}

#[cfg(test)]
mod tests {
    use super::{NodeRefused, check_protocol};

    #[test]
    fn only_the_same_protocol_is_taken() {
        assert_eq!(check_protocol(1), Ok(()));
        for found in [0, 2] {
            let refused = check_protocol(found).unwrap_err();
            assert_eq!(refused, NodeRefused::Protocol { found });
            assert_eq!((refused.code().id, refused.code().http_status()), ("SK0660", 426));
        }
    }
}
