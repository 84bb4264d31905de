//! Keys that statements are signed with.

use skein_types::{Name, Text, Timestamp};

/// A key that was introduced. The last of them is the one that is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Which.
    pub id: Name,
    /// Its public half, in base64.
    pub public: Text,
    /// From when on, as its signatures cover it.
    pub at: Timestamp,
    /// The one that it took the place of.
    pub before: Option<Name>,
    /// Its own signature.
    pub by_key: Text,
    /// That of the one before.
    pub by_before: Option<Text>,
    /// Position of the decision.
    pub position: u64,
}
