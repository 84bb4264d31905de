//! Tasks that only look: plans, samples, scans. What a node finds waits in the task's row until all of it is there.
//!
//! Nothing that such a task finds is an end of anything by itself; so a row that is lost is looked for again, and one that
//! cannot be done holds the reason in place of a result.

use serde::{Deserialize, Serialize};
use skein_api::Why;
use skein_api::node::{Checked, Outcome, Planned, Report, Sampled, Scanned, Scrubbed};
use skein_campaign::{Next, after_failure};
use skein_ledger::{Entry, Limit, Phase, Stage, Task, TaskFilter, TaskKind, Unit};
use skein_types::{Bytes, ErrorClass, Millis, TaskId, codes};

use crate::control::{Control, State};
use crate::error::ServiceError;

/// Up to here a result stands in its row; the bound of rows is twice as high.
const IN_ROW: usize = 32 << 10;
/// Most bytes of what a sample shows.
const SAMPLE_BYTES_MAX: Bytes = Bytes(512 << 10);
/// How long what a plan is made of is kept, if nothing names it.
pub(crate) const KEEP: u64 = 30 * 24 * 3_600_000;

/// What a row holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Looked {
    Planned(Planned),
    Sampled(Sampled),
    Scanned(Scanned),
    Checked(Checked),
    Scrubbed(Scrubbed),
    Failed(Why),
    /// It is too long for a row.
    InBlob,
}

impl Control {
    /// At the start: removes rows that this process has no use for.
    pub(crate) fn remove_tasks(&self, unneeded: impl Fn(&Task) -> bool) -> Result<(), ServiceError> {
        let mut after = 0;
        loop {
            let page = self.ledger.tasks(TaskFilter::default(), after, Limit::MAX)?;
            let unneeded = page.items.iter().filter(|task| unneeded(task));
            let unit = unneeded
                .map(|task| Entry::Remove { task: task.id, token: task.token })
                .fold(self.itself.unit(), Unit::then);
            if !unit.entries.is_empty() {
                self.write(unit)?;
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// The unit that takes what a node found; none if the task is not the node's any more.
    pub(crate) fn look_taken(&self, report: &Report, task: &Task) -> Result<Option<Unit>, ServiceError> {
        let unit = self.itself.unit();
        let (looked, unit) = match (&report.outcome, task.kind) {
            (Outcome::Planned(planned), TaskKind::Plan) => (Looked::Planned(planned.clone()), unit),
            (Outcome::Sampled(sampled), TaskKind::DryRun) => self.kept(sampled, unit)?,
            (Outcome::Scanned(scanned), TaskKind::Scan) => (Looked::Scanned(scanned.clone()), unit),
            (Outcome::Checked(checked), TaskKind::Check) => (Looked::Checked(checked.clone()), unit),
            (Outcome::Scrubbed(scrubbed), TaskKind::Scrub) => (Looked::Scrubbed(scrubbed.clone()), unit),
            _ => (failed("the node reports what the task did not ask for"), unit),
        };
        self.staged_look(task, &looked, unit)
    }

    /// What a sample shows has to be here, is bounded, and is kept as long as a plan.
    fn kept(&self, sampled: &Sampled, unit: Unit) -> Result<(Looked, Unit), ServiceError> {
        Ok(match self.ledger.blob(sampled.report)? {
            Some(bytes) if bytes.len() as u64 <= SAMPLE_BYTES_MAX.0 => {
                (Looked::Sampled(sampled.clone()), unit.then(self.kept_rows(bytes)))
            }
            Some(_) => (failed("a sample's report that is too long"), unit),
            None => (failed("a sample's report that the node did not leave here"), unit),
        })
    }

    fn staged_look(
        &self,
        task: &Task,
        looked: &Looked,
        mut unit: Unit,
    ) -> Result<Option<Unit>, ServiceError> {
        let Phase::Claimed(holder) = &task.phase else { return Ok(None) };
        let text = |looked: &Looked| {
            serde_json::to_string(looked).map_err(|error| ServiceError::bug(error.to_string()))
        };
        let (mut result, mut blob) = (text(looked)?, None);
        if result.len() > IN_ROW {
            let bytes = std::mem::replace(&mut result, text(&Looked::InBlob)?).into_bytes();
            blob = Some(skein_types::Blake3::of(&bytes));
            unit = unit.then(Entry::PutBlob { bytes, keep_until: self.clock.now() });
        }
        let stage = Stage {
            task: task.id,
            token: task.token,
            node: holder.node,
            incarnation: holder.incarnation,
            result,
            blob,
        };
        Ok(Some(unit.then(Entry::Stage(stage))))
    }

    /// What a staged row holds; nothing of one that is not.
    pub(crate) fn looked(&self, task: &Task) -> Result<Option<Looked>, ServiceError> {
        let Phase::Staged { result, blob, .. } = &task.phase else { return Ok(None) };
        let bug = |error: serde_json::Error| ServiceError::bug(format!("the row of {}: {error}", task.id));
        let looked: Looked = serde_json::from_str(result).map_err(bug)?;
        let (Looked::InBlob, Some(blob)) = (&looked, blob) else { return Ok(Some(looked)) };
        let gone = || ServiceError::bug(format!("what {} found is gone", task.id));
        serde_json::from_slice(&self.ledger.blob(*blob)?.ok_or_else(gone)?).map_err(bug).map(Some)
    }

    /// One that failed: tried again if its class says so. A plan ends with it; a sample or a scan says so in its row.
    pub(crate) fn look_failed(
        &self,
        state: &mut State,
        task: &Task,
        why: &Why,
    ) -> Result<Option<Unit>, ServiceError> {
        if let Some(wait) = self.look_again(state, task, why.class)? {
            return Ok(Some(self.tried_again(task, wait, true)));
        }
        match task.kind {
            TaskKind::Plan => self.plan_failed(state, task, why).map(Some),
            TaskKind::DryRun | TaskKind::Scan | TaskKind::Check | TaskKind::Scrub => {
                self.staged_look(task, &Looked::Failed(why.clone()), self.itself.unit())
            }
            TaskKind::Run | TaskKind::Split | TaskKind::Seal => {
                Err(ServiceError::bug(format!("a task of kind {} does more than look", task.kind)))
            }
        }
    }

    /// How long to wait before another try, if there may be one. A scan is asked for again by who wants it.
    fn look_again(
        &self,
        state: &mut State,
        task: &Task,
        class: ErrorClass,
    ) -> Result<Option<Millis>, ServiceError> {
        let Some(campaign) = task.campaign else { return Ok(None) };
        let live = self.live(state, campaign)?;
        let rule = live.rules().retries;
        let Some(planning) = &mut live.planning else { return Ok(None) };
        let before = planning.tries.get(&task.id).copied().unwrap_or_default();
        let (wait, tries) = match after_failure(class, before, &rule, task.order) {
            Next::Again { wait, tries } => (wait, tries),
            Next::AgainElsewhere { tries } => (Millis(0), tries),
            Next::GiveUp => return Ok(None),
        };
        planning.tries.insert(task.id, tries);
        Ok(Some(wait))
    }

    /// One that cannot be given to any node, and will not be better.
    pub(crate) fn look_not_given(
        &self,
        state: &mut State,
        task: TaskId,
        error: &ServiceError,
    ) -> Result<(), ServiceError> {
        let why = Why::new(error.code, &error.message, error.hint.as_deref());
        // As it is since the claim.
        let Some(task) = self.ledger.task(task)? else { return Ok(()) };
        let Some(unit) = self.look_failed(state, &task, &why)? else { return Ok(()) };
        let written = self.write(unit);
        if let (Err(_), Some(campaign)) = (&written, task.campaign) {
            // Its machine may be ahead of the ledger.
            state.campaigns.remove(&campaign);
        }
        written
    }
}

fn failed(message: &str) -> Looked {
    Looked::Failed(Why::new(codes::BUG, message, None))
}
