//! `POST /node/v1/secrets`: the values of secrets that a campaign's parameters name, for a node that has a task of it.
//!
//! Values go from control's vault into a node's memory and from there into a sandbox; neither end writes them down.

use std::fmt;

use serde::{Deserialize, Serialize};
use skein_types::CampaignId;

use crate::Name;
use crate::bounded::{List, Text};
use crate::setting::SECRET_BYTES_MAX;

/// Most secrets that the parameters of one run name.
pub const SECRETS_MAX: usize = 64;

/// Bytes as hex digits.
type Hex<const MAX: usize> = Text<MAX>;

/// Asks for values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsAsk {
    /// With whose parameters. Its team's secrets, as they were when it was made.
    pub campaign: CampaignId,
    /// These.
    pub names: List<Name, SECRETS_MAX>,
}

/// Values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsTold {
    /// Of digests of values, which are a part of the parameters' digest: 64 hex digits.
    pub digest_key: Hex<64>,
    /// Each with its value in hex digits.
    pub values: List<(Name, Hex<{ 2 * SECRET_BYTES_MAX }>), SECRETS_MAX>,
}

impl fmt::Debug for SecretsTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretsTold({} values)", self.values.len())
    }
}

/// Bytes as they travel.
pub fn to_hex<const MAX: usize>(bytes: &[u8]) -> Text<MAX> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Text::escaped(&hex)
}

/// Bytes as they arrived; none if they are not such digits.
pub fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    let pairs = hex.as_bytes().chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    pairs.map(byte).collect::<Option<Vec<u8>>>().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::{SecretsTold, from_hex, to_hex};
    use crate::bounded::List;

    #[test]
    fn any_bytes_travel_and_what_is_no_hex_does_not_arrive() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex::<512>(&bytes)), Some(bytes));
        for bad in ["a", "0g", "\u{e4}"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_are_not_printed() {
        let values = List::new(vec![("key".to_owned().try_into().unwrap(), to_hex(b"hunter2"))]).unwrap();
        let told = SecretsTold { digest_key: to_hex(&[7; 32]), values };
        assert_eq!(format!("{told:?}"), "SecretsTold(1 values)");
    }
}
