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

/// Looks at every file of the version at `name` in `dir`.
pub(crate) fn prove(
    dataset: &Dataset,
    (dir, name): (&Dir, &str),
    recorded: &[FileRecord],
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
        if !intact(dataset, (&root, on_disk), record, found)? {
            return Ok(Proof::Damaged(path.clone()));
        }
        files.push(FileRecord { stat: found.clone(), ..record.clone() });
    }
    Ok(Proof::Intact(node, files))
}

/// By its numbers where nothing can have moved them, else by its bytes. A single file's ctime moved with it.
fn intact(
    dataset: &Dataset,
    (root, name): (&Dir, &str),
    record: &FileRecord,
    found: &FileStat,
) -> Result<bool, IoFault> {
    if record.stat.same(found) {
        return Ok(true);
    }
    Ok(record.stat.size == found.size && store::hash_file(root, name, &dataset.stop)?.0 == record.blake3)
}
