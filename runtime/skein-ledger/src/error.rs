//! What can go wrong with a ledger, whose fault it is, and what a person can do.

use std::path::PathBuf;
use std::sync::Arc;

use skein_types::{Code, ErrorClass, codes};

/// Something that a caller asked for is out of bounds; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unit {unit}: {what}")]
pub struct Invalid {
    /// Index of the unit in the call.
    pub unit: usize,
    /// What about it.
    pub what: String,
}

/// Where a ledger does not say what was once written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file itself cannot be read.
    #[error("the file is damaged: {0}")]
    File(String),
    /// An event's hash is not that of what is there.
    #[error("position {0} was edited, or what was before it")]
    Edited(u64),
    /// An event is missing.
    #[error("position {0} is missing")]
    Missing(u64),
    /// What is there cannot be read as an event.
    #[error("position {position} cannot be read: {what}")]
    Unreadable {
        /// Where.
        position: u64,
        /// Why.
        what: String,
    },
    /// The log ends before the head that is known.
    #[error("the log ends at position {found}, and it went to {known}")]
    Cut {
        /// Where it ends.
        found: u64,
        /// Where it ended.
        known: u64,
    },
    /// The log has more than its head says.
    #[error("position {0} is behind the head")]
    Behind(u64),
    /// A blob is not what its digest says.
    #[error("the blob {0} is not what it is called")]
    Blob(skein_types::Blake3),
    /// A blob is gone that a row names, and that nobody removes as long as it does.
    #[error("the blob {digest} is gone: table {table}, row {row} names it as its {column}")]
    BlobGone {
        /// Which.
        digest: skein_types::Blake3,
        /// Where it is named.
        table: &'static str,
        /// The row's key.
        row: String,
        /// The column.
        column: &'static str,
    },
    /// There is a table, an index, a view or a trigger too many or too few, or one is another.
    #[error("it has not the tables of a ledger: {0}")]
    Tables(String),
    /// An event cannot have followed those before it.
    #[error("position {position} does not follow from what is before it: {what}")]
    Inconsistent {
        /// Where.
        position: u64,
        /// Why not.
        what: String,
    },
    /// A projection is not what the log makes of it.
    #[error("table {table}, row {row}: {what}")]
    Projection {
        /// Which table.
        table: &'static str,
        /// Its key.
        row: String,
        /// How the two differ.
        what: String,
    },
}

/// A ledger that cannot be opened, read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has the directory.
    #[error("{} belongs to process {pid}", .directory.display())]
    Locked {
        /// Which.
        directory: PathBuf,
        /// Whose, as far as it says.
        pid: String,
    },
    /// The directory cannot be made or used.
    #[error("cannot use {}", .path.display())]
    Place {
        /// Which path.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The file is another program's.
    #[error("{} is not a ledger of Skein", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("the ledger is of schema {found}, and this program knows {known}")]
    Newer {
        /// What is there.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// A newer program wrote this event.
    #[error("position {position}: {what}")]
    UnknownEvent {
        /// Where.
        position: u64,
        /// What is not known.
        what: String,
    },
    /// It does not say what was once written.
    #[error("the ledger is not what it was: {0}")]
    Damaged(Damage),
    /// No space is left; nothing of this call was written.
    #[error("no space is left for the ledger")]
    Full(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The disk failed; whether the call was written shows when the ledger is read again.
    #[error("the ledger cannot be read or written")]
    Io(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The caller asks for what cannot be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The caller asks for a list of more than there may be.
    #[error("{found} {what}; {most} are allowed")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// There is something where a copy should go.
    #[error("{} is there already", .path.display())]
    Taken {
        /// Where.
        path: PathBuf,
    },
    /// A mistake of ours.
    #[error("the ledger met what cannot be: {0}")]
    Bug(String),
}

impl LedgerError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Locked { .. } => codes::LEDGER_LOCKED,
            Self::Place { .. } => codes::LEDGER_PLACE,
            Self::Foreign { .. } => codes::LEDGER_FOREIGN,
            Self::Newer { .. } | Self::UnknownEvent { .. } => codes::LEDGER_NEWER,
            Self::Damaged(Damage::Projection { .. }) => codes::LEDGER_PROJECTION,
            Self::Damaged(_) => codes::LEDGER_DAMAGED,
            Self::Full(_) => codes::LEDGER_FULL,
            Self::Io(_) => codes::LEDGER_IO,
            Self::Invalid(_) | Self::TooMany { .. } => codes::LEDGER_INVALID,
            Self::Taken { .. } => codes::BACKUP_TAKEN,
            Self::Bug(_) => codes::BUG,
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some("stop that process, or use another directory"),
            Self::Place { .. } => Some("use a directory on a local disk that this user may write"),
            Self::Foreign { .. } => Some("use another directory; nothing in this one was changed"),
            Self::Newer { .. } | Self::UnknownEvent { .. } => {
                Some("use the version of skein that wrote it, or a newer one")
            }
            Self::Damaged(Damage::Projection { .. }) => {
                Some("the log is whole: report this, and keep a copy of the directory")
            }
            Self::Damaged(Damage::Tables(_)) => {
                Some("somebody else wrote to the file: keep a copy of the directory, and find out who")
            }
            Self::Damaged(_) => Some("keep a copy of the directory, and restore the last backup"),
            Self::Full(_) => Some("free space where the state directory is; work goes on by itself"),
            Self::Io(_) => Some("look at the system's log for what the disk says"),
            Self::Taken { .. } => Some("choose a path where nothing is"),
            Self::Invalid(_) | Self::TooMany { .. } | Self::Bug(_) => None,
        }
    }
}
