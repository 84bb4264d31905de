//! The allocator: who may use what of the fleet now, and why not more. [`tick`] is all of it: a pure function from what there
//! is, what is wanted, what people set and what was before to permits, rates, what is to stop, and reasons.
//!
//! **What to feed it**, every 250 ms or when something changed: a [`Demand`] with all nodes that are there, a queue for each (team,
//! campaign, store, size class) in which tasks wait or run, never one for a task, and what has been reported as used since the tick
//! before; the [`Quotas`] as they are set now; the [`Past`] that the tick before returned; the time of day. Losing the past costs
//! nothing but a little fairness: begin with [`Past::default`], and say what fuel is spent.
//! `running` are agents at work. Of tasks that a node holds and has not started no more belong there than it will start at once.
//!
//! **What to do with the answer.**
//! - *Permits* are numbers of agents at a time, those that run included: a node may be given tasks of a queue while it has fewer than
//!   its permit ([`Grants::room`]), and while the memory and slots that its tasks really take leave room. Until the next tick an agent that
//!   ends may be followed by another one. Permits of a node never add up to more than it has; what still runs beyond a permit ends by
//!   itself and is not followed by another, so a permit may have to wait for it: look at what is really free before giving. Limits
//!   hold by permits alone. Where a node takes many short tasks at once, [`Grants::deal`] divides them.
//! - *Rates* go to nodes, one [`Bucket`] for reading and one for writing for each entry. Who has no entry is not held back.
//! - *Reclaims* are to be sent as what moves at its next checkpoint, or ends at once ([`Cause::at_once`]). They are repeated until
//!   the agents are gone; what is on its way already counts.
//! - *Waits* answer "why is this waiting"; *accounts* answer `quota explain`.
//!
//! **Invariants**, tested over random fleets and in a simulated one: see `README.md` beside this crate's manifest, with the papers.
//!
//! **Deliberately unknown here**: clocks, tasks, leases, the ledger, and how a node holds anything back.

#![warn(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod amounts;
mod bucket;
mod check;
mod demand;
mod grants;
mod past;
mod quotas;
mod reason;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
#[cfg(test)]
mod tests;
mod tick;

pub use amounts::{Amounts, Spoken};
pub use bucket::{Bucket, PIECE_MAX, Take};
pub use check::{Finding, Holders, check};
pub use demand::{Demand, Node, Queue, QueueKey, SizeClass, Used};
pub use grants::{Account, Cause, Grants, Rate, Reclaim};
pub use past::Past;
pub use quotas::{Quota, Quotas};
pub use reason::Reason;
pub use tick::tick;
