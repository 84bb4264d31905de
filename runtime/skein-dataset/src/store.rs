//! Durable steps on directories held open: the only place that renames, syncs and removes.
//!
//! Handles of `cap-std` cannot leave their root; the calls that it does not have (`renameat2`, `flock`, `fsync` of a
//! directory) go through `rustix` with names of our own making or names that a listing answered.

pub(crate) mod attributes;
pub(crate) mod barrier;
pub(crate) mod copy;
pub(crate) mod faults;
pub(crate) mod lock;

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, File, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use skein_types::Blake3;

use crate::account;
use crate::crash_point;
use crate::fault::{During as _, IoFault};
use crate::pace::{Flow, PIECE, pass};
use crate::store::faults::{Op, through};

/// Device and inode: which directory or file a name stands for at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
}

/// What `name` in `dir` is right now; `None` if there is nothing. Links are not followed.
pub(crate) fn node(dir: impl AsFd, name: &str) -> Result<Option<Node>, IoFault> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Node { dev: stat.st_dev, ino: stat.st_ino })),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(other) => Err(other).during("look at", name),
    }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: impl AsFd, name: &str) -> Result<(), IoFault> {
    crash_point!("store.before-dir-sync").during("sync", name)?;
    account::wait_for_disk(1);
    sync(readable(dir, name)?).during("sync", name)
}

/// Waits until what is open is on the disk.
pub(crate) fn sync(file: impl AsFd) -> Result<(), Errno> {
    through(Op::Sync, || rustix::fs::fsync(&file))?;
    faults::synced(&file);
    Ok(())
}

/// A handle that can be synced, locked and changed: those of `cap-std` are for lookups only.
pub(crate) fn readable(dir: impl AsFd, name: &str) -> Result<OwnedFd, IoFault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty()).during("open", name)
}

/// Opens a directory itself for lookups: a link is no directory. Needs no right to read it.
pub(crate) fn open_dir(dir: impl AsFd, name: &str) -> Result<Dir, IoFault> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, name, flags, Mode::empty()).during("open", name)?;
    Ok(Dir::from_std_file(fd.into()))
}

/// Sets the mode of a directory that is open, whatever it is now. Never by name: names change, and links are followed.
pub(crate) fn set_dir_mode(dir: impl AsFd, mode: Mode, shown: &str) -> Result<(), IoFault> {
    let dir = dir.as_fd();
    match readable(dir, ".") {
        Ok(fd) => rustix::fs::fchmod(fd, mode).during("set the mode of", shown),
        // Its own user may not read it. A descriptor for lookups cannot be changed, but what it stands for has this name.
        Err(fault) if fault.source.kind() == std::io::ErrorKind::PermissionDenied => {
            let name = format!("/proc/self/fd/{}", dir.as_raw_fd());
            rustix::fs::chmod(name, mode).during("set the mode of", shown)
        }
        Err(fault) => Err(fault),
    }
}

/// Creates a directory unless it is there; `true` if it was made. Only those may write it who may write what it is in:
/// the umask alone may leave more to a group or to everybody.
pub(crate) fn ensure_dir(parent: &Dir, name: &str) -> Result<bool, IoFault> {
    let above = Mode::from_raw_mode(rustix::fs::fstat(parent).during("look at", ".")?.st_mode);
    let shared = if above.contains(Mode::SVTX) { Mode::empty() } else { above & (Mode::WGRP | Mode::WOTH) };
    let mut builder = DirBuilder::new();
    builder.mode((Mode::from_raw_mode(0o755) | shared).as_raw_mode());
    match through(Op::Write, || parent.create_dir_with(name, &builder)) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e).during("create", name),
    }
}

/// Renames without replacing; `false` if the target exists.
pub(crate) fn rename_new(from: &Dir, old: &str, to: &Dir, new: &str) -> Result<bool, IoFault> {
    match through(Op::Name, || rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE)) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(other) => Err(other).during("rename", old),
    }
}

/// Renames within a directory in place of whatever has the name.
pub(crate) fn replace(dir: &Dir, old: &str, new: &str) -> Result<(), IoFault> {
    through(Op::Name, || rustix::fs::renameat(dir, old, dir, new)).during("rename", old)
}

/// Exchanges what two names stand for, in one step.
pub(crate) fn exchange(a: &Dir, name_a: &str, b: &Dir, name_b: &str) -> Result<(), IoFault> {
    through(Op::Name, || rustix::fs::renameat_with(a, name_a, b, name_b, RenameFlags::EXCHANGE))
        .during("exchange", name_a)
}

/// Writes a file that must not exist and that nobody else may change, without syncing it.
pub(crate) fn write_new(dir: &Dir, name: &str, bytes: &[u8]) -> Result<(), IoFault> {
    let mut file = create(dir, name, Mode::from_raw_mode(0o644))?;
    through(Op::Write, || file.write_all(bytes)).during("write", name)
}

/// Writes all of it to a file of data that is open, at the thread's pace.
pub(crate) fn write_all(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    for piece in bytes.chunks(PIECE) {
        pass(Flow::Write, piece.len());
        through(Op::Write, || file.write_all(piece))?;
    }
    Ok(())
}

/// Creates a file that must not exist, for this user alone until its mode is set.
pub(crate) fn create_private(dir: &Dir, name: &str) -> Result<File, IoFault> {
    create(dir, name, Mode::RUSR | Mode::WUSR)
}

fn create(dir: &Dir, name: &str, mode: Mode) -> Result<File, IoFault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode.as_raw_mode());
    let file = through(Op::Write, || dir.open_with(name, &options)).during("create", name)?;
    faults::made(&file);
    Ok(file)
}

/// What was taken for a file is a link, a pipe or another thing that has no bytes of its own.
#[derive(Debug, thiserror::Error)]
#[error("it is no regular file")]
struct NotRegular;

/// Opens a file for reading. What a listing found can be something else by now: a link is not followed, and a pipe is not
/// waited for.
pub(crate) fn open_file(dir: &Dir, path: &str) -> Result<File, IoFault> {
    let mut options = OpenOptions::new();
    options.read(true);
    open_regular(dir, path, &mut options)
}

/// Opens a file with these options, or answers a fault that [is irregular](IoFault::is_irregular).
pub(crate) fn open_regular(dir: &Dir, path: &str, options: &mut OpenOptions) -> Result<File, IoFault> {
    let irregular = || Err(std::io::Error::other(NotRegular)).during("open", path);
    let options = options.follow(FollowSymlinks::No).nonblock(true);
    let file = match through(Op::Read, || dir.open_with(path, options)) {
        // A link; a socket or a device without anything behind it.
        Err(e)
            if [Errno::LOOP, Errno::NXIO]
                .map(|errno| Some(errno.raw_os_error()))
                .contains(&e.raw_os_error()) =>
        {
            return irregular();
        }
        other => other.during("open", path)?,
    };
    let stat = rustix::fs::fstat(&file).during("look at", path)?;
    match FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        true => Ok(file),
        false => irregular(),
    }
}

/// Whether this is why a file could not be opened.
pub(crate) fn is_irregular(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotRegular>())
}

/// Reads a file of at most `most` bytes; `None` if it is larger.
pub(crate) fn read_bounded(dir: &Dir, name: &str, most: u64) -> Result<Option<Vec<u8>>, IoFault> {
    let mut bytes = Vec::new();
    let file = open_file(dir, name)?;
    let read = file.take(most + 1).read_to_end(&mut bytes).during("read", name)?;
    Ok((u64::try_from(read).unwrap_or(u64::MAX) <= most).then_some(bytes))
}

/// BLAKE3 of a file's bytes and how many there were.
pub(crate) fn hash_file(dir: &Dir, name: &str, stop: &AtomicBool) -> Result<(Blake3, u64), IoFault> {
    hash_open(&mut open_file(dir, name)?, name, stop)
}

/// [`hash_file`] of what is open already.
pub(crate) fn hash_open(
    file: &mut impl std::io::Read,
    name: &str,
    stop: &AtomicBool,
) -> Result<(Blake3, u64), IoFault> {
    let mut hasher = blake3::Hasher::new();
    let size = pieces(file, name, stop, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok((hasher.finalize().into(), size))
}

/// Reads a file to its end and answers how long it was. ECANCELED if `stop` is set between two pieces.
pub(crate) fn pieces(
    file: &mut impl std::io::Read,
    name: &str,
    stop: &AtomicBool,
    mut take: impl FnMut(&[u8]) -> Result<(), IoFault>,
) -> Result<u64, IoFault> {
    let (mut buffer, mut size) = (vec![0; PIECE], 0);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Errno::CANCELED).during("read", name);
        }
        match through(Op::Read, || file.read(&mut buffer)) {
            Ok(0) => return Ok(size),
            Ok(n) => {
                pass(Flow::Read, n);
                take(&buffer[..n])?;
                size += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e).during("read", name),
        }
    }
}

/// Removes a file, or a directory with everything in it, or nothing if there is nothing. Links are removed, not
/// followed. Directories that deny it to us are opened up first: they are ours to remove.
pub(crate) fn remove_tree(parent: &Dir, name: &str) -> Result<(), IoFault> {
    let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(()),
        Err(other) => return Err(other).during("look at", name),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        let removed = through(Op::Remove, || rustix::fs::unlinkat(parent, name, AtFlags::empty()));
        return gone(removed).during("remove", name);
    }
    let dir = match open_dir(parent, name) {
        Err(fault) if fault.is_missing() => return Ok(()),
        other => other?,
    };
    let opened = rustix::fs::fstat(&dir).during("look at", name)?;
    if opened.st_mode & 0o700 != 0o700 && opened.st_uid == rustix::process::geteuid().as_raw() {
        set_dir_mode(&dir, Mode::RWXU, name)?;
    }
    for entry in dir.entries().during("list", name)? {
        let below = entry.during("list", name)?.file_name();
        let Some(below) = below.to_str() else {
            dir.remove_file(&below).during("remove", name)?;
            continue;
        };
        remove_tree(&dir, below)?;
    }
    gone(through(Op::Remove, || rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)))
        .during("remove", name)
}

/// Bytes of a file, or of all files below a directory. What goes away meanwhile, or may not be looked at, counts nothing.
pub(crate) fn tree_size(parent: &Dir, name: &str) -> Result<u64, IoFault> {
    let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::ACCESS) => return Ok(0),
        Err(other) => return Err(other).during("look at", name),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(u64::try_from(stat.st_size).unwrap_or(0));
    }
    let dir = match open_dir(parent, name) {
        Err(fault) if fault.is_missing() => return Ok(0),
        other => other?,
    };
    let below = match names(&dir, name) {
        Err(fault) if fault.source.kind() == std::io::ErrorKind::PermissionDenied => return Ok(0),
        other => other?,
    };
    below.iter().try_fold(0_u64, |sum, below| Ok(sum.saturating_add(tree_size(&dir, below)?)))
}

/// Another process that removes the same thing is no failure.
fn gone(answer: Result<(), Errno>) -> Result<(), Errno> {
    match answer {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Names in a directory that are UTF-8, sorted.
pub(crate) fn names(dir: &Dir, shown: &str) -> Result<Vec<String>, IoFault> {
    let mut names = Vec::new();
    for entry in dir.entries().during("list", shown)? {
        if let Ok(name) = entry.during("list", shown)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Makes a file's bytes durable.
pub(crate) fn sync_file(dir: &Dir, name: &str) -> Result<(), IoFault> {
    account::wait_for_disk(1);
    sync(open_file(dir, name)?).during("sync", name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use rustix::fs::Mode;

    use super::{ensure_dir, open_dir, remove_tree, set_dir_mode};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_mode_is_set_on_what_was_opened_and_not_on_what_has_its_name_now() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        std::fs::create_dir(at("secret")).unwrap();
        std::fs::set_permissions(at("secret"), PermissionsExt::from_mode(0o700)).unwrap();
        assert!(ensure_dir(&dir, "own").unwrap());
        let own = open_dir(&dir, "own").unwrap();
        std::fs::rename(at("own"), at("moved")).unwrap();
        std::os::unix::fs::symlink("secret", at("own")).unwrap();
        set_dir_mode(&own, Mode::from_raw_mode(0o755), "own").unwrap();
        assert_eq!((mode(&at("moved")), mode(&at("secret"))), (0o755, 0o700));
        assert_eq!(open_dir(&dir, "own").unwrap_err().source.kind(), std::io::ErrorKind::NotADirectory);
        remove_tree(&dir, "own").unwrap();
        assert!(at("secret").is_dir() && !at("own").exists());
    }

    #[test]
    fn what_is_made_is_for_no_more_to_write_than_what_it_is_made_in() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        for (above, most) in [(0o755, 0o755), (0o775, 0o775), (0o777, 0o777), (0o1777, 0o755)] {
            std::fs::set_permissions(place.path(), PermissionsExt::from_mode(above)).unwrap();
            ensure_dir(&dir, "made").unwrap();
            assert_eq!(mode(&place.path().join("made")) & !most, 0, "{above:o}");
            remove_tree(&dir, "made").unwrap();
        }
    }
}
