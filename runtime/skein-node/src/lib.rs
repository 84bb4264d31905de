//! The attempt runner: a module over a dataset, row group by row group.
//!
//! Level 2. Drives the two crates that do not know each other: [`skein_dataset`] for files and publishing,
//! [`skein_sandbox`] for guests. `skein run` uses it directly. Life of a run: [`prepare`] locks the dataset, pins a
//! snapshot and plans; [`Prepared::stage`] sends every row group through an agent of its own and seals the output files;
//! [`Staged::publish`] makes them current in one step. [`run_batch`] does that for many datasets; [`dry_run`]
//! decides the same and only looks. A server's node works by [`prepare_attempt`] and [`hand_over_all`], and plans by [`look`]. It knows no format, no engine, no terminal and no server.

mod agent;
mod aside;
mod batch;
mod board;
mod catch_up;
mod choice;
mod counters;
mod cpu;
mod dry_run;
mod error;
mod feed;
mod fingerprint;
mod inputs;
mod job;
mod journal;
mod lane;
mod lineage;
mod look;
mod managed;
mod mask;
mod meters;
mod params;
mod part;
mod pieces;
mod planning;
mod presented;
mod preserved;
mod progress;
mod quarantine;
mod readback;
mod recut;
mod remote;
mod replay;
mod report;
mod resize;
mod rules;
mod run;
mod sandboxed;
mod seed;
mod sequential;
mod staged;
mod summary;
mod telling;
mod transform;
mod witness;

pub use agent::{Agent, AgentSource};
pub use aside::write_aside;
pub use batch::{BatchShape, Step, run_batch};
pub use choice::{ChoiceError, ChoiceText, FileChoice};
pub use counters::Counters;
pub use dry_run::{
    Cell, Checks, DryRun, DryRunRequest, Estimate, Fate, Forecast, LeftOut, RejectedRow, Rejects, RoomView,
    Sample, SampledColumns, SampledGroup, SampledRow, Tried, Undeclared, Warning, WorkCounts, dry_run,
};
pub use error::{GroupLine, Groups, RunError};
pub use fingerprint::{ColumnPrint, CopiedPrint, Fingerprint};
pub use lineage::{
    ColumnChange, ColumnLineage, DroppedColumn, Lineage, NestedLineage, OriginKind, Proof, WasColumn,
};
pub use look::{Look, PlanDigests, Why, look};
pub use managed::{HandOver, hand_over_all, prepare_attempt};
pub use params::{Params, ParamsError};
pub use part::{Part, PartDone};
pub use pieces::Resumption;
pub use planning::SchemaGroup;
pub use preserved::PreservedChanged;
pub use progress::{Progress, ProgressReading};
pub use quarantine::RejectNote;
pub use remote::{Capacity, Drain, Metrics, Node, NodeError, NodeOptions};
pub use replay::{Repeat, Repeated, repeat};
pub use report::{ColumnCounts, Cost, Migration, RunOutcome, RunReport};
pub use resize::Resize;
pub use rules::{Judging, OtherDataset, RuleAsked, RulesAsked, jail, judge_as_it_is, rules_found};
pub use run::{Planned, Preparation, Prepared, RunRequest, plan_only, prepare};
pub use skein_verify::{Jail, child_main as evaluate_main};
pub use staged::{CATCH_UP_ROUNDS, JOIN_ROUNDS, PublishMode, Staged, publish_all};
pub use summary::{RunSummary, SUMMARY_MAX};
