//! Proof that a version which is not current, kept or held, is what its record says, before anybody makes it current.

use std::collections::BTreeSet;

use cap_std::fs::Dir;

use crate::dataset::Dataset;
use crate::fault::{During as _, IoFault};
use crate::listing::{FileStat, Listing};
use crate::log::record::FileRecord;
use crate::place::{Kind, PlaceError};
use crate::store::{self, Node};

/// A version as it lies somewhere below the state.
#[derive(Debug)]
pub(crate) enum Proof {
    /// All there: its inode, and its files as they are on disk now.
    Intact(Node, Vec<FileRecord>),
    /// Not there.
    Missing,
    /// Not what was recorded; the first file that differs.
    Damaged(String),
}

/// How a file is compared with its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By its numbers where nothing can have moved them, else by its bytes.
    Numbers,
    /// By its bytes in any case: what rots on a disk moves no number.
    Bytes,
}

/// Looks at every file of the version at `name` in `dir`.
pub(crate) fn prove(dataset: &Dataset, at: (&Dir, &str), recorded: &[FileRecord]) -> Result<Proof, IoFault> {
    prove_by(dataset, at, (recorded, By::Numbers))
}

/// [`prove`] with a say in how.
pub(crate) fn prove_by(
    dataset: &Dataset,
    (dir, name): (&Dir, &str),
    (recorded, by): (&[FileRecord], By),
) -> Result<Proof, IoFault> {
    let Some(node) = store::node(dir, name)? else { return Ok(Proof::Missing) };
    let (root, listing) = match dataset.place.kind {
        Kind::Directory => {
            let root = dir.open_dir(name).during("open", name)?;
            let listing = Listing::of_directory(&root);
            (root, listing)
        }
        Kind::File => {
            let listing = Listing::of_file_as(dir, name, &dataset.place.name);
            (dir.try_clone().during("open", name)?, listing)
        }
    };
    let listing = match listing {
        Ok(listing) => listing,
        Err(PlaceError::Io(fault)) => return Err(fault),
        Err(other) => return Ok(Proof::Damaged(other.to_string())),
    };
    let known: BTreeSet<&str> = recorded.iter().map(|record| record.stat.path.as_str()).collect();
    if let Some(extra) = listing.files.iter().find(|file| !known.contains(file.path.as_str())) {
        return Ok(Proof::Damaged(extra.path.clone()));
    }
    let mut files = Vec::with_capacity(recorded.len());
    for record in recorded {
        let path = &record.stat.path;
        let Some(found) = listing.find(path) else {
            return Ok(Proof::Damaged(path.clone()));
        };
        let on_disk = if dataset.place.kind == Kind::File { name } else { path };
        if !intact(dataset, (&root, on_disk), (record, by), found)? {
            return Ok(Proof::Damaged(path.clone()));
        }
        files.push(FileRecord { stat: found.clone(), ..record.clone() });
    }
    Ok(Proof::Intact(node, files))
}

/// A single file's ctime moved with it, so that its numbers are others.
fn intact(
    dataset: &Dataset,
    (root, name): (&Dir, &str),
    (record, by): (&FileRecord, By),
    found: &FileStat,
) -> Result<bool, IoFault> {
    if by == By::Numbers && record.stat.same(found) {
        return Ok(true);
    }
    Ok(record.stat.size == found.size && store::hash_file(root, name, &dataset.stop)?.0 == record.blake3)
}
