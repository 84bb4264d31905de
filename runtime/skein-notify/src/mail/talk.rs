//! A conversation with a mail server about one message (RFC 5321, RFC 3207, RFC 4954).
//!
//! The words and the reading of replies are lettre's; the connection is ours, because lettre's own waits for each piece of a
//! reply anew and takes a line of any length. All recipients get the message or none does: a refused one ends it before anything is
//! sent, so that another try tells nobody twice.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail as From, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::deadline::Deadline;
use crate::error::{MailStep, SendError};
use crate::receiver::{Login, Mail, MailServer, Security};
use crate::sender::trouble;

use super::wire::Wire;

/// For a last word. The message is delivered by then, or will not be.
const FAREWELL: Duration = Duration::from_millis(500);
/// Asked for user and password, a server asks twice.
const CHALLENGES_MAX: usize = 3;

/// The way to a mail server.
pub(crate) struct Way<'a> {
    pub(crate) socket: TcpStream,
    pub(crate) tls: &'a Arc<ClientConfig>,
    pub(crate) deadline: Deadline,
    /// For people, in errors.
    pub(crate) place: String,
}

/// Delivers a message. Answers with the server's status.
pub(crate) fn deliver(mail: &Mail, message: &[u8], way: Way<'_>) -> Result<u16, SendError> {
    let Way { socket, tls, deadline, place } = way;
    let wire = Wire::new(socket, deadline);
    let mut talk = Talk { wire, place, server: ServerInfo::default() };
    let delivered = talk.enter(&mail.server, tls).and_then(|()| talk.tell(mail, message));
    talk.farewell();
    delivered
}

struct Talk {
    wire: Wire,
    place: String,
    server: ServerInfo,
}

impl Talk {
    /// Up to where mail may be sent.
    fn enter(&mut self, server: &MailServer, tls: &Arc<ClientConfig>) -> Result<(), SendError> {
        if server.security() == Security::Tls {
            self.secure(server, tls)?;
        }
        self.heard(MailStep::Greeting)?;
        self.hello()?;
        if server.security() == Security::StartTls {
            if !self.server.supports_feature(Extension::StartTls) {
                return Err(self.cannot("STARTTLS"));
            }
            self.ask(Starttls, MailStep::StartTls)?;
            self.secure(server, tls)?;
            self.hello()?;
        }
        server.login().map_or(Ok(()), |login| self.login(login))
    }

    fn secure(&mut self, server: &MailServer, tls: &Arc<ClientConfig>) -> Result<(), SendError> {
        let name = ServerName::try_from(server.host().to_owned()).map_err(io::Error::other);
        let secured = name.and_then(|name| self.wire.secure(tls, name));
        secured.map_err(|error| trouble(self.place.clone(), &error))
    }

    fn hello(&mut self) -> Result<(), SendError> {
        let we = self.wire.own_address().map_err(|error| trouble(self.place.clone(), &error))?;
        let we = match we {
            IpAddr::V4(address) => ClientId::Ipv4(address),
            IpAddr::V6(address) => ClientId::Ipv6(address),
        };
        let reply = self.ask(Ehlo::new(we), MailStep::Hello)?;
        self.server = ServerInfo::from_response(&reply).map_err(|_| self.nonsense())?;
        Ok(())
    }

    fn login(&mut self, login: &Login) -> Result<(), SendError> {
        let Some(mechanism) = self.server.get_auth_mechanism(DEFAULT_MECHANISMS) else {
            return Err(self.cannot("a login by PLAIN or LOGIN"));
        };
        let (user, password) = login.parts();
        let credentials = Credentials::new(user.to_owned(), password.to_owned());
        let begin = Auth::new(mechanism, credentials.clone(), None).map_err(|_| self.nonsense())?;
        let mut reply = self.ask(begin, MailStep::Login)?;
        for _ in 0..CHALLENGES_MAX {
            if !reply.has_code(334) {
                break;
            }
            let answer = Auth::new_from_response(mechanism, credentials.clone(), &reply);
            let answer = answer.map_err(|_| self.nonsense())?;
            reply = self.ask(answer, MailStep::Login)?;
        }
        if reply.has_code(235) { Ok(()) } else { Err(self.nonsense()) }
    }

    fn tell(&mut self, mail: &Mail, message: &[u8]) -> Result<u16, SendError> {
        self.ask(From::new(Some(mail.from.clone()), Vec::new()), MailStep::From)?;
        for (number, to) in (1..).zip(&mail.to) {
            self.ask(Rcpt::new(to.clone(), Vec::new()), MailStep::To(number))?;
        }
        if !self.ask(Data, MailStep::Data)?.has_code(354) {
            return Err(self.nonsense());
        }
        self.said(&stuffed(message))?;
        let reply = self.heard(MailStep::Message)?;
        // Anything else would be a question, and nothing is left to say.
        if reply.code().severity == Severity::PositiveCompletion {
            Ok(reply.code().into())
        } else {
            Err(self.nonsense())
        }
    }

    /// Says good-bye. Nothing depends on it.
    fn farewell(&mut self) {
        self.wire.hurry(FAREWELL);
        if self.wire.say(Quit.to_string().as_bytes()).is_ok() {
            self.wire.reply().ok();
        }
    }

    fn ask(&mut self, command: impl Display, step: MailStep) -> Result<Response, SendError> {
        self.said(command.to_string().as_bytes())?;
        self.heard(step)
    }

    fn said(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.wire.say(bytes).map_err(|error| trouble(self.place.clone(), &error))
    }

    /// A reply that is not a no.
    fn heard(&mut self, step: MailStep) -> Result<Response, SendError> {
        let text = self.wire.reply().map_err(|error| trouble(self.place.clone(), &error))?;
        let reply: Response = text.parse().map_err(|_| self.nonsense())?;
        let (place, status) = (self.place.clone(), u16::from(reply.code()));
        match reply.code().severity {
            Severity::PositiveCompletion | Severity::PositiveIntermediate => Ok(reply),
            Severity::TransientNegativeCompletion => Err(SendError::MailDeferred { place, step, status }),
            Severity::PermanentNegativeCompletion => Err(SendError::MailRefused { place, step, status }),
        }
    }

    fn cannot(&self, what: &'static str) -> SendError {
        SendError::MailCannot { place: self.place.clone(), what }
    }

    fn nonsense(&self) -> SendError {
        let why = "it answers what no mail server does".to_owned();
        SendError::Unreachable { place: self.place.clone(), why }
    }
}

/// The message as it travels: a dot at the beginning of a line is two, and one alone ends it.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut at_beginning = true;
    for byte in message {
        if at_beginning && *byte == b'.' {
            out.push(b'.');
        }
        out.push(*byte);
        at_beginning = *byte == b'\n';
    }
    if !at_beginning {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::stuffed;

    #[test]
    fn a_line_with_a_dot_does_not_end_the_message() {
        assert_eq!(stuffed(b".\r\n..a\r\nb.\r\n"), b"..\r\n...a\r\nb.\r\n.\r\n");
        assert_eq!(stuffed(b"a"), b"a\r\n.\r\n");
        assert_eq!(stuffed(b""), b".\r\n");
    }
}
