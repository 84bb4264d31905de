//! Whether the record of decisions is what it was: `GET /v1/audit/head` and `GET /v1/audit/verification?against=HEAD`. The
//! decisions themselves are `GET /v1/audit`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use skein_types::Blake3;
use utoipa::ToSchema;

/// The last decision: its hash covers all before it. Written `POSITION:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainHead {
    /// Of the last decision; 0 before the first.
    pub position: u64,
    /// Of it and all before it.
    pub hash: Blake3,
}

/// A head that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no head such as 123:blake3:… with 64 hex digits")]
pub struct ChainHeadParseError {
    text: String,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl FromStr for ChainHead {
    type Err = ChainHeadParseError;
    fn from_str(text: &str) -> Result<Self, ChainHeadParseError> {
        let parsed = text.split_once(':').and_then(|(position, hash)| {
            Some(Self { position: position.parse().ok()?, hash: hash.parse().ok()? })
        });
        parsed.ok_or_else(|| ChainHeadParseError { text: text.chars().take(100).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::ChainHead;
    use skein_types::Blake3;

    #[test]
    fn a_head_is_parsed_back_and_half_a_one_is_none() {
        let head = ChainHead { position: 12, hash: Blake3::of(b"x") };
        assert_eq!(head.to_string().parse(), Ok(head));
        for bad in ["", "12", "12:", "x:blake3:00", &head.to_string()[..30]] {
            assert!(bad.parse::<ChainHead>().is_err(), "{bad}");
        }
    }
}
