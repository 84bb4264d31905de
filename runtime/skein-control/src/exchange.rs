//! One exchange of a node: what it reports is taken, what it may do next is given, in one call of the ledger.
//!
//! ```text
//! order       renewal, checkpoints, results, claims; each a unit of its own: one that is refused keeps no other out
//! duplicate   the same sequence again gets the same answer; an older one is refused
//! fenced      a report with an old token changes nothing, and the node is told to drop the task
//! lost        a task that control gave and the node does not name never came: it is ready again
//! ```
//! The lock is held throughout, so a pause that was answered lies before or after the whole exchange: nothing starts after
//! it.

use std::collections::{BTreeMap, BTreeSet};

use skein_api::List;
use skein_api::node::{Exchange, Exchanged, Held, Lease, Rates, Revoke, RevokeReason, TASKS_MAX};
use skein_campaign::BeforeDoor;
use skein_ledger::{
    Checkpoint, Claim, Entry, Limit, PhaseName, Release, SizeClass, Task, TaskFilter, TaskKind, Unit,
    UnitOutcome,
};
use skein_types::{AttemptId, CampaignId, ErrorClass, Millis, NodeId, TaskId, Timestamp, Token, codes};
use uuid::Uuid;

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::fleet::{Hold, LEASE};

/// What the units of a call are for, in their order.
enum For {
    Renewal,
    Report(TaskId),
    Claimed(Box<(Task, Held)>),
}

impl Control {
    /// Takes what a node says and answers what is its to do.
    pub fn exchange(&self, asked: &Exchange) -> Result<Exchanged, ServiceError> {
        let mut state = self.state();
        let seat = Self::seat(&mut state, asked.node, asked.incarnation)?;
        match asked.sequence.cmp(&seat.sequence) {
            std::cmp::Ordering::Equal => {
                let again = seat.answer.clone();
                return again
                    .ok_or_else(|| ServiceError::new(codes::NODE_SEQUENCE, "sequences count from 1"));
            }
            std::cmp::Ordering::Less => {
                let message = format!("sequence {} after {}", asked.sequence, seat.sequence);
                return Err(ServiceError::new(codes::NODE_SEQUENCE, message));
            }
            std::cmp::Ordering::Greater => {}
        }
        seat.until = self.clock.elapsed() + LEASE;
        for progress in asked.holding.iter() {
            if let Some(hold) = seat.holds.get_mut(&progress.held.task) {
                hold.started |= progress.started;
                hold.rows = progress.rows.0;
            }
        }
        let answer = self.take_and_give(&mut state, asked)?;
        let seat = Self::seat(&mut state, asked.node, asked.incarnation)?;
        seat.sequence = asked.sequence;
        seat.answer = Some(answer.clone());
        if !asked.results.is_empty() {
            self.wake.reconciler();
        }
        Ok(answer)
    }

    fn take_and_give(&self, state: &mut State, asked: &Exchange) -> Result<Exchanged, ServiceError> {
        let by = || Unit::by(self.itself.clone());
        let usage =
            serde_json::to_string(&asked.usage).map_err(|error| ServiceError::bug(error.to_string()))?;
        let mut units = vec![by().then(self.renewal(asked.node, asked.incarnation, &usage))];
        let mut purposes = vec![For::Renewal];
        for report in asked.checkpoints.iter() {
            let checkpoint = Checkpoint { number: report.number, blob: report.blob };
            let node = (asked.node, asked.incarnation);
            let (task, token) = (report.held.task, report.held.token);
            units.push(by().then(Entry::Checkpoint { task, token, node, checkpoint }));
            purposes.push(For::Report(task));
        }
        for report in asked.results.iter() {
            if let Some(unit) = self.taken(state, (asked.node, asked.incarnation), report)? {
                units.push(unit);
                purposes.push(For::Report(report.held.task));
            }
        }
        let returned = Self::returned(state, asked);
        for held in &returned {
            units.push(by().then(released(*held, Timestamp(0))));
            purposes.push(For::Report(held.task));
        }
        let over: BTreeSet<TaskId> = asked.results.iter().map(|report| report.held.task).collect();
        if !asked.draining {
            for (task, held) in self.choose(state, asked)? {
                let claim = Claim {
                    task: task.id,
                    token: task.token,
                    node: asked.node,
                    incarnation: asked.incarnation,
                    attempt: held.attempt,
                };
                units.push(by().then(Entry::Claim(claim)));
                purposes.push(For::Claimed(Box::new((task, held))));
            }
        }
        let outcomes = match self.ledger.commit(units) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // Nothing of it is written: every machine that took a report in is read again.
                state.campaigns.clear();
                return Err(error.into());
            }
        };
        let seat = Self::seat(state, asked.node, asked.incarnation)?;
        let campaigns: BTreeMap<TaskId, CampaignId> =
            seat.holds.iter().filter_map(|(task, hold)| Some((*task, hold.campaign?))).collect();
        for held in &returned {
            seat.holds.remove(&held.task);
        }
        for task in &over {
            if seat.holds.remove(task).is_some() {
                seat.finished += 1;
            }
        }
        let mut fenced = BTreeSet::new();
        let mut claimed = Vec::new();
        for (purpose, outcome) in purposes.into_iter().zip(outcomes) {
            match (purpose, outcome) {
                (For::Renewal, UnitOutcome::Refused { .. }) => {
                    state.fleet.seats.remove(&asked.node);
                    return Err(ServiceError::new(codes::NODE_FENCED, "the node was given up")
                        .hint(Some("register again")));
                }
                (For::Report(task), UnitOutcome::Refused { .. }) => {
                    fenced.insert(task);
                    // A machine that took the report in is ahead of the ledger.
                    if let Some(campaign) = campaigns.get(&task) {
                        state.campaigns.remove(campaign);
                    }
                }
                (For::Claimed(claim), UnitOutcome::Applied(_) | UnitOutcome::Known(_)) => {
                    claimed.push(*claim)
                }
                // Somebody else has it.
                (For::Claimed(_), UnitOutcome::Refused { .. }) => {}
                (For::Renewal | For::Report(_), UnitOutcome::Applied(_) | UnitOutcome::Known(_)) => {}
            }
        }
        let leases = self.leases(state, asked.node, claimed);
        let revokes = self.revokes(state, asked, (&over, &fenced));
        Ok(Exchanged {
            acknowledged: asked.sequence,
            leases: List::first(leases).0,
            revokes: List::first(revokes).0,
            rates: Rates::default(),
            drain: false,
        })
    }

    /// Tasks that were given and that the node does not name: the answer that gave them was lost.
    fn returned(state: &State, asked: &Exchange) -> Vec<Held> {
        let named: BTreeSet<TaskId> = (asked.holding.iter().map(|progress| progress.held.task))
            .chain(asked.results.iter().map(|report| report.held.task))
            .collect();
        let holds = state.fleet.seats.get(&asked.node).map(|seat| seat.holds.values());
        let lost = holds.into_iter().flatten().filter(|hold| !named.contains(&hold.held.task));
        lost.map(|hold| hold.held).collect()
    }

    /// What the node gets next: small tasks and large ones each up to what it wants, so that neither starves the other, and
    /// of each campaign that works a share, so that none waits behind one that does not.
    fn choose(&self, state: &mut State, asked: &Exchange) -> Result<Vec<(Task, Held)>, ServiceError> {
        let working = self.working(state);
        let mut chosen = self.scans_to_give(state, asked.wants.small)?;
        let wants = [(SizeClass::Large, asked.wants.large), (SizeClass::Small, asked.wants.small)];
        for (class, wanted) in wants {
            let mut left = usize::try_from(wanted).unwrap_or(usize::MAX).min(TASKS_MAX - chosen.len());
            for (place, campaign) in working.iter().enumerate() {
                let share = left.div_ceil(working.len() - place);
                if share == 0 {
                    break;
                }
                for task in self.ready(*campaign, Some(class), share)? {
                    // A task whose nodes keep dying gets a node for itself.
                    let busy = !asked.holding.is_empty() || !chosen.is_empty();
                    if task.alone && busy {
                        continue;
                    }
                    let alone = task.alone;
                    let token = Token { generation: self.ledger.generation()?, epoch: task.token.epoch + 1 };
                    let held = Held { task: task.id, token, attempt: AttemptId::new(Uuid::now_v7()) };
                    chosen.push((task, held));
                    left -= 1;
                    if alone {
                        return Ok(chosen);
                    }
                }
            }
        }
        Ok(chosen)
    }

    /// Campaigns of which tasks may start.
    fn working(&self, state: &mut State) -> Vec<CampaignId> {
        let open = state.open.clone().into_iter();
        open.filter(|id| self.live(state, *id).is_ok_and(|live| live.works())).collect()
    }

    /// Tasks of a campaign that may be claimed now.
    fn ready(
        &self,
        id: CampaignId,
        class: Option<SizeClass>,
        most: usize,
    ) -> Result<Vec<Task>, ServiceError> {
        let due = Some(self.clock.now());
        let filter = TaskFilter { campaign: Some(id), phase: Some(PhaseName::Ready), class, due };
        Ok(self.ledger.tasks(filter, 0, Limit::new(most))?.items)
    }

    /// What was claimed, with all that the node needs for it.
    fn leases(&self, state: &mut State, node: NodeId, claimed: Vec<(Task, Held)>) -> Vec<Lease> {
        let mut leases = Vec::with_capacity(claimed.len());
        for (task, held) in claimed {
            // It holds it from the claim on. What it is not given after all it will not name, and gets rid of so.
            let hold = Hold { held, campaign: task.campaign, wave: None, started: false, rows: 0 };
            if let Some(seat) = state.fleet.seats.get_mut(&node) {
                seat.holds.insert(task.id, hold);
            }
            let work = match self.payload(state, &task) {
                Ok(work) => work,
                Err(error) => {
                    tracing::error!(task = %task.id, %error, "a task cannot be given away");
                    self.not_given(state, (node, held), &task, &error);
                    continue;
                }
            };
            if let Some(hold) = state.fleet.seats.get_mut(&node).and_then(|seat| seat.holds.get_mut(&task.id))
            {
                hold.wave = work.wave;
            }
            leases.push(Lease {
                held,
                large: task.class == SizeClass::Large,
                estimate_ms: estimate(task.cost.0),
                memory: work.memory,
                payload: work.payload,
            });
        }
        leases
    }

    /// A run that cannot even be begun has failed. Everything else is ready again with the node's next exchange.
    fn not_given(&self, state: &mut State, (node, held): (NodeId, Held), task: &Task, error: &ServiceError) {
        if !(task.looks() || task.kind == TaskKind::Run) || error.code.class == ErrorClass::Transient {
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
            Err(error) => tracing::error!(task = %task.id, %error, "its run is not ended yet"),
        }
    }

    /// What the node has and shall not go on with.
    fn revokes(
        &self,
        state: &mut State,
        asked: &Exchange,
        (over, fenced): (&BTreeSet<TaskId>, &BTreeSet<TaskId>),
    ) -> Vec<Revoke> {
        let holds: BTreeMap<TaskId, Hold> =
            state.fleet.seats.get(&asked.node).map(|seat| seat.holds.clone()).unwrap_or_default();
        let mut revokes = Vec::new();
        for progress in asked.holding.iter().filter(|progress| !over.contains(&progress.held.task)) {
            let held = progress.held;
            let hold = holds.get(&held.task).filter(|hold| hold.held == held && !fenced.contains(&held.task));
            let reason = match hold {
                None => Some(RevokeReason::Fenced),
                Some(hold) => match self.before_door(state, hold) {
                    BeforeDoor::GoOn | BeforeDoor::StageAndHold => None,
                    BeforeDoor::StopAtCheckpoint => Some(RevokeReason::Paused),
                    BeforeDoor::Discard => Some(RevokeReason::Cancelled),
                },
            };
            revokes.extend(reason.map(|reason| Revoke { held, reason }));
        }
        revokes
    }

    fn before_door(&self, state: &mut State, hold: &Hold) -> BeforeDoor {
        let Some(campaign) = hold.campaign else { return BeforeDoor::GoOn };
        match (self.live(state, campaign), hold.wave) {
            (Ok(live), Some(wave)) => live.machine.before_door(wave),
            (Ok(live), None) if !live.works() => BeforeDoor::Discard,
            // What cannot be read just now is no reason to throw work away.
            (Ok(_) | Err(_), _) => BeforeDoor::GoOn,
        }
    }

    /// Whether some node could be given something now.
    pub fn has_work(&self) -> bool {
        let mut state = self.state();
        let working = self.working(&mut state);
        let scans = self.scans_to_give(&state, 1).is_ok_and(|scans| !scans.is_empty());
        scans || working.into_iter().any(|id| self.ready(id, None, 1).is_ok_and(|tasks| !tasks.is_empty()))
    }

    /// Done when there may be something to do from now on, whether or not it is waited for yet.
    pub fn work_appears(&self) -> impl Future<Output = ()> + '_ {
        self.wake.work()
    }
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

/// A guess, so that a node does not hoard: a few milliseconds for opening and publishing, and 50 MB/s.
const fn estimate(bytes: u64) -> Millis {
    Millis(5 + bytes / 50_000)
}
