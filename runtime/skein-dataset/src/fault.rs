//! A failed system call with what was being done and to which path; decides the code from the errno.
//!
//! Every IO error of the files driver passes through here, so that a full disk is `SK0515` wherever it happens.

use std::io;

use rustix::io::Errno;
use skein_types::{Code, ErrorClass, codes};

/// Reading or writing failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}")]
pub struct IoFault {
    /// What was tried, as a verb.
    pub action: &'static str,
    /// On what: relative to the dataset or its state, or absolute.
    pub path: String,
    /// The system's answer.
    #[source]
    pub source: io::Error,
}

impl IoFault {
    /// Full disk, read-only, permission, asked to stop, or just IO.
    pub fn code(&self) -> Code {
        match self.source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC | Errno::DQUOT) => codes::NO_SPACE,
            Some(Errno::ROFS) => codes::READ_ONLY,
            Some(Errno::ACCESS | Errno::PERM) => codes::PERMISSION,
            Some(Errno::CANCELED) => codes::CANCELLED,
            _ => codes::IO,
        }
    }

    /// The class of [`IoFault::code`].
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        let code = self.code();
        if code == codes::NO_SPACE {
            return Some("free space beside the dataset, or give old versions up");
        }
        if code == codes::READ_ONLY {
            return Some("mount the file system for writing");
        }
        let denied = "run as a user who may read the dataset and write it and its parent; `skein doctor` says what is missing";
        (code == codes::PERMISSION).then_some(denied)
    }

    pub(crate) fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether a link, a pipe or the like is where a file was.
    pub(crate) fn is_irregular(&self) -> bool {
        crate::store::is_irregular(&self.source)
    }
}

/// Adds what was being done to an error of the system.
pub(crate) trait During<T> {
    fn during(self, action: &'static str, path: impl Into<String>) -> Result<T, IoFault>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, action: &'static str, path: impl Into<String>) -> Result<T, IoFault> {
        self.map_err(|e| IoFault { action, path: path.into(), source: e.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::During as _;
    use rustix::io::Errno;

    #[test]
    fn the_errno_decides_the_code() {
        for (errno, code) in [
            (Errno::NOSPC, "SK0515"),
            (Errno::DQUOT, "SK0515"),
            (Errno::ROFS, "SK0516"),
            (Errno::ACCESS, "SK0517"),
            (Errno::PERM, "SK0517"),
            (Errno::CANCELED, "SK0002"),
            (Errno::IO, "SK0004"),
        ] {
            let fault = Err::<(), _>(errno).during("write", "a/b").unwrap_err();
            assert_eq!(fault.code().id, code, "{errno:?}");
            assert_eq!(fault.to_string(), "cannot write a/b");
        }
    }
}
