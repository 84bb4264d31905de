//! A listener of its own for Prometheus: one page, no token, nothing else.
//!
//! One connection at a time and each for a few seconds at most, so whoever holds one keeps out other scrapers and nobody that
//! matters. What it reads of a request is bounded. A page in a browser gets nothing of it, as of the server itself: neither one that
//! says where it comes from, nor one whose own name leads here.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use skein_server::is_own_name;
use skein_types::{Clock, codes};

use crate::failure::Failure;

/// For a request and its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of a request's head.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// Listens, and is called by these names beside its addresses; answers where.
pub(crate) fn start(
    (address, names): (SocketAddr, Vec<String>),
    clock: Arc<dyn Clock>,
    page: impl Fn() -> Result<String, String> + Send + 'static,
) -> Result<SocketAddr, Failure> {
    let failed = |error: std::io::Error| {
        Failure::text(codes::IO, format!("cannot listen for metrics on {address}: {error}"))
            .hint(Some("choose another port with --metrics"))
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let answer_all = move || {
        for stream in listener.incoming() {
            let answered = stream.and_then(|stream| answer(stream, (&*clock, &names), &page));
            if let Err(error) = answered {
                tracing::debug!(%error, "a scraper was not answered");
            }
        }
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(answer_all).map_err(failed)?;
    Ok(address)
}

fn answer(
    mut stream: TcpStream,
    (clock, names): (&dyn Clock, &[String]),
    page: &impl Fn() -> Result<String, String>,
) -> std::io::Result<()> {
    let until = clock.elapsed() + PATIENCE;
    let (mut head, mut some) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        let left = until.saturating_sub(clock.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        let count = stream.read(&mut some)?;
        if count == 0 || clock.elapsed() >= until {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        head.extend_from_slice(some.get(..count).unwrap_or_default());
    }
    stream.set_write_timeout(Some(PATIENCE))?;
    let (status, kind, body) = match first_line(&head) {
        Some(_) if is_strange(&head, names) => {
            ("403 Forbidden", "text/plain", "this is not for web pages\n".to_owned())
        }
        Some(("GET", "/metrics")) => match page() {
            Ok(page) => ("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", page),
            Err(error) => ("503 Service Unavailable", "text/plain", format!("{error}\n")),
        },
        Some((_, "/metrics")) => ("405 Method Not Allowed", "text/plain", "only GET\n".to_owned()),
        Some(_) | None => ("404 Not Found", "text/plain", "there is only /metrics\n".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// Method and path, without a query.
fn first_line(head: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    Some((method, target.split('?').next().unwrap_or(target)))
}

/// Whether a page of a browser asks: it says so by `Origin`, or it comes by a name that is none of ours. An address is no such name.
fn is_strange(head: &[u8], names: &[String]) -> bool {
    let head = String::from_utf8_lossy(head);
    let header = |name: &str| {
        let named = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        named.into_iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    };
    let host = header("host").unwrap_or_default();
    let is_address = host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok();
    header("origin").is_some() || !(is_address || is_own_name(host, names))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpStream};
    use std::sync::Arc;

    use skein_types::SystemClock;

    fn asked(address: SocketAddr, line: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("{line}\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn there_is_one_page_and_it_is_only_read() {
        let clock = Arc::new(SystemClock::start());
        let at = ("127.0.0.1:0".parse().unwrap(), vec!["skein.example".to_owned()]);
        let address = super::start(at, clock, || Ok("numbers\n".to_owned())).unwrap();
        for (line, status, end) in [
            ("GET /metrics HTTP/1.1\r\nHost: localhost:9447", "200", "numbers\n"),
            ("GET /metrics?x=1 HTTP/1.0\r\nX: y\r\nhost: 127.0.0.1", "200", "numbers\n"),
            ("GET /metrics HTTP/1.1\r\nHost: [::1]:9447", "200", "numbers\n"),
            ("GET /metrics HTTP/1.1\r\nHost: 10.1.2.3:9447", "200", "numbers\n"),
            ("GET /metrics HTTP/1.1\r\nHost: Skein.example:9447", "200", "numbers\n"),
            ("POST /metrics HTTP/1.1\r\nHost: localhost", "405", "only GET\n"),
            ("GET /v1/status HTTP/1.1\r\nHost: localhost", "404", "only /metrics\n"),
            ("\u{1f980}", "404", "only /metrics\n"),
            // By the name of a page whose address is changed to this one under it.
            ("GET /metrics HTTP/1.1\r\nHost: evil.example:9447", "403", "web pages\n"),
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example", "403", "web pages\n"),
            ("GET /metrics HTTP/1.1", "403", "web pages\n"),
            ("GET /metrics HTTP/1.1\r\nHost: localhost:9447\r\nOrigin: http://a", "403", "web pages\n"),
        ] {
            let answer = asked(address, line);
            assert_eq!(answer.split(' ').nth(1), Some(status), "{line}: {answer}");
            assert!(answer.ends_with(end), "{line}: {answer}");
        }
    }
}
