//! What a publish made of what, in digests: for whoever signs a statement of it, and for whoever checks one against the files.

use std::sync::atomic::AtomicBool;

use skein_types::{Blake3, Bytes, ModuleDigest, ParamsDigest, RunId};

use crate::dataset::{Dataset, StateError};
use crate::fault::During as _;
use crate::listing::Listing;
use crate::log::LogError;
use crate::log::machine::{History, VersionKind};
use crate::log::record::{FileRecord, PublishFacts, RowCounts};
use crate::place::{Kind, Place};
use crate::store;

/// Files of a version as they are named one by one; a larger one is named by its tree alone.
const NAMED_MAX: usize = 256;

/// Files that belong together, by one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// How many.
    pub files: u64,
    /// Their size.
    pub bytes: Bytes,
    /// BLAKE3 over path, size and BLAKE3 of each, in the order of paths; each path behind its length.
    pub digest: Blake3,
}

/// A file with its size and digest.
pub type NamedFile = (String, Bytes, Blake3);

impl Tree {
    /// Of these, which are sorted by path.
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f str, Bytes, Blake3)>) -> Self {
        let mut text = Vec::new();
        let (mut count, mut bytes) = (0, Bytes(0));
        for (path, size, digest) in files {
            text.extend_from_slice(&(path.len() as u64).to_be_bytes());
            text.extend_from_slice(path.as_bytes());
            text.extend_from_slice(&size.0.to_be_bytes());
            text.extend_from_slice(&digest.0);
            (count, bytes) = (count + 1, Bytes(bytes.0.saturating_add(size.0)));
        }
        Self { files: count, bytes, digest: Blake3::of(&text) }
    }

    pub(crate) fn recorded(files: &[FileRecord]) -> Self {
        Self::of(files.iter().map(|file| (file.stat.path.as_str(), Bytes(file.stat.size), file.blake3)))
    }
}

/// What a publish made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// By which run.
    pub run: RunId,
    /// The version that it took the place of.
    pub base: u64,
    /// The version that it made.
    pub version: u64,
    /// Files of that which was read.
    pub input: Tree,
    /// Files of that which was made.
    pub output: Tree,
    /// They one by one, if they are not too many.
    pub files: Vec<NamedFile>,
    /// By which migration, in which of its versions.
    pub migration: (String, String),
    /// What ran.
    pub module: ModuleDigest,
    /// With which parameters.
    pub params: ParamsDigest,
    /// By which plan.
    pub plan: Blake3,
    /// By fate.
    pub rows: RowCounts,
    /// More of what was recorded of it.
    pub ext: serde_json::Value,
}

impl Made {
    pub(crate) fn new(
        (base, input): (u64, &[FileRecord]),
        (version, output): (u64, &[FileRecord]),
        facts: &PublishFacts,
    ) -> Self {
        let named = |file: &FileRecord| (file.stat.path.clone(), Bytes(file.stat.size), file.blake3);
        Self {
            run: facts.run,
            base,
            version,
            input: Tree::recorded(input),
            output: Tree::recorded(output),
            files: if output.len() > NAMED_MAX { Vec::new() } else { output.iter().map(named).collect() },
            migration: (facts.migration.clone(), facts.migration_version.clone()),
            module: facts.module,
            params: facts.params,
            plan: facts.plan,
            rows: facts.rows,
            ext: facts.ext.clone(),
        }
    }

    /// What the log says that a run made; none if it says nothing of it.
    pub(crate) fn logged(history: &History, run: RunId) -> Option<Self> {
        let version = history.version(history.published_by(run)?)?;
        let base = history.version(version.version.checked_sub(1)?)?;
        match &version.kind {
            VersionKind::Published(facts) => {
                Some(Self::new((base.version, &base.files), (version.version, &version.files), facts))
            }
            VersionKind::Adopted
            | VersionKind::Beside(_)
            | VersionKind::Observed { .. }
            | VersionKind::RolledBack { .. } => None,
        }
    }
}

/// What the dataset's log says that a run made.
pub fn made(dataset: &Dataset, run: RunId) -> Result<Option<Made>, LogError> {
    Ok(Made::logged(&dataset.history()?, run))
}

/// The files of a place as they are now, each read and hashed. Of what is there only, whatever a log says of it.
pub fn tree_of(place: &Place) -> Result<(Tree, Vec<NamedFile>), StateError> {
    let (root, listing) = match place.kind {
        Kind::Directory => {
            let root = place.open_root()?;
            let listing = Listing::of_directory(&root)?;
            (root, listing)
        }
        Kind::File => (place.parent.try_clone().during("open", &place.name)?, place.list()?),
    };
    let mut files = Vec::with_capacity(listing.files.len());
    for file in listing.files {
        let (digest, size) = store::hash_file(&root, &file.path, &AtomicBool::new(false))?;
        files.push((file.path, Bytes(size), digest));
    }
    Ok((Tree::of(files.iter().map(|(path, size, digest)| (path.as_str(), *size, *digest))), files))
}

#[cfg(test)]
mod tests {
    use super::Tree;
    use skein_types::{Blake3, Bytes};

    fn of(files: &[(&str, u64, &str)]) -> Tree {
        Tree::of(files.iter().map(|(path, size, text)| (*path, Bytes(*size), Blake3::of(text.as_bytes()))))
    }

    #[test]
    fn a_tree_is_of_every_path_size_and_digest_and_of_their_borders() {
        let one = of(&[("a", 1, "x"), ("b", 2, "y")]);
        assert_eq!((one.files, one.bytes), (2, Bytes(3)));
        for other in [
            of(&[("a", 1, "x")]),
            of(&[("a", 1, "x"), ("c", 2, "y")]),
            of(&[("a", 1, "x"), ("b", 3, "y")]),
            of(&[("a", 1, "x"), ("b", 2, "z")]),
            of(&[("b", 2, "y"), ("a", 1, "x")]),
        ] {
            assert_ne!(one.digest, other.digest);
        }
    }
}
