//! A try that did not succeed, whose fault that is and whether another one may.

use std::fmt;

use skein_types::{Code, ErrorClass, Millis, codes};

use crate::guard::Forbidden;

/// What a mail server was being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStep {
    /// Nothing yet: it speaks first.
    Greeting,
    /// Who we are (`EHLO`).
    Hello,
    /// That TLS is to begin (`STARTTLS`).
    StartTls,
    /// User and password (`AUTH`).
    Login,
    /// The sender (`MAIL`).
    From,
    /// A recipient (`RCPT`), counted from 1.
    To(usize),
    /// That the message comes (`DATA`).
    Data,
    /// The message.
    Message,
}

impl fmt::Display for MailStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting => f.write_str("the connection"),
            Self::Hello => f.write_str("EHLO"),
            Self::StartTls => f.write_str("STARTTLS"),
            Self::Login => f.write_str("the login"),
            Self::From => f.write_str("the sender"),
            Self::To(number) => write!(f, "recipient {number}"),
            Self::Data => f.write_str("DATA"),
            Self::Message => f.write_str("the message"),
        }
    }
}

/// A try that did not succeed. `place` is scheme, host and port of the receiver and nothing else of its URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No connection, or one that broke; whether the receiver has the notice is not known.
    #[error("{place} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        place: String,
        /// What the network says, bounded.
        why: String,
    },
    /// No answer in time; whether the receiver has the notice is not known.
    #[error("{place} did not answer in time")]
    Late {
        /// Where.
        place: String,
    },
    /// The receiver says that it is at fault: 5xx, 408 or 425.
    #[error("{place} failed with status {status}")]
    Failed {
        /// Where.
        place: String,
        /// Its status.
        status: u16,
    },
    /// The receiver does not want this request: another status than 2xx. A redirect is one: it is not followed.
    #[error("{place} refused with status {status}")]
    Refused {
        /// Where.
        place: String,
        /// Its status.
        status: u16,
    },
    /// The receiver wants nothing any more: 410.
    #[error("{place} is gone for good")]
    Gone {
        /// Where.
        place: String,
    },
    /// The receiver wants to be left alone for a while: 429, or 503 and when to come back.
    #[error("{place} asks for patience with status {status}")]
    TooMany {
        /// Where.
        place: String,
        /// Its status.
        status: u16,
        /// For how long, at most an hour.
        retry_after: Option<Millis>,
    },
    /// Nothing is sent there; nothing was.
    #[error("{place} is not sent to: {why}")]
    Forbidden {
        /// Where.
        place: String,
        /// Why not.
        why: Forbidden,
    },
    /// A mail server that says no for now. Nobody got the message.
    #[error("{place} put {step} off with status {status}")]
    MailDeferred {
        /// Where.
        place: String,
        /// What it was told.
        step: MailStep,
        /// Its status.
        status: u16,
    },
    /// A mail server that says no. Nobody got the message.
    #[error("{place} refused {step} with status {status}")]
    MailRefused {
        /// Where.
        place: String,
        /// What it was told.
        step: MailStep,
        /// Its status.
        status: u16,
    },
    /// A mail server that cannot do what is needed. Nobody got the message.
    #[error("{place} does not offer {what}")]
    MailCannot {
        /// Where.
        place: String,
        /// What is needed.
        what: &'static str,
    },
}

impl SendError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } | Self::Failed { .. } => codes::RECEIVER_UNREACHABLE,
            Self::Refused { .. } | Self::MailRefused { .. } | Self::MailCannot { .. } => {
                codes::RECEIVER_REFUSED
            }
            Self::Gone { .. } => codes::RECEIVER_GONE,
            Self::TooMany { .. } => codes::RECEIVER_BUSY,
            Self::Forbidden { .. } => codes::RECEIVER_FORBIDDEN,
            Self::MailDeferred { .. } => codes::MAIL_DEFERRED,
        }
    }

    /// Blame and retry: `Transient` may be tried again, nothing else.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } | Self::Failed { .. } => {
                Some("look whether the receiver runs and answers within seconds; it is tried again")
            }
            Self::Refused { status: 300..=399, .. } => {
                Some("a redirect is not followed: change the receiver's URL to where it leads")
            }
            Self::Refused { .. } => {
                Some("the same request would be refused again: mend the receiver, then retry")
            }
            Self::Gone { .. } => Some("remove the receiver, or add it again once it takes notices"),
            Self::TooMany { .. } => None,
            Self::Forbidden { .. } => Some("the server's settings say which networks may be sent to"),
            Self::MailDeferred { .. } => Some("it is tried again"),
            Self::MailRefused { step: MailStep::Login, .. } => {
                Some("check user and password of the mail server")
            }
            Self::MailRefused { .. } => {
                Some("check sender and recipients, and what the mail server lets through")
            }
            Self::MailCannot { .. } => Some("check the mail server's port and its TLS setting"),
        }
    }

    /// What the receiver answered, if it did.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Failed { status, .. }
            | Self::Refused { status, .. }
            | Self::TooMany { status, .. }
            | Self::MailDeferred { status, .. }
            | Self::MailRefused { status, .. } => Some(*status),
            Self::Gone { .. } => Some(410),
            Self::Unreachable { .. }
            | Self::Late { .. }
            | Self::Forbidden { .. }
            | Self::MailCannot { .. } => None,
        }
    }

    /// For [`crate::next_try`].
    pub const fn retry_after(&self) -> Option<Millis> {
        match self {
            Self::TooMany { retry_after, .. } => *retry_after,
            Self::Unreachable { .. }
            | Self::Late { .. }
            | Self::Failed { .. }
            | Self::Refused { .. }
            | Self::Gone { .. }
            | Self::Forbidden { .. }
            | Self::MailDeferred { .. }
            | Self::MailRefused { .. }
            | Self::MailCannot { .. } => None,
        }
    }
}
