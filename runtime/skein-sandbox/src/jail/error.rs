//! Why a module is not accepted.

use std::time::Duration;

use skein_types::{Code, ErrorClass, codes};

/// A submission that ends in the jail.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The module is refused or does not compile; the message names what is at fault.
    #[error("{message}")]
    Refused {
        /// Which refusal.
        code: Code,
        /// What is at fault.
        message: String,
    },
    /// The child was killed or died at a limit.
    #[error("compiling was stopped: {0}")]
    Stopped(String),
    /// The child had not ended in time: the machine was too busy, or the module keeps a compiler waiting.
    #[error("compiling did not end within {within:?}")]
    Late {
        /// [`JailOptions::wall`](super::JailOptions::wall).
        within: Duration,
    },
    /// The child could not be run.
    #[error("the compiler process cannot be run")]
    Process(#[source] std::io::Error),
    /// The child answered something that is not its protocol.
    #[error("the compiler process answered nonsense")]
    Protocol,
}

impl SubmitError {
    /// Code of the catalogue.
    pub const fn code(&self) -> Code {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Stopped(_) | Self::Late { .. } => codes::COMPILE_LIMIT,
            Self::Process(_) => codes::IO,
            Self::Protocol => codes::BUG,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    pub(super) fn refused(code: Code, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }
}
