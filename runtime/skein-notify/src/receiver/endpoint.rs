//! A URL that something is posted to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use super::ReceiverError;

const URL_BYTES_MAX: usize = 2_000;

/// A URL of http or https with a host, without user or password. Printed for debugging it is its origin alone: paths and queries
/// of webhooks are secrets as often as not.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The whole of it, for whoever keeps it.
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// What of it may be shown to whoever may see that there is one: neither path nor query, in which many services have their key.
    pub fn shown(&self) -> String {
        let rest = if self.0.path() == "/" && self.0.query().is_none() { "" } else { "…" };
        format!("{}/{rest}", self.origin())
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The name to look up, or the address that stands in its place.
    pub(crate) fn host(&self) -> Host<'_> {
        let host = self.0.host_str().expect("checked when it was parsed");
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(host),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("http and https have one")
    }
}

/// What stands where the host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    /// A name.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
}

impl FromStr for Endpoint {
    type Err = ReceiverError;
    fn from_str(text: &str) -> Result<Self, ReceiverError> {
        let refused = |why| Err(ReceiverError::Url { why });
        if text.len() > URL_BYTES_MAX {
            return refused("it has more than 2,000 bytes");
        }
        // A parser of URLs drops some of these without a word, and what is shown would not be what is called.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return refused("it has spaces or control characters");
        }
        let Ok(url) = Url::parse(text) else {
            return refused("it is not of the form https://HOST/PATH");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refused("it is not of http or https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it has a user or a password");
        }
        if url.fragment().is_some() {
            return refused("it has a fragment (#), which is never sent");
        }
        if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
            return refused("it has no host, or port 0");
        }
        if url.as_str().len() > URL_BYTES_MAX {
            return refused("it has more than 2,000 bytes once it is encoded");
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}/…)", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Host};
    use crate::receiver::Receiver;

    #[test]
    fn hosts_are_what_will_be_called_however_they_are_written() {
        let host = |text: &str| match text.parse::<Endpoint>().unwrap().host() {
            Host::Name(name) => name.to_owned(),
            Host::Address(address) => format!("address {address}"),
        };
        assert_eq!(host("https://Hooks.Example.COM/x"), "hooks.example.com");
        assert_eq!(host("http://bücher.example"), "xn--bcher-kva.example");
        for loopback in ["http://127.0.0.1", "http://0x7f000001", "http://2130706433", "http://127.1"] {
            assert_eq!(host(loopback), "address 127.0.0.1", "{loopback}");
        }
        assert_eq!(host("http://[::ffff:169.254.169.254]:80/"), "address ::ffff:169.254.169.254");
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused_with_the_reason() {
        let long = format!("https://a/{}", "x".repeat(2_000));
        let folded = format!("https://a/{}", "x/../".repeat(400));
        let encoded = format!("https://a/{}", "ä".repeat(900));
        for (text, why) in [
            ("", "not of the form"),
            ("hooks.example.com/x", "not of the form"),
            ("https://", "not of the form"),
            ("file:///etc/passwd", "not of http"),
            ("gopher://a/x", "not of http"),
            ("https://me:secret@a/x", "user or a password"),
            ("https://me@a/x", "user or a password"),
            ("https://a/x#y", "fragment"),
            ("https://a:0/x", "port 0"),
            ("https://a:99999/x", "not of the form"),
            ("ht\ntps://a/x", "control characters"),
            ("https://a /x", "spaces"),
            ("https://a%0d%0ab/x", "not of the form"),
            (&long, "more than 2,000 bytes"),
            (&folded, "more than 2,000 bytes"),
            (&encoded, "more than 2,000 bytes once"),
        ] {
            let refused = text.parse::<Endpoint>().unwrap_err();
            assert!(refused.to_string().contains(why), "{text:?}: {refused}");
            assert_eq!(refused.code().id, "SK0712");
        }
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        let endpoint: Endpoint = "https://hooks.example.com:8443/in/T0/B0?token=hush".parse().unwrap();
        assert_eq!(endpoint.reveal(), "https://hooks.example.com:8443/in/T0/B0?token=hush");
        assert_eq!(endpoint.shown(), "https://hooks.example.com:8443/…");
        assert_eq!("https://a/?k=1".parse::<Endpoint>().unwrap().shown(), "https://a/…");
        assert_eq!("https://a".parse::<Endpoint>().unwrap().shown(), "https://a/");
        let chat = Receiver::Slack(endpoint);
        assert_eq!(chat.shown(), "https://hooks.example.com:8443/…");
        assert_eq!(format!("{chat:?}"), "Slack(Endpoint(https://hooks.example.com:8443/…))");
    }
}
