//! One try at telling one receiver.

mod http;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use skein_types::{Clock, Millis, Timestamp};

use crate::deadline::Deadline;
use crate::error::SendError;
use crate::guard::Guard;
use crate::mail::{self, Way};
use crate::notice::Notice;
use crate::plain::one_line;
use crate::receiver::{Host, Mail, Receiver};
use crate::resolve::{LookupError, Lookups, Names, SystemNames};
use crate::tls::Trust;

use http::Post;

/// Most of what a network says that is repeated.
const WHY_MOST: usize = 300;

/// How long a receiver is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until its name is looked up, and again until there is a connection.
    pub connect: Duration,
    /// For everything.
    pub whole: Duration,
}

impl Patience {
    /// 5 seconds, and 15 for everything: what Standard Webhooks recommends at least.
    pub const STANDARD: Self = Self { connect: Duration::from_secs(5), whole: Duration::from_secs(15) };
}

/// The outside world of a sender.
#[derive(Clone, Debug)]
pub struct Outside {
    /// For deadlines.
    pub clock: Arc<dyn Clock>,
    /// Who knows addresses.
    pub names: Arc<dyn Names>,
    /// Whose certificates are believed.
    pub trust: Trust,
}

impl Outside {
    /// This machine's resolver and roots.
    pub fn of_machine(clock: Arc<dyn Clock>) -> Self {
        Self { clock, names: Arc::new(SystemNames), trust: Trust::of_machine() }
    }
}

/// A notice that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What the receiver answered: a status of HTTP or of SMTP.
    pub status: u16,
    /// From the first look at its name to the end of its answer.
    pub took: Millis,
}

/// Tells receivers. May be used by several threads at a time; a try holds one of them for as long as its [`Patience`] lasts. Not by
/// one that runs async tasks: reqwest's blocking client, which this uses, panics there.
#[derive(Clone, Debug)]
pub struct Sender {
    patience: Patience,
    guard: Guard,
    clock: Arc<dyn Clock>,
    lookups: Lookups,
    trust: Trust,
}

impl Sender {
    /// One for the whole process.
    pub fn new(patience: Patience, guard: Guard, outside: Outside) -> Self {
        let Outside { clock, names, trust } = outside;
        Self { patience, guard, clock, lookups: Lookups::new(names), trust }
    }

    /// Tries once. `now` is what the signature says about when.
    ///
    /// After [`SendError::Unreachable`] and [`SendError::Late`] the receiver may have the notice all the same.
    pub fn send(&self, notice: &Notice, receiver: &Receiver, now: Timestamp) -> Result<Delivered, SendError> {
        let begun = self.clock.elapsed();
        let deadline = Deadline::after(&self.clock, self.patience.whole);
        let sent = match receiver {
            Receiver::Http(webhook) => {
                self.post(&webhook.endpoint, Post::event(notice, webhook, now), &deadline)
            }
            Receiver::Slack(endpoint) => self.post(endpoint, Post::message(notice, now), &deadline),
            Receiver::Mail(mail) => self.mail(notice, mail, &deadline),
        };
        let took = self.clock.elapsed().saturating_sub(begun);
        let took = Millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        match &sent {
            Ok(status) => tracing::debug!(delivery = %notice.id, status, took = took.0, "a notice was taken"),
            Err(error) => tracing::debug!(delivery = %notice.id, %error, "a notice was not taken"),
        }
        sent.map(|status| Delivered { status, took })
    }

    fn mail(&self, notice: &Notice, mail: &Mail, deadline: &Deadline) -> Result<u16, SendError> {
        let (server, place) = (&mail.server, mail.server.place());
        let host = server.host().parse().map_or(Host::Name(server.host()), Host::Address);
        let addresses = self.admitted((host, server.port()), &place, deadline)?;
        let connecting = deadline.within(self.patience.connect);
        let socket = connect(&addresses, &connecting).map_err(|error| trouble(place.clone(), &error))?;
        let way = Way { socket, tls: self.trust.config(), deadline: deadline.clone(), place };
        mail::deliver(mail, &mail::message(notice, mail), way)
    }

    /// The addresses that may be connected to, at least one.
    fn admitted(
        &self,
        target: (Host<'_>, u16),
        place: &str,
        deadline: &Deadline,
    ) -> Result<Vec<SocketAddr>, SendError> {
        let place = || place.to_owned();
        let patience = deadline.within(self.patience.connect).left().unwrap_or_default();
        let found = self.lookups.addresses(target, patience).map_err(|error| match error {
            LookupError::Unknown(kind) => {
                SendError::Unreachable { place: place(), why: format!("its name has no address: {kind}") }
            }
            LookupError::Late => SendError::Late { place: place() },
            LookupError::Busy => {
                let why = "too many names wait to be looked up".to_owned();
                SendError::Unreachable { place: place(), why }
            }
        })?;
        let judged: Vec<_> = found.iter().map(|address| self.guard.judge(*address)).collect();
        let admitted: Vec<_> = found
            .iter()
            .zip(&judged)
            .filter(|(_, judged)| judged.is_ok())
            .map(|(address, _)| *address)
            .collect();
        match judged.into_iter().find_map(Result::err) {
            Some(why) if admitted.is_empty() => Err(SendError::Forbidden { place: place(), why }),
            Some(_) | None => Ok(admitted),
        }
    }
}

/// To the first of them that takes it.
fn connect(addresses: &[SocketAddr], deadline: &Deadline) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::TimedOut.into();
    for address in addresses {
        let Some(left) = deadline.left() else { break };
        match TcpStream::connect_timeout(address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What a connection died of.
pub(crate) fn trouble(place: String, error: &io::Error) -> SendError {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
        return SendError::Late { place };
    }
    let why = if kind == io::ErrorKind::UnexpectedEof {
        "it closed the connection".to_owned()
    } else if kind == io::ErrorKind::FileTooLarge {
        "it says too much".to_owned()
    } else {
        one_line(&skein_types::chain(error), WHY_MOST)
    };
    SendError::Unreachable { place, why }
}
