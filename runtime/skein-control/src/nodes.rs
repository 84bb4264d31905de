//! Nodes come and go.

use std::collections::BTreeSet;

use skein_api::node::{Register, Registered, check_protocol};
use skein_campaign::{AfterDeath, Observation, after_death};
use skein_ledger::{
    Ending, Entry, Guard, Limit, ModuleState, ModuleSuspended, NodeJoined, NodeLeft, NodeLost, NodeState,
    Phase, Release, Renew, Task, Text, Unit,
};
use skein_types::{CampaignId, Millis, ModuleDigest, NodeId, NodeMark, Timestamp, codes};
use uuid::Uuid;

use crate::control::{Control, State, name};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::fleet::{ALONE, EXCHANGE_EVERY, GRACE, LEASE, MARGIN, Seat};
use crate::points::point;
use crate::supervisor::{Launch, Roster};

/// How a node was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is proven that its process ended.
    Ended,
    /// It was drained, had nothing left and went.
    Left,
    /// Its lease and the grace after it are over. It may live, and control may have been what stood still.
    Silent,
    /// It registered anew.
    Again,
    /// Control is another process than the one that knew it.
    Restarted,
}

impl Loss {
    fn said(self) -> String {
        match self {
            Self::Ended => "its process ended".to_owned(),
            Self::Left => "it was drained and went".to_owned(),
            Self::Silent => format!("silent for {} s", (LEASE + GRACE).as_secs()),
            Self::Again => "it registered again".to_owned(),
            Self::Restarted => "control was started again".to_owned(),
        }
    }
}

impl Control {
    /// A node makes itself known. What an earlier life of it held goes to others.
    pub fn register_node(&self, asked: &Register) -> Result<Registered, ServiceError> {
        check_protocol(asked.protocol)?;
        let mut state = self.state();
        let (node, before) = self.known_node(&asked.name)?;
        if let Some((incarnation, NodeState::Joined)) = before {
            self.lose(&mut state, node, incarnation, Loss::Again)?;
        }
        let incarnation = before.map_or(1, |(incarnation, _)| incarnation + 1);
        let joined = NodeJoined { node, name: name("node", &asked.name)?, incarnation };
        let unit =
            self.itself.because_of(node).unit().decide(joined).then(self.renewal(node, incarnation, "{}"));
        point!("node.before-joined")?;
        self.write(unit)?;
        point!("node.after-joined")?;
        let until = self.clock.elapsed() + LEASE;
        let mut seat = Seat::new(asked, (incarnation, until), state.fleet.moment);
        // What people want of a node they want of its next life too.
        seat.mark = self.ledger.node(node)?.map_or(NodeMark::None, |row| row.mark);
        state.fleet.seats.insert(node, seat);
        // What waited for a node is counted again.
        state.division.more = true;
        self.wake.reconciler();
        Ok(Registered {
            node,
            incarnation,
            lease_ms: millis(LEASE),
            margin_ms: millis(MARGIN),
            exchange_ms: millis(EXCHANGE_EVERY),
            alone_ms: millis(ALONE),
            artifact_key: skein_api::Text::escaped(&self.modules.public_key()),
        })
    }

    /// The id that a node of this name had before, or a new one.
    pub(crate) fn known_node(&self, name: &str) -> Result<(NodeId, Option<(u64, NodeState)>), ServiceError> {
        let mut after = None;
        loop {
            let page = self.ledger.nodes(after, Limit::MAX)?;
            if let Some(node) = page.items.iter().find(|node| node.name.as_str() == name) {
                return Ok((node.id, Some((node.incarnation, node.state))));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok((NodeId::new(Uuid::now_v7()), None)),
            }
        }
    }

    pub(crate) fn renewal(&self, node: NodeId, incarnation: u64, usage: &str) -> Entry {
        let length = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        let until = Timestamp(self.clock.now().0.saturating_add(length));
        Entry::Renew(Renew { node, incarnation, until, usage: usage.to_owned() })
    }

    /// A node is dead or as good as dead: all that it held is ready again, with new tokens. Only the proven end of a process
    /// says something about what ran in it.
    pub(crate) fn lose(
        &self,
        state: &mut State,
        node: NodeId,
        incarnation: u64,
        how: Loss,
    ) -> Result<(), ServiceError> {
        let seat = state.fleet.seats.get(&node);
        let has_begun =
            |task| seat.and_then(|seat: &Seat| seat.holds.get(&task)).is_some_and(|hold| hold.started);
        let how = if seat.is_some_and(Seat::may_go) && how != Loss::Again { Loss::Left } else { how };
        let unit = self.itself.unit();
        let mut unit = match how {
            Loss::Left => unit.decide(NodeLeft { node, incarnation }),
            Loss::Ended | Loss::Silent | Loss::Again | Loss::Restarted => {
                unit.decide(NodeLost { node, incarnation, reason: Text::clip(&how.said()) })
            }
        };
        let (mut suspended, mut suspects, mut from) = (BTreeSet::new(), Vec::new(), 0);
        loop {
            let page = self.ledger.tasks_of_node(node, from, Limit::MAX)?;
            for task in &page.items {
                let Phase::Claimed(holder) = &task.phase else { continue };
                let died = how == Loss::Ended && holder.incarnation == incarnation && has_begun(task.id);
                if !died && how != Loss::Restarted {
                    suspects.extend(task.campaign.map(|campaign| (campaign, task.id)));
                }
                let after = if died { after_death(task.deaths, task.alone) } else { AfterDeath::Again };
                if after == AfterDeath::SuspendModule {
                    suspended.extend(task.campaign);
                }
                unit = unit.then(Entry::Release(Release {
                    task: task.id,
                    token: task.token,
                    not_before: Timestamp(0),
                    deaths: u32::from(died),
                    alone: task.alone || after == AfterDeath::Alone,
                    from_start: false,
                }));
                let cut_off = self.attempt_cut_off(state, (task, holder), Ending::Lost)?;
                unit = cut_off.into_iter().fold(unit, Unit::then);
            }
            match page.next {
                Some(next) => from = next,
                None => break,
            }
        }
        point!("node.before-lost")?;
        // Until that is written it keeps its seat, so that its end is noticed again.
        self.write(unit)?;
        let seat = state.fleet.seats.remove(&node);
        point!("node.after-lost")?;
        if how != Loss::Left {
            self.metrics.lost(how);
        }
        self.heard.notify_all();
        if let Some(seat) = &seat {
            let again: u64 = seat.holds.values().map(|hold| hold.rows.saturating_sub(hold.kept)).sum();
            tracing::info!(%node, incarnation, how = how.said(), tasks = seat.holds.len(), rows_again = again, "node lost");
        }
        for (campaign, task) in suspects {
            // A campaign that is not at hand just now has none: that costs one more node.
            if let Some(live) = state.campaigns.get_mut(&campaign) {
                live.suspects.insert(task);
            }
        }
        for campaign in suspended {
            if let Err(error) = self.suspend(state, campaign) {
                // The next death of it, or the next process, does what is left.
                tracing::error!(%campaign, %error, "its module is not suspended everywhere yet");
            }
        }
        self.wake.reconciler();
        self.wake.nodes();
        Ok(())
    }

    /// Whether a node may have died of a task.
    pub(crate) fn is_suspect(&self, state: &State, task: &Task) -> bool {
        let live = task.campaign.and_then(|campaign| state.campaigns.get(&campaign));
        task.deaths > 0 || live.is_some_and(|live| live.suspects.contains(&task.id))
    }

    /// A task killed a node that it had for itself: nothing of its module starts any more, and its campaigns halt.
    fn suspend(&self, state: &mut State, of: CampaignId) -> Result<(), ServiceError> {
        let module = self.live(state, of)?.module;
        let reason = Text::clip("a task of it ended three nodes, the last of which it had for itself");
        let guard = Guard::ModuleIs { module, state: ModuleState::Ready };
        let unit = self.itself.unit().if_(guard).decide(ModuleSuspended { module, reason });
        // It may be suspended already, by a process that died before its campaigns heard of it.
        self.commit(unit)?;
        self.halt_all_of(state, module)
    }

    /// Halts the campaigns of a module that may not run any more.
    pub(crate) fn halt_all_of(&self, state: &mut State, module: ModuleDigest) -> Result<(), ServiceError> {
        for id in state.open.clone() {
            if self.live(state, id)?.module == module {
                self.halt(state, id)?;
            }
        }
        Ok(())
    }

    fn halt(&self, state: &mut State, id: CampaignId) -> Result<(), ServiceError> {
        let told = vec![Told::of(Observation::ModuleSuspended)];
        self.tell(state, id, told, (&self.itself, "", Vec::new())).map(drop)
    }

    /// Halts a campaign whose module was suspended by a process that died before it could.
    pub(crate) fn halt_if_suspended(&self, id: CampaignId) -> Result<(), ServiceError> {
        let mut state = self.state();
        let module = self.live(&mut state, id)?.module;
        match self.ledger.module(module)? {
            Some(row) if matches!(row.state, ModuleState::Suspended | ModuleState::Banned) => {
                self.halt(&mut state, id)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Gives up nodes that went silent.
    pub(crate) fn lose_silent(&self) -> Result<(), ServiceError> {
        let mut state = self.state();
        for node in state.fleet.silent(self.clock.elapsed()) {
            let Some(incarnation) = state.fleet.seats.get(&node).map(|seat| seat.session.incarnation) else {
                continue;
            };
            self.lose(&mut state, node, incarnation, Loss::Silent)?;
        }
        Ok(())
    }

    /// At the start: nodes of the process before are strangers, whether they live or not.
    pub(crate) fn lose_all(&self) -> Result<(), ServiceError> {
        let mut state = self.state();
        let mut after = None;
        loop {
            let page = self.ledger.nodes(after, Limit::MAX)?;
            for node in page.items.iter().filter(|node| node.state == NodeState::Joined) {
                self.lose(&mut state, node.id, node.incarnation, Loss::Restarted)?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    pub(crate) fn seat(state: &mut State, node: NodeId, incarnation: u64) -> Result<&mut Seat, ServiceError> {
        let seat = state.fleet.seats.get_mut(&node).filter(|seat| seat.session.incarnation == incarnation);
        seat.ok_or_else(|| {
            ServiceError::new(codes::NODE_FENCED, format!("{node} is not known in incarnation {incarnation}"))
                .hint(Some("register again; what it held is given to others"))
        })
    }
}

/// What the supervisor of local nodes has to know and tell.
impl Roster for Control {
    fn launch(&self, slot: usize) -> Launch {
        let name = local_name(slot);
        let line =
            serde_json::json!({ "name": name, "secret": self.fleet_secret().header(), "server": self.nodes_at })
                .to_string();
        Launch { name, line }
    }

    /// Not while it is drained. What cannot be read just now keeps none away: it is told to go once more.
    fn wants(&self, slot: usize) -> bool {
        let drained = |row: skein_ledger::Node| row.mark == NodeMark::Draining;
        let known = self.known_node(&local_name(slot)).and_then(|(node, _)| Ok(self.ledger.node(node)?));
        !known.is_ok_and(|row| row.is_some_and(drained))
    }

    fn died(&self, slot: usize) -> bool {
        let mut state = self.state();
        let Some(node) = state.fleet.named(&local_name(slot)) else { return false };
        let Some((incarnation, finished)) =
            state.fleet.seats.get(&node).map(|seat| (seat.session.incarnation, seat.finished))
        else {
            return false;
        };
        if let Err(error) = self.lose(&mut state, node, incarnation, Loss::Ended) {
            tracing::error!(%node, %error, "death of a node not recorded; its lease will end");
        }
        finished > 0
    }
}

fn local_name(slot: usize) -> String {
    format!("local-{slot}")
}

pub(crate) fn millis(duration: std::time::Duration) -> Millis {
    Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::access::{Principal, Right};
    use crate::list::ListPart;
    use crate::scene::{HandClock, MODULE, campaign, open, open_for, running, running_for};
    use skein_api::node::Said;
    use skein_api::{List, UnderWay};
    use skein_ledger::{Actor, AttemptFilter, Claim, Ending, Enqueue, Name, SizeClass, TaskKind};
    use skein_types::{AttemptId, Bytes, CampaignState, Role, TaskId, Token};

    fn module_of(control: &Control) -> ModuleState {
        control.ledger.module(MODULE).unwrap().unwrap().state
    }

    fn state_of(control: &Control) -> CampaignState {
        control.ledger.campaign(campaign()).unwrap().unwrap().state
    }

    /// A node with the run's task, which it has said to be started.
    fn at_work(control: &Control, alone: bool, deaths: u32) -> (NodeId, TaskId) {
        let registered = control
            .register_node(&Register {
                protocol: skein_api::node::PROTOCOL,
                name: skein_api::Text::escaped("n"),
                version: skein_api::Text::escaped("0"),
                slots: 1,
                cpu: 0,
                memory: Bytes(0),
                read: None,
                write: None,
            })
            .unwrap();
        let (node, task) = (registered.node, TaskId::new(Uuid::now_v7()));
        let enqueue = Enqueue {
            task,
            campaign: Some(campaign()),
            seq: Some(0),
            kind: TaskKind::Run,
            class: SizeClass::Small,
            cost: Bytes(1),
            payload: "{}".to_owned(),
            input: None,
            not_before: Timestamp(0),
        };
        let generation = control.ledger.generation().unwrap();
        let claim = |token| Claim {
            task,
            token,
            node,
            incarnation: registered.incarnation,
            attempt: AttemptId::new(Uuid::now_v7()),
        };
        let by = || control.itself.unit();
        control
            .write(
                by().then(Entry::Enqueue(enqueue))
                    .then(Entry::Claim(claim(Token { generation: 0, epoch: 0 }))),
            )
            .unwrap();
        let released = Release {
            task,
            token: Token { generation, epoch: 1 },
            not_before: Timestamp(0),
            deaths,
            alone,
            from_start: false,
        };
        let again = claim(Token { generation, epoch: 2 });
        control.write(by().then(Entry::Release(released)).then(Entry::Claim(again))).unwrap();
        let mut state = control.state();
        control.live(&mut state, campaign()).unwrap();
        let held =
            skein_api::node::Held { task, token: Token { generation, epoch: 3 }, attempt: again.attempt };
        let hold = crate::fleet::Hold {
            held,
            campaign: Some(campaign()),
            seq: Some(0),
            wave: Some(0),
            large: false,
            alone,
            estimate: Millis(1),
            started: true,
            rows: 0,
            kept: 0,
            charged: skein_ledger::Used::default(),
            seen: skein_ledger::Used::default(),
            recalled: false,
        };
        state.fleet.seats.get_mut(&node).unwrap().holds.insert(task, hold);
        (node, task)
    }

    #[test]
    fn sums_over_all_teams_are_for_who_sees_all_of_them() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let (node, _) = at_work(&control, false, 0);
        let told = |teams: Option<&str>| {
            let teams = teams.map(|team| vec![Name::new(team).unwrap()]);
            let status = control.status(teams.as_deref()).unwrap();
            let one = control.node(&node.to_string(), teams.as_deref()).unwrap();
            let listed = control.nodes(&ListPart::default(), teams.as_deref()).unwrap().items;
            assert_eq!(&status.nodes[..], std::slice::from_ref(&one));
            assert_eq!(&listed[..], &status.nodes[..]);
            let seat = one.seat.unwrap();
            let UnderWay { campaigns, runs, attempts } = status.under_way;
            assert_eq!(seat.whole.is_some(), status.whole.is_some());
            ([campaigns, runs, attempts], [seat.holds, seat.started], status.whole.is_some())
        };
        assert_eq!(told(None), ([1, 1, 1], [1, 1], true));
        assert_eq!(told(Some("local")), ([1, 1, 1], [1, 1], false));
        assert_eq!(told(Some("shop")), ([0, 0, 0], [0, 0], false));
        // Before it was read again it is there, too, and whose it is.
        control.state().campaigns.clear();
        assert_eq!(told(Some("local")).0, [1, 0, 0]);
        assert_eq!(told(Some("shop")).0, [0, 0, 0]);
    }

    #[test]
    fn a_drained_node_is_told_to_go_has_left_and_is_not_started_again_until_it_is_uncordoned() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        running(&control);
        let join = |control: &Control| {
            let asked = serde_json::json!({
                "protocol": skein_api::node::PROTOCOL, "name": "local-0", "version": "0", "slots": 1, "memory": 0,
            });
            control.register_node(&serde_json::from_value(asked).unwrap()).unwrap().node
        };
        let mark = |control: &Control, verb| {
            let verb = crate::marks::NodeVerb::of(verb).unwrap();
            control.mark_node(control.everybody(), ("local-0", verb), "r").map(drop).unwrap();
        };
        assert!(control.has_news(NodeId::new(Uuid::nil())), "it is to be told that nobody knows it");
        let node = join(&control);
        assert!(!control.has_news(node) && control.wants(0));
        mark(&control, "cordon");
        assert!(!control.has_news(node) && control.wants(0));
        mark(&control, "drain");
        assert!(control.has_news(node) && !control.wants(0) && control.wants(1));
        assert!(!control.died(0), "it has done nothing");
        let state = |control: &Control| control.ledger.node(node).unwrap().unwrap().state;
        assert_eq!(state(&control), NodeState::Left);
        drop(control);

        let control = open(place.path(), &clock);
        assert!(!control.wants(0), "nor by another process");
        assert_eq!(control.nothing_begins(&control.state()).unwrap().unwrap().reason.as_str(), "cordoned");
        mark(&control, "uncordon");
        assert!(control.wants(0));
        join(&control);
        assert!(!control.has_news(node));
        // One that dies with what it has is lost, also while it is to go.
        control.died(0);
        assert_eq!(state(&control), NodeState::Lost);
        let (node, _) = at_work(&control, false, 0);
        control.state().fleet.seats.get_mut(&node).unwrap().mark = NodeMark::Draining;
        assert!(control.has_news(node), "it does not say what it has");
        control.lose(&mut control.state(), node, 1, Loss::Ended).unwrap();
        assert_eq!(control.ledger.node(node).unwrap().unwrap().state, NodeState::Lost);
    }

    #[test]
    fn only_the_proven_end_of_a_process_counts_against_what_ran_in_it() {
        for (how, deaths) in [(Loss::Silent, 0), (Loss::Again, 0), (Loss::Restarted, 0), (Loss::Ended, 1)] {
            let place = tempfile::tempdir().unwrap();
            let control = open(place.path(), &Arc::new(HandClock::default()));
            running(&control);
            let (node, task) = at_work(&control, false, 0);
            control.lose(&mut control.state(), node, 1, how).unwrap();
            let task = control.ledger.task(task).unwrap().unwrap();
            assert_eq!(
                (task.deaths, task.phase.clone()),
                (deaths, Phase::Ready { not_before: Timestamp(0) }),
                "{how:?}"
            );
            let of = AttemptFilter { campaign: campaign(), seq: Some(0), failed: false };
            let attempts = control.ledger.attempts(of, None, Limit::MAX).unwrap().items;
            let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.task, attempt.ending)).collect();
            assert_eq!(ends, [(task.id, Ending::Lost)], "{how:?}");
            assert_eq!(control.shown_attempt(&attempts[0]).unwrap().began, None, "{how:?}: nobody told");
            let suspect = control.is_suspect(&control.state(), &task);
            assert_eq!(suspect, how != Loss::Restarted, "{how:?}");
        }
    }

    /// What a node tells of the task that it has.
    fn tells(control: &Control, (node, task): (NodeId, TaskId), lines: &[&str]) -> AttemptId {
        let mut state = control.state();
        let seat = state.fleet.seats.get_mut(&node).unwrap();
        let held = seat.holds[&task].held;
        seat.watch(&exchange(node, held, lines), Timestamp(10_000));
        held.attempt
    }

    /// That a node is at an attempt, and what that said.
    fn exchange(node: NodeId, held: skein_api::node::Held, lines: &[&str]) -> skein_api::node::Exchange {
        let lines = lines.iter().map(|line| skein_api::Text::escaped(line)).collect();
        let usage = skein_api::node::Usage::default();
        let told = serde_json::json!({
            "node": node, "incarnation": 1, "sequence": 1, "checkpoints": [], "results": [], "usage": usage, "wants": { "small": 0, "large": 0 },
            "draining": false, "holding": [{
                "held": held, "started": true, "rows": 30, "bytes": 0, "used": { "slot_ms": 2_000, "fuel": 77 },
                "at_work": {
                    "phase": "transforming", "rows_all": 90, "rejected": 4, "memory": 5, "memory_peak": 6,
                    "said": Said { from: 0, lines: List::new(lines).unwrap() },
                },
            }],
        });
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn what_is_shown_of_an_attempt_at_work_goes_with_its_node_and_what_is_on_record_stays() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        running(&control);
        let (node, task) = at_work(&control, false, 0);
        let at_all = || control.attempts_at_work(campaign(), Some(0)).unwrap();
        assert!(at_all().is_empty(), "nothing was told of it yet");
        let attempt = tells(&control, (node, task), &["a", "b"]);
        let [working] = &at_all()[..] else { panic!("one is at work") };
        let shown = control.shown_at_work(working).unwrap();
        assert_eq!((shown.attempt, shown.ended, shown.ending, shown.run), (attempt, None, None, Some(0)));
        assert_eq!((shown.meters.fuel.0, shown.meters.memory_peak.0, shown.rejected.0), (77, 6, 4));
        assert_eq!(shown.began, Some(skein_api::Time(Timestamp(8_000))));
        let now = shown.at_work.unwrap();
        assert_eq!((now.rows.0, now.rows_all.map(|all| all.0), now.memory.0), (30, Some(90), 5));
        let part = |after: &str| ListPart { after: Some(after.to_owned()), ..ListPart::default() };
        let said = |after| control.said_at_work(working, &part(after)).unwrap();
        assert_eq!((said("0"), said("1")), ((b"a\nb\n".to_vec(), Some(2)), (b"b\n".to_vec(), Some(2))));
        assert_eq!(control.runs_at_work(campaign()), [(0, attempt)].into());
        assert!(control.attempts_at_work(campaign(), Some(1)).unwrap().is_empty());
        let another = CampaignId::new(Uuid::from_u128(7));
        assert_eq!(control.runs_at_work(another), [].into());
        assert!(control.attempts_at_work(another, None).unwrap().is_empty());
        // It is the node's no more: what it told of it is not shown, although nobody has forgotten it yet.
        let change = |with: &dyn Fn(&mut Seat)| {
            with(control.state().fleet.seats.get_mut(&node).unwrap());
        };
        let hold = control.state().fleet.seats[&node].holds[&task];
        let other = skein_api::node::Held { attempt: AttemptId::new(Uuid::from_u128(9)), ..hold.held };
        let has = |hold: Option<crate::fleet::Hold>| {
            change(&|seat| {
                seat.holds.remove(&task);
                seat.holds.extend(hold.map(|hold| (task, hold)));
            });
        };
        has(None);
        assert!(at_all().is_empty());
        has(Some(crate::fleet::Hold { held: other, ..hold }));
        assert!(at_all().is_empty(), "it has another one at the task");
        has(Some(hold));
        assert_eq!(at_all().len(), 1);
        change(&Seat::forget_over);
        assert_eq!(at_all().len(), 1, "it is not over");
        has(None);
        change(&Seat::forget_over);
        has(Some(hold));
        assert!(at_all().is_empty(), "it was forgotten");
        assert_eq!(tells(&control, (node, task), &["a", "b"]), attempt);

        let listed = || control.attempts(campaign(), None, &ListPart::default()).unwrap().items;
        let endings = || listed().iter().map(|one| one.ending).collect::<Vec<_>>();
        assert_eq!(endings(), [None]);
        control.lose(&mut control.state(), node, 1, Loss::Silent).unwrap();
        assert!(at_all().is_empty());
        assert_eq!(endings(), [Some(skein_api::AttemptEnding::Lost)]);
        // On record is what it had told by then.
        let lost = listed().iter().find(|one| one.attempt == attempt).cloned().unwrap();
        assert_eq!((lost.began, lost.meters.fuel.0), (Some(skein_api::Time(Timestamp(8_000))), 77));
        let (log, _) = control.lines(lost.log, &ListPart::default()).unwrap();
        let log = String::from_utf8(log).unwrap();
        assert!(log.starts_with("a\nb\n") && log.contains("its node was given up"), "{log}");
    }

    #[test]
    fn an_attempt_whose_task_is_called_off_is_on_record_as_far_as_it_had_told_and_one_that_told_its_end_is_not_again()
     {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let (node, task) = at_work(&control, false, 0);
        let attempt = tells(&control, (node, task), &["a"]);
        let gone = |told| control.tasks_gone(&control.state(), (campaign(), 0), told).unwrap();
        assert_eq!(gone(Some(attempt)).len(), 1, "its task alone: the report brings the rest");
        let entries = gone(None);
        control.write(entries.into_iter().fold(control.itself.unit(), Unit::then)).unwrap();
        assert_eq!(control.ledger.task(task).unwrap(), None);
        let row = control.ledger.attempt(attempt).unwrap().unwrap();
        assert_eq!((row.ending, row.seq, row.node, row.incarnation), (Ending::Stopped, Some(0), node, 1));
        let shown = control.shown_attempt(&row).unwrap();
        assert_eq!((shown.began, shown.rejected.0), (Some(skein_api::Time(Timestamp(8_000))), 4));
        let (log, _) = control.lines(shown.log, &ListPart::default()).unwrap();
        let log = String::from_utf8(log).unwrap();
        assert!(log.starts_with("a\n") && log.contains("it was called off"), "{log}");
        // It was never shown at work twice, nor is it now that it is over.
        assert!(control.attempts_at_work(campaign(), None).unwrap().is_empty());
    }

    #[test]
    fn a_node_that_tells_of_an_attempt_that_it_was_not_given_is_not_believed() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let (node, task) = at_work(&control, false, 0);
        let attempt = tells(&control, (node, task), &["a"]);
        let shown = || {
            let at_all = control.attempts_at_work(campaign(), Some(0)).unwrap();
            let said = |one| control.said_at_work(one, &ListPart::default()).unwrap();
            at_all
                .iter()
                .map(|one| (control.shown_at_work(one).unwrap().attempt, said(one)))
                .collect::<Vec<_>>()
        };
        let told = vec![(attempt, (b"a\n".to_vec(), Some(1)))];
        assert_eq!(shown(), told);
        let held = control.state().fleet.seats[&node].holds[&task].held;
        let says = |of: NodeId, held| {
            let mut state = control.state();
            let seat = state.fleet.seats.get_mut(&of).unwrap();
            seat.watch(&exchange(of, held, &["b", "c"]), Timestamp(20_000));
            seat.at_work.len()
        };
        let id = |number: u128| Uuid::from_u128(number);
        for (what, other) in [
            ("another attempt at it", skein_api::node::Held { attempt: AttemptId::new(id(9)), ..held }),
            (
                "the same with an older token",
                skein_api::node::Held { token: Token { epoch: 2, ..held.token }, ..held },
            ),
            ("another task", skein_api::node::Held { task: TaskId::new(id(9)), ..held }),
        ] {
            assert_eq!((says(node, other), shown()), (1, told.clone()), "{what}");
        }
        // Nor is one that tells of what another node has.
        let other = NodeId::new(id(8));
        control.state().fleet.seats.insert(other, crate::scene::seat("o", 1));
        assert_eq!((says(other, held), shown()), (0, told));
        // Nor is one shown that its task does not know any more.
        let released = Release {
            task,
            token: held.token,
            not_before: Timestamp(0),
            deaths: 0,
            alone: false,
            from_start: false,
        };
        control.write(control.itself.unit().then(Entry::Release(released))).unwrap();
        assert_eq!(shown(), []);
        // What it has no more is forgotten with its next exchange.
        control.state().fleet.seats.get_mut(&node).unwrap().holds.remove(&task);
        let nothing = skein_api::node::Exchange { holding: List::EMPTY, ..exchange(node, held, &[]) };
        control.exchange(&nothing).unwrap();
        assert!(control.state().fleet.seats[&node].at_work.is_empty());
    }

    #[test]
    fn an_attempt_at_work_is_seen_as_one_that_is_over_and_its_words_by_who_sees_the_rows() {
        let place = tempfile::tempdir().unwrap();
        let control = open_for(place.path(), &Arc::new(HandClock::default()), false);
        running_for(&control, &["pay", "shop"]);
        let at = at_work(&control, false, 0);
        let attempt = tells(&control, at, &["a row: Ada"]).to_string();
        let viewer = |teams: &[&str]| {
            let right = |team: &&str| Right { team: Some(name("team", team).unwrap()), role: Role::Viewer };
            Principal::with(Actor::new("vic").unwrap(), teams.iter().map(right).collect())
        };
        let all = ListPart::default;
        let of_the_dataset = viewer(&["pay"]);
        let seen = control.desk(&of_the_dataset);
        assert!(seen.attempt(&attempt).unwrap().at_work.is_some());
        assert_eq!(seen.attempt_log(&attempt, &all()).unwrap(), (b"a row: Ada\n".to_vec(), Some(1)));
        assert_eq!(seen.attempt_rejects(&attempt, &all()).unwrap(), (Vec::new(), None));
        assert_eq!(seen.attempt_replay(&attempt).unwrap_err().code, codes::REPLAY_UNFIT);

        // Its own datasets are in the campaign, too.
        let of_another = viewer(&["shop"]);
        let seen = control.desk(&of_another);
        assert!(seen.attempt(&attempt).unwrap().at_work.is_some(), "as it is told that there was one");
        assert_eq!(seen.attempt_log(&attempt, &all()).unwrap_err().code, codes::ROLE_MISSING);

        let stranger = viewer(&["bank"]);
        let (named, seen) = (campaign().to_string(), control.desk(&stranger));
        let refused = [
            seen.attempt(&attempt).map(drop),
            seen.attempt_log(&attempt, &all()).map(drop),
            seen.attempts(&named, &all()).map(drop),
            seen.attempts_at_work(&named, 0, 9).map(drop),
            seen.runs_at_work(&named).map(drop),
        ];
        for refused in refused {
            assert_eq!(refused.unwrap_err().code, codes::NOT_FOUND);
        }
    }

    #[test]
    fn a_third_death_alone_suspends_the_module_and_halts_its_campaigns() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        running(&control);
        let (node, _) = at_work(&control, true, 2);
        control.lose(&mut control.state(), node, 1, Loss::Ended).unwrap();
        assert_eq!(
            (module_of(&control), state_of(&control)),
            (ModuleState::Suspended, CampaignState::Halted)
        );
    }

    #[test]
    fn a_module_that_was_suspended_by_a_process_that_died_over_it_halts_its_campaigns_in_the_next() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        clock.0.store(1, Ordering::SeqCst);
        let control = open(place.path(), &clock);
        running(&control);
        let suspended = ModuleSuspended { module: MODULE, reason: Text::clip("it ended nodes") };
        control.write(control.itself.unit().decide(suspended)).unwrap();
        assert_eq!(state_of(&control), CampaignState::Running);
        drop(control);
        assert_eq!(state_of(&open(place.path(), &clock)), CampaignState::Halted);
    }
}
