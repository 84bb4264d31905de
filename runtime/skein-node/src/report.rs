//! What a run did, for people and machines.

use serde::{Deserialize, Serialize};
use skein_dataset::RowCounts;
use skein_types::{Bytes, Fuel, Millis, ModuleDigest, ParamsDigest, RuleResult, RunId, VerifyLevel};

use crate::counters::Counters;
use crate::fingerprint::Fingerprint;

/// The migration as records name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Name by which the dataset remembers it.
    pub name: String,
    /// The module's version.
    pub version: String,
    /// The module.
    pub module: ModuleDigest,
    /// The parameters.
    pub params: ParamsDigest,
}

/// Target columns by origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ColumnCounts {
    /// Copied by the host.
    pub carried: usize,
    /// Of those, copied as encoded bytes in row groups that kept all their rows; 0 if no row group did.
    pub spliced: usize,
    /// Made by the module.
    pub computed: usize,
    /// Passed through the module and found equal.
    pub preserved: usize,
    /// Source columns that are in no target column.
    pub dropped: usize,
}

/// What agents used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Guest work.
    pub fuel: Fuel,
    /// CPU time of all worker threads, host work included.
    pub cpu: Millis,
    /// Wall time from the start of the run to the end of the phase that the report is about.
    pub wall: Millis,
    /// Largest memory of one agent.
    pub memory_peak: Bytes,
}

/// A finished run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// The version that is current now, that was held or that was made beside.
    pub version: u64,
    /// Where the result is, if it is not in place of what was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What was applied.
    pub migration: Migration,
    /// Files in the new version that the run wrote.
    pub files: usize,
    /// Data files that are in the new version as they were: not selected, or migrated before.
    #[serde(skip_serializing_if = "is_zero")]
    pub files_joined: usize,
    /// Files that others added while the run was at work and that it took along.
    #[serde(skip_serializing_if = "is_zero")]
    pub caught_up: usize,
    /// Of those, data files that came so late that they are in the new version as they were; the next run migrates them.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_for_next: usize,
    /// Rows by fate; unless the shape is free, `read = written + rejected + filtered`.
    pub rows: RowCounts,
    /// How far the result was verified.
    pub verified: VerifyLevel,
    /// What its content adds up to; in the log.
    #[serde(skip)]
    pub fingerprint: Option<Fingerprint>,
    /// Columns by origin.
    pub columns: ColumnCounts,
    /// What the module counted: names and numbers are the module's own.
    #[serde(skip_serializing_if = "Counters::is_empty")]
    pub counters: Counters,
    /// What it cost.
    pub cost: Cost,
    /// Size of the source files.
    pub bytes_read: Bytes,
    /// Size of the new files.
    pub bytes_written: Bytes,
    /// Bytes of chunks that were copied as they are.
    pub bytes_spliced: Bytes,
    /// Where rejected rows are, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// What was found of the rules that were looked at before it became visible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleResult>,
    /// File metadata keys that would have been wrong after the change and were left out.
    pub metadata_dropped: Vec<String>,
    /// Files that were not taken over, such as `_metadata`.
    pub files_dropped: Vec<String>,
    /// Owners and attributes of files and directories that this user could not give to the new ones.
    pub attributes_lost: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How a run ended when it did not fail.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RunOutcome {
    /// The result is current.
    Published(Box<RunReport>),
    /// The result waits to be made current or discarded.
    Held(Box<RunReport>),
    /// The result is a dataset of its own.
    Beside(Box<RunReport>),
    /// The result is a directory of plain files; the dataset is as it was. The report's version is the one that was read.
    Written(Box<RunReport>),
    /// The dataset has been through exactly this before; nothing was touched.
    AlreadyMigrated {
        /// The current version.
        version: u64,
        /// What was applied then.
        migration: Migration,
    },
}
