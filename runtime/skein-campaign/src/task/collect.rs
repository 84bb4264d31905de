//! Which staged files nobody can need any more.
//!
//! Whoever sweeps lists the attempts on disk *first* and asks the ledger *then*: an attempt is chosen at claim, so one that is
//! on disk is in the ledger before, and one that the ledger does not name is over. The other way round, an attempt that begins
//! in between would look forgotten. A zombie may still write there: what it loses is nobody's.

use skein_types::AttemptId;

use super::{End, Ownership, Phase};

/// Whether the ledger's record of a task proves that an attempt's staged files are needed by nobody. `task` is the record as it
/// is now, read after the attempt was seen on disk.
pub fn may_collect(task: &Ownership, attempt: AttemptId) -> bool {
    // The next attempt goes on from what this one wrote, unless nothing will go on.
    let resumes = task.checkpoint.is_some_and(|checkpoint| checkpoint.attempt == attempt);
    match task.phase {
        Phase::Ready => !resumes,
        Phase::Claimed { attempt: present, .. } => present != attempt && !resumes,
        // A redo starts without checkpoints, so the result is all that counts.
        Phase::Staged(staged) | Phase::Intended(staged) | Phase::Done(End::Published(staged)) => {
            staged.attempt != attempt
        }
        Phase::Done(End::Finished | End::Failed | End::Cancelled) => true,
    }
}
