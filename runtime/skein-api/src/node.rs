//! The protocol between control and nodes, `/node/v1`.
//!
//! ```text
//! POST /node/v1/register            Register -> Registered
//! POST /node/v1/exchange            Exchange -> Exchanged        one in flight per node
//! PUT  /node/v1/blobs/{digest}      bytes, BLAKE3 checked by who receives them
//! GET  /node/v1/blobs/{digest}      bytes, likewise
//! POST /node/v1/secrets             SecretsAsk -> SecretsTold
//! ```
//! Every request carries the fleet's secret in the header [`SECRET_HEADER`] ([`Secret`]). What goes wrong is a
//! [`crate::Problem`]. A node that is told `SK0662` has lost its lease: it kills its agents and registers again.
//!
//! **Order.** Exchanges of one incarnation are numbered from 1. The next number is sent only after the last was answered. The same
//! number again, after an answer was lost, gets the same answer and does nothing twice; a number that is older or skips
//! one is refused (`SK0663`). So a result that is reported is taken once, and a task that is given out is known to the node or
//! given out again in the same answer.
//!
//! **Fence.** Whatever concerns a task names its attempt ([`Held`]). Control takes a report only if that is still the task's
//! attempt on this incarnation of this node; else it answers [`Revoke`] with [`RevokeReason::Fenced`] and nothing else happens.
//!
//! **Sizes.** A node with more to report than fits keeps the rest for the next exchange ([`crate::List::first`]).

mod blob;
mod exchange;
mod notes;
mod register;
mod report;
mod secret;
mod secrets;
mod task;

pub use blob::{BLOB_BYTES_MAX, BlobError, check_blob};
pub use exchange::{
    AtWork, CheckpointReport, Exchange, Exchanged, Held, Lease, Permit, Progress, Rate, Report, Revoke,
    RevokeReason, SAID_MAX, Said, Usage, Used, Wants,
};
pub use notes::{
    LINE_BYTES_MAX, LINES_HERE_BYTES_MAX, LINES_HERE_MAX, Lines, Notes, REJECT_CODES_MAX, Rejected,
};
pub use register::{NodeRefused, Register, Registered, check_protocol};
pub use report::{
    ArrivedFile, Checked, Columns, DamagedFile, DatasetPlan, Found, Fragment, Outcome, Planned, Sampled,
    Scanned, Scrubbed, ScrubbedVersion, Staged,
};
pub use secret::Secret;
pub use secrets::{SECRETS_MAX, SecretsAsk, SecretsTold, from_hex, to_hex};
pub use task::{
    AgentLimits, CheckTask, DatasetPlace, DryRunTask, OtherPlace, Payload, PlanTask, RULES_HERE_MAX, RuleOf,
    RunTask, ScanTask, ScrubTask, SplitTask, TaskRules, Work,
};

/// Both ends must have the same.
pub const PROTOCOL: u32 = 1;
/// Carries `Bearer ` and the fleet's secret.
pub const SECRET_HEADER: &str = "authorization";
/// Where a node registers.
pub const REGISTER_PATH: &str = "/node/v1/register";
/// Where a node exchanges.
pub const EXCHANGE_PATH: &str = "/node/v1/exchange";
/// Where a node asks for the values of secrets.
pub const SECRETS_PATH: &str = "/node/v1/secrets";
/// Before the digest of a blob.
pub const BLOBS_PATH: &str = "/node/v1/blobs/";

/// Most bytes of the body of a registration or its answer.
pub const REGISTER_BYTES_MAX: usize = 64 << 10;
/// Most bytes of the body of an exchange or its answer.
pub const EXCHANGE_BYTES_MAX: usize = 8 << 20;
/// Most bytes of the values of secrets of one campaign.
pub const SECRETS_BYTES_MAX: usize = 10 << 20;
/// Most tasks that control gives a node at a time, and most datasets of a plan task.
pub const TASKS_MAX: usize = 64;
/// Most files that arrived and rules that broke of which a check speaks.
pub const ARRIVED_MAX: usize = 64;
/// Most permits of an answer.
pub const PERMITS_MAX: usize = 1_024;
/// Most rates of an answer.
pub const RATES_MAX: usize = 1_024;
/// Most tasks that a node has, started or not, and so most results, checkpoints and revocations of an exchange.
pub const HELD_MAX: usize = 256;
