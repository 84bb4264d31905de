//! Publishing: many runs become current with three waits for the disk.
//!
//! ```text
//! prepare    hash what is not hashed, seal the records, write them beside the staged files
//! barrier 1  staged files and directories, records                                        (no lock held)
//! announce   lock; head and files as pinned? else conflict; create [adopt | observe], intent
//! barrier 2  the log's directory, the next record's bytes
//! exchange   move the staged version to kept/<base>, exchange it with the live one, look at what was displaced;
//!            unchanged: create commit; changed: exchange back, create revert, conflict;
//!            refused by the system, for good: move the staged version back, create revert, refused
//! barrier 3  the log, the dataset's parent, kept, quarantine, the last record's bytes
//! settle     create done; unlock; remove the attempt's directory
//! ```
//!
//! What a crash leaves, and what recovery makes of it. `old` and `new` are the inodes in the intent record:
//!
//! | crash | log ends with | live | kept/base | recovery |
//! |---|---|---|---|---|
//! | before announce | whatever was | old | - | sweeps the attempt's directory |
//! | after adopt or observe | adopt, observe | old | - | the same; the record stays, it is true |
//! | after intent | intent | old | - | old unchanged: goes on; changed: revert (drift) |
//! | staged moved to kept | intent | old | new | the same |
//! | exchanged | intent | new | old | displaced unchanged: commit; changed: back, revert (drift) |
//! | exchanged back | intent | old | new | moves it back to where it was staged, revert (drift) |
//! | new set aside, for others wrote into it | intent | old | - | the same, and names where it is |
//! | exchange refused: EPERM, EACCES, EROFS | intent | old | - or new | tries again; refused: moves it back, revert (refused), if the intent is this user's; else an error |
//! | after commit | commit | new | old | moves rejects to quarantine, done |
//! | after done | done | new | old | sweeps the attempt's directory |
//! | power lost, renames undone | intent or commit | old | - or new | does the exchange again: it comes before every barrier that the next step needs |
//!
//! A rollback is the same from `announce` on, with `kept/<n>` in place of the staged directory and `revert` in place
//! of `commit`. If live is neither old nor new, or old is nowhere, somebody replaced the dataset between two steps:
//! nothing is touched, `SK0514`.
//!
//! What a revert says is durable before its record is created: after it nobody looks at the inodes again.
//!
//! What becomes current is a [source](source::Source): a run of this process, a version that a node has
//! [handed over](handed), a kept one of many that come back together. They differ in how they are prepared and in what
//! becomes of them if they do not become current; the phases are the same.
//!
//! From the creation of the intent to the creation of done every error means [`Outcome::Unknown`]: what was staged
//! stays, and [`resolve`] reads back what happened.

pub(crate) mod alone;
pub(crate) mod batch;
pub(crate) mod beside;
pub(crate) mod handed;
pub(crate) mod hold;
pub(crate) mod lots;
pub(crate) mod prepare;
pub(crate) mod source;
pub(crate) mod swap;

use std::collections::BTreeMap;
use std::path::PathBuf;

use skein_types::{Blake3, Code, ErrorClass, ModuleDigest, ParamsDigest, Rows, RunId, codes};

use crate::dataset::{Dataset, RunLock, StateError};
use crate::fault::IoFault;
use crate::listing::Change;
use crate::log::machine::UndoneBy;
use crate::log::record::{Applied, Refusal, RowCounts};
use crate::recover;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::staging::Staging;

pub use batch::{Attempted, attempt_many, publish_many};
pub(crate) use batch::{LOT, SYNCS};
pub use handed::{Handed, HandedError, HandedOver, hand_over_many, publish_handed, publish_handed_made};
pub use hold::hold;

/// A staged run that is ready to become current.
#[derive(Debug)]
pub struct Publish<'a> {
    /// Where.
    pub dataset: &'a Dataset,
    /// The run that is at work on it.
    pub lock: &'a RunLock,
    /// What the run read.
    pub snapshot: Snapshot,
    /// What it wrote.
    pub staging: Staging,
    /// What the record will say.
    pub commit: CommitData,
}

/// What a publish records beside what the files show.
#[derive(Debug)]
pub struct CommitData {
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
    /// The new schema.
    pub schema: serde_json::Value,
    /// Totals.
    pub rows: RowCounts,
    /// Schemas that the files which were read presented, by the digest under which [`FileFacts::applied`] names them.
    pub presented: BTreeMap<Blake3, serde_json::Value>,
    /// More, for people and later versions.
    pub ext: serde_json::Value,
    /// What is known of each data file that the run wrote; files that joined keep what was known of them.
    pub files: Vec<FileFacts>,
}

/// What a caller knows of a file that it staged.
#[derive(Debug, Clone)]
pub struct FileFacts {
    /// The staged path.
    pub path: String,
    /// Its rows.
    pub rows: Rows,
    /// Column statistics, in any shape.
    pub stats: serde_json::Value,
    /// All migrations that the file has been through, this one last.
    pub applied: Vec<Applied>,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is current, durably.
    Committed {
        /// As this version.
        version: u64,
    },
    /// It waits, durably, to be made current or discarded.
    Held {
        /// The version that it may displace.
        base: u64,
    },
    /// It is not and will not be; the dataset is as others left it.
    Conflict {
        /// Why.
        reason: Conflict,
    },
    /// It is not and will not be: the system does not let this user exchange the dataset, which is as it was.
    Refused {
        /// What the system said.
        refusal: Refusal,
    },
    /// Nobody knows until [`resolve`] has looked. What was staged stays.
    Unknown {
        /// The error that hides the answer.
        cause: String,
    },
}

/// Why a publish lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Another version was published or rolled back to since the snapshot.
    HeadMoved,
    /// Others changed files.
    Drift {
        /// What they did.
        changes: Vec<Change>,
    },
    /// The log holds no intent of the run.
    NotPublished,
}

impl Outcome {
    /// The code that goes with it; none for a commit.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Committed { .. } | Self::Held { .. } => None,
            Self::Conflict { .. } => Some(codes::DATASET_DRIFT),
            Self::Refused { refusal } => Some(refusal.code()),
            Self::Unknown { .. } => Some(codes::OUTCOME_UNKNOWN),
        }
    }

    fn undone(by: UndoneBy) -> Self {
        match by {
            UndoneBy::Drift { changes } => Self::Conflict { reason: Conflict::Drift { changes } },
            UndoneBy::Refused(refusal) => Self::Refused { refusal },
        }
    }
}

/// A publish failed before anything could become visible.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The staged files are not those that were finished.
    #[error("the staged files are not those that were written: {problem}")]
    Staged {
        /// How.
        problem: String,
    },
    /// Something has the name of the dataset that was to be made, or once had it.
    #[error("{} exists", path.display())]
    NameTaken {
        /// What is in the way.
        path: PathBuf,
    },
    /// What another process handed over cannot be published.
    #[error(transparent)]
    Handed(#[from] HandedError),
    /// The source does not hold still.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The dataset's state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl PublishError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Staged { .. } => codes::BUG,
            Self::NameTaken { .. } => codes::NAME_TAKEN,
            Self::Handed(e) => e.code(),
            Self::Snapshot(e) => e.code(),
            Self::State(e) => e.code(),
            Self::Io(e) => e.code(),
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NameTaken { .. } => {
                Some("take another name with --publish beside=NAME, or move away what is there")
            }
            Self::Handed(_) => Some("have it staged again by another attempt"),
            Self::Staged { .. } => None,
            Self::Snapshot(e) => e.hint(),
            Self::State(e) => e.hint(),
            Self::Io(e) => e.hint(),
        }
    }
}

/// What became of a run's publish, read back from the log after finishing or undoing whatever is under way.
pub fn resolve(dataset: &Dataset, run: RunId) -> Result<Outcome, StateError> {
    let not = |reason| Ok(Outcome::Conflict { reason });
    let Some(state) = dataset.state() else { return not(Conflict::NotPublished) };
    let _lock = dataset.lock_publish(state)?;
    let (_, history) = recover::settle(dataset, state)?;
    if let Some(version) = history.published_by(run) {
        return Ok(Outcome::Committed { version });
    }
    if let Some(held) = history.held_by(run) {
        return Ok(Outcome::Held { base: held.hold.base });
    }
    match history.undone().iter().rev().find(|undone| undone.run == Some(run)) {
        Some(undone) => Ok(Outcome::undone(undone.by.clone())),
        None => not(Conflict::NotPublished),
    }
}
