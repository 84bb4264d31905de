//! Somebody who listens on a loopback port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A peer that says nothing for so long is gone.
const DEADLINE: Duration = Duration::from_secs(60);
const CONNECTIONS_MAX: usize = 16;

/// Takes connections, one after the other, until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Listener {
    /// Does so with each connection. What it returns can be asked for with the receiver.
    pub(crate) fn that<T: Send + 'static>(
        serve: impl Fn(TcpStream) -> T + Send + 'static,
    ) -> (Self, Receiver<T>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closing = Arc::new(AtomicBool::new(false));
        let (tell, told) = sync_channel(CONNECTIONS_MAX);
        let closed = Arc::clone(&closing);
        let thread = std::thread::spawn(move || {
            let mut connections = 0;
            for stream in listener.incoming().take(CONNECTIONS_MAX) {
                if closed.load(Ordering::Acquire) {
                    break;
                }
                connections += 1;
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                stream.set_write_timeout(Some(DEADLINE)).unwrap();
                // A test that does not ask has dropped its end.
                tell.send(serve(stream)).ok();
            }
            connections
        });
        (Self { address, closing, thread: Some(thread) }, told)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops, and tells how many connections there were.
    pub(crate) fn connections(mut self) -> usize {
        self.close()
    }

    fn close(&mut self) -> usize {
        let Some(thread) = self.thread.take() else { return 0 };
        self.closing.store(true, Ordering::Release);
        // It waits for a connection.
        drop(TcpStream::connect(self.address));
        thread.join().unwrap_or_default()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Reads one request to its end.
pub(crate) fn request(stream: &mut (impl Read + ?Sized)) -> Request {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    Request { line, headers, body }
}

/// An answer: `200 OK` or so, more lines of the head, a body.
pub(crate) fn answer(stream: &mut (impl Write + ?Sized), status: &str, head: &str, body: &str) {
    let text = format!("HTTP/1.1 {status}\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
    // A sender that has seen enough may be gone.
    stream.write_all(text.as_bytes()).ok();
}

/// Whoever writes for ever; here, for much longer than anybody should listen. Whether it was left before the end.
pub(crate) fn pour(stream: &mut TcpStream, piece: &[u8], most: usize) -> bool {
    (0..most / piece.len()).any(|_| stream.write_all(piece).is_err())
}

/// Writes a byte at a time, slowly enough that no wait for a single byte is long. Whether it was left before the end.
pub(crate) fn drip(stream: &mut TcpStream, piece: &[u8]) -> bool {
    stream.set_nodelay(true).unwrap();
    // The pause is what this receiver does, not what the test waits for.
    (0..3_000).any(|n| {
        std::thread::sleep(Duration::from_millis(10));
        stream.write_all(&piece[n % piece.len()..][..1]).is_err()
    })
}

/// Says nothing until the other side is gone.
pub(crate) fn hang(stream: &mut TcpStream) {
    let mut heard = [0; 1_024];
    while matches!(stream.read(&mut heard), Ok(1..)) {}
}
