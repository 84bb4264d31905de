//! `skein node`: one process of a server's fleet.

use std::io::{BufRead as _, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;
use skein_node::{Capacity, Node, NodeOptions};
use skein_types::{Bytes, Clock, SystemClock, codes};

use crate::failure::{CommandResult, Failure};
use crate::logging::LogArgs;
use crate::otlp;
use crate::scrape;

/// Most of the line that a node is told by.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// Carry out tasks of a server. Started by `skein serve`, which tells it on standard input where the server is; it ends when
/// that closes, and on SIGTERM when it has finished what it began.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Agents at a time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) slots: u16,
    /// Answer `GET /metrics` at this address, to whoever reaches it. There are numbers and nothing else.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    /// Thousandths of a core that are there for them.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) cpu: u64,
    /// Memory that is there for them.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<Bytes>,
    /// Bytes a second that they may read from stores, all of them together.
    #[arg(long, value_name = "SIZE")]
    pub(crate) read: Option<Bytes>,
    /// Bytes a second that they may write to stores, all of them together.
    #[arg(long, value_name = "SIZE")]
    pub(crate) write: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    name: String,
    secret: String,
    server: String,
}

pub(crate) fn node(args: &NodeArgs) -> CommandResult {
    let mut line = String::new();
    let mut stdin = std::io::stdin().lock();
    stdin
        .by_ref()
        .take(LINE_BYTES_MAX)
        .read_line(&mut line)
        .map_err(|error| Failure::new(codes::IO, &error))?;
    let Told { name, secret, server } = serde_json::from_str(&line).map_err(|error| {
        Failure::text(codes::USAGE, format!("standard input does not say where the server is: {error}"))
            .hint(Some("a node is started by `skein serve`"))
    })?;
    drop(stdin);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let capacity = Capacity {
        cpu: args.cpu,
        memory: args.memory.unwrap_or_default(),
        read: args.read,
        write: args.write,
    };
    let options = NodeOptions {
        server,
        secret,
        name,
        slots: usize::from(args.slots),
        capacity,
        spans_lost: otlp::lost(),
    };
    let node = Node::new(options, Arc::clone(&clock))
        .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    if let Some(address) = args.metrics {
        let metrics = node.metrics();
        scrape::start((address, Vec::new()), clock, move || {
            metrics.page().map_err(|error| error.to_string())
        })?;
    }
    let drain = node.drain();
    if let Err(error) = ctrlc::set_handler(move || drain.ask()) {
        tracing::warn!(%error, "signals are not caught");
    }
    std::thread::Builder::new()
        .name("pipe".to_owned())
        .spawn(end_with_the_supervisor)
        .map_err(|error| Failure::new(codes::IO, &error))?;
    node.run().map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))
}

/// When the pipe closes the supervisor is dead, and another one will not know this node.
fn end_with_the_supervisor() {
    let mut rest = [0; 64];
    loop {
        match std::io::stdin().read(&mut rest) {
            Ok(0) | Err(_) => std::process::exit(0),
            Ok(_) => {}
        }
    }
}
