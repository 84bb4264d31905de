//! A file's bytes and time in another file: shared by the file system where it can, else copied.

use std::fs::File as StdFile;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;

use cap_std::fs::{Dir, File};
use rustix::fs::{Timespec, Timestamps};
use rustix::io::Errno;
use skein_types::Blake3;

use crate::fault::{During as _, IoFault};
use crate::store::{hash_file, pieces};

/// Makes `to`, a new file called `name` in `dir`, what `from` is, and answers the hash of what is in it then. `from` is at
/// its beginning.
pub(crate) fn take_over(
    (from, to): (&StdFile, &File),
    (dir, name): (&Dir, &str),
    path: &str,
    stop: &AtomicBool,
) -> Result<Blake3, IoFault> {
    match rustix::fs::ioctl_ficlone(to, from) {
        // Not the source's hash: somebody may write to that one at any time.
        Ok(()) => Ok(hash_file(dir, name, stop)?.0),
        Err(Errno::NOTSUP | Errno::INVAL | Errno::XDEV | Errno::NOTTY | Errno::PERM | Errno::NOSYS) => {
            copy((from, to), path, stop)
        }
        Err(other) => Err(other).during("clone", path),
    }
}

fn copy((mut from, mut to): (&StdFile, &File), path: &str, stop: &AtomicBool) -> Result<Blake3, IoFault> {
    let mut hasher = blake3::Hasher::new();
    pieces(&mut from, path, stop, |piece| {
        hasher.update(piece);
        to.write_all(piece).during("write", path)
    })?;
    Ok(hasher.finalize().into())
}

/// Gives a file the time of its last write. The last thing to do to it.
pub(crate) fn set_modified(file: impl AsFd, ns: i64, path: &str) -> Result<(), IoFault> {
    let modified = Timespec { tv_sec: ns.div_euclid(1_000_000_000), tv_nsec: ns.rem_euclid(1_000_000_000) };
    rustix::fs::futimens(file, &Timestamps { last_access: modified, last_modification: modified })
        .during("set the times of", path)
}
