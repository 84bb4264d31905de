//! What is decided about the server as a whole.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Text};

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
