//! What was found out about results after they were staged: round trips, checks, what is kept and what went.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, DatasetId};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::node::ScrubbedVersion;
use crate::{Message, Time};

/// Most alarms of a run that are listed.
const ALARMS_MAX: usize = 64;
/// Most versions of a dataset that are listed.
const VERSIONS_MAX: usize = 256;

/// How a run's result went back and forth before it counted as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoundTrip {
    /// When it was over.
    pub at: Time,
    /// The version that the run read.
    pub base: u64,
    /// As which its result was published first.
    pub published: u64,
    /// As which the old content came back; none if it did not.
    pub back: Option<u64>,
    /// As which the result became current again; none if it did not.
    pub forward: Option<u64>,
    /// Files that were read and compared, of both versions.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Of names, sizes and contents of the old version, as it came back.
    pub before: Option<Blake3>,
    /// Of names, sizes and contents of the result.
    pub after: Option<Blake3>,
    /// Why it is not proven; none if it is.
    pub problem: Option<Message>,
}

/// Something that is wrong with what a run published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// When it was found.
    pub at: Time,
    /// What found it: how long after the publish a check was due, or `scrub`.
    pub check: Text<64>,
    /// What it is.
    pub code: Text<16>,
    /// The version that it is about.
    pub version: u64,
    /// The file or the rule, where it is about one.
    pub path: Option<Message>,
    /// In words.
    pub message: Message,
}

/// What was found out about one run's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunSoak {
    /// Its round trip, if it made one.
    pub round_trip: Option<RoundTrip>,
    /// What is wrong with it, the oldest first.
    pub alarms: List<Alarm, { ALARMS_MAX }>,
}

/// How far a campaign's checks are, and what its old versions take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Soak {
    /// Checks that all of its runs have had.
    pub checked: u32,
    /// Of so many.
    pub checks: u32,
    /// How often something was found wrong.
    pub alarms: u64,
    /// What the old versions of its published runs take, as large as the plan saw them.
    pub kept: Bytes,
}

/// What a campaign's runs gave up for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GivenUp {
    /// Runs that were finalized.
    pub runs: u64,
    /// Versions of datasets that went with them.
    pub versions: u64,
    /// Their files.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// When the last one went.
    pub last: Option<Time>,
}

/// When all versions of a dataset were last read in full, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatasetScrub {
    /// Which.
    pub dataset: DatasetId,
    /// It is being read, or will be.
    pub under_way: bool,
    /// When it was last read to its end; none if it never was.
    pub at: Option<Time>,
    /// What was found then: the kept versions, the oldest first, and the current one.
    pub versions: List<ScrubbedVersion, { VERSIONS_MAX }>,
}

/// Versions of a dataset that are kept to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Kept {
    /// How many.
    pub versions: u64,
    /// What giving all of them up would free.
    pub bytes: Bytes,
}
