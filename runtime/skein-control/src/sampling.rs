//! Trying a few datasets while planning: at least one of each schema and a share of all, a few rows of each, by nodes.
//!
//! A sample that fails does not end the plan: it is what people look at before they start. What a sample showed is a blob that the
//! node made, bounded, escaped and masked; here are only the numbers that it reports beside it.

use serde::{Deserialize, Serialize};
use skein_api::Why;
use skein_api::node::{DryRunTask, Payload, Sampled, Work};
use skein_campaign::{Candidate, Sample, sample};
use skein_ledger::{Enqueue, Entry, SizeClass, Task, TaskKind, Unit};
use skein_types::{Blake3, Bytes, CampaignId, DatasetId, Rows, TaskId, Timestamp, Verdict};
use uuid::Uuid;

use crate::control::Control;
use crate::error::ServiceError;
use crate::live::Live;
use crate::looks::Looked;
use crate::planning::{Seen, schema_of, seed, with_params};

/// Rows that a sample shows.
const ROWS: Rows = Rows(5);
/// A sample takes a few batches, however large its dataset is.
const COST_MAX: Bytes = Bytes::mib(16);

/// What a sample is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SampleJob {
    /// The dataset's place in the plan.
    pub(crate) seq: u64,
    pub(crate) dataset: DatasetId,
    pub(crate) schema: Option<Blake3>,
}

/// What came of one.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) job: SampleJob,
    pub(crate) outcome: Result<Sampled, Why>,
}

impl Tried {
    pub(crate) fn of(task: &Task, looked: Looked) -> Result<Self, ServiceError> {
        let job = job(task)?;
        let outcome = match looked {
            Looked::Sampled(sampled) => Ok(sampled),
            Looked::Failed(why) => Err(why),
            Looked::Planned(_)
            | Looked::Scanned(_)
            | Looked::Checked(_)
            | Looked::Scrubbed(_)
            | Looked::InBlob => {
                return Err(ServiceError::bug("a sample that holds something else"));
            }
        };
        Ok(Self { job, outcome })
    }
}

pub(crate) fn job(task: &Task) -> Result<SampleJob, ServiceError> {
    serde_json::from_str(&task.payload).map_err(|error| ServiceError::bug(format!("a sample's row: {error}")))
}

impl Control {
    /// Queues what is to be tried, and answers which and how much of all that is.
    pub(crate) fn try_some(
        &self,
        (id, live): (CampaignId, &Live),
        seen: &[Seen],
    ) -> Result<Sample, ServiceError> {
        let eligible = seen.iter().filter(|seen| seen.plan.verdict == Verdict::Eligible);
        let candidates: Vec<Candidate> = eligible
            .map(|Seen { seq, plan }| Candidate {
                seq: *seq,
                group: with_params(live, plan, schema_of(plan)),
                bytes: plan.bytes,
            })
            .collect();
        let sample = sample(&candidates, live.rules(), seed(id));
        let chosen = seen.iter().filter(|seen| sample.chosen.binary_search(&seen.seq).is_ok());
        let entries = chosen.map(|seen| entry(id, seen)).collect::<Result<Vec<_>, _>>()?;
        if !entries.is_empty() {
            self.write(entries.into_iter().fold(self.itself.unit(), Unit::then))?;
        }
        Ok(sample)
    }

    /// What a node is given to try.
    pub(crate) fn sample_task(
        &self,
        (campaign, live): (CampaignId, &Live),
        task: &Task,
        work: Work,
    ) -> Result<Payload, ServiceError> {
        let job = job(task)?;
        let dataset = self.place(job.dataset)?;
        let work = self.work_of(live, job.dataset, work)?;
        Ok(Payload::DryRun(Box::new(DryRunTask { campaign, dataset, work, rows: ROWS, server: self.server })))
    }
}

fn entry(campaign: CampaignId, Seen { seq, plan }: &Seen) -> Result<Entry, ServiceError> {
    let job = SampleJob { seq: *seq, dataset: plan.dataset, schema: plan.schema };
    let payload = serde_json::to_string(&job).map_err(|error| ServiceError::bug(error.to_string()))?;
    Ok(Entry::Enqueue(Enqueue {
        task: TaskId::new(Uuid::now_v7()),
        campaign: Some(campaign),
        seq: None,
        kind: TaskKind::DryRun,
        class: SizeClass::Small,
        cost: plan.bytes.min(COST_MAX),
        payload,
        input: None,
        not_before: Timestamp(0),
    }))
}
