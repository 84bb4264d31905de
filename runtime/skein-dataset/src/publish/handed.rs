//! The hand-over: a node process stages a version, the control process makes it current.
//!
//! ```text
//! node      hash what is not hashed; describe everything that a publish needs, as data; write that beside the staged files
//! barrier   staged files and directories, the descriptor                       (one for as many runs as are handed over)
//! node      answers with the descriptor's digest, and may die
//! control   reads the descriptor, by its digest; looks at the staged files; seals the records from what it has read
//! publish   as any other: announce, exchange, settle
//! ```
//! | crash | what it is then |
//! |---|---|
//! | node, before it has answered | an attempt that nobody can publish; its server removes it |
//! | node, after it has answered | nothing: control needs the node no more |
//! | control, before the intent | handed over as before, also where a base record is there: it is true; control tries again |
//! | control, after it | as a run's publish: [`resolve`](crate::resolve) brings it to its end, or trying again does |
//!
//! Both sides are ours, but the node runs beside guests. What it writes becomes a record only as far as control has
//! understood it: where staged files are, which version is displaced and what the numbers are control finds out itself, the
//! staged files must be those that are described (not their content, which control never reads), and the dataset must hold
//! the files that were read. What it has no way to know, the hashes and what is said of rows, it takes from the node.
//!
//! A node that was stopped and goes on later finds its own directory, or none. It cannot change what was handed over
//! without changing the times of the files, and nothing of it is current without its digest.

mod descriptor;
mod give;
mod take;

use skein_types::{AttemptId, Blake3, Bytes, Code, ErrorClass, RunId, codes};

use crate::dataset::Dataset;
use crate::log::record::RowCounts;

pub use give::hand_over_many;
pub(crate) use take::settled;
pub use take::{publish_handed, publish_handed_made};

/// Name of the descriptor in an attempt's directory.
pub(crate) const DESCRIPTOR: &str = "prepared.json";

/// What a node answers when a staged version can be published without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// Which attempt staged it.
    pub attempt: AttemptId,
    /// Of the descriptor: whoever publishes needs it.
    pub digest: Blake3,
    /// The run.
    pub run: RunId,
    /// The version that it displaces, if nothing is published before it.
    pub base: u64,
    /// The version that it will be then.
    pub version: u64,
    /// Its rows.
    pub rows: RowCounts,
    /// Size of its files.
    pub bytes: Bytes,
}

/// A staged version that was handed over and is to become current.
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a> {
    /// Of what, opened for the server that manages it.
    pub dataset: &'a Dataset,
    /// By which run.
    pub run: RunId,
    /// Staged by which attempt.
    pub attempt: AttemptId,
    /// As the node answered it.
    pub digest: Blake3,
}

/// What was handed over cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandedError {
    /// The attempt has nothing staged, and its run is not current.
    #[error("{attempt} has handed nothing over")]
    Missing {
        /// Which.
        attempt: AttemptId,
    },
    /// The descriptor is not the one that the node named, or says what cannot be.
    #[error("the descriptor of {attempt} cannot be used: {problem}")]
    Descriptor {
        /// Whose.
        attempt: AttemptId,
        /// Why.
        problem: String,
    },
    /// What lies staged is not what is described.
    #[error("what {attempt} staged is not what it handed over: {problem}")]
    Staged {
        /// Which.
        attempt: AttemptId,
        /// How it shows.
        problem: String,
    },
}

impl HandedError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        codes::HANDED_OVER_DAMAGED
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }
}
