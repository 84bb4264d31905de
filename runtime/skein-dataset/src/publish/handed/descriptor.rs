//! What one process tells another about a staged version. Plain data; a change of meaning takes a new `format`.

use serde::{Deserialize, Serialize};
use skein_types::{AttemptId, ServerId};

use crate::listing::{FileStat, Role};
use crate::log::record::{FileRecord, PublishFacts};
use crate::place::Kind;
use crate::store::Node;

pub(super) const FORMAT: u32 = 1;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Descriptor {
    pub(super) format: u32,
    pub(super) server: ServerId,
    pub(super) attempt: AttemptId,
    /// Name of the dataset.
    pub(super) dataset: String,
    pub(super) read: ReadVersion,
    pub(super) staged: StagedVersion,
    /// The run and what it did.
    pub(super) facts: PublishFacts,
}

/// What the dataset held when the run pinned it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ReadVersion {
    /// The version that its log called current; none if it had no log.
    pub(super) version: Option<u64>,
    pub(super) node: Node,
    pub(super) files: Vec<FileRecord>,
    pub(super) dirs: Vec<String>,
}

/// What lies in the attempt's directory.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StagedVersion {
    pub(super) node: Node,
    pub(super) files: Vec<FileRecord>,
    pub(super) dirs: Vec<String>,
    /// The file of rejected rows, if there are any.
    pub(super) quarantine: Option<FileStat>,
}

/// Who and what a descriptor must be about.
pub(super) struct Expected<'a> {
    pub(super) server: ServerId,
    pub(super) attempt: AttemptId,
    pub(super) run: skein_types::RunId,
    pub(super) dataset: &'a str,
    pub(super) kind: Kind,
}

impl Descriptor {
    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a descriptor holds only text, numbers and lists with text keys")
    }

    /// Reads what a node wrote, or says what is wrong with it.
    pub(super) fn open(bytes: &[u8], expected: &Expected<'_>) -> Result<Self, String> {
        /// Looked at first: another format may have other fields.
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        let versioned: Versioned = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if versioned.format != FORMAT {
            return Err(format!("format {} is not known here", versioned.format));
        }
        let found: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        found.check(expected)?;
        Ok(found)
    }

    fn check(&self, expected: &Expected<'_>) -> Result<(), String> {
        let same = [
            ("server", self.server.to_string(), expected.server.to_string()),
            ("attempt", self.attempt.to_string(), expected.attempt.to_string()),
            ("run", self.facts.run.to_string(), expected.run.to_string()),
            ("dataset", self.dataset.clone(), expected.dataset.to_owned()),
        ];
        if let Some((what, found, wanted)) = same.iter().find(|(_, found, wanted)| found != wanted) {
            return Err(format!("it is about {what} {found:?} and not {wanted:?}"));
        }
        for (what, files, dirs) in
            [("read", &self.read.files, &self.read.dirs), ("staged", &self.staged.files, &self.staged.dirs)]
        {
            if files.is_empty() {
                return Err(format!("no files were {what}"));
            }
            let paths = files.windows(2).find(|two| two[0].stat.path >= two[1].stat.path);
            let below = dirs.windows(2).find(|two| two[0] >= two[1]);
            if paths.is_some() || below.is_some() {
                return Err(format!("what was {what} is not in order"));
            }
            if let Some(file) = files.iter().find(|file| file.stat.role != role(expected.kind, &file.stat)) {
                return Err(format!("{} is not {:?}", file.stat.path, file.stat.role));
            }
        }
        Ok(())
    }
}

fn role(kind: Kind, stat: &FileStat) -> Role {
    match kind {
        Kind::File => Role::Data,
        Kind::Directory => Role::of(&stat.path),
    }
}
