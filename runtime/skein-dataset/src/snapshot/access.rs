//! Who may do what with a file: files whose rows are put together must agree on it.

use rustix::io::Errno;

use crate::fault::During as _;
use crate::snapshot::{PinnedFile, Snapshot, SnapshotError};

/// Longest ACL; the kernel's own limit for an attribute.
const MAX_ACL: usize = 64 << 10;

/// Owner, group, mode and ACL of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    owner: u32,
    group: u32,
    mode: u32,
    acl: Vec<u8>,
}

impl Snapshot {
    /// What the rights of a pinned file are now.
    pub fn access(&self, file: &PinnedFile) -> Result<Access, SnapshotError> {
        let path = &file.stat.path;
        let opened = self.open_file(file)?;
        let stat = rustix::fs::fstat(&opened).during("look at", path)?;
        let mut acl = vec![0; MAX_ACL];
        let length = match rustix::fs::fgetxattr(&opened, "system.posix_acl_access", &mut acl[..]) {
            Ok(length) => length,
            Err(Errno::NODATA | Errno::NOTSUP) => 0,
            Err(other) => Err(other).during("read the attributes of", path)?,
        };
        acl.truncate(length);
        Ok(Access { owner: stat.st_uid, group: stat.st_gid, mode: stat.st_mode & 0o7777, acl })
    }
}
