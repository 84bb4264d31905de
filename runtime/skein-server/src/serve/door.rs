//! A listening socket: how many connections there are, of whom, and how they end.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use skein_control::{Most, Place, Places, ServiceError};
use skein_types::codes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Stages;
use super::wire::Wire;
use crate::limits::{BUFFER_BYTES, HEAD_BYTES, HEAD_TIME};

/// After the system would not give one more connection: there may be too many files open.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Takes connections until the server closes, then waits for what is under way on them.
pub(super) async fn open((listener, most): (TcpListener, Most), router: Router, mut stages: Stages) {
    let places = Places::new(most);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match places.take(&peer.ip()) {
                    Ok(place) => {
                        let router = Known { router: TowerToHyperService::new(router.clone()), peer: Peer(peer.ip().to_canonical()) };
                        drop(connections.spawn(served(stream, router, stages.clone(), place)));
                    }
                    Err(_) => turn_away(stream),
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

/// Who is at the other end of a connection, as the system says: a request's own word for it is nobody's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The routes for one connection: each request knows from where it came.
struct Known {
    router: TowerToHyperService<Router>,
    peer: Peer,
}

impl Service<Request<Incoming>> for Known {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}

async fn served(stream: TcpStream, router: Known, mut stages: Stages, _place: Place<IpAddr>) {
    // Answers are written whole; to wait for more to send with them only makes them late.
    stream.set_nodelay(true).ok();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES);
    let wire = TokioIo::new(Wire::new(stream));
    let mut connection = http.serve_connection(wire, router);
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
            parts.io.into_inner().last_words(&ServiceError::new(codes::REQUEST_LATE, message));
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
