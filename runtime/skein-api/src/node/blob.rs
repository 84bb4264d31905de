//! Blobs: bytes named by their digest. Modules' artifacts, parameters, plans, checkpoints, descriptors of staged versions.

use skein_types::{Blake3, Code, ErrorClass, codes};

/// Most bytes of a blob.
pub const BLOB_BYTES_MAX: usize = 256 << 20;

/// A blob that cannot be had or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Bytes that are not what their name says.
    #[error("the blob {named} has the digest {found}")]
    Mismatch {
        /// Its name.
        named: Blake3,
        /// Its content's.
        found: Blake3,
    },
    /// Never there, or no longer.
    #[error("there is no blob {named}")]
    NotFound {
        /// Its name.
        named: Blake3,
    },
}

impl BlobError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::Mismatch { .. } => codes::BLOB_MISMATCH,
            Self::NotFound { .. } => codes::BLOB_NOT_FOUND,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Mismatch { .. } => {
                Some("send it again; if that does not help, the store or the network between damages data")
            }
            Self::NotFound { .. } => Some("what named it is over; ask for the newest state of that"),
        }
    }
}

/// Whoever receives a blob looks, on both sides: nothing else says that it came whole.
pub fn check_blob(named: Blake3, bytes: &[u8]) -> Result<(), BlobError> {
    let found = Blake3::of(bytes);
    if found == named { Ok(()) } else { Err(BlobError::Mismatch { named, found }) }
}

#[cfg(test)]
mod tests {
    use super::{BlobError, check_blob};
    use skein_types::Blake3;

    #[test]
    fn a_blob_is_what_its_digest_says_or_refused() {
        let named = Blake3::of(b"abc");
        assert_eq!(check_blob(named, b"abc"), Ok(()));
        let refused = check_blob(named, b"ab").unwrap_err();
        assert_eq!(refused, BlobError::Mismatch { named, found: Blake3::of(b"ab") });
        assert_eq!((refused.code().id, BlobError::NotFound { named }.code().http_status()), ("SK0666", 404));
    }
}
