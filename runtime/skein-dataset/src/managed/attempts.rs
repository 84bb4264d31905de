//! What a server's nodes have staged, for the server to look at and to remove.

use std::time::Duration;

use rustix::fs::AtFlags;
use skein_types::AttemptId;

use crate::crash_point;
use crate::dataset::{Dataset, StateError};
use crate::fault::During as _;
use crate::listing::FileStat;
use crate::publish::handed;
use crate::recover;
use crate::store;

/// The directory of an attempt, of a node that may be alive, dead or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagedAttempt {
    /// Whose.
    pub attempt: AttemptId,
    /// It has a descriptor. Whether everything that this names is durable only the node's answer says.
    pub prepared: bool,
    /// Since something was last put directly into it, by the clock of this process; zero if that lies in the future.
    pub age: Duration,
}

/// Every attempt that has something staged for a dataset, by its id.
pub fn staged_attempts(dataset: &Dataset) -> Result<Vec<StagedAttempt>, StateError> {
    let Some(state) = dataset.state() else { return Ok(Vec::new()) };
    let now_ns = i128::from(dataset.clock.now().0) * 1_000_000;
    let mut found = Vec::new();
    for name in store::names(&state.stage, "stage")? {
        let Ok(attempt) = name.parse::<AttemptId>() else { continue };
        let stat = match rustix::fs::statat(&state.stage, &name, AtFlags::SYMLINK_NOFOLLOW) {
            // Its node has given it up meanwhile.
            Err(rustix::io::Errno::NOENT) => continue,
            other => other.during("look at", &name)?,
        };
        let since = now_ns - i128::from(FileStat::new(String::new(), &stat).mtime_ns);
        let age = Duration::from_nanos(u64::try_from(since).unwrap_or(0));
        let prepared = store::node(&state.stage, &format!("{name}/{}", handed::DESCRIPTOR))?.is_some();
        found.push(StagedAttempt { attempt, prepared, age });
    }
    Ok(found)
}

/// Removes what attempts have staged: those that the server knows to be of no use any more. What an announced publish
/// needs is brought to its end first. An attempt that has nothing staged is no error, and what a zombie stages again is
/// there to be removed again.
pub fn remove_attempts(dataset: &Dataset, attempts: &[AttemptId]) -> Result<(), StateError> {
    let Some(state) = dataset.state() else { return Ok(()) };
    let _lock = dataset.lock_publish(state)?;
    recover::settle(dataset, state)?;
    for attempt in attempts {
        store::remove_tree(&state.stage, &attempt.to_string())?;
        crash_point!("attempts.after-remove").during("remove", &dataset.place.name)?;
    }
    Ok(())
}
