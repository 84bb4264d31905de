//! What happened to files that a run published and is nobody's data: they are gone, or no Parquet files any more.
//!
//! A rollback undoes nothing that others wrote. Damage is not that: nobody needs half a file, so where nothing else was done to
//! a version it may go back over its damage. What is left of the files is kept with the version that is displaced, as everything
//! that is displaced is. Whether files are damage is decided by what they are and not by who touched them: a file that is a whole
//! Parquet file with other bytes was written by somebody, one that was only removed was not.

use std::os::unix::fs::FileExt as _;

use skein_types::RunId;

use crate::dataset::Dataset;
use crate::fault::{During as _, IoFault};
use crate::listing::{Change, Role};
use crate::log::machine::{History, Version};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::store;

/// As a Parquet file begins and ends, in the clear or not.
const MAGIC: [&[u8; 4]; 2] = [b"PAR1", b"PARE"];
/// Both, and the length of the footer.
const LEAST: u64 = 12;

impl Dataset {
    /// What others wrote since a run published, as far as it is more than damage: what a rollback over damage would undo.
    pub fn written_since(&self, run: RunId) -> Result<Vec<Change>, SnapshotError> {
        let history = self.history()?;
        let live = self.snapshot(&history)?;
        let Some(since) = history.result_of(run) else { return Ok(live.observed().unwrap_or_default()) };
        let mut changes = history.later_writes(since.version);
        changes.extend(live.observed().unwrap_or_default());
        Ok(beside_damage(&live, since, changes)?)
    }
}

/// Of what was done to a version, that which is no damage of its files.
pub(crate) fn beside_damage(
    live: &Snapshot,
    published: &Version,
    changes: Vec<Change>,
) -> Result<Vec<Change>, IoFault> {
    let mut others = Vec::new();
    for change in changes {
        let damage = match &change {
            Change::Added(_) => false,
            Change::Removed(path) => role(published, path).is_some(),
            Change::Modified(path) => {
                role(published, path) == Some(Role::Data) && !is_there_and_whole(live, path)?
            }
        };
        if !damage {
            others.push(change);
        }
    }
    Ok(others)
}

/// What a file was in a version, if it was there.
fn role(version: &Version, path: &str) -> Option<Role> {
    let at = version.files.binary_search_by(|file| file.stat.path.as_str().cmp(path)).ok()?;
    Some(version.files.get(at)?.stat.role)
}

/// Whether a file is as long as a Parquet file says at its end, and begins like one. No footer is parsed.
fn is_there_and_whole(live: &Snapshot, path: &str) -> Result<bool, IoFault> {
    let file = match store::open_file(&live.root, path) {
        Ok(file) => file.into_std(),
        Err(fault) if fault.is_missing() => return Ok(false),
        Err(fault) => return Err(fault),
    };
    let size = file.metadata().during("look at", path)?.len();
    let (mut head, mut tail) = ([0; 4], [0; 8]);
    if size < LEAST {
        return Ok(false);
    }
    file.read_exact_at(&mut head, 0).during("read", path)?;
    file.read_exact_at(&mut tail, size - 8).during("read", path)?;
    let [a, b, c, d, magic @ ..] = tail;
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok(MAGIC.contains(&&head) && MAGIC.contains(&&magic) && footer <= size - LEAST)
}

impl History {
    /// What a run published, as it was last current.
    pub(crate) fn result_of(&self, run: RunId) -> Option<&Version> {
        Some(self.latest_of(self.published_by(run)?)?)
    }
}
