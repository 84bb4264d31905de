//! The listening socket: how many connections there are, of whom, and how they end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use skein_control::ServiceError;
use skein_types::codes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Stages;
use super::wire::Wire;
use crate::limits::{BUFFER_BYTES, CONNECTIONS, CONNECTIONS_OF_PEER, HEAD_BYTES, HEAD_TIME};

/// After the system would not give one more connection: there may be too many files open.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Takes connections until the server closes, then waits for what is under way on them.
pub(super) async fn open(listener: TcpListener, router: Router, mut stages: Stages) {
    let seats = Arc::<Seats>::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match Seat::take(&seats, peer.ip()) {
                    Some(seat) => drop(connections.spawn(served(stream, router.clone(), stages.clone(), seat))),
                    None => turn_away(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
            Some(ended) = connections.join_next() => ended_well(ended),
            () = stages.closing() => break,
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        ended_well(ended);
    }
}

fn ended_well(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection panicked, which is a bug of Skein");
    }
}

async fn served(stream: TcpStream, router: Router, mut stages: Stages, _seat: Seat) {
    // Answers are written whole; to wait for more to send with them only makes them late.
    stream.set_nodelay(true).ok();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES);
    let wire = TokioIo::new(Wire::new(stream));
    let mut connection = http.serve_connection(wire, TowerToHyperService::new(router));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stages.closing() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let Err(error) = ended else { return };
    tracing::debug!(%error, "a connection failed");
    if error.is_timeout() {
        let parts = connection.into_parts();
        // Without a byte of a next request nobody waits for an answer.
        if !parts.read_buf.is_empty() {
            let message = format!("the head of the request was not there after {} s", HEAD_TIME.as_secs());
            parts.io.into_inner().last_words(&ServiceError::new(codes::REQUEST_LATE, message)).await;
        }
    }
}

/// One connection too many is told so if that can be done at once.
fn turn_away(stream: TcpStream) {
    tracing::warn!("a connection was turned away: there are as many as may be");
    let Ok(stream) = stream.into_std() else { return };
    let error = ServiceError::new(codes::SERVER_BUSY, "there are as many connections as may be");
    // It is not waited for: the socket takes it, or the peer finds out by itself.
    std::io::Write::write(&mut &stream, &crate::problem::bare(&error)).ok();
}

/// Who is connected.
#[derive(Debug, Default)]
struct Seats {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: BTreeMap<IpAddr, usize>,
}

/// One connection's place, given back when it ends.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    peer: IpAddr,
}

impl Seat {
    fn take(seats: &Arc<Seats>, peer: IpAddr) -> Option<Self> {
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.by.get(&peer).copied().unwrap_or_default();
        if taken.all >= CONNECTIONS || of_peer >= CONNECTIONS_OF_PEER {
            return None;
        }
        taken.all += 1;
        taken.by.insert(peer, of_peer + 1);
        drop(taken);
        Some(Self { seats: Arc::clone(seats), peer })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_peer) = taken.by.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                taken.by.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CONNECTIONS, CONNECTIONS_OF_PEER, Seat, Seats};
    use std::net::IpAddr;
    use std::sync::Arc;

    #[test]
    fn each_address_has_so_many_connections_and_all_of_them_together() {
        let seats = Arc::<Seats>::default();
        let peer = |last: u8| IpAddr::from([10, 0, 0, last]);
        let mut all: Vec<Seat> =
            (0..CONNECTIONS_OF_PEER).map(|_| Seat::take(&seats, peer(1)).unwrap()).collect();
        assert!(Seat::take(&seats, peer(1)).is_none());
        all.extend((all.len()..CONNECTIONS).map(|_| Seat::take(&seats, peer(2)).unwrap()));
        assert!(Seat::take(&seats, peer(3)).is_none());
        drop(all);
        let taken = seats.taken.lock().unwrap();
        assert!(taken.all == 0 && taken.by.is_empty(), "{taken:?}");
    }
}
