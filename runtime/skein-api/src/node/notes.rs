//! What an attempt has to tell beside its outcome: its log, what it rejected, and what it was made from.
//!
//! Lines are JSON that the node made harmless: bounded, escaped, without secrets. Control keeps and serves them and never reads
//! them. Few lines travel with the report, so that they cost no request of their own; more are a blob.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, Millis, ParamsDigest, Rows};

use crate::attempt::{RejectCount, SourceSeen};
use crate::bounded::{List, Text};

/// Most bytes of a line.
pub const LINE_BYTES_MAX: usize = 8 << 10;
/// Most lines that travel with a report.
pub const LINES_HERE_MAX: usize = 64;
/// Most bytes of all lines of one kind that travel with a report.
pub const LINES_HERE_BYTES_MAX: usize = 8 << 10;
/// Most codes of rejects that are counted apart.
pub const REJECT_CODES_MAX: usize = 32;

/// Lines of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "where", rename_all = "snake_case", deny_unknown_fields)]
pub enum Lines {
    /// All of them.
    Here {
        /// In their order.
        lines: List<Text<LINE_BYTES_MAX>, LINES_HERE_MAX>,
    },
    /// The blob that has them, each ended by a line feed.
    Blob {
        /// Its digest.
        digest: Blake3,
        /// Its size.
        bytes: Bytes,
    },
}

/// Rows that were refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// All of them.
    pub rows: Rows,
    /// By code; those with the most rows where there are too many.
    pub codes: List<RejectCount, REJECT_CODES_MAX>,
    /// Some of them, a line each, without their values.
    pub some: Lines,
}

/// What an attempt has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    /// From its beginning to its end.
    pub took_ms: Millis,
    /// What its module and its node said; none if that was nothing.
    pub log: Option<Lines>,
    /// What its module refused; none if that was nothing.
    pub rejects: Option<Rejected>,
    /// The files that it read; none if it did not get so far.
    pub source: Option<SourceSeen>,
    /// Of its parameters with their secrets; none if it did not get so far.
    pub params: Option<ParamsDigest>,
}
