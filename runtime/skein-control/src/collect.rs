//! What dead attempts staged is removed when the ledger proves that nobody needs it.
//!
//! What lies there is listed first and the ledger asked then: an attempt is chosen when its task is claimed, so one that is on
//! disk is in the ledger before. A zombie may write on into what is removed; what it loses is nobody's.

use std::collections::BTreeSet;

use skein_dataset::{Dataset, remove_attempts, staged_attempts};
use skein_ledger::Limit;
use skein_types::{AttemptId, DatasetId};

use crate::control::Control;
use crate::datasets::from_dataset;
use crate::error::ServiceError;

impl Control {
    /// Removes what attempts staged that no task and no run of the dataset names.
    pub(crate) fn collect(&self, id: DatasetId, dataset: &Dataset) -> Result<(), ServiceError> {
        let staged =
            staged_attempts(dataset).map_err(|error| from_dataset(error.code(), &error, error.hint()))?;
        if staged.is_empty() {
            return Ok(());
        }
        let needed = self.needed(id)?;
        let gone: Vec<AttemptId> =
            staged.iter().map(|staged| staged.attempt).filter(|attempt| !needed.contains(attempt)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        tracing::debug!(dataset = %id, attempts = gone.len(), "what dead attempts staged is removed");
        remove_attempts(dataset, &gone).map_err(|error| from_dataset(error.code(), &error, error.hint()))
    }

    /// Attempts that tasks of the dataset's runs, or runs at the door, name.
    fn needed(&self, id: DatasetId) -> Result<BTreeSet<AttemptId>, ServiceError> {
        let mut needed = BTreeSet::new();
        for run in self.under_way(id)? {
            needed.extend(run.door.as_ref().map(|door| door.attempt));
            let tasks = self.ledger.tasks_of_run(run.campaign, run.seq, 0, Limit::MAX)?;
            needed.extend(tasks.items.iter().filter_map(|task| Some(task.phase.holder()?.attempt)));
        }
        Ok(needed)
    }
}
