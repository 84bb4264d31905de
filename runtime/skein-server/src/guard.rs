//! Whose requests are taken: those of programs that know this server by a name of its own.
//!
//! A page in a browser can send requests to a loopback address, and by a name of its own that resolves to it (DNS
//! rebinding) even read the answers. Both show: the first by `Origin`, the second by `Host`. Where people reach this server over TLS a page
//! without TLS is another one's, although it has the name of this server: whoever is on the way can write such a page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use skein_control::{Control, ServiceError};
use skein_types::codes;

use crate::problem::Refusal;

/// Names beside those of a loopback address.
pub(crate) type Hosts = Arc<[String]>;

pub(crate) async fn known_hosts_only(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match foreign(request.headers(), &hosts) {
        None => next.run(request).await,
        Some(what) => Refusal(ServiceError::new(codes::FORBIDDEN, what)).into_response(),
    }
}

/// What is known of the pages of this server.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) hosts: Hosts,
    pub(crate) control: Arc<Control>,
}

/// The like, of what pages of this server ask of it.
pub(crate) async fn own_pages_only(State(own): State<Own>, request: Request, next: Next) -> Response {
    let over_tls = |host: &str| own.control.is_over_tls(host);
    match not_of_own_page(request.headers(), (&own.hosts, over_tls)) {
        None => next.run(request).await,
        Some(what) => Refusal(ServiceError::new(codes::FORBIDDEN, what)).into_response(),
    }
}

fn not_of_own_page(
    headers: &HeaderMap,
    (hosts, over_tls): (&[String], impl Fn(&str) -> bool),
) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Whoever hides where a request comes from says `null`.
    if headers.contains_key(header::ORIGIN) {
        let (origin, host) = (text(header::ORIGIN), text(header::HOST));
        // What stands in front of this server may end TLS without having said so.
        let plain = origin.strip_prefix("http://").filter(|_| !over_tls(host));
        if plain.or_else(|| origin.strip_prefix("https://")) != Some(host) {
            return Some(format!("a page of {origin:?} asks for this, which is not this server"));
        }
    }
    strange_name(headers, hosts)
}

fn foreign(headers: &HeaderMap, hosts: &[String]) -> Option<String> {
    if headers.contains_key(header::ORIGIN) {
        return Some("requests of web pages are not taken".to_owned());
    }
    strange_name(headers, hosts)
}

fn strange_name(headers: &HeaderMap, hosts: &[String]) -> Option<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let known = is_own_name(host, hosts);
    (!known).then(|| format!("this server is {host:?} to the request, which is none of its names"))
}

/// Whether what a header `Host` says is a name of a loopback address, or one of these.
pub fn is_own_name(host: &str, hosts: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let own = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    own || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{foreign, not_of_own_page};

    #[test]
    fn requests_to_another_name_and_of_web_pages_are_refused() {
        let with = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            headers
        };
        for own in ["localhost:7447", "127.0.0.1:1", "[::1]:80", "localhost"] {
            assert_eq!(foreign(&with(own), &[]), None, "{own}");
        }
        for other in ["evil.example:7447", "127.0.0.1.evil.example", "", "localhost:x"] {
            assert!(foreign(&with(other), &[]).is_some(), "{other}");
        }
        let mut page = with("localhost:7447");
        page.insert(header::ORIGIN, HeaderValue::from_static("http://localhost:7447"));
        assert!(foreign(&page, &[]).is_some());
        let not_own = |page: &HeaderMap| not_of_own_page(page, (&[], |_: &str| false));
        assert_eq!(not_own(&page), None);
        for other in ["http://localhost:1", "http://evil.example", "null", "localhost:7447", ""] {
            page.insert(header::ORIGIN, HeaderValue::from_static(other));
            assert!(not_own(&page).is_some(), "{other}");
        }
        let over_tls = |host: &str| host == "localhost:7447";
        for (origin, refused) in [("http://localhost:7447", true), ("https://localhost:7447", false)] {
            page.insert(header::ORIGIN, HeaderValue::from_static(origin));
            assert_eq!(not_of_own_page(&page, (&[], over_tls)).is_some(), refused, "{origin}");
        }
        let named = ["skein.example".to_owned()];
        assert_eq!(foreign(&with("Skein.example:443"), &named), None);
        assert!(foreign(&with("other.example"), &named).is_some());
    }
}
