//! What control keeps in memory of a campaign that is not over: its machine and what it runs with. Made from the ledger
//! when it is first needed, so losing it costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skein_campaign::{Campaign, Policy, Progress, Restored, Tally, Tries, WaveRow};
use skein_ledger::{
    EventFilter, Kind, Ledger, Limit, Name, Run, RunCounts, Subject, Task, TaskFilter, TaskKind, Wave,
};
use skein_types::{
    Blake3, CampaignId, CampaignState, ModuleDigest, NodeId, RunState, TaskId, Timestamp, TraceId,
};

use crate::approvals::Gate;
use crate::error::ServiceError;
use crate::planning::Planning;
use crate::policy;
use crate::selection::Overrides;

/// How often a task has failed, and where it did for the last time in a way for which another node is to try it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tried {
    pub(crate) tries: Tries,
    pub(crate) elsewhere_than: Option<NodeId>,
}

/// A campaign as control has it.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) machine: Campaign,
    /// The team that it works for.
    pub(crate) owner: Name,
    pub(crate) module: ModuleDigest,
    /// The blob with the parameters, which nodes fetch by it.
    pub(crate) params: Blake3,
    /// Itself, if its parameters name secrets: nodes ask for those by it.
    pub(crate) secrets_of: Option<CampaignId>,
    pub(crate) policy: Arc<skein_api::Policy>,
    /// How far its plan is, while it is made.
    pub(crate) planning: Option<Planning>,
    /// Runs that have a task, with their wave.
    pub(crate) tasks: BTreeMap<u64, u32>,
    /// Of these, runs whose parts are being made.
    pub(crate) divided: BTreeSet<u64>,
    /// Failed tries of tasks that are to be tried again, by their run. Forgotten with the process: then they have more.
    pub(crate) tries: BTreeMap<u64, BTreeMap<TaskId, Tried>>,
    /// Tasks that a node may have begun when it died, which it had not said. Each is given again with the condition that its
    /// start is told first.
    pub(crate) suspects: BTreeSet<TaskId>,
    /// Per wave: the first run that was not looked at for a task yet.
    pub(crate) admitted: BTreeMap<u32, u64>,
    pub(crate) pace: Progress,
    /// What is said of single datasets.
    pub(crate) overrides: Arc<Overrides>,
    /// The last request that moved it: what is done for it is part of that.
    pub(crate) trace: Option<TraceId>,
    /// Until when runs that were put off have been let go on.
    recalled: Timestamp,
    /// Which slices of its plan let their runs start.
    pub(crate) gates: BTreeMap<Name, Gate>,
    /// When the next of them opens by itself.
    pub(crate) gates_due: Option<Timestamp>,
    /// Teams that declined, with runs that are still to be left out.
    pub(crate) leftover: Vec<Name>,
    /// It is where its approvals say, until an approval becomes too old; none: to be looked at.
    pub(crate) settled: Option<Option<Timestamp>>,
}

impl Live {
    pub(crate) fn load(ledger: &dyn Ledger, id: CampaignId) -> Result<Self, ServiceError> {
        let absent = || ServiceError::absent("campaign", &id.to_string());
        let row = ledger.campaign(id)?.ok_or_else(absent)?;
        let blob = |digest| {
            ledger
                .blob(digest)?
                .ok_or_else(|| ServiceError::bug(format!("the blob {digest} of {id} is gone")))
        };
        let policy: skein_api::Policy = skein_api::parse(&blob(row.policy)?, skein_api::BODY_BYTES_MAX)?;
        // What is written of a plan that is not complete counts for nothing: planning begins anew.
        let is_planned = row.state != CampaignState::Planning;
        let waves = if is_planned { ledger.waves(id)? } else { Vec::new() };
        let (tasks, divided) = tasks(ledger, id)?;
        let restored = Restored {
            state: row.state,
            epoch: row.epoch,
            reason: row.reason.as_str().split(':').next().and_then(|word| word.parse().ok()),
            since: row.since,
            policy: policy::rules(&policy)?,
            plan: row.plan.map(|plan| plan.digest),
            ineligible: if is_planned { row.runs.of(RunState::Ineligible) } else { 0 },
            waves: waves.iter().map(wave_row).collect(),
        };
        Ok(Self {
            machine: Campaign::restore(restored),
            owner: row.owner.clone(),
            module: row.module,
            params: row.params_blob,
            secrets_of: (!row.secrets.is_empty()).then_some(id),
            policy: Arc::new(policy),
            planning: None,
            tasks,
            divided,
            tries: BTreeMap::new(),
            suspects: BTreeSet::new(),
            admitted: BTreeMap::new(),
            pace: Progress::default(),
            overrides: Arc::new(Overrides::load(ledger, &row)?),
            trace: last_trace(ledger, id)?,
            recalled: Timestamp(0),
            gates: BTreeMap::new(),
            gates_due: None,
            leftover: Vec::new(),
            settled: None,
        })
    }

    /// Runs of a wave that have a task: queued, running or staged.
    pub(crate) fn queued(&self, wave: u32) -> u64 {
        self.tasks.values().filter(|of| **of == wave).count() as u64
    }

    /// Runs whose time has come are looked at again.
    pub(crate) fn recall_deferred(&mut self, now: Timestamp) {
        if self.overrides.falls_due(self.recalled, now) {
            self.admitted.clear();
        }
        self.recalled = now;
    }

    /// Whether a run has no task yet and may start.
    pub(crate) fn may_have_task(&self, run: &Run, now: Timestamp) -> bool {
        !self.tasks.contains_key(&run.seq)
            && !self.overrides.defers(run.dataset, now)
            && self.gate_open(run, now)
    }

    /// A run has no task any more.
    pub(crate) fn forget(&mut self, seq: u64) {
        self.tasks.remove(&seq);
        self.divided.remove(&seq);
        self.tries.remove(&seq);
    }

    /// Tasks that are for other nodes than this one, if there are any.
    pub(crate) fn shuns(&self, node: NodeId) -> impl Iterator<Item = TaskId> {
        self.failed_at().filter(move |(_, at)| *at == node).map(|(task, _)| task)
    }

    /// The node that is the wrong one for each of these tasks, if one is.
    pub(crate) fn all_shun(&self, tasks: &[Task]) -> Option<NodeId> {
        let failed: BTreeMap<TaskId, NodeId> = self.failed_at().collect();
        let mut nodes = tasks.iter().map(|task| failed.get(&task.id));
        let first = nodes.next()??;
        nodes.all(|node| node == Some(first)).then_some(*first)
    }

    /// Tasks that failed in a way for which another node is to try them, and where.
    fn failed_at(&self) -> impl Iterator<Item = (TaskId, NodeId)> {
        let tried = self.tries.values().flatten();
        tried.filter_map(|(task, tried)| Some((*task, tried.elsewhere_than?)))
    }

    /// Nothing is to be done for it and nobody can ask for anything.
    pub(crate) fn is_over(&self) -> bool {
        self.machine.state().is_terminal()
    }

    /// Runs of it may be under way or at the door.
    pub(crate) fn works(&self) -> bool {
        matches!(self.machine.state(), CampaignState::Planning | CampaignState::Running)
    }

    pub(crate) fn rules(&self) -> &Policy {
        self.machine.policy()
    }
}

/// Of the last decision about a campaign that somebody asked for. It moves a few dozen times in its life, and what is behind a page
/// of that is not looked for.
fn last_trace(ledger: &dyn Ledger, id: CampaignId) -> Result<Option<TraceId>, ServiceError> {
    let kinds = vec![Kind::CampaignCreated, Kind::CampaignMoved];
    let filter = EventFilter { of: Some(Subject::Campaign(id)), kinds, ..EventFilter::default() };
    let moves = ledger.events(0, &filter, Limit::MAX)?.items;
    Ok(moves.iter().rev().find_map(|recorded| recorded.trace))
}

/// Runs that have a task, with their wave; and those of them that are made in parts.
fn tasks(ledger: &dyn Ledger, id: CampaignId) -> Result<(BTreeMap<u64, u32>, BTreeSet<u64>), ServiceError> {
    let filter = TaskFilter { campaign: Some(id), ..TaskFilter::default() };
    let (mut tasks, mut divided, mut after) = (BTreeMap::new(), BTreeSet::new(), 0);
    loop {
        let page = ledger.tasks(filter, after, Limit::MAX)?;
        for (seq, kind) in page.items.iter().filter_map(|task| Some((task.seq?, task.kind))) {
            if kind == TaskKind::Split {
                divided.insert(seq);
            }
            if !tasks.contains_key(&seq) {
                // A held run waits for a person: it takes no place of another.
                let run = ledger.run(id, seq)?.filter(|run| run.state != RunState::Held);
                let wave = run.and_then(|run| run.wave);
                tasks.extend(wave.map(|wave| (seq, wave)));
            }
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok((tasks, divided)),
        }
    }
}

fn wave_row(wave: &Wave) -> WaveRow {
    WaveRow {
        state: wave.state,
        reason: wave.reason.as_str().parse().ok(),
        budget: wave.budget,
        runs: tally(&wave.runs),
    }
}

pub(crate) fn tally(counts: &RunCounts) -> Tally {
    Tally::of(RunState::ALL.iter().map(|state| (*state, counts.of(*state))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CampaignState, Live, TraceId};
    use crate::scene::{HandClock, campaign, open, running};
    use skein_ledger::{CampaignMoved, Text};

    #[test]
    fn a_campaign_is_part_of_the_request_that_last_moved_it_also_for_the_next_process() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let trace_of = || Live::load(&*control.ledger, campaign()).unwrap().trace;
        assert_eq!(trace_of(), None);
        let moved = |from, to| CampaignMoved { campaign: campaign(), from, to, reason: Text::clip("asked") };
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let paused = moved(CampaignState::Running, CampaignState::Paused);
        control.write(control.itself.unit().traced(trace).decide(paused)).unwrap();
        assert_eq!(trace_of(), Some(trace));
        // What control does by itself is part of it still.
        control
            .write(control.itself.unit().decide(moved(CampaignState::Paused, CampaignState::Running)))
            .unwrap();
        assert_eq!(trace_of(), Some(trace));
    }
}
