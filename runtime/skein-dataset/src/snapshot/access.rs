//! Who may do what with a file, and what else is attached to it: files whose rows are put together must agree on it.

use crate::fault::During as _;
use crate::snapshot::{PinnedFile, Snapshot, SnapshotError};
use crate::store::attributes;

/// Owner, group, mode, ACL and extended attributes of a file: all that an output takes over from its one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    owner: u32,
    group: u32,
    mode: u32,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Snapshot {
    /// What the rights and attributes of a pinned file are now.
    pub fn access(&self, file: &PinnedFile) -> Result<Access, SnapshotError> {
        let path = &file.stat.path;
        let opened = self.open_file(file)?;
        let stat = rustix::fs::fstat(&opened).during("look at", path)?;
        let attributes = attributes::xattrs(&opened, path)?;
        Ok(Access { owner: stat.st_uid, group: stat.st_gid, mode: stat.st_mode & 0o7777, attributes })
    }
}
