//! From where a decision came: what the process that wrote it knew of who asked.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use skein_types::{NodeId, TokenId};

/// Where a decision came from, and what was shown for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// From where.
    pub from: Whence,
    /// The token that was shown, if one was.
    pub token: Option<TokenId>,
}

/// From where something was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whence {
    /// Nobody asked from anywhere: the process decided by itself.
    #[default]
    Control,
    /// A client at this address, as the connection has it.
    Client(IpAddr),
    /// A node's report led to it.
    Node(NodeId),
}

/// A text that is no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of control, client:ADDRESS and node:ID")]
pub struct WhenceParseError(String);

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("control"),
            Self::Client(address) => write!(f, "client:{address}"),
            Self::Node(node) => write!(f, "node:{node}"),
        }
    }
}

impl FromStr for Whence {
    type Err = WhenceParseError;

    fn from_str(text: &str) -> Result<Self, WhenceParseError> {
        if text == "control" {
            return Ok(Self::Control);
        }
        let client = text.strip_prefix("client:").and_then(|address| address.parse().ok()).map(Self::Client);
        let found = client.or_else(|| text.strip_prefix("node:")?.parse().ok().map(Self::Node));
        found.ok_or_else(|| WhenceParseError(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::Whence;
    use skein_types::NodeId;
    use uuid::Uuid;

    #[test]
    fn a_place_is_read_back_from_its_text() {
        for place in [
            Whence::Control,
            Whence::Client([10, 0, 0, 7].into()),
            Whence::Client([0, 0, 0, 0, 0, 0, 0, 1].into()),
            Whence::Node(NodeId::new(Uuid::from_u128(7))),
        ] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for bad in ["", "client:", "client:host", "node:1", "somewhere"] {
            assert!(bad.parse::<Whence>().is_err(), "{bad}");
        }
    }
}
