//! What a server is called: by its nodes and the commands of its machine, and by people wherever they are.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use skein_types::codes;

use crate::failure::Failure;

/// Names that people know it by.
pub(super) struct Names<'a> {
    url: Option<Url>,
    hosts: &'a [String],
}

impl<'a> Names<'a> {
    pub(super) fn of(url: Option<&str>, hosts: &'a [String]) -> Result<Self, Failure> {
        Ok(Self { url: url.map(public).transpose()?, hosts })
    }

    /// Those that requests may be sent to.
    pub(super) fn hosts(&self) -> Vec<String> {
        let of_url = self.url.as_ref().and_then(Url::host_str).map(str::to_owned);
        self.hosts.iter().cloned().chain(of_url).collect()
    }

    /// Where people find a server that listens there. One that has a name and is reached from its machine alone has something in front
    /// of it that speaks TLS: nothing else has a token sent to it.
    pub(super) fn url(&self, listens: SocketAddr) -> String {
        match (&self.url, self.hosts.first()) {
            (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
            (None, Some(host)) if listens.ip().is_loopback() => format!("https://{host}"),
            (None, Some(host)) => format!("http://{host}:{}", listens.port()),
            (None, None) => on_this_machine(listens),
        }
    }
}

/// Where its own machine finds it: who listens at all addresses is at none that is called so.
pub(super) fn on_this_machine(listens: SocketAddr) -> String {
    let ip = match (listens.ip().is_unspecified(), listens.is_ipv4()) {
        (false, _) => listens.ip(),
        (true, true) => Ipv4Addr::LOCALHOST.into(),
        (true, false) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(ip, listens.port()))
}

fn public(text: &str) -> Result<Url, Failure> {
    let refused = |why: &str| {
        Failure::text(codes::USAGE, format!("--url {text:?} {why}"))
            .hint(Some("such as https://skein.example.org, or with a path below which the server is"))
    };
    let url = Url::parse(text).map_err(|error| refused(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("is neither http nor https"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(refused("has more than a name, a port and a path"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{Names, on_this_machine};

    #[test]
    fn who_listens_everywhere_is_found_on_its_own_machine() {
        let told = |listens: &str| on_this_machine(listens.parse().unwrap());
        assert_eq!(told("0.0.0.0:7447"), "http://127.0.0.1:7447");
        assert_eq!(told("[::]:7447"), "http://[::1]:7447");
        assert_eq!(told("10.0.0.5:1"), "http://10.0.0.5:1");
    }

    #[test]
    fn people_are_told_the_url_or_else_the_first_name_or_else_the_address() {
        let told = |url: Option<&str>, hosts: &[&str], listens: &str| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            Names::of(url, &hosts).unwrap().url(listens.parse().unwrap())
        };
        let url = Some("https://skein.example.org/");
        assert_eq!(told(url, &["a"], "0.0.0.0:7447"), "https://skein.example.org");
        assert_eq!(told(Some("https://example.org/skein/"), &[], "0.0.0.0:1"), "https://example.org/skein");
        assert_eq!(told(None, &["a", "b"], "0.0.0.0:7447"), "http://a:7447");
        assert_eq!(told(None, &["a"], "127.0.0.1:7447"), "https://a");
        assert_eq!(told(None, &[], "0.0.0.0:7447"), "http://127.0.0.1:7447");
        assert_eq!(Names::of(url, &[]).unwrap().hosts(), ["skein.example.org"]);
        for bad in ["skein.example.org", "ftp://a", "https://a?b", "https://u:p@a", "https://a#b"] {
            assert!(Names::of(Some(bad), &[]).is_err(), "{bad}");
        }
    }
}
