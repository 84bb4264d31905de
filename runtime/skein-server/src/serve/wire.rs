//! A connection's bytes, with a deadline for what is written, and the refusals that `hyper` makes by itself as problems.
//!
//! `hyper` waits for ever for a peer that does not read. And where a head cannot be understood no service is asked: it answers with a
//! bare status, which here becomes what every other refusal is.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use skein_control::ServiceError;
use skein_types::codes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::limits::WRITE_TIME;
use crate::problem::bare;

/// One connection.
pub(super) struct Wire {
    stream: TcpStream,
    /// Running while the peer takes nothing of what is to be written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What is written in place of something, and how much of it is.
    instead: Option<(Vec<u8>, usize)>,
}

impl Wire {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { stream, stalled: None, instead: None }
    }

    /// Says why there is no answer, if the peer takes it at once. Where the one before is not written to its end it would become part
    /// of that, and the peer reads nothing anyway.
    pub(super) fn last_words(self, error: &ServiceError) {
        if self.stalled.is_none() {
            // Whoever does not take it does not hear it.
            self.stream.try_write(&bare(error)).ok();
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                self.stalled = None;
                Poll::Ready(written)
            }
            Poll::Pending => {
                let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIME)));
                ready!(stalled.as_mut().poll(cx));
                tracing::info!("a peer that does not read was dropped");
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the peer does not read")))
            }
        }
    }
}

/// The problem for a head that stands alone, with a status that only `hyper` answers so: ours have a body with a type.
fn problem_for(head: &[u8]) -> Option<Vec<u8>> {
    let status = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let text = head.strip_suffix(b"\r\n\r\n")?;
    if text.windows(4).any(|some| some == b"\r\n\r\n")
        || text.to_ascii_lowercase().windows(13).any(|some| some == b"content-type:")
    {
        return None;
    }
    let error = match status {
        b"400" => ServiceError::new(codes::BODY_INVALID, "the head of the request is not HTTP/1.1"),
        b"414" | b"431" => ServiceError::new(
            codes::HEAD_TOO_LARGE,
            "the line and the headers of the request are more than is taken",
        ),
        _ => return None,
    };
    Some(bare(&error))
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.instead.is_none() {
            self.instead = problem_for(bytes).map(|problem| (problem, 0));
        }
        let Some((problem, mut done)) = self.instead.take() else { return self.write(cx, bytes) };
        while done < problem.len() {
            match self.write(cx, &problem[done..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(more)) => done += more,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.instead = Some((problem, done));
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Read as _;
    use std::pin::Pin;
    use std::task::Poll;

    use skein_control::ServiceError;
    use skein_types::codes;
    use tokio::io::AsyncWrite as _;

    use super::{Wire, problem_for};

    /// A connection, and whoever is at its other end.
    async fn pair() -> (Wire, std::net::TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        (Wire::new(stream), peer)
    }

    #[tokio::test]
    async fn last_words_are_said_at_once_or_not_at_all_and_never_into_an_answer() {
        let words = ServiceError::new(codes::REQUEST_LATE, "late");
        let (wire, mut peer) = pair().await;
        wire.last_words(&words);
        let mut heard = String::new();
        peer.read_to_string(&mut heard).unwrap();
        assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
        // An answer of which the peer takes nothing, until the system takes no more of it.
        let (mut wire, mut peer) = pair().await;
        let piece = [b'x'; 64 << 10];
        poll_fn(|cx| {
            while Pin::new(&mut wire).poll_write(cx, &piece).is_ready() {}
            Poll::Ready(())
        })
        .await;
        // Some of it is taken: there is room for words, and they would be part of it.
        peer.set_nonblocking(true).unwrap();
        while peer.read(&mut [0; 64 << 10]).is_ok() {}
        wire.stream.writable().await.unwrap();
        wire.last_words(&words);
        peer.set_nonblocking(false).unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
        assert!(rest.iter().all(|byte| *byte == b'x'), "{}", String::from_utf8_lossy(&rest));
    }

    #[test]
    fn a_bare_refusal_becomes_a_problem_and_nothing_else_does() {
        let said = problem_for(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n");
        let said = String::from_utf8(said.unwrap()).unwrap();
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
        assert!(said.contains("application/problem+json") && said.contains("SK0729"), "{said}");
        for ours in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 304 Not Modified\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\nabcd",
            b"",
        ] {
            assert_eq!(problem_for(ours), None, "{}", String::from_utf8_lossy(ours));
        }
    }
}
