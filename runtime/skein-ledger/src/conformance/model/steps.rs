//! What a case may do next.

use proptest::prelude::*;
use skein_types::{CampaignState, NodeMark, RunState, Timestamp, Token, Verdict, WaveState};

use super::reference::Reference;
use super::{CAMPAIGNS, NODES, RUNS, TASKS};
use crate::conformance::scene::{
    self, attempt, by, campaign, cause, content, dataset, name, node, task, text,
};
use crate::entry::{Claim, Enqueue, Entry, Release, Renew, Stage};
use crate::event::Event;
use crate::event::campaign::{CampaignMoved, CampaignPlanned, CampaignUnplanned, WaveMoved, WavePlanned};
use crate::event::node::{NodeJoined, NodeLeft, NodeLost, NodeMarked};
use crate::event::run::*;
use crate::guard::Guard;
use crate::task::{Checkpoint, PhaseName};
use crate::unit::Unit;

/// One call of `commit`, and what comes around it.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) units: Vec<Plan>,
    /// Milliseconds from the start; may be less than before.
    pub(super) later: u64,
    pub(super) reopen: bool,
}

/// A unit, not yet concrete.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    cause: Option<u64>,
    guards: Vec<(u8, Pick)>,
    entries: Vec<(u8, Pick)>,
}

/// Which thing an entry is about, and whether it tries to fit.
#[derive(Clone, Copy, Debug)]
struct Pick {
    campaign: u64,
    run: u64,
    node: u64,
    task: u64,
    wave: u32,
    /// A number to take where nothing is to fit.
    wild: u64,
    fits: bool,
}

pub(super) fn moves() -> impl Strategy<Value = Move> {
    let units = prop::collection::vec(plan(), 1..4);
    let reopen = prop::bool::weighted(0.05);
    (units, 0..100_u64, reopen).prop_map(|(units, later, reopen)| Move { units, later, reopen })
}

fn plan() -> impl Strategy<Value = Plan> {
    // Few causes, so that some come again.
    let cause = prop::option::weighted(0.3, 0..20_u64);
    let guards = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec((0..8_u8, pick()), 1..3)];
    let entries = prop::collection::vec((0..ENTRIES, pick()), 1..3);
    (cause, guards, entries).prop_map(|(cause, guards, entries)| Plan { cause, guards, entries })
}

fn pick() -> impl Strategy<Value = Pick> {
    let things = (1..=CAMPAIGNS, 0..RUNS, 1..=NODES, 1..=TASKS);
    (things, 0..2_u32, 0..12_u64, prop::bool::weighted(0.9)).prop_map(
        |((campaign, run, node, task), wave, wild, fits)| Pick {
            campaign,
            run,
            node,
            task,
            wave,
            wild,
            fits,
        },
    )
}

impl Plan {
    pub(super) fn concrete(&self, model: &Reference) -> Unit {
        let mut unit = by();
        unit.cause = self.cause.map(cause);
        unit.guards = self.guards.iter().map(|(which, pick)| guard(*which, *pick, model)).collect();
        let entries =
            self.entries.iter().map(|(which, pick)| entry(*which, pick.fitting(*which, model), model));
        unit.entries = entries.collect();
        unit
    }
}

fn guard(which: u8, p: Pick, model: &Reference) -> Guard {
    let (campaign, seq, task) = (campaign(p.campaign), p.run, task(p.task));
    match which {
        0 => Guard::CampaignIs { campaign, state: p.campaign_state(model) },
        1 => Guard::WaveIs { campaign, wave: p.wave, state: p.wave_state(model) },
        2 => Guard::DoorOpen { campaign, wave: p.wave, at_most: if p.fits { RUNS } else { 1 } },
        3 => Guard::RunIs { campaign, seq, state: p.run_state(model) },
        4 => Guard::RunAt { campaign, seq, epoch: model.run(campaign, seq).map_or(p.wild, |run| run.epoch) },
        5 => {
            let phase = model.tasks.get(&task).map_or(PhaseName::Ready, |task| task.phase.name());
            Guard::TaskIs { task, token: p.token(model), phase }
        }
        6 => Guard::NodeIs { node: node(p.node), incarnation: p.incarnation(model) },
        _ => Guard::BlobIs { digest: content() },
    }
}

const ENTRIES: u8 = 33;

fn entry(which: u8, p: Pick, model: &Reference) -> Entry {
    let (task, token, node, incarnation) = (task(p.task), p.token(model), node(p.node), p.incarnation(model));
    match which {
        0..=1 => Entry::Enqueue(Enqueue {
            seq: Some(p.run),
            not_before: Timestamp(p.wild),
            ..scene::enqueue(p.task)
        }),
        2..=3 => Entry::Claim(Claim { task, token, node, incarnation, attempt: attempt(p.wild) }),
        4 => {
            let last = model.tasks.get(&task).and_then(|task| task.checkpoint).map_or(0, |at| at.number);
            let number = if p.fits { last + 1 } else { p.wild };
            let (node, incarnation) = p.holder(model);
            let checkpoint = Checkpoint { number, blob: content() };
            Entry::Checkpoint { task, token, node: (node, incarnation), checkpoint }
        }
        5 => {
            let (node, incarnation) = p.holder(model);
            Entry::Stage(Stage { task, token, node, incarnation, result: "{}".to_owned(), blob: None })
        }
        6 => Entry::Release(Release {
            task,
            token,
            not_before: Timestamp(p.wild),
            deaths: p.wave,
            alone: p.wild > 6,
            from_start: p.wild > 9,
        }),
        7 => Entry::Remove { task, token },
        8 => Entry::Renew(Renew { node, incarnation, until: Timestamp(p.wild), usage: "{}".to_owned() }),
        _ => Entry::Decide(event(which, p, model)),
    }
}

fn event(which: u8, p: Pick, model: &Reference) -> Event {
    let (id, seq, reason) = (campaign(p.campaign), p.run, text("because"));
    let (node, incarnation) = (node(p.node), p.incarnation(model));
    let from = p.run_state(model);
    match which {
        9 => NodeJoined { node, name: name("node"), incarnation: incarnation + u64::from(p.fits) }.into(),
        10 => NodeLost { node, incarnation, reason }.into(),
        11 => NodeLeft { node, incarnation }.into(),
        12 => scene::created(id).into(),
        13..=14 => {
            let states = CampaignState::ALL;
            let to =
                if p.wild < 9 { CampaignState::Planning } else { states[p.wild as usize % states.len()] };
            CampaignMoved { campaign: id, from: p.campaign_state(model), to, reason }.into()
        }
        15 => {
            let runs = if p.fits { model.runs(id).len() as u64 } else { p.wild };
            let (bytes, rows) = (skein_types::Bytes(p.wild), skein_types::Rows(p.wild));
            CampaignPlanned { campaign: id, plan: content(), report: content(), runs, bytes, rows }.into()
        }
        16 => CampaignUnplanned { campaign: id }.into(),
        17 => WavePlanned { campaign: id, wave: p.wave, budget: p.wild }.into(),
        18 => {
            let to = WaveState::ALL[p.wild as usize % WaveState::ALL.len()];
            WaveMoved { campaign: id, wave: p.wave, from: p.wave_state(model), to, reason, budget: p.wild }
                .into()
        }
        19..=20 => {
            let verdict = if p.wild < 10 { Verdict::Eligible } else { Verdict::Refused };
            let run = scene::run_id(if p.fits { p.campaign } else { 1 }, seq);
            let dataset = dataset(p.wild);
            RunPlanned { campaign: id, run, dataset, verdict, ..scene::planned(seq, p.wave) }.into()
        }
        21..=22 => RunIntended { campaign: id, ..scene::intended(seq) }.into(),
        23 => RunPublished { campaign: id, version: p.wild, ..scene::published(seq) }.into(),
        24 => RunFailed { campaign: id, ..scene::failed(seq, from) }.into(),
        25 => RunSkipped { campaign: id, seq, from, reason }.into(),
        26 => RunRetried { campaign: id, seq, from, reason }.into(),
        27 => RunReverting { campaign: id, seq, from, reason }.into(),
        28 if p.wild < 8 => RunReverted { campaign: id, seq, version: p.wild }.into(),
        28 => {
            let (class, code) = (skein_types::ErrorClass::Conflict, name("SK0521"));
            RunRevertFailed { campaign: id, seq, class, code, message: reason }.into()
        }
        30 => NodeMarked { node, mark: NodeMark::ALL[p.wild as usize % 3], reason }.into(),
        31 => {
            let told = HeldFor { team: name("bi"), reason: reason.clone() };
            let (attempt, consumers) = (attempt(p.wild), vec![told]);
            RunHeld { campaign: id, seq, attempt, reason, consumers }.into()
        }
        32 => RunReleased { campaign: id, seq, reason }.into(),
        _ if p.wild < 4 => {
            RunFinalized { campaign: id, seq, versions: Vec::new(), files: 0, bytes: skein_types::Bytes(0) }
                .into()
        }
        _ if p.wild < 8 => RunCancelled { campaign: id, seq, from, reason }.into(),
        _ => RunStale { campaign: id, seq, from, reason }.into(),
    }
}

/// What every case begins with, so that its first steps find something.
pub(super) fn prelude() -> Vec<Unit> {
    let mut units = vec![by().decide(scene::joined(1, 1)).decide(scene::joined(2, 1))];
    for number in 1..=CAMPAIGNS {
        let id = campaign(number);
        let (from, to, reason) = (CampaignState::Draft, CampaignState::Planning, text(""));
        let mut unit =
            by().decide(scene::created(id)).decide(CampaignMoved { campaign: id, from, to, reason });
        for wave in 0..2 {
            unit = unit.decide(WavePlanned { campaign: id, wave, budget: 1 });
        }
        for seq in 0..RUNS - 1 {
            let (run, wave) = (scene::run_id(number, seq), Some((seq % 2) as u32));
            unit = unit.decide(RunPlanned { campaign: id, run, wave, ..scene::planned(seq, 0) });
        }
        units.push(unit);
    }
    let tasks = (1..TASKS).map(|number| Entry::Enqueue(scene::enqueue(number)));
    units.push(tasks.fold(by(), Unit::then));
    units
}

impl Pick {
    /// The first thing that the entry could be about, counted from the one that was picked.
    fn fitting(self, which: u8, model: &Reference) -> Self {
        if !self.fits {
            return self;
        }
        let task_that = |fits: fn(Option<PhaseName>) -> bool| {
            let tasks = (0..TASKS).map(|more| (self.task + more - 1) % TASKS + 1);
            let phase = |number: &u64| model.tasks.get(&task(*number)).map(|task| task.phase.name());
            let found = tasks.into_iter().find(|number| fits(phase(number)));
            Self { task: found.unwrap_or(self.task), ..self }
        };
        let run = |state: RunState| {
            let all = (0..CAMPAIGNS * RUNS).map(|more| (self.campaign - 1) * RUNS + self.run + more);
            let mut all = all.map(|at| (at / RUNS % CAMPAIGNS + 1, at % RUNS));
            let is =
                |key: &(u64, u64)| model.run(campaign(key.0), key.1).is_some_and(|run| run.state == state);
            let (campaign, run) = all.find(is).unwrap_or((self.campaign, self.run));
            Self { campaign, run, ..self }
        };
        match which {
            0..=1 => task_that(|phase| phase.is_none()),
            2..=3 => task_that(|phase| phase == Some(PhaseName::Ready)),
            4..=5 => task_that(|phase| phase == Some(PhaseName::Claimed)),
            6 => task_that(|phase| phase.is_some_and(|phase| phase != PhaseName::Ready)),
            21..=22 => run(RunState::Planned),
            23 => run(RunState::Intended),
            24..=25 if self.wild < 6 => run(RunState::Planned),
            26 => run(RunState::Failed),
            27 => run(RunState::Published),
            28 => run(RunState::Reverting),
            29 if self.wild < 4 => run(RunState::Published),
            31 => run(RunState::Planned),
            32 => run(RunState::Held),
            _ => self,
        }
    }

    fn campaign_state(self, model: &Reference) -> CampaignState {
        let there = model.campaigns.get(&campaign(self.campaign)).filter(|_| self.fits);
        there.map_or(CampaignState::Draft, |campaign| campaign.state)
    }

    fn wave_state(self, model: &Reference) -> WaveState {
        let there = model.waves.get(&(campaign(self.campaign), self.wave)).filter(|_| self.fits);
        there.map_or(WaveState::Held, |wave| wave.state)
    }

    fn run_state(self, model: &Reference) -> RunState {
        let there = model.run(campaign(self.campaign), self.run).filter(|_| self.fits);
        there.map_or(RunState::Stale, |run| run.state)
    }

    fn token(self, model: &Reference) -> Token {
        let there = model.tasks.get(&task(self.task)).filter(|_| self.fits);
        there.map_or(Token { generation: 1, epoch: self.wild }, |task| task.token)
    }

    fn incarnation(self, model: &Reference) -> u64 {
        model.nodes.get(&node(self.node)).filter(|_| self.fits).map_or(0, |node| node.incarnation)
    }

    fn holder(self, model: &Reference) -> (skein_types::NodeId, u64) {
        let there = model.tasks.get(&task(self.task)).filter(|_| self.fits);
        let holder = there.and_then(|task| task.phase.holder());
        holder.map_or((node(self.node), self.wild), |holder| (holder.node, holder.incarnation))
    }
}
