//! The versions of a dataset: `GET /v1/datasets/{id}/history` lists them, `POST /v1/datasets/{id}/rollback` undoes the current one,
//! `GET /v1/datasets/{id}/export` says where a version's files are and how others read exactly these.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, CampaignId, DatasetId, ModuleDigest, ParamsDigest, Rows, RunId};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::run::Run;
use crate::time::Time;
use crate::{Location, Message};

pub use crate::report::DatasetScrub;

/// Most files of an export.
pub const EXPORT_FILES_MAX: usize = 5_000;
/// Most bytes of a statement.
pub const STATEMENT_BYTES_MAX: usize = 2 << 20;

/// One version, as the dataset's log knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetVersion {
    /// From 0, without gaps.
    pub version: u64,
    /// Whether its content is what the dataset holds.
    pub current: bool,
    /// When it came to be.
    pub since: Time,
    /// How it came to be: `adopted`, `beside`, `observed`, `published` or `rolled back`.
    pub kind: Text<16>,
    /// The same for people: the migration, what others did, the version that is back.
    pub what: Message,
    /// The version that is back.
    pub to: Option<u64>,
    /// The run that made it, of whichever server.
    pub run: Option<RunId>,
    /// The campaign of this server that the run is of.
    pub campaign: Option<CampaignId>,
    /// The run's place there.
    pub seq: Option<u64>,
    /// What made it.
    pub module: Option<ModuleDigest>,
    /// With these parameters.
    pub params: Option<ParamsDigest>,
    /// By this plan.
    pub plan: Option<Blake3>,
    /// Data files.
    pub files: u64,
    /// Of all files.
    pub bytes: Bytes,
    /// Where the log knows them: nobody counts the rows of files that others wrote.
    pub rows: Option<Rows>,
    /// In its quarantine.
    pub rejected: Option<Rows>,
    /// Whether its files are there.
    pub available: bool,
    /// What it takes of the disk, of an old version that is kept.
    pub kept: Option<Bytes>,
}

/// Asks for the current version of a dataset to be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetRollback {
    /// The version that is current for whoever asks; refused if another one is.
    pub expect: u64,
    /// For the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Message>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetRolledBack {
    /// The version that is undone.
    pub undoes: u64,
    /// The campaign that had made it.
    pub campaign: CampaignId,
    /// Its run: `reverted`, with the version that is current since; `revert_failed`, with the reason; or `reverting` still.
    pub run: Run,
}

/// Where the files of a version are, and how others read exactly these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetExport {
    /// Of which dataset.
    pub dataset: DatasetId,
    /// Which version.
    pub version: u64,
    /// Whether it is what the dataset holds.
    pub current: bool,
    /// What the relative paths are relative to.
    pub root: Location,
    /// Its data files.
    pub files: List<ExportFile, { EXPORT_FILES_MAX }>,
    /// For DuckDB: SQL.
    pub duckdb: Text<{ STATEMENT_BYTES_MAX }>,
    /// For Spark: Python.
    pub spark: Text<{ STATEMENT_BYTES_MAX }>,
    /// For Polars: Python.
    pub polars: Text<{ STATEMENT_BYTES_MAX }>,
    /// For pyarrow: Python.
    pub pyarrow: Text<{ STATEMENT_BYTES_MAX }>,
}

/// A file of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportFile {
    /// Where it is.
    pub path: Location,
    /// From the root.
    pub relative: Location,
    /// As the log has it.
    pub bytes: Bytes,
    /// Where the log knows them.
    pub rows: Option<Rows>,
    /// Of its bytes.
    pub blake3: Blake3,
}
