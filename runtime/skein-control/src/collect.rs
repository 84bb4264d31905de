//! What attempts staged is removed when the ledger proves that nobody needs it.
//!
//! While a run of a dataset is under way all attempts stay: what dead ones made is taken over by the next. When it came to
//! rest nothing of them is needed any more. What lies there is listed first and the ledger asked then: an attempt is
//! chosen when its task is claimed, so one that is on disk is of a run that the ledger knows. A zombie may write on into what is removed;
//! what it loses is nobody's.

use skein_dataset::{remove_attempts, staged_attempts};
use skein_types::{AttemptId, DatasetId, codes};

use crate::control::Control;
use crate::datasets::from_dataset;
use crate::error::ServiceError;

/// Datasets that are looked at between two other things.
const SOME: usize = 16;

impl Control {
    /// Looks at some of the datasets whose runs came to rest; true if there were any.
    pub(crate) fn collect(&self) -> bool {
        let some: Vec<DatasetId> = {
            let mut state = self.state();
            let some: Vec<DatasetId> = state.to_sweep.iter().take(SOME).copied().collect();
            some.iter().for_each(|id| {
                state.to_sweep.remove(id);
            });
            some
        };
        for id in &some {
            match self.sweep(*id) {
                // It was removed meanwhile, and its attempts with it.
                Err(error) if error.code == codes::NOT_FOUND => {}
                // The next run of it finds them too.
                Err(error) => {
                    tracing::warn!(dataset = %id, %error, "staged files of dead attempts not removed")
                }
                Ok(0) => {}
                Ok(gone) => tracing::debug!(dataset = %id, gone, "what dead attempts staged is removed"),
            }
        }
        !some.is_empty()
    }

    fn sweep(&self, id: DatasetId) -> Result<usize, ServiceError> {
        let dataset = self.open_dataset(id)?;
        let staged =
            staged_attempts(&dataset).map_err(|error| from_dataset(error.code(), &error, error.hint()))?;
        if staged.is_empty() || !self.under_way(id)?.is_empty() {
            return Ok(0);
        }
        let gone: Vec<AttemptId> = staged.iter().map(|staged| staged.attempt).collect();
        remove_attempts(&dataset, &gone).map_err(|error| from_dataset(error.code(), &error, error.hint()))?;
        Ok(gone.len())
    }
}
