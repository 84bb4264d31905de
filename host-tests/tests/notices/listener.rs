//! Somebody who listens on a loopback port and answers as a test wants.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use skein_notify::{Secret, Signed, VerifyError, verify};
use skein_types::{Millis, Timestamp};

/// Nothing of these tests takes longer; beyond it is stuck.
const DEADLINE: Duration = Duration::from_secs(120);
const HEARD_MAX: usize = 256;

/// What it does with its so-manieth request, from 0.
pub(crate) enum Does {
    /// Answers with this status and more lines of a head.
    Says(&'static str, String),
    /// Says nothing until the other side is gone.
    Hangs,
}

impl Does {
    pub(crate) fn says(status: &'static str) -> Self {
        Self::Says(status, String::new())
    }
}

/// A listener, and what it hears.
pub(crate) struct Listener {
    address: SocketAddr,
    heard: Receiver<Request>,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Listener {
    /// Takes everything.
    pub(crate) fn start() -> Self {
        Self::that(|_| Does::says("204 No Content"))
    }

    /// Each connection has a thread of its own, which ends with the test.
    pub(crate) fn that(does: impl Fn(usize) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = sync_channel(HEARD_MAX);
        let does = Arc::new(does);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (tell, does, stream) = (tell.clone(), Arc::clone(&does), stream.unwrap());
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let Some(request) = request(&mut stream) else { return };
                    // A test that is over has dropped its end.
                    tell.send(request).ok();
                    answer(&mut stream, does(number));
                });
            }
        });
        Self { address, heard }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    #[track_caller]
    pub(crate) fn hears(&self) -> Request {
        self.heard.recv_timeout(DEADLINE).expect("it is told something")
    }

    /// The next event of this topic; others are passed over.
    #[track_caller]
    pub(crate) fn hears_of(&self, topic: &str) -> Request {
        loop {
            let request = self.hears();
            if request.event()["type"] == format!("dev.skein.{topic}") {
                return request;
            }
        }
    }

    /// What it has heard and nobody has asked for.
    pub(crate) fn rest(&self) -> Vec<Request> {
        self.heard.try_iter().collect()
    }

    /// Whether nothing comes for so long. What comes is an error of the test's.
    pub(crate) fn is_left_alone(&self, quiet: Duration) -> bool {
        matches!(self.heard.recv_timeout(quiet), Err(RecvTimeoutError::Timeout))
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    pub(crate) fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether its signature is by this secret, and of just now.
    pub(crate) fn verified(&self, secret: &str) -> Result<(), VerifyError> {
        let secret: Secret = secret.parse().unwrap();
        let headers = Signed {
            id: self.header("webhook-id"),
            timestamp: self.header("webhook-timestamp"),
            signature: self.header("webhook-signature"),
        };
        let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let now = Timestamp(u64::try_from(now.as_millis()).unwrap());
        verify(headers, &self.body, &secret, now, Millis(300_000))
    }
}

fn request(stream: &mut TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let (line, rest) = head.split_once("\r\n").unwrap();
    let pairs = rest.lines().filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Request { line: line.to_owned(), headers, body })
}

fn answer(stream: &mut TcpStream, does: Does) {
    match does {
        Does::Says(status, head) => {
            let text = format!("HTTP/1.1 {status}\r\n{head}Content-Length: 0\r\nConnection: close\r\n\r\n");
            // The server may be dead by now.
            stream.write_all(text.as_bytes()).ok();
        }
        Does::Hangs => {
            let mut heard = [0; 1_024];
            while matches!(stream.read(&mut heard), Ok(1..)) {}
        }
    }
}
