//! What a service function refuses or fails with: a code, one line, a hint.

use skein_types::{Code, chain, codes};

/// Ready to be shown, whatever it came from.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// The catalogue's entry.
    pub code: Code,
    /// One line.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Each thing that is wrong, where there may be several.
    pub findings: Vec<String>,
}

impl ServiceError {
    /// Without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, findings: Vec::new() }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// With each thing that is wrong.
    #[must_use]
    pub(crate) fn findings(mut self, findings: Vec<String>) -> Self {
        self.findings = findings;
        self
    }

    /// There is no such thing.
    pub(crate) fn absent(what: &str, named: &str) -> Self {
        let named: String = named.chars().take(200).collect();
        Self::new(codes::NOT_FOUND, format!("there is no {what} {named:?}"))
    }

    /// What somebody wrote cannot be what it should.
    pub(crate) fn unfit(what: &str, error: &dyn std::error::Error) -> Self {
        Self::new(codes::BODY_INVALID, format!("{what}: {error}"))
    }

    /// What cannot be.
    pub(crate) fn bug(what: impl Into<String>) -> Self {
        Self::new(codes::BUG, what)
    }
}

macro_rules! from {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for ServiceError {
            fn from(error: $error) -> Self {
                Self::new(error.code(), chain(&error)).hint(error.hint())
            }
        })+
    };
}

from!(
    skein_api::BodyError,
    skein_api::node::NodeRefused,
    skein_api::node::BlobError,
    skein_campaign::task::ExchangeRefused,
    skein_ledger::LedgerError,
    skein_notify::ReceiverError
);

impl From<skein_campaign::Refused> for ServiceError {
    fn from(refused: skein_campaign::Refused) -> Self {
        Self::new(refused.code(), refused.to_string()).hint(Some(refused.hint()))
    }
}

impl From<crate::shelf::ShelfError> for ServiceError {
    fn from(error: crate::shelf::ShelfError) -> Self {
        Self::new(error.code(), chain(&error))
    }
}
