//! What a record says. Plain data; the shape is a file format, so fields are added, never renamed, and a change of
//! meaning takes a new `format`.

use std::collections::BTreeMap;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, Code, ModuleDigest, ParamsDigest, Rows, RunId, Timestamp, codes};

use crate::fault::IoFault;
use crate::listing::{Change, FileStat};
use crate::store::Node;

/// The format that this version writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// One record of a dataset's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this shape.
    pub format: u32,
    /// Its number; the first is 0, without gaps.
    pub number: u64,
    /// The record before it; none for the first.
    pub parent: Option<Parent>,
    /// When it was written, by the writer's clock; for people, decides nothing.
    pub time: Timestamp,
    /// What wrote it.
    pub tool: String,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

impl Record {
    pub(crate) fn new(number: u64, parent: Option<Parent>, time: Timestamp, body: Body) -> Self {
        let tool = concat!("skein ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { format: FORMAT, number, parent, time, tool, body }
    }
}

/// Link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent's number.
    pub number: u64,
    /// BLAKE3 of the parent's bytes.
    pub blake3: Blake3,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Version 0: the files as they were found.
    Adopt {
        /// Every file.
        files: Vec<FileRecord>,
        /// Every directory below the root.
        dirs: Vec<String>,
        /// What made them, if a run put the dataset beside another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Box<Origin>>,
    },
    /// Others changed the dataset while no publish was under way.
    Observe {
        /// The new version.
        version: u64,
        /// What they did.
        changes: Vec<Change>,
        /// Every file, afterwards.
        files: Vec<FileRecord>,
        /// Every directory below the root, afterwards.
        dirs: Vec<String>,
    },
    /// Somebody is about to exchange. Holds all that is needed to finish or to undo it.
    Intent(Box<Intent>),
    /// The exchange of a publish is done and was checked.
    Commit {
        /// The version that it made.
        version: u64,
        /// Whose.
        run: RunId,
    },
    /// The version is settled: everything durable, nothing left to tidy.
    Done {
        /// Which.
        version: u64,
        /// ctime of a single file after the exchange that put it in place.
        ctime_ns: Option<i64>,
    },
    /// The intent made no new data current: either an old version is back, or nothing happened.
    Revert(RevertReason),
    /// A run's output is finished and waits below the state until somebody makes it current or discards it.
    Hold(Box<Hold>),
    /// What a run held is given up; its files are removed after this record.
    Discard {
        /// Whose.
        run: RunId,
    },
    /// Old versions are given up: nothing rolls back to them any more. Their files are removed after this record.
    Finalize {
        /// The numbers under which they were kept.
        versions: Vec<u64>,
        /// How many files that were.
        files: u64,
        /// Their size.
        bytes: Bytes,
    },
}

/// A finished version that is not current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// The run and what it did.
    pub facts: PublishFacts,
    /// The version that it was made from, and the only one that it may displace.
    pub base: u64,
    /// Its directory or file.
    pub new: Node,
    /// Where that lies, below the state.
    pub source: String,
    /// Every file.
    pub files: Vec<FileRecord>,
    /// Every directory below its root.
    pub dirs: Vec<String>,
}

/// Where a dataset comes from that a run put beside another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the dataset that was read, in the same directory.
    pub dataset: String,
    /// Its version at that time, by its own log; none if it had none.
    pub version: Option<u64>,
    /// The run and what it did.
    pub facts: PublishFacts,
}

/// Why a record of kind revert was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum RevertReason {
    /// A rollback: the exchange is done and was checked.
    RolledBack {
        /// The version that it made.
        version: u64,
        /// The version whose content is back.
        to: u64,
    },
    /// The dataset changed under the operation; it is as its writers left it.
    Drift {
        /// What they did.
        changes: Vec<Change>,
        /// Where, below the state, files are that somebody wrote into the new version before it was taken back.
        set_aside: Option<String>,
    },
    /// The system does not let this user exchange the dataset; it is as it was.
    Refused {
        /// What it said.
        #[serde(flatten)]
        refusal: Refusal,
        /// As for drift.
        set_aside: Option<String>,
    },
}

/// An exchange that the system refuses, today and tomorrow: to try again as the same user is no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{problem}")]
pub struct Refusal {
    /// What is missing.
    pub denial: Denial,
    /// What was tried and what the system answered, on one line.
    pub problem: String,
}

/// What an exchange lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// The right to rename the dataset.
    Permission,
    /// A writable file system.
    ReadOnly,
}

impl Refusal {
    /// What a fault says about an exchange; `None` if it may be gone the next time.
    pub(crate) fn of(fault: &IoFault) -> Option<Self> {
        let denial = match Errno::from_io_error(&fault.source)? {
            Errno::PERM | Errno::ACCESS => Denial::Permission,
            Errno::ROFS => Denial::ReadOnly,
            _ => return None,
        };
        Some(Self { denial, problem: format!("{fault}: {}", fault.source) })
    }

    /// The code that goes with it.
    pub fn code(&self) -> Code {
        match self.denial {
            Denial::Permission => codes::PERMISSION,
            Denial::ReadOnly => codes::READ_ONLY,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self.denial {
            Denial::Permission => {
                "to exchange old and new the dataset itself is renamed: run as its owner, or as the owner of its \
                 parent directory if that is sticky, and see with lsattr whether chattr has made it immutable"
            }
            Denial::ReadOnly => "mount the file system for writing",
        }
    }
}

/// An exchange that is about to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Why.
    pub operation: Operation,
    /// The version that it will make.
    pub version: u64,
    /// The version that it displaces.
    pub base: u64,
    /// The dataset's directory or file before.
    pub old: Node,
    /// The directory or file that takes its place.
    pub new: Node,
    /// Where `new` lies until the exchange, below the state.
    pub source: String,
    /// Every file of the new version.
    pub files: Vec<FileRecord>,
    /// Every directory below the new version's root.
    pub dirs: Vec<String>,
}

impl Intent {
    /// Whether `new` is an attempt's: what is left of it when it is taken back may go.
    pub(crate) fn is_staged(&self) -> bool {
        self.source.starts_with("stage/")
    }

    /// Where the displaced version will be, below the state.
    pub fn slot(&self) -> String {
        format!("kept/{}", self.base)
    }
}

/// The reason for an exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// A run's output becomes current.
    Publish(Box<PublishFacts>),
    /// A kept version becomes current.
    RollBack {
        /// Which.
        to: u64,
    },
}

/// What is recorded of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishFacts {
    /// The run.
    pub run: RunId,
    /// Name of the migration.
    pub migration: String,
    /// The module's own version.
    pub migration_version: String,
    /// The module.
    pub module: ModuleDigest,
    /// Its parameters.
    pub params: ParamsDigest,
    /// The plan that was executed.
    pub plan: Blake3,
    /// The new schema, as the caller renders it.
    pub schema: serde_json::Value,
    /// Rows in, out, rejected, filtered.
    pub rows: RowCounts,
    /// Files of the old version that were not taken over.
    pub dropped: Vec<String>,
    /// The quarantine file, relative to the state, if rows were rejected.
    pub quarantine: Option<String>,
    /// Schemas that the files which were read presented, by the digest under which their output names them, as the caller
    /// renders them. Files that come later are planned with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub presented: BTreeMap<Blake3, serde_json::Value>,
    /// More for people and later versions: fuel, times, fingerprints, rule results.
    pub ext: serde_json::Value,
}

/// How many rows went where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Read.
    pub read: Rows,
    /// Written.
    pub written: Rows,
    /// Refused by the module.
    pub rejected: Rows,
    /// Left out by the module.
    pub filtered: Rows,
}

/// One file of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path, role, size, times, inode.
    #[serde(flatten)]
    pub stat: FileStat,
    /// Of its bytes.
    pub blake3: Blake3,
    /// Rows, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// Column statistics, as the caller renders them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<serde_json::Value>,
    /// Migrations whose output this file is, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Applied>,
}

/// A migration that a file has been through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Name of the migration.
    pub name: String,
    /// The module's version.
    pub version: String,
    /// The module.
    pub module: ModuleDigest,
    /// Its parameters.
    pub params: ParamsDigest,
    /// Keys of [`PublishFacts::presented`]: what it was planned with. Empty in logs of versions that did not record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presented: Vec<Blake3>,
}

impl Applied {
    /// Whether two files have been through the same, each with its neighbours.
    pub fn same_migration(&self, other: &Self) -> bool {
        let what = |applied: &Self| (applied.module, applied.params);
        self.name == other.name && self.version == other.version && what(self) == what(other)
    }
}
