//! Large runs: made in parts, on as many nodes as there are, and sealed by one.
//!
//! ```text
//! admit    a split task for each part of about 64 MiB
//! stage    a part is kept beside the dataset's staged files; its row says so
//! seal     all parts are there, or one says that the run has none: one task in their place, which takes the parts over
//! ```
//! How many parts a run has is a function of its size in the plan. A part that is lost is made again by the seal, so
//! what happens to the rows of split tasks costs time and nothing else.

use skein_api::PartOf;
use skein_api::node::Fragment;
use skein_ledger::{Enqueue, Entry, Limit, Phase, Run, SizeClass, Task, TaskKind, Unit};
use skein_types::{Blake3, Bytes, CampaignId, TaskId, Timestamp};
use uuid::Uuid;

use crate::control::{Control, State};
use crate::error::ServiceError;

/// Parts of a run at most: more would cost more looks at the dataset than they save.
const PARTS_MAX: u64 = 64;

/// The first tasks of a run.
pub(crate) fn tasks_of(run: &Run) -> Result<Vec<Entry>, ServiceError> {
    if run.bytes <= Bytes::ONE_TASK {
        return Ok(vec![task(run, (TaskKind::Run, SizeClass::Small, run.bytes), "", "{}".to_owned())]);
    }
    let parts = run.bytes.0.div_ceil(Bytes::ONE_TASK.0).min(PARTS_MAX);
    let cost = Bytes(run.bytes.0 / parts);
    let parts = u32::try_from(parts).unwrap_or(u32::MAX);
    let split = |part: u32| {
        let payload = serde_json::to_string(&PartOf { part, parts });
        let payload = payload.map_err(|error| ServiceError::bug(error.to_string()))?;
        Ok(task(run, (TaskKind::Split, SizeClass::Large, cost), &format!("part {part}"), payload))
    };
    (0..parts).map(split).collect()
}

/// A task of a run. Its id follows from where the run is, so that it cannot be queued twice.
fn task(run: &Run, (kind, class, cost): (TaskKind, SizeClass, Bytes), which: &str, payload: String) -> Entry {
    let Blake3(digest) = Blake3::of(format!("{} {} {} {which}", run.campaign, run.seq, run.epoch).as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Entry::Enqueue(Enqueue {
        task: TaskId::new(Uuid::from_bytes(id)),
        campaign: Some(run.campaign),
        seq: Some(run.seq),
        kind,
        class,
        cost,
        payload,
        input: None,
        not_before: Timestamp(0),
    })
}

impl Control {
    /// Runs of a wave whose parts are made go on as one task; true if there were any.
    pub(crate) fn seal(&self, state: &mut State, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let live = self.live(state, id)?;
        let divided: Vec<u64> =
            live.divided.iter().copied().filter(|seq| live.tasks.get(seq) == Some(&wave)).collect();
        let mut sealed = Vec::new();
        for seq in divided {
            let parts = self.ledger.tasks_of_run(id, seq, 0, Limit::MAX)?.items;
            if !is_made(&parts)? {
                continue;
            }
            let Some(run) = self.ledger.run(id, seq)? else { continue };
            let gone = parts.iter().map(|part| Entry::Remove { task: part.id, token: part.token });
            let seal = task(&run, (TaskKind::Seal, SizeClass::Large, run.bytes), "seal", "{}".to_owned());
            self.write(gone.chain([seal]).fold(self.itself.unit(), Unit::then))?;
            sealed.push(seq);
        }
        let live = self.live(state, id)?;
        sealed.iter().for_each(|seq| {
            live.divided.remove(seq);
        });
        if !sealed.is_empty() {
            self.wake.nodes();
        }
        Ok(!sealed.is_empty())
    }
}

/// What a split task is about.
pub(crate) fn part_of(task: &Task) -> Result<PartOf, ServiceError> {
    serde_json::from_str(&task.payload)
        .map_err(|error| ServiceError::bug(format!("a split task that is none: {error}")))
}

/// Whether all parts are there, or one of them says that there are none.
fn is_made(tasks: &[Task]) -> Result<bool, ServiceError> {
    let mut all = !tasks.is_empty();
    for task in tasks {
        match &task.phase {
            Phase::Staged { result, .. } => {
                let fragment: Fragment = serde_json::from_str(result)
                    .map_err(|error| ServiceError::bug(format!("a split task's row: {error}")))?;
                if fragment.whole {
                    return Ok(true);
                }
            }
            Phase::Ready { .. } | Phase::Claimed(_) => all = false,
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use skein_ledger::{Entry, Meters, Run, TaskKind, Text};
    use skein_types::{Bytes, CampaignId, DatasetId, Rows, RunId, RunState, Timestamp, Verdict};
    use uuid::Uuid;

    use super::{PARTS_MAX, PartOf, tasks_of};

    fn run(bytes: u64) -> Run {
        let id = Uuid::nil();
        Run {
            campaign: CampaignId::new(id),
            seq: 1,
            id: RunId::new(id),
            dataset: DatasetId::new(id),
            wave: Some(0),
            verdict: Verdict::Eligible,
            schema: None,
            plan: None,
            bytes: Bytes(bytes),
            rows: Rows(1),
            state: RunState::Planned,
            epoch: 1,
            reason: Text::clip(""),
            since: Timestamp(0),
            door: None,
            version: None,
            failure: None,
            meters: Meters::default(),
            statement: None,
            team: None,
            alarms: 0,
        }
    }

    fn kinds(bytes: u64) -> Vec<(TaskKind, u64, String)> {
        let run = run(bytes);
        let tasks = tasks_of(&run).unwrap().into_iter().filter_map(|entry| {
            let Entry::Enqueue(task) = entry else { return None };
            Some((task.kind, task.cost.0, task.payload))
        });
        tasks.collect()
    }

    #[test]
    fn a_run_has_a_part_for_each_64_mib_and_a_small_one_none() {
        assert_eq!(kinds(Bytes::ONE_TASK.0), [(TaskKind::Run, Bytes::ONE_TASK.0, "{}".to_owned())]);
        let payload = |part| serde_json::to_string(&PartOf { part, parts: 2 }).unwrap();
        let half = (Bytes::ONE_TASK.0 + 2) / 2;
        assert_eq!(
            kinds(Bytes::ONE_TASK.0 + 2),
            [(TaskKind::Split, half, payload(0)), (TaskKind::Split, half, payload(1))]
        );
        assert_eq!(kinds(u64::MAX).len() as u64, PARTS_MAX);
    }
}
