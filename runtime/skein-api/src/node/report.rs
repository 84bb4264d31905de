//! What came of a task.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, DatasetId, ErrorClass, Rows, RuleResult, Verdict, VerifyLevel};

use super::task::RULES_HERE_MAX;
use super::{ARRIVED_MAX, TASKS_MAX};
use crate::bounded::{List, Text};
use crate::plan::SampleFacts;
use crate::run::{Meters, RunRows, Why};
use crate::{Location, Name};

/// Most datasets of a scan's answer; the scan goes on after the last of them as a task of its own.
const FOUND_MAX: usize = 1_000;
/// Most versions of a scrub's answer.
const VERSIONS_MAX: usize = 256;
/// Most damaged files of a version that are named.
const DAMAGED_MAX: usize = 64;

/// A version that is written, synced and invisible. All that a publish needs is in the blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staged {
    /// The blob that describes it: what the intent will name, and nothing else can be published for it.
    pub descriptor: Blake3,
    /// The dataset's version that it was made from.
    pub base: u64,
    /// The version that it will be.
    pub version: u64,
    /// Files that were written.
    pub files: u64,
    /// Checkpoints that earlier attempts had made.
    pub taken_over: u64,
    /// By fate.
    pub rows: RunRows,
    /// What it cost.
    pub meters: Meters,
    /// What was found of the rules that it was asked to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<List<RuleResult, RULES_HERE_MAX>>,
    /// How far it was verified.
    #[serde(default)]
    pub verified: VerifyLevel,
    /// Of the sums of its content, which the dataset's log will have; none if nothing was summed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Blake3>,
}

/// Names of sensitive columns that are not there, of one dataset.
const HIDES_NOTHING_MAX: usize = 8;

fn is_empty(names: &List<Name, HIDES_NOTHING_MAX>) -> bool {
    names.is_empty()
}

/// What a plan says of one dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetPlan {
    /// Of this.
    pub dataset: DatasetId,
    /// What would become of it.
    pub verdict: Verdict,
    /// Of its schema as the module sees it; none if it could not be read.
    pub schema: Option<Blake3>,
    /// Of the schema plan; none if there is none.
    pub plan: Option<Blake3>,
    /// Its rows.
    pub rows: Rows,
    /// Their size in files.
    pub bytes: Bytes,
    /// How many.
    pub files: u64,
    /// Of all of them.
    pub row_groups: u64,
    /// Names of sensitive columns that no file has; the first of them.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub hides_nothing: List<Name, HIDES_NOTHING_MAX>,
    /// Why, where the verdict alone does not say it.
    pub why: Option<Why>,
}

/// What a plan task says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Of each dataset, in the order of the task.
    pub datasets: List<DatasetPlan, TASKS_MAX>,
}

/// What a dry run says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampled {
    /// The blob with the report: bounded, escaped, masked JSON.
    pub report: Blake3,
    /// Rows that went through agents.
    pub rows: RunRows,
    /// What it cost.
    pub meters: Meters,
    /// What else was seen.
    #[serde(default)]
    pub facts: Box<SampleFacts>,
}

/// A dataset, or what looks like one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Where.
    pub location: Location,
    /// Of its files, as far as they were looked at.
    pub bytes: Bytes,
    /// How many.
    pub files: u64,
    /// Why it can be none, if so.
    pub why: Option<Why>,
}

/// What a scan says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scanned {
    /// In byte order of their place.
    pub found: List<Found, FOUND_MAX>,
    /// There may be more after the last.
    pub more: bool,
}

/// A file that arrived in a dataset after a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivedFile {
    /// Below the dataset.
    pub path: Text<4096>,
    /// Whose columns it has.
    pub has: Columns,
}

/// Whose columns a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    /// Those of the version that the run made.
    New,
    /// Those of the version that the run read.
    Old,
    /// Others, or it is no file that can be read.
    Other,
    /// It is gone again.
    Gone,
}

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Of each file, in the order of the task.
    pub arrived: List<ArrivedFile, ARRIVED_MAX>,
    /// Rules that do not hold any more.
    pub broken: List<RuleResult, RULES_HERE_MAX>,
    /// Rules of which it could not be found out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsure: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A version that was read in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScrubbedVersion {
    /// Which.
    pub version: u64,
    /// Whether it is current; else it is kept.
    pub current: bool,
    /// Its files.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Files that are not what the dataset's log says.
    pub damaged: List<DamagedFile, { DAMAGED_MAX }>,
}

/// A file that is not what the dataset's log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DamagedFile {
    /// Below the dataset.
    pub path: Text<4096>,
    /// How it differs.
    pub how: Text<128>,
    /// Whether somebody has written to it, as far as its times tell.
    pub written: bool,
}

/// What a scrub says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scrubbed {
    /// The kept versions, the oldest first, and the current one.
    pub versions: List<ScrubbedVersion, VERSIONS_MAX>,
}

/// A part of a large run, kept beside the dataset's staged files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragment {
    /// Nothing of this run can be made apart: seal it at once.
    pub whole: bool,
    /// Checkpoints that earlier attempts had made.
    pub taken_over: u64,
    /// By fate.
    pub rows: RunRows,
    /// What it cost.
    pub meters: Meters,
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Of a run or a seal.
    Staged(Staged),
    /// Of a split.
    Fragment(Fragment),
    /// Of a plan.
    Planned(Planned),
    /// Of a dry run.
    Sampled(Sampled),
    /// Of a scan.
    Scanned(Scanned),
    /// Of a check.
    Checked(Checked),
    /// Of a scrub.
    Scrubbed(Scrubbed),
    /// Of a run: the dataset has been through exactly this before.
    AlreadyMigrated {
        /// The current version.
        version: u64,
    },
    /// Of a run: the dataset's schema is not what the plan saw. Nothing was done.
    SchemaMoved {
        /// It is this.
        found: Blake3,
    },
    /// It could not be done; nothing of it is left.
    Failed {
        /// Why, and who may try again.
        why: Why,
        /// What it cost.
        meters: Meters,
    },
    /// It was revoked before it had done anything that lasts; nothing of it is left.
    Revoked,
    /// It was asked to stop and did, behind its last checkpoint.
    Evicted {
        /// How many it had made.
        checkpoints: u64,
        /// What it cost.
        meters: Meters,
    },
}

impl Outcome {
    /// Every word for an outcome.
    pub const WORDS: [&'static str; 17] = [
        "staged",
        "fragment",
        "planned",
        "sampled",
        "scanned",
        "checked",
        "scrubbed",
        "already_migrated",
        "schema_moved",
        "revoked",
        "evicted",
        "failed_fault",
        "failed_denied",
        "failed_bad_input",
        "failed_conflict",
        "failed_transient",
        "failed_bug",
    ];

    /// A word for whoever counts outcomes; of a failure with its class.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Staged(_) => "staged",
            Self::Fragment(_) => "fragment",
            Self::Planned(_) => "planned",
            Self::Sampled(_) => "sampled",
            Self::Scanned(_) => "scanned",
            Self::Checked(_) => "checked",
            Self::Scrubbed(_) => "scrubbed",
            Self::AlreadyMigrated { .. } => "already_migrated",
            Self::SchemaMoved { .. } => "schema_moved",
            Self::Revoked => "revoked",
            Self::Evicted { .. } => "evicted",
            Self::Failed { why, .. } => match why.class {
                ErrorClass::Fault => "failed_fault",
                ErrorClass::Denied => "failed_denied",
                ErrorClass::BadInput => "failed_bad_input",
                ErrorClass::Conflict => "failed_conflict",
                ErrorClass::Transient => "failed_transient",
                ErrorClass::Bug => "failed_bug",
            },
        }
    }

    /// Rows by fate, of a run. What parts of a run did is in the rows of its seal too.
    pub const fn rows(&self) -> Option<RunRows> {
        match self {
            Self::Staged(staged) => Some(staged.rows),
            Self::Fragment(_)
            | Self::Planned(_)
            | Self::Sampled(_)
            | Self::Scanned(_)
            | Self::Checked(_)
            | Self::Scrubbed(_)
            | Self::AlreadyMigrated { .. }
            | Self::SchemaMoved { .. }
            | Self::Failed { .. }
            | Self::Revoked
            | Self::Evicted { .. } => None,
        }
    }

    /// What it cost, where that is told.
    pub const fn meters(&self) -> Option<Meters> {
        match self {
            Self::Staged(staged) => Some(staged.meters),
            Self::Fragment(fragment) => Some(fragment.meters),
            Self::Sampled(sampled) => Some(sampled.meters),
            Self::Failed { meters, .. } | Self::Evicted { meters, .. } => Some(*meters),
            Self::Planned(_)
            | Self::Scanned(_)
            | Self::Checked(_)
            | Self::Scrubbed(_)
            | Self::AlreadyMigrated { .. }
            | Self::SchemaMoved { .. }
            | Self::Revoked => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Meters, Outcome};
    use crate::run::Why;
    use skein_types::codes;

    #[test]
    fn every_class_of_failure_has_a_word_of_its_own_that_is_listed() {
        for code in
            [codes::BUG, codes::IO, codes::USAGE, codes::GUEST_TRAP, codes::FORBIDDEN, codes::NODE_FENCED]
        {
            let outcome = Outcome::Failed { why: Why::new(code, "m", None), meters: Meters::default() };
            assert_eq!(outcome.word(), format!("failed_{}", code.class.as_str()));
            assert!(Outcome::WORDS.contains(&outcome.word()));
        }
        assert!(Outcome::WORDS.contains(&Outcome::Revoked.word()));
    }
}
