//! HTTP over control's service functions.
//!
//! Level 3. Two families of routes: `/v1` for people and their tools, `/node/v1` for nodes. A route reads a bounded body, calls
//! one function of [`Control`](skein_control::Control) on a thread that may block, and turns the answer into JSON; whatever
//! goes wrong becomes `application/problem+json` with a code, a hint and a trace that the log knows.
//!
//! What a request, a connection and all of them together may take is in `limits.rs`: nothing that a peer sends, or does not send, is
//! waited for without an end. What is asked for under an `Idempotency-Key` is done once (`once.rs`).
//!
//! Who asks is known by a token, or is the one user of this machine: then it listens on a loopback address. It takes no
//! request that was sent to a name that is not its own or by a page of another origin, so that a browser on this machine
//! cannot be made to ask for things. Nodes show a secret. It decides nothing itself and keeps nothing.

mod asker;
mod body;
mod description;
mod guard;
mod health;
mod limits;
mod metrics;
mod node;
mod once;
pub mod openapi;
mod page;
mod problem;
mod seen;
mod serve;
mod trace;
mod v1;

pub use guard::is_own_name;
pub use limits::{BACKUP_TIME, ServerLimit, server_limits};
pub use serve::{Reach, ServeError, Server};
