//! What is decided about the server as a whole.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Text, Timestamp};

/// A copy of the whole server is made. It is written before the first byte is copied, so there is no copy without it; one that came to
/// nothing is on record too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupMade {
    /// Where, on the server's machine.
    pub to: Text,
    /// Whether the server's keys are in it: who has it then has every secret.
    pub with_keys: bool,
    /// The last event before this one. The copy has this one too, and may have more.
    pub position: u64,
    /// The hash of that.
    pub hash: Blake3,
}

/// This server was made of a backup: what is behind it happened to the server that the copy was made of. It is the first that is
/// written behind the copy's events, so what another server made of the same copy, or the old one, has under these numbers is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerRestored {
    /// Where the backup was, on the machine where it was restored; the beginning of it, where that is long.
    pub backup: Text,
    /// When the backup was made.
    pub made: Timestamp,
    /// The last event of the backup.
    pub position: u64,
    /// The hash of that.
    pub hash: Blake3,
    /// Whether the backup had the keys, and they were taken.
    pub with_keys: bool,
}
