//! What is said of a published dataset: from what, by what, under which plan and whose word it came to be.
//!
//! Digests, counts, names and ids; no value of a row and no secret. Fields are added and never renamed; a change of meaning takes
//! another [`PROVENANCE_TYPE`].

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Timestamp};

/// Of what is said of a published dataset.
pub const PROVENANCE_TYPE: &str = "urn:skein:dataset-provenance:v1";

/// What is said of a published dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Which server published it.
    pub server: String,
    /// What it runs.
    pub tool: String,
    /// When it was said, in milliseconds since 1970: after the publish, before it was confirmed.
    pub at: Timestamp,
    /// Which dataset.
    pub dataset: DatasetRef,
    /// In which campaign, by which run.
    pub run: RunRef,
    /// What ran.
    pub module: ModuleRef,
    /// With which parameters.
    pub params: String,
    /// The campaign's plan, and the part of it that is about this dataset's schema.
    pub plan: Option<String>,
    /// See there.
    pub schema_plan: String,
    /// By which rules of procedure.
    pub policy: String,
    /// Who approved it.
    pub approvals: Vec<Approval>,
    /// What was read.
    pub input: Version,
    /// What was made.
    pub output: Version,
    /// Rows by fate.
    pub rows: Rows,
    /// What the host found when it checked.
    pub checks: Checks,
    /// A decision in the ledger, the last one when this was said: all up to it, the intent to publish exactly this among them, was
    /// decided before. The decision that confirms it names this statement, so this was said before that.
    pub ledger: LedgerHead,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetRef {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub owner: String,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// Its id.
    pub id: String,
    /// The campaign's.
    pub campaign: String,
    /// What that is called.
    pub campaign_name: String,
    /// Its number there.
    pub seq: u64,
    /// Whose work was published.
    pub attempt: String,
    /// Where that was; none where nobody knows any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// A module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRef {
    /// Its digest: `sha256:` and hex.
    pub digest: String,
    /// What it calls its migration.
    pub migration: String,
    /// And which version of it.
    pub version: String,
    /// What it was submitted as: `NAME@VERSION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it was said to be made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Where something was said to be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The repository.
    pub url: String,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub person: String,
    /// For which team's datasets; none of a wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// To which wave it gave way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// Instead of those that were needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken_glass: bool,
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
}

/// The files of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Which.
    pub version: u64,
    /// How many files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Of all of them: BLAKE3 over path, size and BLAKE3 of each, in the order of paths.
    pub tree: Blake3,
}

/// Rows by fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Of the input.
    pub read: u64,
    /// Of the output.
    pub written: u64,
    /// Refused by the module.
    pub rejected: u64,
    /// Left out by the module.
    pub filtered: u64,
}

/// What the host found when it checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// How closely it looked: `counts`, `fingerprint`, `readback`; none where that was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    /// Of what the dataset's log says of fingerprints, if it says something: BLAKE3 of its canonical spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Blake3>,
    /// What each rule said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleResult>,
    /// Rules of teams that read the dataset which its owner passes over, so that nobody looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// Who let the result through, where rules kept it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
}

/// A rule that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// What it is called.
    pub name: String,
    /// The team that wants it.
    pub consumer: String,
    /// Why, as the owner said it.
    pub why: String,
}

/// A person's word that a result goes out though rules kept it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// Whose.
    pub by: String,
    /// Why, as it was said.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// The decision in the ledger.
    pub position: u64,
}

/// What a rule said. Not what it saw: that may show rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// What it is called.
    pub name: String,
    /// The team that wants it as a reader of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// `error`, `warn`, `hold`.
    pub severity: String,
    /// `pass`, `broken`, `inconclusive`.
    pub verdict: String,
}

/// A decision in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerHead {
    /// Where.
    pub position: u64,
    /// Of it and all before it.
    pub hash: Blake3,
}
