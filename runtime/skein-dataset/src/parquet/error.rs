//! What can be wrong with a Parquet file, and with writing one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError;
use skein_types::{Code, ErrorClass, codes};

/// Why a file cannot be read, planned for or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum FileError {
    #[error("{file:?} is not a Parquet file: {what}")]
    NotParquet { file: String, what: &'static str },
    #[error("{file:?} is cut off or damaged: {what}")]
    Damaged { file: String, what: String },
    #[error("{file:?} cannot be decoded")]
    Undecodable {
        file: String,
        #[source]
        source: ParquetError,
    },
    #[error("{file:?} is encrypted: {what}")]
    Encrypted { file: String, what: &'static str },
    #[error("the metadata of {file:?} points outside the file: {what}")]
    WildOffsets { file: String, what: String },
    #[error("{file:?} has {found} {what}, the limit is {limit}")]
    TooMany { file: String, what: &'static str, found: u64, limit: u64 },
    #[error("{file:?} uses something that cannot be read: {what}")]
    Unsupported { file: String, what: String },
    #[error("reading {file:?} failed")]
    Read {
        file: String,
        #[source]
        source: std::io::Error,
    },
    #[error("writing failed")]
    Write(#[source] std::io::Error),
    #[error("a mistake in the Parquet writer: {what}")]
    Bug { what: String },
}

impl FileError {
    /// The catalogue entry.
    pub fn code(&self) -> Code {
        match self {
            Self::NotParquet { .. } => codes::FILE_NOT_PARQUET,
            Self::Damaged { .. } | Self::Undecodable { .. } => codes::FILE_TRUNCATED,
            Self::Encrypted { .. } => codes::FILE_ENCRYPTED,
            Self::WildOffsets { .. } => codes::FILE_WILD_OFFSETS,
            Self::TooMany { .. } => codes::FILE_TOO_MANY_ROW_GROUPS,
            Self::Unsupported { .. } => codes::FILE_UNSUPPORTED,
            Self::Read { source, .. } | Self::Write(source) => io_code(source),
            Self::Bug { .. } => codes::BUG,
        }
    }

    /// Whose fault it is.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do about it, where there is more to say than the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Encrypted { .. } => Some("decrypt the file first; encrypted Parquet is not supported"),
            Self::TooMany { .. } => Some("rewrite the file with fewer, larger row groups"),
            Self::Damaged { .. } | Self::Undecodable { .. } | Self::WildOffsets { .. } => {
                Some("restore the file from its producer, or leave it out of the dataset")
            }
            Self::NotParquet { .. } | Self::Unsupported { .. } => {
                Some("leave the file out of the dataset or rewrite it")
            }
            Self::Read { .. } | Self::Write(_) | Self::Bug { .. } => None,
        }
    }

    pub(super) fn bug(what: impl Into<String>) -> Self {
        Self::Bug { what: what.into() }
    }
}

/// The writer's own failures: the data was checked before, so anything but IO is a mistake here.
impl From<ParquetError> for FileError {
    fn from(error: ParquetError) -> Self {
        Self::bug(error.to_string())
    }
}

fn io_code(error: &std::io::Error) -> Code {
    use std::io::ErrorKind;
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is plain IO trouble")]
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => codes::NO_SPACE,
        ErrorKind::ReadOnlyFilesystem => codes::READ_ONLY,
        ErrorKind::PermissionDenied => codes::PERMISSION,
        _ => codes::IO,
    }
}

/// Runs code of the Parquet crate over hostile bytes: it has asserts and unwraps that such bytes can reach.
pub(super) fn guarded<T>(file: &str, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, FileError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(undecodable(file, source)),
        Err(panic) => Err(FileError::Damaged { file: file.to_owned(), what: panic_text(panic.as_ref()) }),
    }
}

fn undecodable(file: &str, source: ParquetError) -> FileError {
    let file = file.to_owned();
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind means bytes that make no sense")]
    match source {
        ParquetError::NYI(what) => FileError::Unsupported { file, what },
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
                FileError::Read { file, source: *source }
            }
            Ok(source) => FileError::Damaged { file, what: source.to_string() },
            Err(inner) => FileError::Undecodable { file, source: ParquetError::External(inner) },
        },
        source => FileError::Undecodable { file, source },
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("the decoder gave up");
    text.chars().take(200).collect()
}
