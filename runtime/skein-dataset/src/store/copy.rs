//! The bytes of one file in another: by reflink where the file system can, else by copy; hashed either way.

use std::sync::atomic::AtomicBool;

use cap_std::fs::{Dir, File};
use rustix::fs::{Timespec, Timestamps};
use rustix::io::Errno;
use skein_types::Blake3;

use crate::fault::{During as _, IoFault};
use crate::store;

/// Makes the file `name` in `dir`, for this user alone, with the bytes of another. Answers their hash: of what was
/// written, for the source may change meanwhile.
pub(crate) fn make(
    mut from: &std::fs::File,
    (dir, name): (&Dir, &str),
    path: &str,
    stop: &AtomicBool,
) -> Result<(File, Blake3), IoFault> {
    let mut to = store::create_private(dir, name)?;
    let blake3 = match rustix::fs::ioctl_ficlone(&to, from) {
        Ok(()) => store::hash_file(dir, name, stop)?.0,
        Err(Errno::NOTSUP | Errno::INVAL | Errno::XDEV | Errno::NOTTY | Errno::PERM | Errno::NOSYS) => {
            let mut hasher = blake3::Hasher::new();
            store::pieces(&mut from, path, stop, |piece| {
                hasher.update(piece);
                store::write_all(&mut to, piece).during("write", path)
            })?;
            hasher.finalize().into()
        }
        Err(other) => return Err(other).during("clone", path)?,
    };
    Ok((to, blake3))
}

/// Sets the times of a file; nothing may write to it afterwards.
pub(crate) fn set_modified(file: &File, mtime_ns: i64, path: &str) -> Result<(), IoFault> {
    let (tv_sec, tv_nsec) = (mtime_ns.div_euclid(1_000_000_000), mtime_ns.rem_euclid(1_000_000_000));
    let modified = Timespec { tv_sec, tv_nsec };
    rustix::fs::futimens(file, &Timestamps { last_access: modified, last_modification: modified })
        .during("set the times of", path)
}
