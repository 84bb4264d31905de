//! Mode, owner, ACLs and extended attributes of a file or directory, taken over from another.
//!
//! ACLs are extended attributes (`system.posix_acl_*`). What the kernel does not let this user set is answered by
//! name and not an error: the data is as it should be, and the run lists what is not.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Gid, Mode, Uid, XattrFlags};
use rustix::io::Errno;

use crate::fault::{During as _, IoFault};

/// Longest list of attribute names or value; the kernel's own limit.
const MAX_XATTR: usize = 64 << 10;

/// What of an owner could be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    pub(crate) owner: bool,
    pub(crate) group: bool,
}

/// Copies everything but the times from `from` to `to`; answers what could not be kept. At no moment does `to` let
/// anybody in whom `from` does not.
pub(crate) fn copy(from: impl AsFd, to: impl AsFd, shown: &str) -> Result<Vec<String>, IoFault> {
    let (from, to) = (from.as_fd(), to.as_fd());
    let source = rustix::fs::fstat(from).during("look at", shown)?;
    let mut lost = Vec::new();
    let owned = own(to, Some(Uid::from_raw(source.st_uid)), Some(Gid::from_raw(source.st_gid)), shown)?;
    if !(owned.owner && owned.group) {
        lost.push(format!("owner of {shown}"));
    }
    copy_xattrs(from, to, shown, &mut lost)?;
    let mut mode = source.st_mode & 0o7777;
    if !owned.group {
        // The bits were meant for another group: this one gets what everybody has.
        mode &= !0o070 | ((mode & 0o007) << 3);
    }
    // After the owner: chown clears set-id bits. After the ACL: its mask is the group part of the mode.
    rustix::fs::fchmod(to, Mode::from_raw_mode(mode)).during("set the mode of", shown)?;
    Ok(lost)
}

/// Gives a file to an owner and a group as far as this user may: one who may not give it away can still be a member
/// of the group.
pub(crate) fn own(
    to: impl AsFd,
    owner: Option<Uid>,
    group: Option<Gid>,
    shown: &str,
) -> Result<Owned, IoFault> {
    let to = to.as_fd();
    let now = rustix::fs::fstat(to).during("look at", shown)?;
    let owner = owner.filter(|uid| uid.as_raw() != now.st_uid);
    let group = group.filter(|gid| gid.as_raw() != now.st_gid);
    let set = |owner, group| match (owner, group) {
        (None, None) => Ok(true),
        (owner, group) => match rustix::fs::fchown(to, owner, group) {
            Ok(()) => Ok(true),
            Err(Errno::PERM) => Ok(false),
            Err(other) => Err(other).during("set the owner of", shown),
        },
    };
    if set(owner, group)? {
        return Ok(Owned { owner: true, group: true });
    }
    Ok(Owned { owner: owner.is_none(), group: set(None, group)? })
}

fn copy_xattrs(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    shown: &str,
    lost: &mut Vec<String>,
) -> Result<(), IoFault> {
    for (name, value) in xattrs(from, shown)? {
        match rustix::fs::fsetxattr(to, &name[..], &value, XattrFlags::empty()) {
            Ok(()) => {}
            Err(Errno::PERM | Errno::NOTSUP) => {
                lost.push(format!("attribute {} of {shown}", String::from_utf8_lossy(&name)));
            }
            Err(other) => return Err(other).during("set the attributes of", shown),
        }
    }
    Ok(())
}

/// ACLs and attributes that a copy takes along, sorted by name.
pub(crate) fn xattrs(of: impl AsFd, shown: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, IoFault> {
    let of = of.as_fd();
    let mut names = vec![0_u8; MAX_XATTR];
    let length = match rustix::fs::flistxattr(of, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(other) => return Err(other).during("list the attributes of", shown),
    };
    let mut value = vec![0_u8; MAX_XATTR];
    let mut found = Vec::new();
    for name in names[..length].split(|b| *b == 0).filter(|n| !n.is_empty()) {
        // Labels of security modules follow the place, not the copy.
        if name.starts_with(b"security.") {
            continue;
        }
        match rustix::fs::fgetxattr(of, name, &mut value[..]) {
            Ok(read) => found.push((name.to_vec(), value[..read].to_vec())),
            Err(Errno::NODATA) => {}
            Err(other) => return Err(other).during("read the attributes of", shown),
        }
    }
    found.sort();
    Ok(found)
}
