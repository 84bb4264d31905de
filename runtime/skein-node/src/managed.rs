//! Runs of datasets that a server manages: an attempt is staged and handed over, and somebody else publishes it.
//!
//! [`prepare_attempt`] does what [`prepare`](crate::prepare) does without keeping anybody away: the server's ledger says which
//! of the attempts at a run may become current. [`hand_over_all`] ends as many as are ready with one wait for the disk. What
//! others add meanwhile is not caught up with: the publish finds it, and the run has failed with the conflict.

use std::sync::Arc;

use skein_dataset::{Dataset, HandedOver, Publish, hand_over_many};
use skein_sandbox::Module;
use skein_types::{AttemptId, Clock};

use crate::error::RunError;
use crate::progress::Progress;
use crate::run::{Preparation, RunRequest, prepare_under};
use crate::staged::{Staged, since};
use crate::summary::RunSummary;

/// A staged run that its server can publish without this process.
#[derive(Debug)]
pub struct HandOver {
    /// What the server needs to publish it.
    pub over: HandedOver,
    /// What was done, for people.
    pub summary: RunSummary,
}

/// Pins and plans an attempt of a dataset that was opened for the server which manages it.
pub fn prepare_attempt(
    (dataset, attempt): (Dataset, AttemptId),
    module: &Module,
    request: RunRequest,
    clock: Arc<dyn Clock>,
    progress: &Progress,
) -> Result<Preparation, RunError> {
    let run = request.run;
    prepare_under(dataset, module, (request, clock), progress, |dataset| dataset.attempt(run, attempt))
}

impl Staged {
    /// Hands the attempt over to the server.
    pub fn hand_over(self) -> Result<HandOver, RunError> {
        hand_over_all(vec![self]).pop().unwrap_or_else(|| Err(RunError::bug("a hand-over without an answer")))
    }
}

/// Hands many attempts over with one wait for the disk. The answers come in the order of the runs; one's trouble is not
/// another's. An attempt that could not be handed over leaves nothing.
pub fn hand_over_all(staged: Vec<Staged>) -> Vec<Result<HandOver, RunError>> {
    let (mut held, mut parts) = (Vec::with_capacity(staged.len()), Vec::with_capacity(staged.len()));
    for Staged { dataset, lock, snapshot, staging, commit, report, job, .. } in staged {
        held.push((dataset, lock, report, job));
        parts.push((snapshot, staging, commit));
    }
    let runs = held.iter().zip(parts).map(|((dataset, lock, ..), (snapshot, staging, commit))| Publish {
        dataset,
        lock,
        snapshot,
        staging,
        commit,
    });
    let answers = hand_over_many(runs.collect());
    let ends = held.into_iter().zip(answers).map(|((.., mut report, job), answer)| {
        let over = answer.map_err(|error| RunError::from(error).if_asked_to_stop())?;
        report.version = over.version;
        report.cost.wall = since(&*job.clock, job.started);
        Ok(HandOver { summary: RunSummary::new(&report, &job.made.quarantine), over })
    });
    ends.collect()
}
