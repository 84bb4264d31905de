//! Why something that is signed is not believed.

use skein_types::{Code, ErrorClass, codes};

/// Why something that is signed is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestError {
    /// It cannot be read as what it should be.
    #[error("it cannot be read as {what}: {problem}")]
    Form {
        /// As what.
        what: &'static str,
        /// Why not.
        problem: String,
    },
    /// No signature on it is that of the bytes and the key that it names.
    #[error("the signature of {key} does not hold: what was signed was changed, or somebody else signed it")]
    Signature {
        /// The key that it names.
        key: String,
    },
    /// Nobody is trusted who signed it.
    #[error("it is signed by {key}, which is not among the keys that are trusted")]
    Key {
        /// The key that it names.
        key: String,
    },
    /// The key signed nothing any more, or nothing yet, at the time that it says.
    #[error("it says that it was made at {at}, when {key} was not the key to sign with")]
    Time {
        /// The key.
        key: String,
        /// When.
        at: String,
    },
    /// Keys that do not follow one another.
    #[error("the list of keys is not what was signed: {problem}")]
    Ring {
        /// How it shows.
        problem: String,
    },
    /// It was signed, but is about something else.
    #[error("it is {found}, and not {wanted}")]
    Other {
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// What was signed is not what is there.
    #[error("{what} is not what was signed: {problem}")]
    Content {
        /// What.
        what: String,
        /// How it shows.
        problem: String,
    },
    /// A line of an anchor.
    #[error("line {line} of the anchor: {problem}")]
    Anchor {
        /// Which, from 1.
        line: u64,
        /// What about it.
        problem: String,
    },
}

impl AttestError {
    /// The code of this error.
    pub const fn code(&self) -> Code {
        match self {
            Self::Form { .. } => codes::ATTEST_FORM,
            Self::Signature { .. } | Self::Other { .. } => codes::ATTEST_INVALID,
            Self::Key { .. } | Self::Time { .. } | Self::Ring { .. } => codes::ATTEST_KEY,
            Self::Content { .. } => codes::ATTEST_CONTENT,
            Self::Anchor { .. } => codes::ANCHOR_DIFFERS,
        }
    }

    /// Blame.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    pub(crate) fn form(what: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Form { what, problem: problem.to_string() }
    }
}
