//! The durable record of decisions, and the queue of work in progress.
//!
//! Level 1. The only crate that speaks SQL. What was *decided* (campaigns, runs, publishes, modules, datasets, nodes, teams,
//! tokens, settings) is an event in one append-only, gap-free, hash-chained log; tables that answer questions about it (*projections*) change in
//! the same transaction and can be rebuilt from it. What is *under way* (tasks, leases, checkpoints) is queue rows, fenced by
//! compare-and-set on [`skein_types::Token`]; losing them costs work that is done again, never correctness. What is *kept for a
//! while* (answers, notices, attempts, what was used) is rows, too, with a most of each kind.
//!
//! There is one way to write: [`Ledger::commit`] takes [`Unit`]s. A unit is all or nothing; units do not depend on each
//! other. When it returns, what it says is on the disk.
//!
//! Invariants:
//!
//! - Positions count from 1 without gaps, in the order of commits. An event's hash covers the one before it, so a log that
//!   was edited or cut in the middle does not verify, and one that was cut at its end does not match a head from elsewhere.
//! - A projection is a function of the events and nothing else: [`Ledger::rebuild`] plays them into an empty ledger and
//!   compares table by table.
//! - A unit whose cause is known does nothing and answers where it is: asking twice is harmless.
//! - A queue row changes only by whoever holds its token; a node that was declared lost changes nothing.
//! - What was set has a version that never comes back, so that who changes what was read can say so.
//! - No secret and no value of a row is in a record: tokens are hashes, secrets keyed digests.
//! - Every list is read in pages by key; no record and no answer grows with the number of datasets.
//!
//! A file of an older schema is upgraded when it is opened, version by version, each in one transaction.
//!
//! Failure cases are [`LedgerError`]'s variants: another process has the directory, the file is damaged or newer than this
//! program, the disk is full (nothing acknowledged is lost, and writing goes on when there is space again).
//!
//! It does not know which move of a campaign, wave or run is allowed: `skein-campaign` decides that, and an event that says
//! where it starts from is refused where that is not so. It does not know what blobs, payloads and policies mean.

mod attempt;
mod bounds;
mod canonical;
mod chain;
#[cfg(feature = "conformance")]
pub mod conformance;
mod entry;
mod error;
mod event;
mod guard;
mod kept;
mod ledger;
mod origin;
mod page;
mod record;
mod sqlite;
mod task;
mod unit;
mod upcast;
mod view;
mod words;
mod written;

pub use attempt::{Attempt, AttemptFilter, Ending};
pub use bounds::{
    ANSWER_MAX, BLOB_MAX, BODY_MAX, ENTRIES_MAX, NOTES_MAX, OWNERS_MAX, PAYLOAD_MAX, UNITS_MAX, USAGE_MAX,
};
pub use canonical::INTEGER_MAX;
pub use chain::{Head, Recorded};
pub use entry::{Claim, Enqueue, Entry, Release, Renew, Stage};
pub use error::{Damage, Invalid, LedgerError};
pub use event::access::{
    GRANTS_MAX, Grant, TeamChanged, TeamCreated, TeamRemoved, TokenIssued, TokenRevoked,
};
pub use event::approval::{
    ApprovalBrokenGlass, ApprovalGiven, ApprovalRevoked, CommentAdded, CommentResolved, SliceDeclined,
    SliceDeferred, SlicePlanned, WaveApproved,
};
pub use event::campaign::{
    CampaignCreated, CampaignMoved, CampaignPlanned, CampaignRolledOut, CampaignUnplanned, WaveMoved,
    WavePlanned,
};
pub use event::dataset::{
    DatasetChanged, DatasetRegistered, DatasetRemoved, Labels, RuleIgnored, RuleRemoved, RuleSet,
};
pub use event::health::{CampaignChecked, DatasetDamaged, RunAlarmed, RunRehearsed};
pub use event::key::KeyIntroduced;
pub use event::module::{
    ModuleBanned, ModuleCompiled, ModuleRefused, ModuleRestored, ModuleSubmitted, ModuleSuspended,
};
pub use event::node::{NodeJoined, NodeLeft, NodeLost, NodeMarked};
pub use event::run::{
    HeldFor, Meters, RunCancelled, RunFailed, RunFinalized, RunHeld, RunIntended, RunPlanned, RunPublished,
    RunReleased, RunRetried, RunRevertFailed, RunReverted, RunReverting, RunSkipped, RunStale,
};
pub use event::server::{BackupMade, ServerRestored};
pub use event::settings::{
    FleetFrozen, FleetThawed, PATTERNS_MAX, PolicyRemoved, PolicySet, QuotaRemoved, QuotaSet, SecretRemoved,
    SecretSet, WebhookRemoved, WebhookSet,
};
pub use event::{Event, Kind, Subject};
pub use guard::{Found, Guard};
pub use kept::{
    Answer, Charge, Delivery, DeliveryFilter, DeliveryState, Scrubbed, Usage, UsageBy, UsageFilter, UsageOf,
    Used,
};
pub use ledger::{Ledger, Rebuilt, Retention, Swept};
pub use origin::{Origin, Whence, WhenceParseError};
pub use page::{Limit, Page};
pub use record::{Follow, Record};
pub use skein_types::{Actor, Name, Text, TextError};
pub use sqlite::{CRASH_POINTS, Notify, Options, Sqlite};
pub use task::{Checkpoint, Holder, Phase, PhaseName, SizeClass, Task, TaskKind};
pub use unit::{RefusedAt, Span, Unit, UnitOutcome};
pub use view::{
    Approval, Campaign, CampaignFilter, CampaignPlan, CampaignsFrom, Comment, CourseStep, Dataset,
    DatasetFilter, Door, EventFilter, Failure, Fleet, Lease, Module, ModuleState, ModulesOf, Node, NodeState,
    PlannedRule, Policy, Quota, Ready, Rule, Run, RunCounts, RunFilter, Secret, SigningKey, Slice,
    TaskFilter, Team, Token, Wave, WaveApproval, Webhook,
};
pub use written::{CommitTimes, Written};
