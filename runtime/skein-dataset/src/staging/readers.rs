//! Who may read rejected rows: only those who may read every file that the rows can be from.
//!
//! A permission of the new file must follow from the old ones whoever asks. So it is what all data files, and the
//! directories on the way to them, have in common; the group's part counts only while all of them mean one group; and
//! an ACL, which says more than a mode can, leaves the file to its owner.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use rustix::fs::{Gid, Mode, Stat, Uid};
use rustix::io::Errno;

use crate::fault::{During as _, IoFault};
use crate::place::Kind;
use crate::snapshot::Snapshot;
use crate::store::{self, attributes};

/// Owner, group and mode of a file that holds rows of many.
#[derive(Debug)]
pub(crate) struct Readers {
    owners: BTreeSet<u32>,
    /// Of whatever is not for everybody anyway.
    groups: BTreeSet<u32>,
    /// Read bits that all have.
    mode: u32,
    acl: bool,
}

const GROUP: u32 = 0o040;
const OTHERS: u32 = 0o004;

impl Readers {
    /// Of all data files of a snapshot.
    pub(crate) fn of_all(snapshot: &Snapshot) -> Result<Self, IoFault> {
        let mut readers =
            Self { owners: BTreeSet::new(), groups: BTreeSet::new(), mode: GROUP | OTHERS, acl: false };
        let mut dirs = BTreeSet::new();
        for file in snapshot.data_files() {
            let path = &file.stat.path;
            let opened = store::open_file(&snapshot.root, path)?;
            let stat = readers.narrow(&opened, path, |mode| mode)?;
            readers.owners.insert(stat.st_uid);
            if snapshot.kind == Kind::Directory {
                dirs.insert(".");
                dirs.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
            }
        }
        for path in dirs {
            let dir = snapshot.root.open_dir(path).during("open", path)?;
            // Who may not pass a directory may not read what is below it.
            readers.narrow(store::readable(&dir, ".")?, path, |mode| mode << 2)?;
        }
        Ok(readers)
    }

    fn narrow(&mut self, of: impl AsFd, shown: &str, reads: fn(u32) -> u32) -> Result<Stat, IoFault> {
        let stat = rustix::fs::fstat(&of).during("look at", shown)?;
        let mode = reads(stat.st_mode) & (GROUP | OTHERS);
        if mode != GROUP | OTHERS {
            self.groups.insert(stat.st_gid);
        }
        self.mode &= mode;
        self.acl |= match rustix::fs::fgetxattr(&of, "system.posix_acl_access", &mut [0_u8; 0][..]) {
            Ok(_) | Err(Errno::RANGE) => true,
            Err(Errno::NODATA | Errno::NOTSUP) => false,
            Err(other) => return Err(other).during("read the attributes of", shown),
        };
        Ok(stat)
    }

    /// Opens a file, so far its maker's alone, to these readers.
    pub(crate) fn let_in(&self, to: impl AsFd, shown: &str) -> Result<(), IoFault> {
        let only = |ids: &BTreeSet<u32>| ids.first().copied().filter(|_| ids.len() == 1);
        let (owner, group) = (only(&self.owners).map(Uid::from_raw), only(&self.groups).map(Gid::from_raw));
        let owned = attributes::own(&to, owner, group, shown)?;
        let one_group = self.groups.is_empty() || (group.is_some() && owned.group);
        let mode = match (self.acl, one_group) {
            (true, _) => 0,
            (false, true) => self.mode,
            (false, false) => 0,
        };
        rustix::fs::fchmod(&to, Mode::from_raw_mode(0o600 | mode)).during("set the mode of", shown)
    }
}
