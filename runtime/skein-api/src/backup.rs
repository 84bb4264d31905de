//! Backups: `POST /v1/backups` writes one, in a directory of the server's machine.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, ServerId};
use utoipa::ToSchema;

use crate::Location;
use crate::time::Time;

/// Asks for a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupAsk {
    /// An absolute path that is not there yet, on the server's machine.
    pub to: Location,
    /// Put the server's keys into it: who has it then has every secret. Only a person may ask for that.
    #[serde(default)]
    pub with_keys: bool,
}

/// A backup that was written and read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// Where it is.
    pub at: Location,
    /// Of this server.
    pub server: ServerId,
    /// When.
    pub made: Time,
    /// The last event in it.
    pub position: u64,
    /// The hash of that.
    pub hash: Blake3,
    /// Files in it.
    pub files: u64,
    /// All of them together.
    pub bytes: Bytes,
    /// Whether it has the server's keys.
    pub keys: bool,
}
