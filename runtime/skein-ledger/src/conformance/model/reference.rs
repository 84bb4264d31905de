//! The model: maps in memory, copied for each unit, so that a unit that is refused was never there.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what no case makes is a mistake of the cases, and said to be one"
)]

use std::collections::BTreeMap;

use skein_types::{
    Bytes, CampaignId, CampaignState, CauseId, NodeId, NodeMark, RunState, TaskId, Text, Timestamp, Token,
    Verdict,
};

use crate::conformance::scene::content;
use crate::entry::Entry;
use crate::event::Event;
use crate::event::run::{Meters, RunPlanned};
use crate::guard::{Found, Guard};
use crate::task::{Holder, Phase, PhaseName, Task};
use crate::unit::{RefusedAt, Span, Unit, UnitOutcome};
use crate::view::{Campaign, CampaignPlan, Door, Failure, Lease, Node, NodeState, Run, RunCounts, Wave};

type Fits = Result<(), Found>;

/// Everything that a ledger knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) log: Vec<Event>,
    causes: BTreeMap<CauseId, Option<Span>>,
    pub(super) campaigns: BTreeMap<CampaignId, Campaign>,
    pub(super) waves: BTreeMap<(CampaignId, u32), Wave>,
    runs: BTreeMap<(CampaignId, u64), Run>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    /// With 0 for their order.
    pub(super) tasks: BTreeMap<TaskId, Task>,
}

impl Reference {
    pub(super) fn commit(&mut self, unit: &Unit, now: Timestamp) -> UnitOutcome {
        if let Some(span) = unit.cause.and_then(|cause| self.causes.get(&cause)) {
            return UnitOutcome::Known(*span);
        }
        for (at, guard) in unit.guards.iter().enumerate() {
            if let Err(found) = self.holds(guard, unit) {
                return UnitOutcome::Refused { at: RefusedAt::Guard(at), found };
            }
        }
        let mut next = self.clone();
        for (at, entry) in unit.entries.iter().enumerate() {
            if let Err(found) = next.enter(entry, now) {
                return UnitOutcome::Refused { at: RefusedAt::Entry(at), found };
            }
        }
        let (first, last) = (self.log.len() as u64 + 1, next.log.len() as u64);
        let span = (last >= first).then_some(Span { first, last });
        next.causes.extend(unit.cause.map(|cause| (cause, span)));
        *self = next;
        UnitOutcome::Applied(span)
    }

    pub(super) fn run(&self, campaign: CampaignId, seq: u64) -> Option<&Run> {
        self.runs.get(&(campaign, seq))
    }

    pub(super) fn runs(&self, campaign: CampaignId) -> Vec<Run> {
        self.runs.values().filter(|run| run.campaign == campaign).cloned().collect()
    }

    pub(super) fn campaign(&self, id: CampaignId) -> Option<Campaign> {
        let runs = self.counted(|run| run.campaign == id);
        self.campaigns.get(&id).map(|campaign| Campaign { runs, ..campaign.clone() })
    }

    pub(super) fn waves(&self, of: CampaignId) -> Vec<Wave> {
        let waves = self.waves.iter().filter(|((campaign, _), _)| *campaign == of);
        waves
            .map(|((_, number), wave)| {
                let runs = self.counted(|run| run.campaign == of && run.wave == Some(*number));
                Wave { runs, ..wave.clone() }
            })
            .collect()
    }

    fn counted(&self, of: impl Fn(&Run) -> bool) -> RunCounts {
        let count = |state| self.runs.values().filter(|run| run.state == state && of(run)).count() as u64;
        let mut counts = [0; RunState::ALL.len()];
        counts.iter_mut().zip(RunState::ALL).for_each(|(n, state)| *n = count(*state));
        RunCounts::new(counts)
    }

    fn holds(&self, guard: &Guard, unit: &Unit) -> Fits {
        let campaign = |id| self.campaigns.get(id).ok_or(Found::Nothing);
        match guard {
            Guard::CampaignIs { campaign: id, state } => {
                let at = campaign(id)?;
                check(at.state == *state, found_campaign(at))
            }
            Guard::CampaignAt { campaign: id, epoch } => {
                let at = campaign(id)?;
                check(at.epoch == *epoch, found_campaign(at))
            }
            Guard::WaveIs { campaign, wave, state } => {
                let at = self.waves.get(&(*campaign, *wave)).ok_or(Found::Nothing)?;
                check(at.state == *state, Found::Wave { state: at.state })
            }
            Guard::DoorOpen { campaign, wave, at_most } => {
                self.waves.get(&(*campaign, *wave)).ok_or(Found::Nothing)?;
                let of_wave = |run: &&Run| run.campaign == *campaign && run.wave == Some(*wave);
                let at_door =
                    self.runs.values().filter(of_wave).filter(|run| run.state == RunState::Intended);
                let intended = at_door.count() as u64;
                let opening = unit.entries.iter().filter(|entry| match entry {
                    Entry::Decide(Event::RunIntended(e)) => {
                        self.run(e.campaign, e.seq).as_ref().is_some_and(of_wave)
                    }
                    _ => false,
                });
                check(intended + opening.count() as u64 <= *at_most, Found::Door { intended })
            }
            Guard::RunIs { campaign, seq, state } => {
                let at = self.run(*campaign, *seq).ok_or(Found::Nothing)?;
                check(at.state == *state, found_run(at))
            }
            Guard::RunAt { campaign, seq, epoch } => {
                let at = self.run(*campaign, *seq).ok_or(Found::Nothing)?;
                check(at.epoch == *epoch, found_run(at))
            }
            Guard::TaskIs { task, token, phase } => {
                self.expect(*task, |at| at.token == *token && at.phase.name() == *phase).map(|_| ())
            }
            Guard::NodeIs { node, incarnation } => self.joined(*node, *incarnation),
            Guard::BlobIs { digest } => check(*digest == content(), Found::NoBlob { digest: *digest }),
            other => unreachable!("no case has {other:?}"),
        }
    }

    fn expect(&self, task: TaskId, fits: impl Fn(&Task) -> bool) -> Result<&Task, Found> {
        let at = self.tasks.get(&task).ok_or(Found::Nothing)?;
        check(fits(at), found_task(at)).map(|()| at)
    }

    fn joined(&self, node: NodeId, incarnation: u64) -> Fits {
        let at = self.nodes.get(&node).ok_or(Found::Nothing)?;
        let fits = at.state == NodeState::Joined && at.incarnation == incarnation;
        check(fits, Found::Node { state: at.state, incarnation: at.incarnation })
    }

    fn enter(&mut self, entry: &Entry, now: Timestamp) -> Fits {
        match entry {
            Entry::Decide(event) => {
                self.decide(event, now)?;
                self.log.push(event.clone());
            }
            Entry::Enqueue(e) => {
                self.tasks.get(&e.task).map_or(Ok(()), |at| Err(found_task(at)))?;
                let token = Token { generation: 0, epoch: 0 };
                let task = Task {
                    id: e.task,
                    order: 0,
                    campaign: e.campaign,
                    seq: e.seq,
                    kind: e.kind,
                    class: e.class,
                    cost: e.cost,
                    payload: e.payload.clone(),
                    input: e.input,
                    token,
                    phase: Phase::Ready { not_before: e.not_before },
                    checkpoint: None,
                    deaths: 0,
                    alone: false,
                };
                self.tasks.insert(e.task, task);
            }
            Entry::Claim(e) => {
                self.expect(e.task, |at| at.phase.name() == PhaseName::Ready && at.token == e.token)?;
                self.joined(e.node, e.incarnation)?;
                let holder = Holder { node: e.node, incarnation: e.incarnation, attempt: e.attempt };
                self.change(e.task, |task| {
                    task.token = Token { generation: 1, epoch: task.token.epoch + 1 };
                    task.phase = Phase::Claimed(holder);
                });
            }
            Entry::Checkpoint { task, token, node, checkpoint } => {
                let next = |at: &Task| at.checkpoint.map_or(0, |last| last.number) + 1;
                self.expect(*task, |at| held(at, *token, *node) && checkpoint.number == next(at))?;
                self.change(*task, |task| task.checkpoint = Some(*checkpoint));
            }
            Entry::Stage(e) => {
                let at = self.expect(e.task, |at| held(at, e.token, (e.node, e.incarnation)))?;
                let holder = at.phase.holder().expect("it is held");
                let (result, blob) = (e.result.clone(), e.blob);
                self.change(e.task, |task| task.phase = Phase::Staged { holder, result, blob });
            }
            Entry::Release(e) => {
                self.expect(e.task, |at| at.phase.name() != PhaseName::Ready && at.token == e.token)?;
                self.change(e.task, |task| {
                    task.token.epoch += 1;
                    task.phase = Phase::Ready { not_before: e.not_before };
                    task.deaths += e.deaths;
                    task.alone |= e.alone;
                    task.checkpoint = task.checkpoint.filter(|_| !e.from_start);
                });
            }
            Entry::Remove { task, token } => {
                self.expect(*task, |at| at.token == *token)?;
                self.tasks.remove(task);
            }
            Entry::Renew(e) => {
                self.joined(e.node, e.incarnation)?;
                let lease = Lease { until: e.until, usage: e.usage.clone() };
                self.nodes.get_mut(&e.node).expect("it joined").lease = Some(lease);
            }
            Entry::PutBlob { .. } | Entry::PutRows { .. } => {}
            other => unreachable!("no case has {other:?}"),
        }
        Ok(())
    }

    fn change(&mut self, task: TaskId, change: impl FnOnce(&mut Task)) {
        self.tasks.get_mut(&task).map(change).expect("it was looked at");
    }

    fn decide(&mut self, event: &Event, now: Timestamp) -> Fits {
        match event {
            Event::NodeJoined(_) | Event::NodeMarked(_) | Event::NodeLost(_) | Event::NodeLeft(_) => {
                self.decide_node(event, now)
            }
            Event::CampaignCreated(e) => {
                self.campaigns.get(&e.campaign).map_or(Ok(()), |at| Err(found_campaign(at)))?;
                let campaign = Campaign {
                    id: e.campaign,
                    name: e.name.clone(),
                    owner: e.owner.clone(),
                    module: e.module,
                    params: e.params,
                    params_blob: e.params_blob,
                    policy: e.policy,
                    secrets: e.secrets.clone(),
                    broken_glass: false,
                    comments: 0,
                    open_questions: 0,
                    selection: e.selection,
                    state: CampaignState::Draft,
                    epoch: 0,
                    reason: Text::clip(""),
                    created: now,
                    since: now,
                    plan: None,
                    rolled_out: false,
                    runs: RunCounts::default(),
                    meters: Meters::default(),
                    alarms: 0,
                    checked: 0,
                    kept: Bytes(0),
                };
                self.campaigns.insert(e.campaign, campaign);
                Ok(())
            }
            Event::CampaignMoved(e) => self.move_campaign(e.campaign, (e.from, e.to), e.reason.as_str(), now),
            Event::CampaignPlanned(e) => {
                self.in_planning(e.campaign)?;
                let planned = self.runs(e.campaign).len() as u64;
                check(planned == e.runs, Found::Runs { planned })?;
                let moved = (CampaignState::Planning, CampaignState::Planned);
                self.move_campaign(e.campaign, moved, "", now)?;
                let plan = CampaignPlan { digest: e.plan, report: e.report, bytes: e.bytes, rows: e.rows };
                self.campaigns.get_mut(&e.campaign).expect("it moved").plan = Some(plan);
                Ok(())
            }
            Event::CampaignUnplanned(e) => self.unplan(e.campaign),
            Event::WavePlanned(e) => {
                self.campaigns.get(&e.campaign).ok_or(Found::Nothing)?;
                let key = (e.campaign, e.wave);
                self.waves.get(&key).map_or(Ok(()), |at| Err(Found::Wave { state: at.state }))?;
                let wave = Wave {
                    number: e.wave,
                    state: skein_types::WaveState::Waiting,
                    reason: Text::clip(""),
                    since: now,
                    began: None,
                    budget: e.budget,
                    failures: 0,
                    runs: RunCounts::default(),
                };
                self.waves.insert(key, wave);
                Ok(())
            }
            Event::WaveMoved(e) => {
                let at = self.waves.get_mut(&(e.campaign, e.wave)).ok_or(Found::Nothing)?;
                check(at.state == e.from, Found::Wave { state: at.state })?;
                (at.state, at.reason, at.since, at.budget) = (e.to, e.reason.clone(), now, e.budget);
                at.began = at.began.or((e.to == skein_types::WaveState::Running).then_some(now));
                Ok(())
            }
            other => self.decide_run(other, now),
        }
    }

    fn decide_node(&mut self, event: &Event, now: Timestamp) -> Fits {
        match event {
            Event::NodeJoined(e) => {
                let at = self.nodes.get(&e.node);
                if let Some(at) = at.filter(|at| at.incarnation >= e.incarnation) {
                    return Err(Found::Node { state: at.state, incarnation: at.incarnation });
                }
                let (mark, mark_reason) =
                    at.map_or((NodeMark::None, Text::clip("")), |at| (at.mark, at.mark_reason.clone()));
                let node = Node {
                    id: e.node,
                    name: e.name.clone(),
                    incarnation: e.incarnation,
                    state: NodeState::Joined,
                    reason: Text::clip(""),
                    since: now,
                    mark,
                    mark_reason,
                    lease: None,
                };
                self.nodes.insert(e.node, node);
                Ok(())
            }
            Event::NodeMarked(e) => {
                let at = self.nodes.get_mut(&e.node).ok_or(Found::Nothing)?;
                (at.mark, at.mark_reason) = (e.mark, e.reason.clone());
                Ok(())
            }
            Event::NodeLost(e) => self.gone(e.node, e.incarnation, (NodeState::Lost, e.reason.as_str()), now),
            Event::NodeLeft(e) => self.gone(e.node, e.incarnation, (NodeState::Left, ""), now),
            other => unreachable!("no case has {other:?}"),
        }
    }

    fn decide_run(&mut self, event: &Event, now: Timestamp) -> Fits {
        match event {
            Event::RunPlanned(e) => self.plan_run(e, now),
            Event::RunIntended(e) => {
                let run =
                    self.move_run((e.campaign, e.seq), (RunState::Planned, RunState::Intended), "", now)?;
                let (publish, attempt) = (e.publish.clone(), e.attempt);
                run.door = Some(Door { publish, descriptor: e.descriptor, base: e.base, attempt });
                (run.version, run.failure) = (None, None);
                Ok(())
            }
            Event::RunHeld(e) => {
                self.end_run((e.campaign, e.seq), (RunState::Planned, RunState::Held), &e.reason, now)
            }
            Event::RunReleased(e) => {
                self.end_run((e.campaign, e.seq), (RunState::Held, RunState::Planned), &e.reason, now)
            }
            Event::RunPublished(e) => {
                let moved = (RunState::Intended, RunState::Published);
                let run = self.move_run((e.campaign, e.seq), moved, "", now)?;
                (run.version, run.statement) = (Some(e.version), e.statement);
                let bytes = run.bytes;
                self.kept(e.campaign, |kept| Bytes(kept.0 + bytes.0));
                self.meter((e.campaign, e.seq), e.meters);
                Ok(())
            }
            Event::RunFinalized(e) => {
                let moved = (RunState::Published, RunState::Finalized);
                let bytes = self.move_run((e.campaign, e.seq), moved, "", now)?.bytes;
                self.kept(e.campaign, |kept| Bytes(kept.0.saturating_sub(bytes.0)));
                Ok(())
            }
            Event::RunFailed(e) => {
                let message = e.message.as_str();
                let run = self.move_run((e.campaign, e.seq), (e.from, RunState::Failed), message, now)?;
                run.failure = Some(Failure { class: e.class, code: e.code.clone() });
                let wave = run.wave;
                self.meter((e.campaign, e.seq), e.meters);
                if let Some(wave) = wave {
                    self.waves.get_mut(&(e.campaign, wave)).expect("its run names it").failures += 1;
                }
                Ok(())
            }
            Event::RunSkipped(e) => {
                self.end_run((e.campaign, e.seq), (e.from, RunState::Skipped), &e.reason, now)
            }
            Event::RunCancelled(e) => {
                self.end_run((e.campaign, e.seq), (e.from, RunState::Cancelled), &e.reason, now)
            }
            Event::RunStale(e) => {
                self.end_run((e.campaign, e.seq), (e.from, RunState::Stale), &e.reason, now)
            }
            Event::RunRetried(e) => {
                let (key, moved) = ((e.campaign, e.seq), (e.from, RunState::Planned));
                let run = self.move_run(key, moved, e.reason.as_str(), now)?;
                (run.door, run.failure) = (None, None);
                Ok(())
            }
            Event::RunReverting(e) => {
                let (key, moved) = ((e.campaign, e.seq), (e.from, RunState::Reverting));
                self.move_run(key, moved, e.reason.as_str(), now)?.failure = None;
                Ok(())
            }
            Event::RunReverted(e) => {
                let moved = (RunState::Reverting, RunState::Reverted);
                let run = self.move_run((e.campaign, e.seq), moved, "", now)?;
                run.version = Some(e.version);
                let bytes = run.bytes;
                self.kept(e.campaign, |kept| Bytes(kept.0.saturating_sub(bytes.0)));
                Ok(())
            }
            Event::RunRevertFailed(e) => {
                let (key, moved) = ((e.campaign, e.seq), (RunState::Reverting, RunState::RevertFailed));
                let run = self.move_run(key, moved, e.message.as_str(), now)?;
                run.failure = Some(Failure { class: e.class, code: e.code.clone() });
                Ok(())
            }
            other => unreachable!("no case has {other:?}"),
        }
    }

    fn plan_run(&mut self, e: &RunPlanned, now: Timestamp) -> Fits {
        self.campaigns.get(&e.campaign).ok_or(Found::Nothing)?;
        if let Some(wave) = e.wave {
            self.waves.get(&(e.campaign, wave)).ok_or(Found::Nothing)?;
        }
        self.run(e.campaign, e.seq).map_or(Ok(()), |at| Err(found_run(at)))?;
        let twin = self.runs.values().find(|run| run.id == e.run);
        twin.map_or(Ok(()), |at| Err(found_run(at)))?;
        let eligible = e.verdict == Verdict::Eligible;
        let run = Run {
            campaign: e.campaign,
            seq: e.seq,
            id: e.run,
            dataset: e.dataset,
            wave: e.wave,
            verdict: e.verdict,
            schema: e.schema,
            plan: e.plan,
            bytes: e.bytes,
            rows: e.rows,
            state: if eligible { RunState::Planned } else { RunState::Ineligible },
            epoch: 0,
            reason: e.reason.clone(),
            since: now,
            door: None,
            version: None,
            failure: None,
            meters: Meters::default(),
            team: e.team.clone(),
            statement: None,
            alarms: 0,
        };
        self.runs.insert((e.campaign, e.seq), run);
        Ok(())
    }

    fn gone(&mut self, node: NodeId, incarnation: u64, to: (NodeState, &str), now: Timestamp) -> Fits {
        self.joined(node, incarnation)?;
        let at = self.nodes.get_mut(&node).expect("it joined");
        (at.state, at.reason, at.since, at.lease) = (to.0, Text::clip(to.1), now, None);
        Ok(())
    }

    fn in_planning(&self, campaign: CampaignId) -> Fits {
        let at = self.campaigns.get(&campaign).ok_or(Found::Nothing)?;
        check(at.state == CampaignState::Planning, found_campaign(at))
    }

    fn move_campaign(
        &mut self,
        campaign: CampaignId,
        (from, to): (CampaignState, CampaignState),
        reason: &str,
        now: Timestamp,
    ) -> Fits {
        let at = self.campaigns.get_mut(&campaign).ok_or(Found::Nothing)?;
        check(at.state == from, found_campaign(at))?;
        (at.state, at.epoch, at.reason, at.since) = (to, at.epoch + 1, Text::clip(reason), now);
        Ok(())
    }

    fn unplan(&mut self, campaign: CampaignId) -> Fits {
        self.in_planning(campaign)?;
        let before = |state| match state {
            RunState::Ineligible
            | RunState::Planned
            | RunState::Held
            | RunState::Failed
            | RunState::Skipped
            | RunState::Stale
            | RunState::Cancelled => true,
            RunState::Intended
            | RunState::Published
            | RunState::Finalized
            | RunState::Reverting
            | RunState::Reverted
            | RunState::RevertFailed => false,
        };
        let runs = self.runs(campaign).iter().filter(|run| !before(run.state)).count() as u64;
        check(runs == 0, Found::PastTheDoor { runs })?;
        self.runs.retain(|(of, _), _| *of != campaign);
        self.waves.retain(|(of, _), _| *of != campaign);
        let at = self.campaigns.get_mut(&campaign).expect("it is planning");
        at.plan = None;
        Ok(())
    }

    fn move_run(
        &mut self,
        key: (CampaignId, u64),
        (from, to): (RunState, RunState),
        reason: &str,
        now: Timestamp,
    ) -> Result<&mut Run, Found> {
        let at = self.runs.get_mut(&key).ok_or(Found::Nothing)?;
        check(at.state == from, found_run(at))?;
        (at.state, at.epoch, at.reason, at.since) = (to, at.epoch + 1, Text::clip(reason), now);
        Ok(at)
    }

    fn end_run(
        &mut self,
        key: (CampaignId, u64),
        moved: (RunState, RunState),
        reason: &Text,
        now: Timestamp,
    ) -> Fits {
        self.move_run(key, moved, reason.as_str(), now).map(|_| ())
    }

    fn kept(&mut self, campaign: CampaignId, with: impl FnOnce(Bytes) -> Bytes) {
        let campaign = self.campaigns.get_mut(&campaign).expect("its run moved");
        campaign.kept = with(campaign.kept);
    }

    fn meter(&mut self, key: (CampaignId, u64), meters: Meters) {
        let run = self.runs.get_mut(&key).expect("it moved");
        run.meters = run.meters.plus(meters);
        let campaign = self.campaigns.get_mut(&key.0).expect("its run names it");
        campaign.meters = campaign.meters.plus(meters);
    }
}

fn check(fits: bool, found: Found) -> Fits {
    if fits { Ok(()) } else { Err(found) }
}

fn held(at: &Task, token: Token, by: (NodeId, u64)) -> bool {
    let holder = at.phase.holder().map(|holder| (holder.node, holder.incarnation));
    at.phase.name() == PhaseName::Claimed && at.token == token && holder == Some(by)
}

fn found_campaign(at: &Campaign) -> Found {
    Found::Campaign { state: at.state, epoch: at.epoch }
}

fn found_run(at: &Run) -> Found {
    Found::Run { state: at.state, epoch: at.epoch }
}

fn found_task(at: &Task) -> Found {
    Found::Task {
        token: at.token,
        phase: at.phase.name(),
        node: at.phase.holder().map(|holder| (holder.node, holder.incarnation)),
        checkpoint: at.checkpoint.map_or(0, |last| last.number),
    }
}
