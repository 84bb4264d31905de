//! One exchange of a node: what it reports is taken, what it may do next is given, in one call of the ledger.
//!
//! ```text
//! order       renewal, checkpoints, results, what is taken back and not there, claims; each a unit of its own: one that is
//!             refused keeps no other out
//! duplicate   the same sequence again gets the same answer; an older one, or one that leaves one out, is refused
//! fenced      a report with an old token changes nothing, and the node is told to drop the task
//! lost        a task that control gave and the node does not name never came: it is given again, with the same claim
//! ```
//! The lock is held throughout, so a pause lies before or after the whole exchange. A node that speaks again has done what
//! the answer before told it: a pause is acknowledged by that (see `stop`).

use std::collections::{BTreeMap, BTreeSet};

use skein_api::List;
use skein_api::node::{
    CheckpointReport, Exchange, Exchanged, Held, Lease, Outcome, Report, Revoke, RevokeReason, TASKS_MAX,
};
use skein_campaign::task::{
    Claim as Right, Claimed, ReadyTask, Recall, Receive, Settle, SizeClass as Class, assign, reconcile, share,
};
use skein_campaign::{BeforeDoor, task};
use skein_ledger::{
    Checkpoint, Claim, Entry, Limit, PhaseName, Release, SizeClass, Task, TaskFilter, Unit, UnitOutcome, Used,
};
use skein_types::{
    AttemptId, Blake3, CampaignId, ErrorClass, Millis, NodeId, NodeMark, Rows, TaskId, Timestamp, Token,
    codes,
};
use uuid::Uuid;

use crate::control::{Control, State};
use crate::deal::Dealt;
use crate::division::TICK_EVERY;
use crate::error::ServiceError;
use crate::fleet::Hold;
use crate::live::Live;
use crate::points::Exchanging;
use crate::watched::Watched;
use crate::work::memory_of;

/// How long it is remembered where a task was, at least; while it is queued it is anyway.
const KEEP: u64 = 24 * 3_600_000;

/// What the units of a call are for, in their order.
enum For {
    Renewal,
    Checkpoint(Held),
    Result(Held),
    Returned(Held),
    Claimed(Box<Chosen>),
}

/// A task for the node that asks.
struct Chosen {
    task: Task,
    held: Held,
}

/// What is remembered of a checkpoint.
#[derive(serde::Serialize)]
struct Point {
    attempt: AttemptId,
    made: u64,
    rows: Rows,
}

/// What is written in one call.
#[derive(Default)]
struct Call {
    units: Vec<Unit>,
    purposes: Vec<For>,
}

impl Call {
    fn push(&mut self, purpose: For, unit: Unit) {
        self.purposes.push(purpose);
        self.units.push(unit);
    }

    /// The tasks that it is about, and whose report it is, if it is one.
    fn about(&self, (node, incarnation): (NodeId, u64)) -> Vec<(TaskId, Option<Right>)> {
        let of = |held: &Held| right(*held, (node, incarnation));
        let about = self.purposes.iter().filter_map(|purpose| match purpose {
            For::Renewal => None,
            For::Checkpoint(held) | For::Result(held) => Some((held.task, Some(of(held)))),
            For::Returned(held) => Some((held.task, None)),
            For::Claimed(chosen) => Some((chosen.task.id, None)),
        });
        about.collect()
    }
}

impl Control {
    /// Takes what a node says and answers what is its to do.
    pub fn exchange(&self, asked: &Exchange) -> Result<Exchanged, ServiceError> {
        let mut state = self.state();
        let now = self.clock.elapsed();
        let moment = state.fleet.moment;
        let seat = Self::seat(&mut state, asked.node, asked.incarnation)?;
        let next = match seat.session.receive(asked.incarnation, asked.sequence)? {
            Receive::Fresh(next) => next,
            Receive::Again => {
                let again = seat.answer.clone();
                return again
                    .ok_or_else(|| ServiceError::new(codes::NODE_SEQUENCE, "sequences count from 1"));
            }
        };
        seat.hear(asked);
        seat.watch(asked, self.clock.now());
        state.fleet.bound_what_is_said(asked.node);
        let about: BTreeSet<CampaignId> = Self::reports_about(&state, asked);
        let answer = self.take_and_give(&mut state, asked).inspect_err(|_| {
            // Machines that took a report in may be ahead of what is written: they are read again.
            state.campaigns.retain(|campaign, _| !about.contains(campaign));
        })?;
        let seat = Self::seat(&mut state, asked.node, asked.incarnation)?;
        (seat.session, seat.told, seat.answer) = (next, moment, Some(answer.clone()));
        seat.renew(now);
        seat.forget_over();
        state.counters.exchanged(asked.node, &asked.usage);
        if !asked.results.is_empty() {
            self.wake.reconciler();
        }
        drop(state);
        self.heard.notify_all();
        Ok(answer)
    }

    /// Campaigns that a node reports results of.
    fn reports_about(state: &State, asked: &Exchange) -> BTreeSet<CampaignId> {
        let of = |task| state.fleet.seats.get(&asked.node)?.holds.get(&task)?.campaign;
        asked.results.iter().filter_map(|report| of(report.held.task)).collect()
    }

    fn take_and_give(&self, state: &mut State, asked: &Exchange) -> Result<Exchanged, ServiceError> {
        let node = (asked.node, asked.incarnation);
        let over: BTreeSet<TaskId> = asked.results.iter().map(|report| report.held.task).collect();
        let mut call = self.reports(state, asked)?;
        self.divide(state, TICK_EVERY)?;
        let settled = self.settled(state, asked, &over);
        let back = self.gives_back(state, asked, (&settled, &mut call));
        // What is given back waits again, and what failed may.
        let is_done = |report: &Report| {
            !matches!(report.outcome, Outcome::Revoked | Outcome::Evicted { .. } | Outcome::Failed { .. })
        };
        state.division.more |= !back.is_empty() || !asked.results.iter().all(is_done);
        let mut gone = over.clone();
        gone.extend(back);
        let takes = !state.fleet.frozen && Self::seat(state, asked.node, asked.incarnation)?.takes();
        if takes && !asked.draining {
            self.claims(state, asked, (&gone, &mut call))?;
        }
        let watched = Watched::before(&*self.ledger, call.about(node))?;
        let claims = call.purposes.iter().any(|purpose| matches!(purpose, For::Claimed(_)));
        let met = Exchanging { results: !asked.results.is_empty(), claims };
        met.before()?;
        let outcomes = self.ledger.commit(call.units)?;
        met.after()?;
        watched.after(&*self.ledger)?;
        let (claimed, not_taken) = Self::became(state, asked, (call.purposes, outcomes))?;
        if !not_taken.is_empty() {
            // The node has these no more, and what it said of them is not written: they are done again.
            let again = not_taken.into_iter().map(|held| self.unit().then(released(held, Timestamp(0))));
            if let Err(error) = self.ledger.commit(again.collect()) {
                // The rest is written, so its leases go out. These are the node's until it is lost.
                tracing::error!(node = %asked.node, %error, "what was not taken is not released yet");
            }
        }
        let seat = Self::seat(state, asked.node, asked.incarnation)?;
        for report in asked.results.iter().filter(|report| seat.holds.contains_key(&report.held.task)) {
            self.metrics.over(report);
        }
        seat.finished += over.iter().filter(|task| seat.holds.contains_key(task)).count() as u64;
        seat.holds.retain(|task, _| !gone.contains(task));
        let mut leases = self.given_again(state, asked.node, &settled)?;
        leases.extend(claimed.into_iter().filter_map(|chosen| self.given(state, node, chosen)));
        let (permits, rates) = Self::shares_of(state, asked.node);
        Ok(Exchanged {
            acknowledged: asked.sequence,
            leases: List::first(leases).0,
            revokes: List::first(revokes(state, asked, &settled)).0,
            rates,
            permits,
            drain: asked.holding.is_empty() && Self::seat(state, asked.node, asked.incarnation)?.may_go(),
        })
    }

    /// Units of what the node says: that it is alive, how far it is, what it finished.
    fn reports(&self, state: &mut State, asked: &Exchange) -> Result<Call, ServiceError> {
        let node = (asked.node, asked.incarnation);
        let usage =
            serde_json::to_string(&asked.usage).map_err(|error| ServiceError::bug(error.to_string()))?;
        let mut call = Call::default();
        let renewal = self.unit().then(self.renewal(asked.node, asked.incarnation, &usage));
        let charges = self.charges(state, asked);
        call.push(For::Renewal, charges.into_iter().fold(renewal, Unit::then));
        for report in asked.checkpoints.iter() {
            call.push(For::Checkpoint(report.held), self.checkpoint(node, report)?);
        }
        for report in asked.results.iter() {
            if let Some(unit) = self.taken(state, node, report)? {
                call.push(For::Result(report.held), unit);
            }
        }
        Ok(call)
    }

    /// How far a task is. What it made lies beside the dataset; here is said whose it is, so that nobody removes it.
    fn checkpoint(&self, node: (NodeId, u64), report: &CheckpointReport) -> Result<Unit, ServiceError> {
        let point = Point { attempt: report.held.attempt, made: report.made, rows: report.rows };
        let bytes = serde_json::to_vec(&point).map_err(|error| ServiceError::bug(error.to_string()))?;
        let checkpoint = Checkpoint { number: report.number, blob: Blake3::of(&bytes) };
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        let (task, token) = (report.held.task, report.held.token);
        let unit = self.unit().then(Entry::PutBlob { bytes, keep_until });
        Ok(unit.then(Entry::Checkpoint { task, token, node, checkpoint }))
    }

    /// What was given to the node against what it says that it has.
    fn settled(&self, state: &mut State, asked: &Exchange, over: &BTreeSet<TaskId>) -> Vec<Settle<TaskId>> {
        let node = (asked.node, asked.incarnation);
        let holds: Vec<Hold> =
            Self::holds(state, asked.node).filter(|hold| !over.contains(&hold.held.task)).collect();
        let is_emptied =
            state.fleet.seats.get(&asked.node).is_some_and(|seat| seat.mark == NodeMark::Draining);
        let emptied = is_emptied.then_some(Recall::Moved);
        let back = self.goes_back(state, asked.node);
        let claimed: Vec<Claimed<TaskId>> = holds
            .iter()
            .map(|hold| Claimed {
                task: hold.held.task,
                claim: right(hold.held, node),
                recall: emptied
                    .or_else(|| self.recall(state, hold))
                    .or_else(|| back.get(&hold.held.task).copied()),
            })
            .collect();
        let held: Vec<(TaskId, Right)> =
            asked.holding.iter().map(|one| (one.held.task, right(one.held, node))).collect();
        reconcile(&claimed, &held, true)
    }

    /// Adds what was taken back and is not there; answers which that is.
    fn gives_back(
        &self,
        state: &State,
        asked: &Exchange,
        (settled, call): (&[Settle<TaskId>], &mut Call),
    ) -> Vec<TaskId> {
        let is_back = |hold: &Hold| settled.contains(&Settle::Release(hold.held.task));
        let back: Vec<Held> = Self::holds(state, asked.node).filter(is_back).map(|hold| hold.held).collect();
        for held in &back {
            call.push(For::Returned(*held), self.unit().then(released(*held, Timestamp(0))));
        }
        back.iter().map(|held| held.task).collect()
    }

    /// Adds what the node is to get.
    fn claims(
        &self,
        state: &mut State,
        asked: &Exchange,
        (gone, call): (&BTreeSet<TaskId>, &mut Call),
    ) -> Result<(), ServiceError> {
        for chosen in self.choose(state, asked, gone)? {
            let Chosen { task, held } = &chosen;
            let (task, token, attempt) = (task.id, task.token, held.attempt);
            let claim = Claim { task, token, node: asked.node, incarnation: asked.incarnation, attempt };
            call.push(For::Claimed(Box::new(chosen)), self.unit().then(Entry::Claim(claim)));
        }
        Ok(())
    }

    fn holds(state: &State, node: NodeId) -> impl Iterator<Item = Hold> {
        state.fleet.seats.get(&node).into_iter().flat_map(|seat| seat.holds.values().copied())
    }

    /// Why a node shall not go on with a task, if it shall not.
    fn recall(&self, state: &mut State, hold: &Hold) -> Option<Recall> {
        // What cannot be read just now is no reason to throw work away.
        let live = self.live(state, hold.campaign?).ok()?;
        if hold.seq.is_some_and(|seq| !live.tasks.contains_key(&seq)) {
            return Some(Recall::Cancelled);
        }
        match hold.wave {
            Some(wave) => match live.machine.before_door(wave) {
                BeforeDoor::GoOn | BeforeDoor::StageAndHold => None,
                BeforeDoor::StopAtCheckpoint => Some(Recall::Paused),
                BeforeDoor::Discard => Some(Recall::Cancelled),
            },
            None if !live.works() => Some(Recall::Cancelled),
            None => None,
        }
    }

    /// What the node gets next, of each campaign that works a share, so that none waits behind one that does not. What
    /// kinds of tasks it gets is `assign`'s to say.
    fn choose(
        &self,
        state: &mut State,
        asked: &Exchange,
        gone: &BTreeSet<TaskId>,
    ) -> Result<Vec<Chosen>, ServiceError> {
        let Dealt { small: small_tasks, large: large_tasks } = self.dealt(state, asked, gone)?;
        let ready =
            |task: &Task| ReadyTask { task: task.id, estimate: estimate(task.cost.0), alone: task.alone };
        let mut small: Vec<ReadyTask<TaskId>> = small_tasks.iter().map(ready).collect();
        let mut large: Vec<ReadyTask<TaskId>> = large_tasks.iter().map(ready).collect();
        for (some, wanted, large) in
            [(&mut small, asked.wants.small, false), (&mut large, asked.wants.large, true)]
        {
            // What is less than this node wants is for all nodes.
            if some.len() < usize::try_from(wanted).unwrap_or(usize::MAX) {
                let (has, others) = state.fleet.dealt(asked.node, large, gone);
                some.truncate(share(some.len(), has, others));
            }
        }
        let mut scans = self.scans_to_give(state, asked.wants.small)?;
        scans.extend(self.chores_to_give(state, asked.wants.small)?);
        small.extend(scans.iter().map(ready));
        let all = small_tasks.into_iter().chain(large_tasks).chain(scans);
        let mut waiting: BTreeMap<TaskId, Task> = all.map(|task| (task.id, task)).collect();
        let alone = small.iter().chain(&large).any(|task| task.alone);
        let others_empty = state.fleet.seats.iter().any(|(node, seat)| *node != asked.node && seat.emptying);
        let seat = Self::seat(state, asked.node, asked.incarnation)?;
        let room = seat.room(asked.wants, gone);
        // One node at a time is emptied for a task that runs alone.
        seat.emptying = alone && !others_empty && room.holds > 0;
        let room = task::Room { emptying: room.emptying || seat.emptying, ..room };
        let given = assign(&room, &small, &large);
        let generation = self.ledger.generation()?;
        let chosen = given.into_iter().filter_map(|id| waiting.remove(&id)).map(|task| {
            let token = Token { generation, epoch: task.token.epoch + 1 };
            let held = Held { task: task.id, token, attempt: AttemptId::new(Uuid::now_v7()) };
            Chosen { task, held }
        });
        Ok(chosen.collect())
    }

    /// What failed at a node in a way for which another one is to try it, while there is another one that could.
    pub(crate) fn shunned(state: &State, node: NodeId) -> BTreeSet<TaskId> {
        let tried = state.campaigns.values().filter(|live| !live.tries.is_empty());
        let could = |live: &&Live| state.fleet.has_other(node, memory_of(live));
        tried.filter(could).flat_map(|live| live.shuns(node)).collect()
    }

    /// Campaigns of which tasks may start.
    pub(crate) fn working(&self, state: &mut State) -> Vec<CampaignId> {
        let open = state.open.clone().into_iter();
        open.filter(|id| self.live(state, *id).is_ok_and(|live| live.works())).collect()
    }

    /// Tasks of a campaign that may be claimed now.
    pub(crate) fn ready(
        &self,
        id: CampaignId,
        class: Option<SizeClass>,
        most: usize,
    ) -> Result<Vec<Task>, ServiceError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let due = Some(self.clock.now());
        let filter = TaskFilter { campaign: Some(id), phase: Some(PhaseName::Ready), class, due };
        Ok(self.ledger.tasks(filter, 0, Limit::new(most))?.items)
    }

    /// What became of the call: the tasks that are the node's now, and those of which a result was not taken.
    fn became(
        state: &mut State,
        asked: &Exchange,
        (purposes, outcomes): (Vec<For>, Vec<UnitOutcome>),
    ) -> Result<(Vec<Chosen>, Vec<Held>), ServiceError> {
        let (mut claimed, mut not_taken) = (Vec::new(), Vec::new());
        for (purpose, outcome) in purposes.into_iter().zip(outcomes) {
            match (purpose, outcome.is_done()) {
                (For::Renewal, false) => {
                    state.fleet.seats.remove(&asked.node);
                    return Err(ServiceError::new(codes::NODE_FENCED, "the node was given up")
                        .hint(Some("register again")));
                }
                (For::Result(held), false) => {
                    // A machine that took the report in is ahead of the ledger.
                    let seat = state.fleet.seats.get(&asked.node);
                    let campaign = seat.and_then(|seat| seat.holds.get(&held.task)?.campaign);
                    campaign.map(|campaign| state.campaigns.remove(&campaign));
                    not_taken.push(held);
                }
                (For::Claimed(chosen), true) => claimed.push(*chosen),
                // Somebody else has it, or it is further than the node thinks.
                (For::Claimed(_) | For::Checkpoint(_) | For::Returned(_), false) => {}
                (For::Renewal | For::Checkpoint(_) | For::Result(_) | For::Returned(_), true) => {}
            }
        }
        Ok((claimed, not_taken))
    }

    /// What was given and never came.
    fn given_again(
        &self,
        state: &mut State,
        node: NodeId,
        settled: &[Settle<TaskId>],
    ) -> Result<Vec<Lease>, ServiceError> {
        let mut leases = Vec::new();
        for settle in settled {
            let Settle::GiveAgain(id) = settle else { continue };
            let Some(hold) = Self::holds(state, node).find(|hold| hold.held.task == *id) else { continue };
            let task = self.ledger.task(*id)?.filter(|task| task.token == hold.held.token);
            let Some(task) = task else {
                // It went while nobody knew: nothing is to be given.
                state.fleet.seats.get_mut(&node).map(|seat| seat.holds.remove(id));
                continue;
            };
            leases.extend(self.lease(state, node, Chosen { task, held: hold.held }));
        }
        Ok(leases)
    }

    /// A claimed task is the node's from the claim on. What it is not given after all it will not name, and is given again.
    fn given(&self, state: &mut State, (node, _): (NodeId, u64), chosen: Chosen) -> Option<Lease> {
        let Chosen { task, held } = &chosen;
        let large = task.class == SizeClass::Large;
        let hold = Hold {
            held: *held,
            campaign: task.campaign,
            seq: task.seq,
            wave: None,
            large,
            alone: task.alone,
            estimate: estimate(task.cost.0),
            started: false,
            rows: 0,
            kept: 0,
            charged: Used::default(),
            seen: Used::default(),
            recalled: false,
        };
        if let Some(seat) = state.fleet.seats.get_mut(&node) {
            seat.holds.insert(task.id, hold);
            seat.last = Some(if large { Class::Large } else { Class::Small });
        }
        self.lease(state, node, chosen)
    }

    /// A task with all that the node needs for it.
    fn lease(&self, state: &mut State, node: NodeId, Chosen { task, held }: Chosen) -> Option<Lease> {
        let work = match self.payload(state, &task) {
            Ok(work) => work,
            Err(error) => {
                tracing::error!(task = %task.id, %error, "a task cannot be given away");
                self.not_given(state, (node, held), &task, &error);
                return None;
            }
        };
        if let Some(hold) = state.fleet.seats.get_mut(&node).and_then(|seat| seat.holds.get_mut(&task.id)) {
            hold.wave = work.wave;
        }
        Some(Lease {
            held,
            large: task.class == SizeClass::Large,
            checkpoint: task.checkpoint.map_or(0, |checkpoint| checkpoint.number),
            announce: self.is_suspect(state, &task),
            estimate_ms: estimate(task.cost.0),
            memory: work.memory,
            trace: task.campaign.and_then(|campaign| state.campaigns.get(&campaign)?.trace),
            team: task.campaign.and_then(|id| self.team_of(state, id)),
            payload: work.payload,
        })
    }

    /// A run that cannot even be begun has failed. Everything else is given again with the node's next exchange.
    fn not_given(&self, state: &mut State, (node, held): (NodeId, Held), task: &Task, error: &ServiceError) {
        if error.code.class == ErrorClass::Transient {
            return;
        }
        let claimed = Task { token: held.token, ..task.clone() };
        let given_up = match task.looks() {
            true => self.look_not_given(state, task.id, error),
            false => self.give_up_task(state, &claimed, error),
        };
        match given_up {
            Ok(()) => {
                if let Some(seat) = state.fleet.seats.get_mut(&node) {
                    seat.holds.remove(&task.id);
                }
            }
            Err(error) => {
                tracing::error!(task = %task.id, %error, "its run is not ended yet");
                // Its machine may have taken in what is not written.
                task.campaign.map(|campaign| state.campaigns.remove(&campaign));
            }
        }
    }

    /// Whether a node that has nothing would be told something now: it could be given a task, it is to go, or it is not known.
    pub fn has_news(&self, node: NodeId) -> bool {
        let mut state = self.state();
        let Some(seat) = state.fleet.seats.get(&node) else { return true };
        if !seat.holds.is_empty() || seat.may_go() {
            return true;
        }
        if state.fleet.frozen || !seat.takes() {
            return false;
        }
        let working = self.working(&mut state);
        let shunned = Self::shunned(&state, node);
        let scans = self.scans_to_give(&state, 1).is_ok_and(|scans| !scans.is_empty())
            || self.chores_to_give(&state, 1).is_ok_and(|chores| !chores.is_empty());
        if self.divide(&mut state, TICK_EVERY).is_ok_and(|divided| divided) {
            return scans || self.could_have(&mut state, node);
        }
        let some = |id| {
            self.ready(id, None, TASKS_MAX)
                .is_ok_and(|tasks| tasks.iter().any(|task| !shunned.contains(&task.id)))
        };
        scans || working.into_iter().any(some)
    }

    /// Done when there may be something to do from now on, whether or not it is waited for yet.
    pub fn work_appears(&self) -> impl Future<Output = ()> + '_ {
        self.wake.work()
    }

    fn unit(&self) -> Unit {
        self.itself.unit()
    }
}

/// What the node has and shall not go on with.
fn revokes(state: &State, asked: &Exchange, settled: &[Settle<TaskId>]) -> Vec<Revoke> {
    let seat = state.fleet.seats.get(&asked.node);
    let mut revokes: Vec<Revoke> = Vec::new();
    for settle in settled {
        let (task, claim, reason) = match settle {
            Settle::TakeBack(task, claim, recall) => (
                task,
                claim,
                match recall {
                    Recall::Cancelled => RevokeReason::Cancelled,
                    Recall::Paused => RevokeReason::Paused,
                    Recall::Moved => RevokeReason::Moved,
                },
            ),
            Settle::Fence(task, claim) => (task, claim, RevokeReason::Fenced),
            Settle::GiveAgain(_) | Settle::Release(_) => continue,
        };
        let held = Held { task: *task, token: claim.token, attempt: claim.attempt };
        revokes.push(Revoke { held, reason });
    }
    debug_assert!(
        revokes.iter().all(|revoke| {
            let ours = seat.is_some_and(|seat| {
                seat.holds.get(&revoke.held.task).is_some_and(|hold| hold.held == revoke.held)
            });
            ours == (revoke.reason != RevokeReason::Fenced)
        }),
        "a task is fenced that is the node's, or taken back that is not"
    );
    revokes
}

/// A claimed task goes back, with nothing against it.
pub(crate) fn released(held: Held, not_before: Timestamp) -> Entry {
    Entry::Release(Release {
        task: held.task,
        token: held.token,
        not_before,
        deaths: 0,
        alone: false,
        from_start: false,
    })
}

fn right(held: Held, (node, incarnation): (NodeId, u64)) -> Right {
    Right { token: held.token, node, incarnation, attempt: held.attempt }
}

/// A guess, so that a node does not hoard: a few milliseconds for opening and publishing, and 50 MB/s.
const fn estimate(bytes: u64) -> Millis {
    Millis(5 + bytes / 50_000)
}
