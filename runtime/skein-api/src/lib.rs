//! What travels: the bodies of the public API (`/v1`) and of the protocol between control and nodes (`/node/v1`).
//!
//! Level 1. Plain data and its JSON; no server, no client, no storage. Whoever serves or asks converts to types of its own
//! at the edge, so a body can stay as it is while what is behind it moves.
//!
//! Invariants: what was parsed is bounded: each text ([`Text`]) and list ([`List`]) has its most in its type, a list is refused
//! at the first item too many and not read to its end, and a whole body has a most of its own ([`parse`]). A
//! text has no control characters, so that it can be shown as it is. A request with a field that is not known is refused:
//! what somebody asked for must not be ignored. Answers of `/v1` may gain fields, so those that are not known are skipped there; both
//! ends of `/node/v1` have one [`node::PROTOCOL`], so there they are refused both ways.
//!
//! Each body of `/v1` describes itself by its derivation of `ToSchema`: what its fields say to readers of the code, its description says.
//!
//! Failure cases: a body that is too large, is no JSON or does not fit ([`BodyError`]); a node of another version or with a
//! wrong secret ([`node::NodeRefused`]); a blob that is not what its digest says ([`node::BlobError`]). What is right in
//! form and wrong in content is for whoever knows the content.
//!
//! It deliberately does not know: HTTP beyond paths and status numbers, the ledger, the machines, files, guests.

mod access;
mod approval;
mod attempt;
mod audit;
mod backup;
mod body;
mod bounded;
mod campaign;
mod dataset;
mod event;
mod exact;
mod history;
mod import;
mod layout;
mod lines;
mod module;
pub mod node;
mod page;
mod plan;
mod policy;
mod problem;
mod quota;
mod report;
mod rule;
mod run;
mod scan;
mod secret_ref;
mod setting;
mod status;
mod time;
mod webhook;

pub use access::{
    AccessToken, GRANTS_MAX, Grant, PortalLink, SessionsEnded, Team, TeamPut, TokenIssue, TokenIssued, Whoami,
};
pub use approval::{
    ApprovalGiven, ApprovalLack, ApprovalNeed, Approvals, Comment, CommentAdd, CommentResolve, NAMED_MAX,
    SLICES_MAX, Slice, Waits, WaveApproval,
};
pub use attempt::{
    Attempt, AttemptAtWork, AttemptEnding, AttemptKind, AttemptPhase, PartOf, RejectCount, Replay, SourceSeen,
};
pub use audit::*;
pub use backup::{Backup, BackupAsk};
pub use body::{BODY_BYTES_MAX, BodyError, parse, parse_asked};
pub use bounded::{List, Text, TooLong, TooMany};
pub use campaign::{
    Campaign, CampaignAction, CampaignCreate, CampaignProgress, CampaignVerb, Chosen, Kept, MANIFEST_MAX,
    PlanTotals, RunCounts, Selection, Soak, Wave,
};
pub use dataset::*;
pub use event::Event;
pub use history::{
    DatasetExport, DatasetRollback, DatasetRolledBack, DatasetScrub, DatasetVersion, EXPORT_FILES_MAX,
    ExportFile, STATEMENT_BYTES_MAX,
};
pub use import::{DatasetLine, DatasetsImported, IMPORT_BYTES_MAX, IMPORT_LINES_MAX};
pub use layout::{LAYOUT_BYTES_MAX, Layout, LayoutError, PartError, PathSays, PathUnfit};
pub use lines::{Cell, CsvRecord, Line, Lined, LinesKind, SLIPS_SHOWN, Slips, csv_records, lines};
pub use module::{MODULE_BYTES_MAX, Module, ModuleBan, ModuleRestore, ModuleState};
pub use page::{PAGE_ITEMS_MAX, Page};
pub use plan::*;
pub use policy::{
    Admission, ApprovalAsk, Budget, CanaryAsk, LimitsAsk, NameRule, OnFailure, Pin, Policy, Promote, Publish,
    RetryAsk, SampleAsk, Share, SoakAsk,
};
pub use problem::{PROBLEM_TYPE, Problem};
pub use quota::{
    FINDINGS_MAX, QUOTAS_MAX, Quota, QuotaAccount, QuotaChange, QuotaEntry, QuotaExplained, QuotaName,
    QuotaPut, QuotaQueue, QuotasApplied, QuotasApply, UsageBy, UsageReport, UsageSum,
};
pub use report::{ACTIONS_MAX, CampaignReport, FailureKind, GivenUp, Guessed, HumanAction, ReportLine};
pub use rule::*;
pub use run::{Alarm, Meters, RoundTrip, Run, RunRows, RunSoak, Waiting, Why};
pub use scan::{Scan, ScanAsk, ScanFound};
pub use secret_ref::{secret_name, secret_names};
pub use setting::{NamedPolicy, PolicyPut, SECRET_BYTES_MAX, Secret};
pub use status::{
    FleetAction, FleetState, Health, LedgerUse, NodeDoes, NodeHas, NodeStatus, ProcessUse, Seated, Status,
    UnderWay, WholeServer, WorkDone,
};
pub use time::{Time, TimeParseError};
pub use webhook::{
    INTERESTS_MAX, Interest, SigningSecret, TARGET_BYTES_MAX, Target, Webhook, WebhookCreate,
    WebhookDelivery, WebhookPut, WebhookRotate, WebhookSigned,
};

/// Most bytes of the name of anything.
pub const NAME_BYTES_MAX: usize = 200;
/// Most bytes of a path; what Linux takes in one call.
pub const LOCATION_BYTES_MAX: usize = 4_096;
/// Most bytes of a sentence for people.
pub const MESSAGE_BYTES_MAX: usize = 2_000;

/// The name of a thing.
pub type Name = Text<NAME_BYTES_MAX, 1>;
/// Where data is.
pub type Location = Text<LOCATION_BYTES_MAX, 1>;
/// A sentence for people.
pub type Message = Text<MESSAGE_BYTES_MAX>;
