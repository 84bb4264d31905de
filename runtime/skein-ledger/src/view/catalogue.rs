//! Modules and datasets.

use skein_types::{Blake3, Bytes, DatasetId, ModuleDigest, Name, Text, Timestamp};

use crate::event::dataset::Labels;
use crate::words::words;

words! {
    /// Where a module is.
    ModuleState {
        /// It is being compiled.
        Submitted = "submitted",
        /// Campaigns may use it.
        Ready = "ready",
        /// It cannot be used.
        Refused = "refused",
        /// Nothing of it starts.
        Suspended = "suspended",
        /// Nothing of it starts, and nothing else becomes of it until a person says so.
        Banned = "banned",
    }
}

/// What a team has of modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModulesOf {
    /// Names with their versions.
    pub versions: u64,
    /// Of those that were not refused, which are kept: each counts once, whatever it is called.
    pub bytes: Bytes,
}

/// A module, by one of its names and versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// What it is.
    pub digest: ModuleDigest,
    /// What it is called.
    pub name: Name,
    /// Which version of that it is.
    pub version: Name,
    /// The team that gave it this name.
    pub owner: Option<Name>,
    /// Where it was made from, as whoever gave it this name said.
    pub source: Option<Text>,
    /// Which commit of that.
    pub commit: Option<Name>,
    /// The component's size.
    pub bytes: Bytes,
    /// Where it is.
    pub state: ModuleState,
    /// Why it is there.
    pub reason: Text,
    /// The error's code, of one that is refused.
    pub code: Option<Name>,
    /// The blob with what it says of itself.
    pub manifest: Option<Blake3>,
    /// When it got where it is.
    pub since: Timestamp,
}

/// A dataset as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Which.
    pub id: DatasetId,
    /// What it is called.
    pub name: Name,
    /// What reads it.
    pub driver: Name,
    /// Where it is.
    pub location: Text,
    /// The team that it belongs to.
    pub owner: Name,
    /// Its labels.
    pub labels: Labels,
    /// When it was registered.
    pub since: Timestamp,
    /// Goes up each time its name, owner or labels are set.
    pub version: u64,
}

/// Which datasets; all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetFilter {
    /// Of this team.
    pub owner: Option<Name>,
    /// Of one of these teams. At most [`OWNERS_MAX`](crate::OWNERS_MAX).
    pub owners: Option<Vec<Name>>,
    /// With all of these labels.
    pub labels: Labels,
    /// Whose names begin so.
    pub prefix: Option<Name>,
    /// Of this driver.
    pub driver: Option<Name>,
}
