//! Requests as any program can send them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::Service;

/// Of requests so far.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// An answer, as it came.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its first line and headers.
    pub head: String,
    /// What follows them.
    pub body: String,
}

impl Reply {
    /// What comes on a connection until it is closed.
    #[track_caller]
    pub fn of(mut stream: TcpStream) -> Self {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named =
            |line: &str| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        let line = self.head.lines().skip(1).find(|line| named(line))?;
        Some(line.split_once(':')?.1.trim())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A connection to some listener on which this path was asked for.
pub fn sent(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

impl Service {
    /// Asks for something that must be there.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, "", None);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Asks for a page that is text, of this server or of another listener; answers its status and body.
    pub fn page(address: &str, path: &str) -> (u16, String) {
        let address = address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split_whitespace().nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Sends a body; answers the status and the body that came back.
    pub fn post(&self, path: &str, headers: &str, body: &Value) -> (u16, Value) {
        self.request("POST", path, headers, Some(body))
    }

    /// A request as any program can send it, whole: `METHOD PATH`, more lines of its head, and a body. Answers status and body.
    pub fn send(&self, what: &str, head: &str, body: &[u8]) -> (u16, Value) {
        let reply = self.ask(what, head, body);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null))
    }

    /// The like, with the head of the answer.
    pub fn ask(&self, what: &str, head: &str, body: &[u8]) -> Reply {
        let address = self.address.trim_start_matches("http://");
        let length = body.len();
        let key = key(what, head);
        let head = format!(
            "{what} HTTP/1.1\r\nHost: {address}\r\n{head}{key}Connection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        // Whoever refuses a body need not read all of it.
        stream.write_all(body).ok();
        Reply::of(stream)
    }

    /// A connection on which nothing was said yet.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address.trim_start_matches("http://")).unwrap()
    }

    /// A campaign with its waves.
    pub fn shown(&self, campaign: &str) -> Value {
        self.get(&format!("/v1/campaigns/{campaign}"))
    }

    /// How a campaign is getting on.
    pub fn progress(&self, campaign: &str) -> Value {
        self.get(&format!("/v1/campaigns/{campaign}/progress"))
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: Option<&Value>) -> (u16, Value) {
        let address = self.address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let body = body.map(Value::to_string).unwrap_or_default();
        let key = key(method, headers);
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}{headers}{key}Content-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}

/// What is posted is another thing each time, unless a test says which.
fn key(what: &str, head: &str) -> String {
    match what.starts_with("POST") && !head.contains("Idempotency-Key") {
        true => format!("Idempotency-Key: of-a-test-{}\r\n", KEYS.fetch_add(1, Ordering::Relaxed)),
        false => String::new(),
    }
}
