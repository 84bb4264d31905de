//! Pure state machines of campaigns, waves and runs, the failure budget at the publish door, and the rules by which a plan
//! is divided.
//!
//! **For what.** A control process asks a machine what follows from a command or an observation ([`Campaign::decide`]), writes
//! the answer to the ledger, and only then lets the machine take it in ([`Campaign::apply`]). Deciding changes nothing and
//! applying refuses nothing that was decided, so a process that dies between the two loses nothing: whoever comes next makes
//! the machine again from the decisions, or from the ledger's counters ([`Campaign::restore`]).
//!
//! **Invariants**, tested over random orders of events, losses of memory and restores:
//! - Between intent and confirm are never more runs of a wave than it may still have failures, and one (03-I9, at the door;
//!   `admission = "strict"`: all runs under way). A campaign is halted exactly when a wave has more failed runs than its budget.
//! - Nothing is announced in a campaign that does not run: closing the door comes before anything else (03-I8).
//! - Every move of a campaign names the state and the epoch that it leads away from, every move of a run likewise; a report
//!   that was made at another epoch changes nothing (03-I6).
//! - A campaign keeps counters of its runs, never a list (03-I14). Counters equal a recount.
//! - Nothing is given up while it may still be undone, unless somebody said so (03-I13).
//!
//! **Failure cases.** A run that died after its intent stays `intended` until the dataset's log was read: [`Duty::Confirm`]. A
//! campaign that is asked to be undone or cancelled is so until the last run is, over any number of restarts:
//! [`Campaign::duties`] says what is left. What is refused says where the campaign is and what may be asked of it: [`Refused`].
//!
//! **Deliberately unknown here**: ledgers, nodes, stores, clocks, randomness, and which runs exist. Time, seeds and the
//! one run that something is about are arguments.

pub mod approval;
mod campaign;
mod deaths;
pub mod lease;
mod planner;
mod policy;
mod progress;
mod refused;
mod retry;
mod run;
mod slow_start;
mod tally;
pub mod task;
mod wave;

pub use campaign::{
    Accept, BeforeDoor, Campaign, Command, Decision, Duty, Input, Moved, Observation, PlanTaken, Restored,
    RetryWhat, RollBackWhat, RunReport, WaveMoved, WavePlan, WaveRow, possible,
};
pub use deaths::{AfterDeath, after_death};
pub use planner::{Candidate, Coverage, Division, Leaf, PlanDigest, Sample, Seed, Uncovered, divide, sample};
pub use policy::{
    Admission, Allowance, ApprovalRule, CHECKS_MAX, CanaryRule, Names, OnFailure, Pin, Policy, PolicyError,
    Promote, RetryRule, SampleRule, Share, ShareParseError, SoakRule, Span, SpanParseError,
};
pub use progress::{Estimate, Progress, Reading};
pub use refused::{Refusal, Refused};
pub use retry::{Next, Tries, after_failure};
pub use run::{Run, RunMoved, leads};
pub use slow_start::SlowStart;
pub use tally::Tally;
pub use wave::Wave;
