//! Advisory locks on files that are never removed: a lock on an unlinked file would exclude nobody.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use cap_std::fs::{Dir, File, OpenOptions};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use skein_types::Clock;

use crate::fault::{During as _, IoFault};
use crate::store;

/// How long a waiter naps between two tries; `flock` itself knows no deadline.
const NAP: Duration = Duration::from_millis(2);
/// Longest note of a holder that is read.
const MAX_NOTE: u64 = 4096;

/// A held lock; released when dropped, also by the kernel when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock if nobody has it.
    pub(crate) fn try_take(dir: &Dir, name: &str) -> Result<Option<Self>, IoFault> {
        let file = open(dir, name)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(other) => Err(other).during("lock", name),
        }
    }

    /// Takes the lock within `wait`; `None` if it stayed taken.
    pub(crate) fn take(
        dir: &Dir,
        name: &str,
        clock: &dyn Clock,
        wait: Duration,
    ) -> Result<Option<Self>, IoFault> {
        let deadline = clock.elapsed() + wait;
        loop {
            if let Some(lock) = Self::try_take(dir, name)? {
                return Ok(Some(lock));
            }
            if clock.elapsed() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(NAP);
        }
    }

    /// Leaves a note about the holder in the file.
    pub(crate) fn note(&mut self, note: &str) -> Result<(), IoFault> {
        self.file.set_len(0).during("write", "lock")?;
        self.file.seek(SeekFrom::Start(0)).during("write", "lock")?;
        self.file.write_all(note.as_bytes()).during("write", "lock")
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked and that has not called exec yet shares the
        // open file, and with it the lock.
        if let Err(errno) = rustix::fs::flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(error = %errno, "lock not released");
        }
    }
}

/// The note that the holder of a lock left.
pub(crate) fn read_note(dir: &Dir, name: &str) -> Result<String, IoFault> {
    let mut bytes = Vec::new();
    store::open_file(dir, name)?.take(MAX_NOTE).read_to_end(&mut bytes).during("read", name)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn open(dir: &Dir, name: &str) -> Result<File, IoFault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    store::open_regular(dir, name, &mut options)
}
