//! What a node is given with a task. Made when it is claimed, from the ledger as it is then.

use skein_api::node::{DatasetPlace, Payload, RunTask, SplitTask, Work};
use skein_api::{List, Location, Name, PartOf, Text};
use skein_ledger::{Dataset, Task, TaskKind};
use skein_types::{Blake3, Bytes, CampaignId, DatasetId, Rows};

use crate::control::{Control, State};
use crate::datasets::rules::Meant;
use crate::error::ServiceError;
use crate::large;
use crate::live::Live;
use crate::policy;

/// Rejected rows that a run may have where its policy says nothing.
pub(crate) const REJECTS_MAX: u64 = 10_000;
/// Rows between two checkpoints where the policy says nothing.
pub(crate) const CHECKPOINT_ROWS: Rows = Rows(1 << 20);
/// What the host needs beside an agent.
const HOST_MEMORY: Bytes = Bytes::mib(64);

/// A task's payload and what it needs.
#[derive(Debug)]
pub(crate) struct ToDo {
    pub(crate) payload: Payload,
    pub(crate) memory: Bytes,
    pub(crate) wave: Option<u32>,
}

/// What an agent of a campaign needs, and what the host needs beside it.
pub(crate) fn memory_of(live: &Live) -> Bytes {
    policy::limits(&live.policy.limits).memory + HOST_MEMORY
}

impl Control {
    pub(crate) fn payload(&self, state: &mut State, task: &Task) -> Result<ToDo, ServiceError> {
        if task.kind == TaskKind::Scan {
            return Ok(ToDo { payload: self.scan_task(state, task)?, memory: HOST_MEMORY, wave: None });
        }
        if matches!(task.kind, TaskKind::Check | TaskKind::Scrub) {
            return Ok(ToDo { payload: Self::chore_payload(task)?, memory: HOST_MEMORY, wave: None });
        }
        let id = task.campaign.ok_or_else(|| ServiceError::bug("a task without a campaign"))?;
        let live = self.live(state, id)?;
        let work = self.work(live)?;
        let memory = memory_of(live);
        match task.kind {
            TaskKind::Run | TaskKind::Split | TaskKind::Seal => self.of_run((id, live), task, (work, memory)),
            TaskKind::Plan => {
                Ok(ToDo { payload: self.plan_task((id, live), task, work)?, memory, wave: None })
            }
            TaskKind::DryRun => {
                Ok(ToDo { payload: self.sample_task((id, live), task, work)?, memory, wave: None })
            }
            TaskKind::Scan | TaskKind::Check | TaskKind::Scrub => {
                Err(ServiceError::bug(format!("nobody queues a task of kind {}", task.kind)))
            }
        }
    }

    fn of_run(
        &self,
        (campaign, live): (CampaignId, &Live),
        task: &Task,
        (work, memory): (Work, Bytes),
    ) -> Result<ToDo, ServiceError> {
        let seq = task.seq.ok_or_else(|| ServiceError::bug("a run's task without a run"))?;
        let run = self.ledger.run(campaign, seq)?;
        let run = run.ok_or_else(|| ServiceError::bug(format!("run {seq} of {campaign} is gone")))?;
        let work = self.work_of(live, run.dataset, work)?;
        let wave = run.wave;
        let run = RunTask {
            campaign,
            run: run.id,
            dataset: self.place(run.dataset)?,
            work,
            server: self.server,
            publish: live.policy.publish.clone(),
            schema: run.schema,
            rules: None,
        };
        let ruled = |mut of: RunTask| -> Result<Box<RunTask>, ServiceError> {
            let rules = self.task_rules((campaign, live), of.dataset.dataset, Meant::All)?;
            of.rules = rules.map(Box::new);
            Ok(Box::new(of))
        };
        let payload = match task.kind {
            TaskKind::Split => {
                let PartOf { part, parts } = large::part_of(task)?;
                Payload::Split(Box::new(SplitTask { run, part, parts }))
            }
            TaskKind::Seal => Payload::Seal(ruled(run)?),
            TaskKind::Run
            | TaskKind::Plan
            | TaskKind::DryRun
            | TaskKind::Scan
            | TaskKind::Check
            | TaskKind::Scrub => Payload::Run(ruled(run)?),
        };
        Ok(ToDo { payload, memory, wave })
    }

    pub(crate) fn work(&self, live: &Live) -> Result<Work, ServiceError> {
        let limits = policy::limits(&live.policy.limits);
        Ok(Work {
            module: live.module,
            artifact: self.artifact_digest(live.module)?,
            params: live.params,
            secrets_of: live.secrets_of,
            migration: live.policy.migration.clone(),
            again: live.policy.again,
            limits,
            rejects_max: live.policy.limits.rejects.unwrap_or(REJECTS_MAX),
            allow_empty: live.policy.allow_empty,
            checkpoint_rows: live.policy.checkpoint_rows.unwrap_or(CHECKPOINT_ROWS),
            names: live.policy.names,
            verify: live.policy.verify,
        })
    }

    /// The place of a dataset as a node is told it. Of one that was removed since only its id is left.
    pub(crate) fn place(&self, id: DatasetId) -> Result<DatasetPlace, ServiceError> {
        let dataset = self.ledger.dataset(id)?;
        dataset
            .map_or_else(|| Err(ServiceError::absent("dataset", &id.to_string())), |dataset| place(&dataset))
    }

    fn artifact_digest(&self, module: skein_types::ModuleDigest) -> Result<Blake3, ServiceError> {
        self.modules
            .artifact_digest(module)?
            .ok_or_else(|| ServiceError::bug(format!("{module} is not compiled")))
    }
}

/// Where a dataset is.
pub(crate) fn place(dataset: &Dataset) -> Result<DatasetPlace, ServiceError> {
    let location = Location::new(dataset.location.as_str());
    let location =
        location.map_err(|error| ServiceError::bug(format!("the place of {}: {error}", dataset.name)))?;
    let sensitive = List::first(sensitive(&dataset.labels)).0;
    Ok(DatasetPlace { dataset: dataset.id, location, state: None, sensitive })
}

/// The label, and the beginning of further ones, that name columns whose values are shown to nobody.
const SENSITIVE: &str = "sensitive";

/// Columns that labels name as sensitive: `sensitive`, `sensitive.2` and so on, each with names between commas.
pub(crate) fn sensitive(labels: &skein_ledger::Labels) -> Vec<Name> {
    let names = labels.iter().filter(|(key, _)| {
        key.as_str().strip_prefix(SENSITIVE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    let columns = names.flat_map(|(_, value)| value.as_str().split(',')).map(str::trim);
    columns.filter(|column| !column.is_empty()).map(Text::escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::sensitive;
    use crate::control::name;

    #[test]
    fn labels_name_sensitive_columns_between_commas() {
        let labels =
            [("sensitive", "email, phone"), ("sensitive.2", "iban,"), ("sensitivity", "x"), ("tier", "gold")];
        let labels = labels.map(|(key, value)| (name("l", key).unwrap(), name("l", value).unwrap()));
        let named = sensitive(&labels.into_iter().collect());
        assert_eq!(named.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["email", "phone", "iban"]);
    }
}
