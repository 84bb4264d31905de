//! Making a plan: every dataset of the selection is looked at by a node, a few are tried, then all of them are divided into
//! waves.
//!
//! ```text
//! begin    what an earlier try left goes; the selection is resolved; one task for each 64 datasets
//! look     until all tasks are staged; their rows hold what the nodes found
//! try      a few datasets of each schema go through the module, up to a few rows: see `sampling`
//! divide   waves, digest, report: functions of what was found, so a crash in the middle makes the same again
//! write    the waves, the runs in chunks, then the plan: only the last makes it one
//! ```
//! Nothing of it touches a dataset. A control that dies in between begins anew.

mod draft;
mod estimate;
mod precautions;
mod report;
mod risk;
mod slices;

use std::collections::BTreeMap;
use std::sync::Arc;

use skein_api::Why;
use skein_api::node::{DatasetPlan, Payload, PlanTask, TASKS_MAX, Work};
use skein_campaign::{Decision, Input, Observation, Sample, Tries};
use skein_ledger::{
    CampaignPlanned, CampaignUnplanned, Enqueue, Entry, Guard, Limit, ModuleState, Name, PhaseName,
    RunPlanned, SizeClass, Task, TaskFilter, TaskKind, Text, Unit, WavePlanned,
};
use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, DatasetId, Risk, Rows, RunId, TaskId, Timestamp, codes,
};
use uuid::Uuid;

use crate::approvals::Owners;
use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::live::Live;
use crate::looks::{KEEP, Looked};
use crate::points::point;
use crate::sampling::Tried;
use crate::selection::{self, Overrides};

pub(crate) use draft::{Draft, schema_of, seed, with_params};
pub(crate) use report::{Stored, tier};

/// Runs, tasks or removals in one unit.
const CHUNK: usize = 500;

/// How far the making of a plan is. Lost with the process: the next one begins anew.
#[derive(Debug, Clone)]
pub(crate) struct Planning {
    datasets: u64,
    /// Where the log was when it began: nothing of what the plan is made by was looked at before.
    as_of: u64,
    /// What is tried, once every dataset was looked at.
    pub(crate) sample: Option<Sample>,
    /// Failed tries of tasks that are to be tried again.
    pub(crate) tries: BTreeMap<TaskId, Tries>,
}

/// What a plan task is about.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct PlanChunk {
    first: u64,
    pub(crate) datasets: Vec<DatasetId>,
}

/// A dataset and what was found.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) seq: u64,
    pub(crate) plan: DatasetPlan,
}

impl Control {
    /// One step; true if something was done. The lock is not held while datasets are selected or the plan is written: with a
    /// hundred thousand of them that takes longer than a node's lease. Each unit has the campaign's epoch as its guard
    /// instead, so a campaign that is cancelled meanwhile gets no more of it.
    pub(crate) fn plan(&self, id: CampaignId) -> Result<bool, ServiceError> {
        let before = self.live(&mut self.state(), id)?.clone();
        let module = self.ledger.module(before.module)?;
        if module.is_none_or(|module| module.state != ModuleState::Ready) {
            return self.give_up_plan(id, "its module cannot be used any more");
        }
        let Some(planning) = &before.planning else { return self.begin_plan(id, &before).map(|()| true) };
        if self.any_task(id, PhaseName::Ready)? || self.any_task(id, PhaseName::Claimed)? {
            return Ok(false);
        }
        let ends = match &planning.sample {
            None => self.begin_samples((id, &before), planning.datasets),
            Some(sample) => self.end_plan((id, &before), planning.datasets, sample),
        };
        match ends {
            // What a node said cannot be, or no record can hold it: it would be the same the next time.
            Err(error) if error.code == codes::BUG || error.code == codes::LEDGER_INVALID => {
                self.give_up_plan(id, &error.message)
            }
            ends => ends.map(|()| true),
        }
    }

    fn give_up_plan(&self, id: CampaignId, reason: &str) -> Result<bool, ServiceError> {
        let told = vec![Told::of(Observation::PlanImpossible)];
        let mut state = self.state();
        let more = self.unplanned(&mut state, id)?;
        self.tell(&mut state, id, told, (&self.itself, reason, more))?;
        drop(state);
        self.drop_tasks(id)?;
        Ok(true)
    }

    /// What goes with the end of a campaign that is planned just now: runs may be written already, and more of them at this moment. They
    /// would be planned for ever.
    pub(crate) fn unplanned(&self, state: &mut State, id: CampaignId) -> Result<Vec<Entry>, ServiceError> {
        let plans = self.live(state, id)?.machine.state() == CampaignState::Planning;
        let unplanned = CampaignUnplanned { campaign: id };
        Ok(if plans { vec![Entry::Decide(unplanned.into())] } else { Vec::new() })
    }

    fn any_task(&self, campaign: CampaignId, phase: PhaseName) -> Result<bool, ServiceError> {
        let filter = TaskFilter { campaign: Some(campaign), phase: Some(phase), ..TaskFilter::default() };
        Ok(!self.ledger.tasks(filter, 0, Limit::new(1))?.items.is_empty())
    }

    fn begin_plan(&self, id: CampaignId, before: &Live) -> Result<(), ServiceError> {
        let epoch = before.machine.epoch();
        let guarded = || self.itself.unit().if_(Guard::CampaignAt { campaign: id, epoch });
        self.drop_tasks(id)?;
        let absent = || ServiceError::absent("campaign", &id.to_string());
        let row = self.ledger.campaign(id)?.ok_or_else(absent)?;
        if row.runs.total() > 0 || !self.ledger.waves(id)?.is_empty() {
            self.write(guarded().decide(CampaignUnplanned { campaign: id }))?;
        }
        let as_of = self.ledger.head()?.position;
        let datasets = self.selected(&selection::read(&*self.ledger, &row)?)?;
        // Names are those of other datasets if some were registered anew since.
        let overrides = Arc::new(Overrides::load(&*self.ledger, &row)?);
        if datasets.is_empty() {
            return self.give_up_plan(id, "no dataset is selected").map(|_| ());
        }
        point!("plan.before-tasks")?;
        for some in chunks(&datasets, &overrides).chunks(CHUNK / 4) {
            let entries = some.iter().map(|chunk| plan_entry(id, chunk)).collect::<Result<Vec<_>, _>>()?;
            self.write(entries.into_iter().fold(guarded(), Unit::then))?;
        }
        point!("plan.after-tasks")?;
        let datasets = datasets.len() as u64;
        let planning = Planning { datasets, as_of, sample: None, tries: BTreeMap::new() };
        let mut state = self.state();
        let live = self.live(&mut state, id)?;
        (live.planning, live.overrides) = (Some(planning), overrides);
        drop(state);
        self.wake.nodes();
        Ok(())
    }

    /// What a node is given to look at. Datasets that were removed since are left out; the plan is then begun anew.
    pub(crate) fn plan_task(
        &self,
        (campaign, live): (CampaignId, &Live),
        task: &Task,
        work: Work,
    ) -> Result<Payload, ServiceError> {
        let chunk: PlanChunk = serde_json::from_str(&task.payload)
            .map_err(|error| ServiceError::bug(format!("a plan task that is none: {error}")))?;
        let mut places = Vec::with_capacity(chunk.datasets.len());
        for dataset in &chunk.datasets {
            match self.place(*dataset) {
                Ok(place) => places.push(place),
                Err(error) if error.code == codes::NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        // All of a chunk have the same parameters.
        let work = match chunk.datasets.first() {
            Some(dataset) => self.work_of(live, *dataset, work)?,
            None => work,
        };
        let datasets = skein_api::List::new(places)
            .map_err(|error| ServiceError::bug(format!("a plan task of {error}")))?;
        let tries = live.planning.as_ref().and_then(|planning| planning.tries.get(&task.id));
        let last = tries.is_some_and(|tries| tries.transient >= live.rules().retries.transient);
        Ok(Payload::Plan(Box::new(PlanTask { campaign, datasets, work, server: self.server, last })))
    }

    /// Removes all tasks of a campaign, whoever has them: what they would report is nobody's any more.
    pub(crate) fn drop_tasks(&self, id: CampaignId) -> Result<(), ServiceError> {
        let filter = TaskFilter { campaign: Some(id), ..TaskFilter::default() };
        loop {
            let state = self.state();
            let page = self.ledger.tasks(filter, 0, Limit::new(CHUNK))?;
            if page.items.is_empty() {
                return Ok(());
            }
            let gone = page.items.iter().map(|task| self.task_gone(&state, task, None));
            let gone = gone.collect::<Result<Vec<_>, _>>()?.concat();
            self.write(gone.into_iter().fold(self.itself.unit(), Unit::then))?;
        }
    }

    /// What was found, if that is all of it. Otherwise tasks were lost or datasets removed: all is looked at again.
    fn all_seen(&self, id: CampaignId, datasets: u64) -> Result<Option<Vec<Seen>>, ServiceError> {
        let seen = self.seen(id)?;
        if seen.len() as u64 == datasets {
            return Ok(Some(seen));
        }
        tracing::warn!(campaign = %id, found = seen.len(), of = datasets, "plan begun anew");
        self.live(&mut self.state(), id)?.planning = None;
        Ok(None)
    }

    fn begin_samples(&self, (id, before): (CampaignId, &Live), datasets: u64) -> Result<(), ServiceError> {
        let Some(seen) = self.all_seen(id, datasets)? else { return Ok(()) };
        let sample = self.try_some((id, before), &seen)?;
        if let Some(planning) = &mut self.live(&mut self.state(), id)?.planning {
            planning.sample = Some(sample);
        }
        self.wake.nodes();
        Ok(())
    }

    fn end_plan(
        &self,
        (id, before): (CampaignId, &Live),
        datasets: u64,
        sample: &Sample,
    ) -> Result<(), ServiceError> {
        let Some(seen) = self.all_seen(id, datasets)? else { return Ok(()) };
        let absent = || ServiceError::absent("campaign", &id.to_string());
        let row = self.ledger.campaign(id)?.ok_or_else(absent)?;
        let agents = (self.state().fleet.seats.len() as u64).max(1);
        let (tried, now) = (self.tried(id)?, self.clock.now());
        let as_of = before.planning.as_ref().map_or(0, |planning| planning.as_of);
        let draft = Draft::of((id, before), (row.module, row.params), &seen, now);
        let asked = Observation::Planned {
            digest: draft.digest,
            waves: draft.division.sizes(),
            ineligible: draft.ineligible,
        };
        let decisions = before.machine.decide(Input::Observed(asked), now)?;
        let epoch = before.machine.epoch();
        let ways = precautions::Ways {
            rules: before.rules(),
            again: before.policy.again,
            allow_empty: before.policy.allow_empty,
            waves: &draft.division.sizes(),
        };
        let looked =
            report::Looked { module: row.module, draft: &draft, sample, tried: &tried, agents, as_of, ways };
        let reported = self.reported((id, epoch), &looked)?;
        let owners = self.owners_among(&seen)?;
        let risk = self.risks_of(&reported)?;
        point!("plan.before-waves")?;
        self.write_runs((id, epoch), (&draft, &owners), &decisions)?;
        self.write_slices((id, epoch), (&seen, &owners), risk)?;
        let unit = self.plan_unit((id, epoch), &draft, reported)?;
        let mut state = self.state();
        let live = self.live(&mut state, id)?;
        self.write(unit)?;
        point!("plan.after-planned")?;
        live.planning = None;
        // Whoever moved it meanwhile made the ledger refuse the plan: here it is where it was.
        decisions.iter().for_each(|decision| live.machine.apply(decision));
        self.settle_after(&mut state, id, &self.itself)?;
        drop(state);
        self.drop_tasks(id)?;
        point!("plan.after-tasks-gone")
    }

    fn seen(&self, id: CampaignId) -> Result<Vec<Seen>, ServiceError> {
        let mut seen = Vec::new();
        self.each_look(id, TaskKind::Plan, |task, looked| {
            seen.extend(found(task, looked)?);
            Ok(())
        })?;
        seen.sort_by_key(|seen| seen.seq);
        Ok(seen)
    }

    /// What was tried, by place.
    fn tried(&self, id: CampaignId) -> Result<Vec<Tried>, ServiceError> {
        let mut tried = Vec::new();
        self.each_look(id, TaskKind::DryRun, |task, looked| {
            tried.push(Tried::of(task, looked)?);
            Ok(())
        })?;
        tried.sort_by_key(|tried| tried.job.seq);
        Ok(tried)
    }

    /// Everything that nodes found for tasks of a kind.
    fn each_look(
        &self,
        id: CampaignId,
        kind: TaskKind,
        mut of: impl FnMut(&Task, Looked) -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        let filter =
            TaskFilter { campaign: Some(id), phase: Some(PhaseName::Staged), ..TaskFilter::default() };
        let mut after = 0;
        loop {
            let page = self.ledger.tasks(filter, after, Limit::new(CHUNK))?;
            for task in page.items.iter().filter(|task| task.kind == kind) {
                if let Some(looked) = self.looked(task)? {
                    of(task, looked)?;
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// The waves and the runs: nothing of it counts before the plan is written.
    fn write_runs(
        &self,
        (id, epoch): (CampaignId, u64),
        (draft, owners): (&Draft<'_>, &Owners),
        decisions: &[Decision],
    ) -> Result<(), ServiceError> {
        let guarded = || self.itself.unit().if_(Guard::CampaignAt { campaign: id, epoch });
        let mut waves = guarded();
        for decision in decisions {
            if let Decision::Planned(plan) = decision {
                for (wave, planned) in (0..).zip(&plan.waves) {
                    waves = waves.decide(WavePlanned { campaign: id, wave, budget: planned.budget });
                }
            }
        }
        if !waves.entries.is_empty() {
            self.write(waves)?;
        }
        point!("plan.after-waves")?;
        let wave_of = draft.wave_of();
        for some in draft.seen.chunks(CHUNK) {
            let events = some.iter().map(|seen| {
                let team = owners.get(&seen.plan.dataset).cloned();
                planned(id, seen, (team, wave_of.get(&seen.seq).copied()))
            });
            self.write(events.fold(guarded(), Unit::decide))?;
        }
        point!("plan.after-runs")
    }

    /// The plan, in one unit with the end of the tasks that it was made of, as far as they fit. Those that are left are
    /// nobody's: they are staged, and have no run.
    fn plan_unit(
        &self,
        (id, epoch): (CampaignId, u64),
        draft: &Draft<'_>,
        report: Vec<u8>,
    ) -> Result<Unit, ServiceError> {
        let digest = Blake3::of(&report);
        let done = CampaignPlanned {
            campaign: id,
            plan: draft.digest,
            report: digest,
            runs: draft.seen.len() as u64,
            bytes: Bytes(draft.sum(|plan| plan.bytes.0)),
            rows: Rows(draft.sum(|plan| plan.rows.0)),
        };
        let unit = self.itself.unit().if_(Guard::CampaignAt { campaign: id, epoch });
        let filter = TaskFilter { campaign: Some(id), ..TaskFilter::default() };
        let tasks = self.ledger.tasks(filter, 0, Limit::MAX)?.items;
        let gone = tasks.iter().map(|task| Entry::Remove { task: task.id, token: task.token });
        Ok(gone.fold(unit.then(self.kept_blob(report)).decide(done), Unit::then))
    }

    /// How much can go wrong with the datasets of each team, as a report says that is about to be kept.
    fn risks_of(&self, reported: &[u8]) -> Result<impl Fn(&Name) -> Risk + use<>, ServiceError> {
        let stored: Stored =
            serde_json::from_slice(reported).map_err(|error| ServiceError::bug(error.to_string()))?;
        let whole = stored.report.risk;
        let slices = stored.report.slices.into_iter();
        let of: BTreeMap<String, Risk> = slices.map(|slice| (slice.owner.to_string(), slice.risk)).collect();
        Ok(move |team: &Name| of.get(team.as_str()).copied().unwrap_or(whole))
    }

    /// Bytes that are kept for a plan, beyond the campaign's own need.
    pub(crate) fn kept_blob(&self, bytes: Vec<u8>) -> Entry {
        Entry::PutBlob { bytes, keep_until: Timestamp(self.clock.now().0.saturating_add(KEEP)) }
    }

    /// As [`Control::kept_blob`], of bytes that may show values of rows.
    pub(crate) fn kept_rows(&self, bytes: Vec<u8>) -> Entry {
        Entry::PutRows { bytes, keep_until: Timestamp(self.clock.now().0.saturating_add(KEEP)) }
    }

    /// A plan task that cannot be done is the end of the plan.
    pub(crate) fn plan_failed(
        &self,
        state: &mut State,
        task: &Task,
        why: &Why,
    ) -> Result<Unit, ServiceError> {
        let id = task.campaign.ok_or_else(|| ServiceError::bug("a plan task without a campaign"))?;
        let live = self.live(state, id)?;
        let told = [Told::of(Observation::PlanImpossible)];
        let reason = format!("{} {}", why.code.as_str(), why.message.as_str());
        let drafted = crate::decide::draft(
            (id, &live.machine),
            told,
            (&self.itself, self.clock.now(), &reason),
            |_, refused| tracing::debug!(%refused, "report of a plan that is over"),
        );
        live.machine = drafted.machine.clone();
        Ok(drafted.with([Entry::Remove { task: task.id, token: task.token }]).unit)
    }
}

/// Places in the plan, in chunks for one task each: of as many datasets as a task may have, with the same parameters.
fn chunks(datasets: &[DatasetId], overrides: &Overrides) -> Vec<PlanChunk> {
    let params = |dataset: &DatasetId| overrides.params(*dataset);
    let alike = datasets.chunk_by(|one, next| params(one) == params(next));
    let (mut first, mut all) = (0, Vec::new());
    for some in alike.flat_map(|alike| alike.chunks(TASKS_MAX)) {
        all.push(PlanChunk { first, datasets: some.to_vec() });
        first += some.len() as u64;
    }
    all
}

fn plan_entry(campaign: CampaignId, chunk: &PlanChunk) -> Result<Entry, ServiceError> {
    let payload = serde_json::to_string(chunk).map_err(|error| ServiceError::bug(error.to_string()))?;
    Ok(Entry::Enqueue(Enqueue {
        task: TaskId::new(Uuid::now_v7()),
        campaign: Some(campaign),
        seq: None,
        kind: TaskKind::Plan,
        class: SizeClass::Small,
        // Footers only.
        cost: Bytes(chunk.datasets.len() as u64 * 64 * 1024),
        payload,
        input: None,
        not_before: Timestamp(0),
    }))
}

/// What a plan task found, with the places of the datasets. Those that it was not asked about are refused, those that it does
/// not name were removed.
fn found(task: &Task, looked: Looked) -> Result<Vec<Seen>, ServiceError> {
    let chunk: PlanChunk = serde_json::from_str(&task.payload)
        .map_err(|error| ServiceError::bug(format!("a plan task's row: {error}")))?;
    let other = || ServiceError::bug("a node planned other datasets than it was asked to");
    let Looked::Planned(planned) = looked else { return Err(other()) };
    let mut plans = planned.datasets.into_iter().peekable();
    let mut seen = Vec::new();
    for (seq, dataset) in (chunk.first..).zip(chunk.datasets) {
        seen.extend(plans.next_if(|plan| plan.dataset == dataset).map(|plan| Seen { seq, plan }));
    }
    match plans.next() {
        None => Ok(seen),
        Some(_) => Err(other()),
    }
}

fn planned(campaign: CampaignId, seen: &Seen, (team, wave): (Option<Name>, Option<u32>)) -> RunPlanned {
    let Seen { seq, plan } = seen;
    let why = |why: &Why| format!("{} {}", why.code.as_str(), why.message.as_str());
    RunPlanned {
        campaign,
        seq: *seq,
        run: RunId::new(Uuid::now_v7()),
        dataset: plan.dataset,
        team,
        wave,
        verdict: plan.verdict,
        reason: Text::clip(&plan.why.as_ref().map(why).unwrap_or_default()),
        schema: plan.schema,
        plan: plan.plan,
        bytes: plan.bytes,
        rows: plan.rows,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::scene::{HandClock, campaign, open, planning};
    use skein_api::{CampaignAction, CampaignVerb};
    use skein_types::CampaignState;

    #[test]
    fn a_plan_that_is_cancelled_while_it_is_written_leaves_no_run_that_is_planned_for_ever() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        planning(&control);
        let asked = CampaignAction::seen(CampaignState::Planning);
        control.act(control.everybody(), (campaign(), CampaignVerb::Cancel), &asked).unwrap();
        let row = control.ledger.campaign(campaign()).unwrap().unwrap();
        assert_eq!((row.state, row.runs.total()), (CampaignState::Cancelled, 0));
    }
}
