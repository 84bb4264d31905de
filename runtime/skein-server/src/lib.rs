//! HTTP over control's service functions.
//!
//! Level 3. Two families of routes: `/v1` for people and their tools, `/node/v1` for nodes. A route reads a bounded body, calls
//! one function of [`Control`](skein_control::Control) on a thread that may block, and turns the answer into JSON; whatever
//! goes wrong becomes `application/problem+json` with a code, a hint and a trace that the log knows.
//!
//! It is meant for the machine that it runs on: it listens on a loopback address and takes no request that was sent to
//! another name or by a page of another origin, so that a browser on this machine cannot be made to ask for things. Nodes
//! show a secret. It decides nothing itself and keeps nothing.

mod guard;
mod node;
mod problem;
mod serve;
mod v1;

pub use serve::{ServeError, Server};
