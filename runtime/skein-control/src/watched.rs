//! What always holds of a task, asserted while control runs: before and after each call of the ledger, in debug builds.
//!
//! The rules are those that the model of the protocol checks in every state (`skein_campaign::task::invariant`).

use skein_campaign::task::{Checkpoint, Claim, Ownership, Phase, StagedBy, invariant};
use skein_ledger::{Ledger, Task};
use skein_types::{AttemptId, Blake3, TaskId};
use uuid::Uuid;

use crate::error::ServiceError;

/// Tasks as they were before a call.
pub(crate) struct Watched(Vec<(TaskId, Ownership, Option<Claim>)>);

impl Watched {
    /// Looks at the tasks that a call is about; at none in a release build.
    pub(crate) fn before(
        ledger: &dyn Ledger,
        about: Vec<(TaskId, Option<Claim>)>,
    ) -> Result<Self, ServiceError> {
        let mut watched = Vec::new();
        if cfg!(debug_assertions) {
            for (place, (id, by)) in about.iter().enumerate() {
                // Of several changes only the sum would be seen.
                let once = about.iter().enumerate().all(|(other, (of, _))| other == place || of != id);
                let task = if once { ledger.task(*id)? } else { None };
                watched.extend(task.map(|task| (*id, ownership(&task), *by)));
            }
        }
        Ok(Self(watched))
    }

    /// Compares.
    pub(crate) fn after(self, ledger: &dyn Ledger) -> Result<(), ServiceError> {
        for (id, before, by) in self.0 {
            // A row that is gone is over.
            let Some(task) = ledger.task(id)? else { continue };
            if let Err(broken) = invariant::change(&before, &ownership(&task), by.as_ref()) {
                return Err(ServiceError::bug(format!("{id}: {broken}")));
            }
        }
        Ok(())
    }
}

/// A queue row as the rules see it.
pub(crate) fn ownership(task: &Task) -> Ownership {
    let phase = match &task.phase {
        skein_ledger::Phase::Ready { .. } => Phase::Ready,
        skein_ledger::Phase::Claimed(holder) => {
            Phase::Claimed { node: holder.node, incarnation: holder.incarnation, attempt: holder.attempt }
        }
        skein_ledger::Phase::Staged { holder, result, .. } => {
            Phase::Staged(StagedBy { attempt: holder.attempt, descriptor: Blake3::of(result.as_bytes()) })
        }
    };
    // Whose files it goes on from is in the blob, and no rule here asks for it.
    let attempt = AttemptId::new(Uuid::nil());
    let checkpoint = task.checkpoint.map(|at| Checkpoint { number: at.number, blob: at.blob, attempt });
    Ownership { phase, token: task.token, checkpoint, deaths: task.deaths }
}
