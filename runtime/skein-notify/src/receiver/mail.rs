//! Addresses of mail and the server that takes it.

use std::fmt;

use lettre::Address;
use rustls::pki_types::ServerName;

use super::ReceiverError;
use crate::plain::disturbs;

const TO_MAX: usize = 20;
const ADDRESS_BYTES_MAX: usize = 254;
const LOGIN_BYTES_MAX: usize = 500;

/// How the way to a mail server is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all: for a server of this machine or network.
    None,
    /// From the moment that the server agrees to it; if it does not, nothing is sent (port 587).
    StartTls,
    /// From the beginning (port 465).
    Tls,
}

/// Who we are to a mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
}

impl Login {
    /// A user and a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Result<Self, ReceiverError> {
        let (user, password) = (user.into(), password.into());
        let sound =
            |text: &str| (1..=LOGIN_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if sound(&user) && sound(&password) {
            Ok(Self { user, password })
        } else {
            Err(ReceiverError::Login { max: LOGIN_BYTES_MAX })
        }
    }

    pub(crate) fn parts(&self) -> (&str, &str) {
        (&self.user, &self.password)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// A server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    security: Security,
    login: Option<Login>,
}

impl MailServer {
    /// By name or address. A login needs TLS.
    pub fn new(
        host: &str,
        port: u16,
        security: Security,
        login: Option<Login>,
    ) -> Result<Self, ReceiverError> {
        let named = ServerName::try_from(host).is_ok() && host.len() <= 253;
        if !named || port == 0 {
            return Err(ReceiverError::MailServer { host: host.chars().take(100).collect() });
        }
        if login.is_some() && security == Security::None {
            return Err(ReceiverError::LoginInClear);
        }
        Ok(Self { host: host.to_owned(), port, security, login })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn security(&self) -> Security {
        self.security
    }

    pub(crate) const fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// For people.
    pub(crate) fn place(&self) -> String {
        if self.host.contains(':') {
            format!("smtp://[{}]:{}", self.host, self.port)
        } else {
            format!("smtp://{}:{}", self.host, self.port)
        }
    }
}

/// People who are told by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub(crate) server: MailServer,
    pub(crate) from: Address,
    pub(crate) to: Vec<Address>,
}

impl Mail {
    /// `to` is one or more addresses with commas between.
    pub fn new(server: MailServer, from: &str, to: &str) -> Result<Self, ReceiverError> {
        let written: Vec<_> = to.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        if !(1..=TO_MAX).contains(&written.len()) {
            return Err(ReceiverError::Addresses { found: written.len(), max: TO_MAX });
        }
        let to = written.into_iter().map(|text| address("to", text)).collect::<Result<_, _>>()?;
        Ok(Self { server, from: address("from", from.trim())?, to })
    }

    /// The addresses, with commas between.
    pub fn to_text(&self) -> String {
        self.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

fn address(what: &'static str, text: &str) -> Result<Address, ReceiverError> {
    let refused = |why| ReceiverError::Address { what, text: text.chars().take(100).collect(), why };
    if text.len() > ADDRESS_BYTES_MAX {
        return Err(refused("it has more than 254 bytes"));
    }
    // It goes into commands and headers as it is.
    if !text.is_ascii() || text.chars().any(|c| disturbs(c) || matches!(c, ' ' | '<' | '>' | '"' | '\\')) {
        return Err(refused("it has characters other than letters, digits and signs of ASCII"));
    }
    text.parse().map_err(|_| refused("it is not of the form NAME@DOMAIN"))
}

#[cfg(test)]
mod tests {
    use super::{Login, Mail, MailServer, Security};
    use crate::receiver::ReceiverError;

    fn server() -> MailServer {
        MailServer::new("mail.example.com", 25, Security::None, None).unwrap()
    }

    fn refused(from: &str, to: &str) -> String {
        Mail::new(server(), from, to).unwrap_err().to_string()
    }

    #[test]
    fn one_or_more_addresses_are_taken() {
        let mail = Mail::new(server(), "skein@example.com", "a@example.com, b.c+d@example.org,").unwrap();
        assert_eq!(mail.to_text(), "a@example.com, b.c+d@example.org");
        let twenty = vec!["a@example.com"; 20].join(",");
        assert!(Mail::new(server(), "skein@example.com", &twenty).is_ok());
        assert_eq!(refused("a@b.c", ""), "mail goes to 1 to 20 addresses, and not to 0");
        assert_eq!(
            refused("a@b.c", &format!("{twenty},x@y.z")),
            "mail goes to 1 to 20 addresses, and not to 21"
        );
    }

    #[test]
    fn addresses_that_would_be_more_than_an_address_are_refused() {
        for bad in [
            "a",
            "@b.c",
            "a@",
            "a@b@c",
            "a b@c.d",
            "a@b.c>",
            "Me <a@b.c>",
            "\"a\r\nRCPT TO:<x@y>\"@b.c",
            "a@b.c\r\nBcc: x@y",
            "\"a\"@b.c",
            "ä@b.c",
            "a@bücher.example",
        ] {
            let said = refused(bad, "a@b.c");
            assert!(said.starts_with("from ") && said.contains("is no address of mail"), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
        assert!(refused("a@b.c", &format!("{}@b.c", "x".repeat(260))).contains("more than 254 bytes"));
    }

    #[test]
    fn servers_are_names_or_addresses_with_a_port() {
        for host in ["localhost", "mail.example.com", "10.0.0.1", "::1"] {
            assert!(MailServer::new(host, 25, Security::None, None).is_ok(), "{host}");
        }
        assert_eq!(MailServer::new("::1", 25, Security::None, None).unwrap().place(), "smtp://[::1]:25");
        for host in ["", "a b", "mail.example.com:25", "a\r\nb", "[::1]"] {
            let refused = MailServer::new(host, 25, Security::None, None).unwrap_err();
            assert!(matches!(refused, ReceiverError::MailServer { .. }), "{host:?}");
        }
        assert!(MailServer::new("localhost", 0, Security::None, None).is_err());
    }

    #[test]
    fn a_password_needs_tls_and_is_never_printed() {
        let login = || Some(Login::new("skein", "hush").unwrap());
        let clear = MailServer::new("mail.example.com", 25, Security::None, login()).unwrap_err();
        assert_eq!(clear, ReceiverError::LoginInClear);
        let server = MailServer::new("mail.example.com", 587, Security::StartTls, login()).unwrap();
        assert!(!format!("{server:?}").contains("hush"), "{server:?}");
        for (user, password) in [("", "x"), ("x", ""), ("a\0b", "x"), ("a", "x\r\n")] {
            assert!(Login::new(user, password).is_err(), "{user:?} {password:?}");
        }
        assert!(Login::new("x", "x".repeat(501)).is_err());
    }
}
