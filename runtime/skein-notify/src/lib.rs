//! Telling receivers what happened: signed webhooks, chat, mail.
//!
//! Level 1. Whoever knows that something happened makes a [`Notice`] of it, and [`Sender::send`] tries once to get it to one
//! [`Receiver`]. [`next_try`] says when it is worth trying again. Nothing here runs by itself, remembers anything or starts a try;
//! the caller does, from a thread of its own.
//!
//! Invariants: a try ends within its [`Patience`], whatever is at the other end, and reads no more than a bound of what that
//! says. It goes to an address that the [`Guard`] let pass and to no other: names are looked up once, and the connection is made
//! to what was looked at. No redirect is followed and no proxy asked. An error never holds the query of a URL, a secret, or
//! anything that the other side wrote.
//!
//! Failure cases: what somebody wants to add and cannot be ([`ReceiverError`]); a try that did not succeed ([`SendError`]), whose
//! class says whether another one may.
//!
//! It deliberately does not know: the ledger, who wants to be told of what, how many tries there were.

mod deadline;
mod envelope;
mod error;
mod fact;
mod guard;
mod mail;
mod notice;
mod plain;
mod receiver;
mod resolve;
mod retry;
mod sender;
mod signature;
mod slack;
mod tls;
mod topic;

pub use envelope::CONTENT_TYPE;
pub use error::{MailStep, SendError};
pub use fact::{Account, Fact, Of};
pub use guard::{Forbidden, Guard, Network, NetworkError, Networks};
pub use mail::message;
pub use notice::{DATA_BYTES_MAX, Head, LINES_MAX, Notice, NoticeError, Said};
pub use receiver::{Endpoint, Login, Mail, MailServer, Receiver, ReceiverError, Security, Webhook};
pub use resolve::{Names, SystemNames};
pub use retry::{TRIES_MAX, next_try};
pub use sender::{Delivered, Outside, Patience, Sender};
pub use signature::{Secret, SecretError, Secrets, Signed, VerifyError, verify};
pub use slack::slack_body;
pub use tls::{Trust, TrustError, install_provider};
pub use topic::{Interest, Topic};
