//! What SQLite's errors mean: full, damaged, a disk that fails, or a mistake of ours.

use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::error::{Damage, LedgerError};
use crate::guard::Found;

/// Why a write stops: it does not fit, or it cannot be done.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Found),
    Failed(LedgerError),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error)
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(inner) = error.sqlite_error() else { return of_values(&error) };
        // A full disk also shows where the index of the write-ahead log cannot grow.
        if inner.code == ErrorCode::DiskFull || inner.extended_code == ffi::SQLITE_IOERR_SHMSIZE {
            return Self::Full(Arc::new(error));
        }
        if matches!(inner.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) {
            return Self::Damaged(Damage::File(error.to_string()));
        }
        let outside = matches!(
            inner.code,
            ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OutOfMemory
                | ErrorCode::NoLargeFileSupport
        );
        if outside { Self::Io(Arc::new(error)) } else { Self::Bug(error.to_string()) }
    }
}

/// Errors that are not SQLite's: a cell that cannot be what its column says, or a statement of ours that is wrong.
fn of_values(error: &rusqlite::Error) -> LedgerError {
    let cell = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    );
    match cell {
        true => LedgerError::Damaged(Damage::File(error.to_string())),
        false => LedgerError::Bug(error.to_string()),
    }
}
