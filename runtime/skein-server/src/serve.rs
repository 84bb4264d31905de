//! Listening, and stopping.

mod door;
mod stage;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::{Extension, Router};
use skein_control::Control;
use skein_types::{Code, codes};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::guard::{self, Hosts};
use crate::limits::{BACKLOG, CLIENTS, LAST_ANSWERS, NODES, SEND_BUFFER_BYTES};
use crate::{health, metrics, node, page, problem, seen, trace, v1};
pub(crate) use door::Peer;
use stage::Stage;
pub(crate) use stage::Stages;

/// The server could not be started or failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could reach it, and would be let in.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system failed.
    #[error("the server failed")]
    Io(#[from] std::io::Error),
}

impl ServeError {
    /// The code of this error.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotLoopback(_) => codes::USAGE,
            Self::Listen { .. } | Self::Io(_) => codes::IO,
        }
    }

    /// What a person can do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotLoopback(_) => Some(
                "whoever reaches it may do anything: listen on 127.0.0.1 or [::1], or ask for tokens with --access tokens",
            ),
            Self::Listen { .. } => Some("another server may run; choose another port with --listen"),
            Self::Io(_) => None,
        }
    }
}

/// Where a server is, and who is let in.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Port 0 takes any free one.
    pub address: SocketAddr,
    /// Nobody is let in without a token.
    pub tokens_only: bool,
    /// Names that it is known by beside those of a loopback address.
    pub hosts: Vec<String>,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    address: SocketAddr,
    /// For the nodes of this machine alone: however many clients there are, also as one address behind a proxy, they take none of
    /// its places.
    nodes: (TcpListener, SocketAddr),
    hosts: Hosts,
}

impl Server {
    /// Takes the address, if nobody comes in by it who should not.
    pub fn listen(reach: Reach) -> Result<Self, ServeError> {
        let Reach { address, tokens_only, hosts } = reach;
        if !address.ip().is_loopback() && !tokens_only {
            return Err(ServeError::NotLoopback(address));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listen = |address| {
            let listener = runtime.block_on(async { bound(address) });
            listener.map_err(|source| ServeError::Listen { address, source })
        };
        let (listener, nodes) = (listen(address)?, listen((Ipv4Addr::LOCALHOST, 0).into())?);
        let address = listener.local_addr()?;
        let nodes_at = nodes.local_addr()?;
        Ok(Self { runtime, listener, address, nodes: (nodes, nodes_at), hosts: hosts.into() })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens to the nodes of this machine.
    pub const fn nodes_at(&self) -> SocketAddr {
        self.nodes.1
    }

    /// Answers until this process is asked to end (SIGINT, SIGTERM) and `before_end` is done: nodes drain through the server. `pages` are
    /// those of the portal.
    pub fn answer(
        self,
        control: &Arc<Control>,
        pages: Router<Arc<Control>>,
        before_end: impl FnOnce() + Send + 'static,
    ) -> Result<(), ServeError> {
        let (stage, stages) = Stages::new();
        let router = router((control, pages), self.hosts, stages.clone());
        let of_nodes = with_manners(node_routes(control), control, stages.clone());
        self.runtime.block_on(async move {
            let of_clients = door::open((self.listener, CLIENTS), router, stages.clone());
            let of_nodes = door::open((self.nodes.0, NODES), of_nodes, stages.clone());
            let doors = async {
                tokio::join!(of_clients, of_nodes);
            };
            let ending = tokio::spawn(end_when_asked(stage, before_end));
            let mut closed = stages;
            // Whoever sends half a request does not keep it from ending.
            let patience = async move {
                closed.closing().await;
                tokio::time::sleep(LAST_ANSWERS).await;
            };
            tokio::select! {
                () = doors => {}
                () = Arc::clone(control).follow_log() => {}
                () = patience => tracing::warn!("requests that did not end were given up"),
            }
            ending.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
        })?;
        self.runtime.shutdown_background();
        Ok(())
    }
}

/// A peer that does not read has the system hold no more for it than this.
fn bound(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Waits for the signal, and leads the server to its end.
async fn end_when_asked(
    stage: watch::Sender<Stage>,
    before_end: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("asked to end");
    stage.send_replace(Stage::Draining);
    if tokio::task::spawn_blocking(before_end).await.is_err() {
        tracing::error!("what comes before the end panicked");
    }
    stage.send_replace(Stage::Closing);
    Ok(())
}

fn router((control, pages): (&Arc<Control>, Router<Arc<Control>>), hosts: Hosts, stages: Stages) -> Router {
    let own = guard::Own { hosts: Arc::clone(&hosts), control: Arc::clone(control) };
    let pages = pages.layer(from_fn(trace::told)).layer(from_fn_with_state(own, guard::own_pages_only));
    let routes = Router::new()
        .nest("/v1", v1::routes(control))
        .merge(page::routes())
        .merge(metrics::routes().into_router())
        .layer(from_fn(seen::not_sent_again))
        .layer(from_fn_with_state(hosts, guard::known_hosts_only))
        .merge(pages)
        // Whoever watches over a process knows its address and not its name.
        .nest("/v1", health::routes().into_router())
        .merge(node_routes(control));
    with_manners(routes, control, stages)
}

fn node_routes(control: &Arc<Control>) -> Router<Arc<Control>> {
    Router::new().nest("/node/v1", node::routes(control))
}

/// An answer that does not say otherwise is kept by nobody on the way and in no browser that somebody else sits at next, and is what it says
/// that it is: browsers with a session look at `/v1`, too.
async fn private(mut response: Response) -> Response {
    let head = response.headers_mut();
    head.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    head.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// What each request gets, whichever way it comes.
fn with_manners(routes: Router<Arc<Control>>, control: &Arc<Control>, stages: Stages) -> Router {
    routes
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(map_response(private))
        .layer(Extension(stages))
        .layer(DefaultBodyLimit::max(skein_api::BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(control), metrics::counted))
        .layer(from_fn(trace::traced))
        .with_state(Arc::clone(control))
}
