//! Making a plan: every dataset of the selection is looked at by a node, then all of them are divided into waves.
//!
//! ```text
//! begin    what an earlier try left goes; the selection is resolved; one task for each 64 datasets
//! wait     until all tasks are staged; their rows hold what the nodes found
//! divide   waves, digest, report: functions of what was found, so a crash in the middle makes the same again
//! write    the waves, the runs in chunks, then the plan: only the last makes it one
//! ```
//! Nothing of it touches a dataset. A control that dies in between begins anew.

use std::collections::BTreeMap;

use skein_api::node::{DatasetPlan, Planned, TASKS_MAX};
use skein_api::{Selection, Why};
use skein_campaign::{Candidate, Decision, Division, Input, Leaf, Observation, PlanDigest, Seed, divide};
use skein_ledger::{
    CampaignPlanned, CampaignUnplanned, DatasetFilter, Enqueue, Entry, Guard, Limit, Name, PhaseName,
    RunPlanned, SizeClass, Task, TaskFilter, TaskKind, Text, Unit, WavePlanned,
};
use skein_types::{
    Blake3, Bytes, CampaignId, DatasetId, ModuleDigest, ParamsDigest, Rows, RunId, TaskId, Timestamp, Verdict,
};
use uuid::Uuid;

use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::points::point;

/// Runs, tasks or removals in one unit.
const CHUNK: usize = 500;
/// How long a report is kept beyond the campaign's own need.
const KEEP: u64 = 30 * 24 * 3_600_000;

/// How far the making of a plan is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planning {
    datasets: u64,
}

/// What a plan task is about.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct PlanChunk {
    first: u64,
    pub(crate) datasets: Vec<DatasetId>,
}

/// A dataset and what was found.
struct Seen {
    seq: u64,
    plan: DatasetPlan,
}

impl Control {
    /// One step; true if something was done. The lock is not held while datasets are selected or the plan is written: with a
    /// hundred thousand of them that takes longer than a node's lease. Each unit has the campaign's epoch as its guard
    /// instead, so a campaign that is cancelled meanwhile gets no more of it.
    pub(crate) fn plan(&self, id: CampaignId) -> Result<bool, ServiceError> {
        let planning = self.live(&mut self.state(), id)?.planning;
        match planning {
            None => self.begin_plan(id).map(|()| true),
            Some(planning) => {
                if self.any_task(id, PhaseName::Ready)? || self.any_task(id, PhaseName::Claimed)? {
                    return Ok(false);
                }
                self.end_plan(id, planning).map(|()| true)
            }
        }
    }

    fn any_task(&self, campaign: CampaignId, phase: PhaseName) -> Result<bool, ServiceError> {
        let filter = TaskFilter { campaign: Some(campaign), phase: Some(phase), ..TaskFilter::default() };
        Ok(!self.ledger.tasks(filter, 0, Limit::new(1))?.items.is_empty())
    }

    fn begin_plan(&self, id: CampaignId) -> Result<(), ServiceError> {
        let epoch = self.live(&mut self.state(), id)?.machine.epoch();
        let guarded = || Unit::by(self.itself.clone()).if_(Guard::CampaignAt { campaign: id, epoch });
        self.drop_tasks(id)?;
        let absent = || ServiceError::absent("campaign", &id.to_string());
        let row = self.ledger.campaign(id)?.ok_or_else(absent)?;
        if row.runs.total() > 0 || !self.ledger.waves(id)?.is_empty() {
            self.write(guarded().decide(CampaignUnplanned { campaign: id }))?;
        }
        let selection = self.ledger.blob(row.selection)?;
        let selection =
            selection.ok_or_else(|| ServiceError::bug(format!("the selection of {id} is gone")))?;
        let selection: Selection = skein_api::parse(&selection, skein_api::BODY_BYTES_MAX)?;
        let datasets = self.selected(&selection)?;
        if datasets.is_empty() {
            let told = vec![Told::of(Observation::PlanImpossible)];
            let reason = "no dataset is selected";
            self.tell(&mut self.state(), id, told, (&self.itself, reason, Vec::new()))?;
            return Ok(());
        }
        point!("plan.before-tasks")?;
        let total = datasets.len() as u64;
        let chunks: Vec<(u64, &[DatasetId])> =
            (0..).step_by(TASKS_MAX).zip(datasets.chunks(TASKS_MAX)).collect();
        for some in chunks.chunks(CHUNK / 4) {
            let mut unit = guarded();
            for (first, datasets) in some {
                unit = unit.then(plan_entry(id, &PlanChunk { first: *first, datasets: datasets.to_vec() })?);
            }
            self.write(unit)?;
        }
        point!("plan.after-tasks")?;
        self.live(&mut self.state(), id)?.planning = Some(Planning { datasets: total });
        self.wake.nodes();
        Ok(())
    }

    /// Ids of the selected datasets by name, which is the order of runs.
    fn selected(&self, selection: &Selection) -> Result<Vec<DatasetId>, ServiceError> {
        let name = |text: &str| crate::control::name("selection", text);
        let mut labels = BTreeMap::new();
        for (key, value) in selection.labels.iter() {
            labels.insert(name(key)?, name(value)?);
        }
        let owner = selection.owner.as_deref().map(name).transpose()?;
        let driver = selection.driver.as_deref().map(name).transpose()?;
        let filter = DatasetFilter { owner, labels, prefix: None, driver };
        let wanted = crate::glob::any_of(selection.names.iter().map(|name| &**name))?;
        let (mut ids, mut after): (Vec<DatasetId>, Option<Name>) = (Vec::new(), None);
        loop {
            let page = self.ledger.datasets(&filter, after.as_ref(), Limit::MAX)?;
            ids.extend(
                page.items
                    .iter()
                    .filter(|dataset| wanted.fits(dataset.name.as_str()))
                    .map(|dataset| dataset.id),
            );
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    /// Removes all tasks of a campaign, whoever has them: what they would report is nobody's any more.
    pub(crate) fn drop_tasks(&self, id: CampaignId) -> Result<(), ServiceError> {
        let filter = TaskFilter { campaign: Some(id), ..TaskFilter::default() };
        loop {
            let page = self.ledger.tasks(filter, 0, Limit::new(CHUNK))?;
            if page.items.is_empty() {
                return Ok(());
            }
            let gone = page.items.iter().map(|task| Entry::Remove { task: task.id, token: task.token });
            self.write(gone.fold(Unit::by(self.itself.clone()), Unit::then))?;
        }
    }

    fn end_plan(&self, id: CampaignId, planning: Planning) -> Result<(), ServiceError> {
        let seen = self.seen(id)?;
        if seen.len() as u64 != planning.datasets {
            // Tasks were lost with their rows: all is looked at again.
            tracing::warn!(campaign = %id, found = seen.len(), of = planning.datasets, "plan begun anew");
            self.live(&mut self.state(), id)?.planning = None;
            return Ok(());
        }
        let absent = || ServiceError::absent("campaign", &id.to_string());
        let row = self.ledger.campaign(id)?.ok_or_else(absent)?;
        let before = self.live(&mut self.state(), id)?.machine.clone();
        let draft = Draft::of((id, &before), (row.module, row.params), &seen);
        let asked = Observation::Planned {
            digest: draft.digest,
            waves: draft.division.sizes(),
            ineligible: draft.ineligible,
        };
        let decisions = before.decide(Input::Observed(asked), self.clock.now())?;
        point!("plan.before-waves")?;
        self.write_runs((id, before.epoch()), &draft, &decisions)?;
        let unit = self.plan_unit((id, before.epoch()), &draft)?;
        let mut state = self.state();
        let live = self.live(&mut state, id)?;
        self.write(unit)?;
        point!("plan.after-planned")?;
        live.planning = None;
        // Whoever moved it meanwhile made the ledger refuse the plan: here it is where it was.
        decisions.iter().for_each(|decision| live.machine.apply(decision));
        drop(state);
        self.drop_tasks(id)?;
        point!("plan.after-tasks-gone")
    }

    fn seen(&self, id: CampaignId) -> Result<Vec<Seen>, ServiceError> {
        let filter =
            TaskFilter { campaign: Some(id), phase: Some(PhaseName::Staged), ..TaskFilter::default() };
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = self.ledger.tasks(filter, after, Limit::new(CHUNK))?;
            for task in &page.items {
                seen.extend(found(task)?);
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        seen.sort_by_key(|seen| seen.seq);
        Ok(seen)
    }

    /// The waves and the runs: nothing of it counts before the plan is written.
    fn write_runs(
        &self,
        (id, epoch): (CampaignId, u64),
        draft: &Draft<'_>,
        decisions: &[Decision],
    ) -> Result<(), ServiceError> {
        let guarded = || Unit::by(self.itself.clone()).if_(Guard::CampaignAt { campaign: id, epoch });
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
            let events = some.iter().map(|seen| planned(id, seen, wave_of.get(&seen.seq).copied()));
            self.write(events.fold(guarded(), Unit::decide))?;
        }
        point!("plan.after-runs")
    }

    /// The plan, in one unit with the end of the tasks that it was made of, as far as they fit. Those that are left are
    /// nobody's: they are staged, and have no run.
    fn plan_unit(&self, (id, epoch): (CampaignId, u64), draft: &Draft<'_>) -> Result<Unit, ServiceError> {
        let report = draft.report()?;
        let digest = Blake3::of(&report);
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        let done = CampaignPlanned {
            campaign: id,
            plan: draft.digest,
            report: digest,
            runs: draft.seen.len() as u64,
            bytes: Bytes(draft.sum(|plan| plan.bytes.0)),
            rows: Rows(draft.sum(|plan| plan.rows.0)),
        };
        let unit = Unit::by(self.itself.clone()).if_(Guard::CampaignAt { campaign: id, epoch });
        let filter = TaskFilter { campaign: Some(id), ..TaskFilter::default() };
        let tasks = self.ledger.tasks(filter, 0, Limit::MAX)?.items;
        let gone = tasks.iter().map(|task| Entry::Remove { task: task.id, token: task.token });
        Ok(gone.fold(unit.then(Entry::PutBlob { bytes: report, keep_until }).decide(done), Unit::then))
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

/// What a staged plan task holds.
fn found(task: &Task) -> Result<Vec<Seen>, ServiceError> {
    let skein_ledger::Phase::Staged { result, .. } = &task.phase else { return Ok(Vec::new()) };
    let bug = |error: serde_json::Error| ServiceError::bug(format!("a plan task's row: {error}"));
    let chunk: PlanChunk = serde_json::from_str(&task.payload).map_err(bug)?;
    let planned: Planned = serde_json::from_str(result).map_err(bug)?;
    let fits = planned.datasets.iter().map(|plan| plan.dataset).eq(chunk.datasets.iter().copied());
    if !fits {
        return Err(ServiceError::bug("a node planned other datasets than it was asked to"));
    }
    Ok((chunk.first..).zip(planned.datasets).map(|(seq, plan)| Seen { seq, plan }).collect())
}

fn planned(campaign: CampaignId, seen: &Seen, wave: Option<u32>) -> RunPlanned {
    let Seen { seq, plan } = seen;
    let why = |why: &Why| format!("{} {}", why.code.as_str(), why.message.as_str());
    RunPlanned {
        campaign,
        seq: *seq,
        run: RunId::new(Uuid::now_v7()),
        dataset: plan.dataset,
        wave,
        verdict: plan.verdict,
        reason: Text::clip(&plan.why.as_ref().map(why).unwrap_or_default()),
        schema: plan.schema,
        plan: plan.plan,
        bytes: plan.bytes,
        rows: plan.rows,
    }
}

/// A plan before it is written.
struct Draft<'a> {
    seen: &'a [Seen],
    division: Division,
    digest: Blake3,
    ineligible: u64,
}

impl<'a> Draft<'a> {
    fn of(
        (id, machine): (CampaignId, &skein_campaign::Campaign),
        (module, params): (ModuleDigest, ParamsDigest),
        seen: &'a [Seen],
    ) -> Self {
        let nothing = Blake3::of(b"");
        let mut digest = PlanDigest::new();
        let mut candidates = Vec::new();
        for Seen { seq, plan } in seen {
            let (schema, schema_plan) = (plan.schema.unwrap_or(nothing), plan.plan.unwrap_or(nothing));
            digest.push(&Leaf { dataset: plan.dataset, schema, schema_plan, limits: plan.verdict.as_str() });
            if plan.verdict == Verdict::Eligible {
                candidates.push(Candidate { seq: *seq, group: schema_plan, bytes: plan.bytes });
            }
        }
        let seed = Seed::of(&Blake3::of(id.to_string().as_bytes()));
        let division = divide(&candidates, machine.policy(), seed);
        let ineligible = (seen.len() - candidates.len()) as u64;
        Self { seen, division, digest: digest.finish(&module, &params, machine.policy()), ineligible }
    }

    fn wave_of(&self) -> BTreeMap<u64, u32> {
        let waves = (0..).zip(&self.division.waves);
        waves.flat_map(|(wave, runs): (u32, _)| runs.iter().map(move |seq| (*seq, wave))).collect()
    }

    fn sum(&self, of: impl Fn(&DatasetPlan) -> u64) -> u64 {
        self.seen
            .iter()
            .filter(|seen| seen.plan.verdict == Verdict::Eligible)
            .map(|seen| of(&seen.plan))
            .sum()
    }

    fn report(&self) -> Result<Vec<u8>, ServiceError> {
        let count = |verdict| self.seen.iter().filter(|seen| seen.plan.verdict == verdict).count();
        let report = serde_json::json!({
            "eligible": count(Verdict::Eligible),
            "already_migrated": count(Verdict::AlreadyMigrated),
            "not_applicable": count(Verdict::NotApplicable),
            "refused": count(Verdict::Refused),
            "waves": self.division.sizes(),
            "uncovered_groups": self.division.uncovered.len(),
        });
        serde_json::to_vec(&report).map_err(|error| ServiceError::bug(error.to_string()))
    }
}
