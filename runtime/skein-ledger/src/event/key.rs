//! What is decided about the key that statements are signed with.

use serde::{Deserialize, Serialize};
use skein_types::{Name, Text, Timestamp};

/// Statements are signed with this key from now on, and with none that was before. The signatures are over the other fields, as
/// whoever made them spells them: the ledger does not look at them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyIntroduced {
    /// Its id; new.
    pub key: Name,
    /// The public half, in base64.
    pub public: Text,
    /// When, as the signatures cover it.
    pub at: Timestamp,
    /// The one that it takes the place of; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Name>,
    /// This key's own signature: whoever introduced it had it, and vouches for the one before.
    pub by_key: Text,
    /// The signature of the one before; none where that was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_before: Option<Text>,
}
