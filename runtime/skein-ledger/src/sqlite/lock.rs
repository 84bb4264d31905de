//! One process has a state directory. The lock is the open file's, so it goes with the process however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use crate::error::LedgerError;

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the directory or says who has it. The file stays: removing it would let two processes lock two files.
    pub(super) fn take(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join("lock");
        let place = |source| LedgerError::Place { path: path.clone(), source: Arc::new(source) };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(place)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = holder(&mut file);
                return Err(LedgerError::Locked { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(place(source)),
        }
        // For people; the lock is what counts. A disk too full for a number is no reason not to start.
        let told = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = told {
            tracing::warn!(%error, "cannot write who has the state directory");
        }
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    let known = read.is_ok() && text.trim().parse::<u32>().is_ok();
    if known { text.trim().to_owned() } else { "unknown".to_owned() }
}
