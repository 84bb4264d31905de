//! Who is told, and how: parsed once, where somebody adds it.

mod endpoint;
mod mail;

use skein_types::{Code, ErrorClass, codes};

use crate::signature::{SecretError, Secrets};

pub use endpoint::Endpoint;
pub(crate) use endpoint::Host;
pub use mail::{Login, Mail, MailServer, Security};

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A program: a signed CloudEvent by `POST`.
    Http(Webhook),
    /// A chat: a message in the form of Slack's incoming webhooks. Whoever has the URL may write there, so it is a secret.
    Slack(Endpoint),
    /// People: mail.
    Mail(Mail),
}

/// A program that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// What it knows us by.
    pub secrets: Secrets,
}

impl Receiver {
    /// Where it is, as far as may be shown to whoever may see that there is one: of a URL nothing but the host.
    pub fn shown(&self) -> String {
        match self {
            Self::Http(webhook) => webhook.endpoint.shown(),
            Self::Slack(endpoint) => endpoint.shown(),
            Self::Mail(mail) => mail.to_text(),
        }
    }
}

/// What is wrong with something that somebody wants to add. A message never repeats more of a URL than its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiverError {
    /// No URL.
    #[error("the URL cannot be read: {why}")]
    Url {
        /// Why not.
        why: &'static str,
    },
    /// The receiver's secrets cannot be.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No address of mail.
    #[error("{what} {text:?} is no address of mail: {why}")]
    Address {
        /// Which: `from` or `to`.
        what: &'static str,
        /// What was written, bounded.
        text: String,
        /// Why not.
        why: &'static str,
    },
    /// Nobody to write to, or too many.
    #[error("mail goes to 1 to {max} addresses, and not to {found}")]
    Addresses {
        /// So many.
        found: usize,
        /// At most so many.
        max: usize,
    },
    /// No mail server.
    #[error("{host:?} is not the name or address of a mail server")]
    MailServer {
        /// What was written, bounded.
        host: String,
    },
    /// A user or password that cannot be sent.
    #[error("a user and a password have 1 to {max} bytes and no control characters")]
    Login {
        /// At most so many.
        max: usize,
    },
    /// A password that everybody on the way could read.
    #[error("a password is only sent over TLS")]
    LoginInClear,
    /// No topic of this name.
    #[error("no topic fits {word:?}{}", .nearest.map(|word| format!("; is {word} meant?")).unwrap_or_default())]
    Topic {
        /// What was written, bounded.
        word: String,
        /// What may be meant.
        nearest: Option<&'static str>,
    },
}

impl ReceiverError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        codes::RECEIVER_INVALID
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Url { .. } => Some("a URL is https://HOST[:PORT]/PATH, or http:// inside your own network"),
            Self::Secret(_) => Some("leave the secret out, and one is made"),
            Self::Address { .. } => Some("addresses are NAME@DOMAIN, with commas between"),
            Self::Addresses { .. } => Some("write to a list of your mail system"),
            Self::LoginInClear => Some("set TLS to starttls or tls, or leave user and password out"),
            Self::Topic { .. } => Some("a topic, or a beginning and *: campaign.*"),
            Self::MailServer { .. } | Self::Login { .. } => None,
        }
    }
}
