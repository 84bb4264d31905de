//! A version by its number, and where the log says that its files are. Looks at no file.

use std::sync::Arc;

use skein_types::{Code, codes};

use crate::log::machine::{History, Version};

/// A version cannot be had by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// No run has published to the dataset.
    #[error("the dataset has no history")]
    NoHistory,
    /// There is no such version.
    #[error("there is no version {version}")]
    NoSuchVersion {
        /// Which.
        version: u64,
    },
    /// Its files are not kept any more.
    #[error("the files of version {version} are no longer kept")]
    Gone {
        /// Which.
        version: u64,
    },
}

impl VersionError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NoHistory => codes::NO_HISTORY,
            Self::NoSuchVersion { .. } => codes::NO_SUCH_VERSION,
            Self::Gone { .. } => codes::VERSION_GONE,
        }
    }
}

/// A version that was made, whether or not its files are still there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) version: Arc<Version>,
    /// The one that is current.
    pub(crate) head: Arc<Version>,
    /// Whether the current one has its content.
    pub(crate) is_current: bool,
    slot: Option<u64>,
}

impl Found {
    /// The directory below `kept` that has its files, if the dataset itself does not.
    pub(crate) fn slot(&self) -> Result<u64, VersionError> {
        self.slot.ok_or(VersionError::Gone { version: self.version.version })
    }
}

impl History {
    /// Looks a version up: of this number, or the current one.
    pub(crate) fn find(&self, number: Option<u64>) -> Result<Found, VersionError> {
        let version = match number {
            Some(version) => self.version(version).ok_or(VersionError::NoSuchVersion { version })?,
            None => self.head().ok_or(VersionError::NoHistory)?,
        };
        let number = version.version;
        Ok(Found {
            version: Arc::clone(version),
            head: Arc::clone(self.head().ok_or(VersionError::NoHistory)?),
            is_current: self.is_current(number),
            slot: self.slot_of(number),
        })
    }
}
