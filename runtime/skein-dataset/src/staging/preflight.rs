//! What must be true before any work is worth starting: room, write access, a writable mount.

use rustix::fs::{Access, AtFlags, StatVfsMountFlags};
use skein_types::Bytes;

use crate::dataset::{Dataset, State};
use crate::fault::{During as _, IoFault};
use crate::place::Kind;
use crate::snapshot::Snapshot;
use crate::staging::StageError;

/// Room for what a run writes, before anything is written there.
#[derive(Debug)]
pub struct Room<E = StageError> {
    /// The size of what is to be copied or migrated and a fifth.
    pub needed: Bytes,
    /// What the file system has for this user.
    pub free: Bytes,
    /// What would end a run before it begins.
    pub obstacle: Option<E>,
}

impl Dataset {
    /// What a run would find beside the dataset now. Needs no lock and no state, and writes nothing.
    pub fn room(&self, snapshot: &Snapshot) -> Result<Room, IoFault> {
        let room = Room::look(self, &self.place.parent, snapshot)?;
        match may_change(self) {
            Ok(()) => Ok(room),
            Err(StageError::Io(fault)) => Err(fault),
            Err(denied) => Ok(Room { obstacle: room.obstacle.or(Some(denied)), ..room }),
        }
    }
}

impl Room {
    fn look(dataset: &Dataset, dir: &cap_std::fs::Dir, snapshot: &Snapshot) -> Result<Self, IoFault> {
        let shown = || dataset.path().display().to_string();
        let statvfs = rustix::fs::fstatvfs(dir).during("ask the file system of", shown())?;
        let needed = Bytes(needed(snapshot.bytes().0));
        let free = Bytes(statvfs.f_bavail.saturating_mul(statvfs.f_frsize));
        let obstacle = if statvfs.f_flag.contains(StatVfsMountFlags::RDONLY) {
            Some(StageError::ReadOnly)
        } else {
            (free < needed).then_some(StageError::NoSpace { needed, free })
        };
        Ok(Self { needed, free, obstacle })
    }
}

pub(crate) fn check(dataset: &Dataset, state: &State, snapshot: &Snapshot) -> Result<(), StageError> {
    match Room::look(dataset, &state.root, snapshot)?.obstacle {
        Some(obstacle) => Err(obstacle),
        None => may_change(dataset),
    }
}

/// Whether this user may exchange the dataset.
pub(crate) fn may_change(dataset: &Dataset) -> Result<(), StageError> {
    let shown = || dataset.path().display().to_string();
    let allowed = |dir: &cap_std::fs::Dir, name: &str| {
        rustix::fs::accessat(dir, name, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
    };
    // Moving a directory to another parent rewrites its `..`, so it must be writable itself.
    let mut all = vec![(&dataset.place.parent, ".")];
    if dataset.place.kind == Kind::Directory {
        all.push((&dataset.place.parent, dataset.place.name.as_str()));
    }
    for (dir, name) in all {
        match allowed(dir, name) {
            Ok(()) => {}
            Err(rustix::io::Errno::ROFS) => return Err(StageError::ReadOnly),
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => {
                let path =
                    if name == "." { dataset.path().parent().map(|p| p.display().to_string()) } else { None };
                return Err(StageError::Permission { path: path.unwrap_or_else(shown) });
            }
            Err(other) => return Err(other).during("ask for permission on", shown())?,
        }
    }
    Ok(())
}

/// A second copy and a fifth of it.
pub(crate) fn needed(bytes: u64) -> u64 {
    bytes.saturating_add(bytes.div_ceil(5))
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn a_second_copy_and_a_fifth_is_needed() {
        assert_eq!(needed(0), 0);
        assert_eq!(needed(10), 12);
        assert_eq!(needed(1), 2);
        assert_eq!(needed(u64::MAX), u64::MAX);
    }
}
