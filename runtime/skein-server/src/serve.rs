//! Listening, and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use skein_control::Control;
use skein_types::{Code, codes};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::guard::{self, Hosts};
use crate::{metrics, node, page, problem, v1};

/// How long requests that are under way are answered still, once the nodes have ended.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

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
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .map_err(|source| ServeError::Listen { address, source })?;
        let address = listener.local_addr()?;
        Ok(Self { runtime, listener, address, hosts: hosts.into() })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until this process is asked to end (SIGINT, SIGTERM) and `before_end` is done: nodes drain through the server.
    pub fn answer(
        self,
        control: &Arc<Control>,
        before_end: impl FnOnce() + Send + 'static,
    ) -> Result<(), ServeError> {
        let router = router(Arc::clone(control), self.hosts);
        self.runtime.block_on(async move {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let (asked_to_end, ends) = tokio::sync::oneshot::channel();
            let stop = async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                tracing::info!("asked to end");
                if tokio::task::spawn_blocking(before_end).await.is_err() {
                    tracing::error!("what comes before the end panicked");
                }
                asked_to_end.send(()).ok();
            };
            // Whoever sends half a request does not keep it from ending.
            let patience = async move {
                match ends.await {
                    Ok(()) => tokio::time::sleep(LAST_ANSWERS).await,
                    Err(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                served = axum::serve(self.listener, router).with_graceful_shutdown(stop).into_future() => served,
                () = patience => {
                    tracing::warn!("requests that did not end were given up");
                    Ok(())
                }
            }
        })?;
        self.runtime.shutdown_background();
        Ok(())
    }
}

fn router(control: Arc<Control>, hosts: Hosts) -> Router {
    Router::new()
        .nest("/v1", v1::routes())
        .merge(page::routes())
        .merge(metrics::routes().into_router())
        .layer(axum::middleware::from_fn_with_state(hosts, guard::known_hosts_only))
        .nest("/node/v1", node::routes(&control))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(DefaultBodyLimit::max(skein_api::BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&control), metrics::counted))
        .with_state(control)
}
