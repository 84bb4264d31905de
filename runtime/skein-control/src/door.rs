//! The publish door: staged runs are announced in the ledger, published in their datasets, and confirmed.
//!
//! ```text
//! intend    up to as many as the wave can still afford, at most 64: run.intended, with what names the staged version
//! publish   the datasets' own protocol, one barrier for all; the lock is not held
//! trip      canary runs go back and forth once (`door/trip.rs`)
//! confirm   run.published or run.failed, the tasks go; what nobody knows yet stays intended
//! ```
//! | crash | a run is | what the next control does |
//! |---|---|---|
//! | before the intent | planned, its task staged | announces it |
//! | after the intent | intended | asks the dataset's log; not there: publishes the same staged version |
//! | after the publish | intended | asks the dataset's log; there: confirms, a canary run after its round trip |
//! | within a round trip | intended | asks the dataset's log how far it is, and goes on there |
//! | after the confirm | published | nothing |
//!
//! From the intent on nothing else than that staged version can be published for the run: it is not run again.

mod trip;

use std::collections::{BTreeMap, BTreeSet};

use skein_api::node::Staged;
use skein_campaign::{Command, RunReport};
use skein_dataset::{
    Conflict, Dataset, Handed, Made, Outcome, PublishError, Remains, made, publish_handed_made, remains,
    resolve_over,
};
use skein_ledger::{
    Entry, Limit, Meters, Name, Phase, PhaseName, Run, RunFailed, RunFilter, RunIntended, RunPublished,
    RunRehearsed, Task, TaskFilter, TaskKind, Text,
};
use skein_types::{
    AttemptId, Blake3, CampaignId, CampaignState, Code, ErrorClass, NodeId, Rows, RunId, RunState, TaskId,
    Timestamp, Token, codes,
};

use crate::audit::provenance::Published;
use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::points::point;
use crate::results::{Finished, fitting, meters_of, run_of};

pub(crate) use trip::Trips;
use trip::{signed, stuck};

/// Most runs that go through together.
pub(crate) const LOT: u64 = 64;
/// How long a descriptor is kept at least; while its run is intended it is kept anyway.
const KEEP: u64 = 24 * 3_600_000;

/// A run at the door.
struct AtDoor {
    run: Run,
    dataset: Dataset,
    attempt: AttemptId,
    digest: Blake3,
    /// The version that it takes the place of.
    base: u64,
    task: Option<(TaskId, Token)>,
    /// Which one worked on it, if that is known still.
    node: Option<NodeId>,
    meters: Meters,
}

/// A run at the door, with what became of it.
struct Ending<'a> {
    run: &'a Run,
    task: Option<(TaskId, Token)>,
    meters: Meters,
    answer: Through,
    work: Option<Work<'a>>,
}

/// What was published, for whoever says so.
struct Work<'a> {
    dataset: &'a Dataset,
    attempt: AttemptId,
    node: Option<NodeId>,
    /// None where it was published by somebody who did not live to tell: the log knows.
    made: Option<Box<Made>>,
}

impl AtDoor {
    fn ending(&self, (answer, made): (Through, Option<Box<Made>>)) -> Ending<'_> {
        let work = Work { dataset: &self.dataset, attempt: self.attempt, node: self.node, made };
        Ending { run: &self.run, task: self.task, meters: self.meters, answer, work: Some(work) }
    }
}

/// An intended run, as far as its dataset can be opened.
enum Announced {
    Here(Box<AtDoor>),
    /// Its dataset is not there any more.
    Gone(Box<Gone>),
    /// Nobody can say just now.
    Waits,
}

/// An intended run without its dataset, and what became of it.
struct Gone {
    run: Run,
    task: Option<(TaskId, Token)>,
    meters: Meters,
    answer: Through,
}

/// What a descriptor's blob says.
#[derive(serde::Serialize, serde::Deserialize)]
struct Descriptor {
    run: RunId,
    attempt: AttemptId,
    /// Of the description beside the staged files.
    prepared: Blake3,
}

/// What became of one.
#[derive(Clone)]
enum Through {
    Published {
        version: u64,
        /// What is told of its way back and forth, if it made one.
        rehearsed: Option<Box<RunRehearsed>>,
    },
    /// It is published and cannot go back, which its round trip has shown.
    Stuck {
        version: u64,
        rehearsed: Box<RunRehearsed>,
        code: Code,
    },
    Failed {
        code: Code,
        message: String,
    },
    Unknown {
        cause: String,
    },
    /// It goes back and forth, which takes a while: another thread says what comes of it.
    UnderWay,
}

impl Through {
    const fn is_known(&self) -> bool {
        match self {
            Self::Published { .. } | Self::Stuck { .. } | Self::Failed { .. } => true,
            Self::Unknown { .. } | Self::UnderWay => false,
        }
    }
}

impl Control {
    /// Takes staged runs of a wave through; true if there were any.
    pub(crate) fn through_the_door(&self, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let places = self.live(&mut self.state(), id)?.machine.places_at_door(wave).min(LOT);
        let ready = self.staged(id, wave, usize::try_from(places).unwrap_or(0))?;
        if !ready.is_empty() {
            // Nothing is published that could not be signed for.
            self.signer()?;
        }
        // Whoever moved one of them meanwhile, or the campaign, is heeded: machine and ledger are asked again.
        let lot = self.intend(&mut self.state(), id, ready)?;
        if lot.is_empty() {
            return Ok(false);
        }
        let _span =
            tracing::info_span!("publish", campaign = %id, wave, runs = lot.len(), trace = self.trace_of(id))
                .entered();
        let answers = self.rehearsed((id, wave), &lot, published(&lot))?;
        self.confirm(id, endings(&lot, answers))?;
        Ok(true)
    }

    /// Staged runs of a wave whose datasets can be opened. Nobody else waits while they are.
    fn staged(&self, id: CampaignId, wave: u32, most: usize) -> Result<Vec<AtDoor>, ServiceError> {
        let filter =
            TaskFilter { campaign: Some(id), phase: Some(PhaseName::Staged), ..TaskFilter::default() };
        let closed = self.closed_slices(id)?;
        let (mut ready, mut after) = (Vec::new(), 0);
        while ready.len() < most {
            let page = self.ledger.tasks(filter, after, Limit::new(256))?;
            for task in &self.of_wave(page.items, id, wave)? {
                if ready.len() == most {
                    break;
                }
                match self.at_door((id, &closed), task) {
                    Ok(one) => ready.extend(one),
                    // It waits where it is, and keeps no other back.
                    Err(error) if error.code.class == ErrorClass::Transient => {
                        tracing::warn!(campaign = %id, seq = task.seq, %error, "a staged run waits for its dataset");
                    }
                    Err(error) => self.give_up_task(&mut self.state(), task, &error)?,
                }
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(ready)
    }

    fn of_wave(&self, mut tasks: Vec<Task>, id: CampaignId, wave: u32) -> Result<Vec<Task>, ServiceError> {
        let mut state = self.state();
        let live = self.live(&mut state, id)?;
        tasks.retain(|task| task.seq.is_some_and(|seq| live.tasks.get(&seq) == Some(&wave)));
        Ok(tasks)
    }

    fn at_door(
        &self,
        (id, closed): (CampaignId, &BTreeSet<Name>),
        task: &Task,
    ) -> Result<Option<AtDoor>, ServiceError> {
        // A part of a run is not at the door.
        let Some(seq) = task.seq.filter(|_| task.kind != TaskKind::Split) else { return Ok(None) };
        let Some(run) = self.ledger.run(id, seq)? else { return Ok(None) };
        if run.team.as_ref().is_some_and(|team| closed.contains(team)) {
            return Ok(None);
        }
        let Finished { attempt, staged } = finished(task)?;
        let dataset = self.open_dataset(run.dataset)?;
        let meters = metered(&staged);
        let node = task.phase.holder().map(|holder| holder.node);
        let task = Some((task.id, task.token));
        let (digest, base) = (staged.descriptor, staged.base);
        Ok(Some(AtDoor { run, dataset, attempt, digest, base, task, node, meters }))
    }

    /// Announces them; answers those that were.
    fn intend(
        &self,
        state: &mut State,
        id: CampaignId,
        mut ready: Vec<AtDoor>,
    ) -> Result<Vec<AtDoor>, ServiceError> {
        let is_staged = |one: &AtDoor| -> Result<bool, ServiceError> {
            let Some((task, token)) = one.task else { return Ok(false) };
            let there = self.ledger.task(task)?;
            Ok(there.is_some_and(|there| there.token == token && there.phase.name() == PhaseName::Staged))
        };
        let still = ready.iter().map(is_staged).collect::<Result<Vec<_>, _>>()?;
        let mut still = still.into_iter();
        ready.retain(|_| still.next().unwrap_or(false));
        // Whoever put them off meanwhile is heeded.
        let (now, live) = (self.clock.now(), self.live(state, id)?);
        ready.retain(|one| live.gate_open(&one.run, now));
        let (mut told, mut blobs) = (Vec::new(), Vec::new());
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        for one in &ready {
            let descriptor = Descriptor { run: one.run.id, attempt: one.attempt, prepared: one.digest };
            let bytes =
                serde_json::to_vec(&descriptor).map_err(|error| ServiceError::bug(error.to_string()))?;
            let intended = RunIntended {
                campaign: id,
                seq: one.run.seq,
                publish: Name::new(one.run.id.to_string())
                    .map_err(|error| ServiceError::bug(error.to_string()))?,
                descriptor: Blake3::of(&bytes),
                base: one.base,
                attempt: one.attempt,
            };
            told.push(Told::run(RunReport::of(run_of(&one.run), RunState::Intended), intended));
            blobs.push(Entry::PutBlob { bytes, keep_until });
        }
        if told.is_empty() {
            return Ok(Vec::new());
        }
        point!("door.before-intend")?;
        let refused = self.tell(state, id, told, (&self.itself, "", blobs))?;
        point!("door.after-intend")?;
        let refused: Vec<usize> = refused.into_iter().map(|(index, _)| index).collect();
        let announced = ready.into_iter().enumerate().filter(|(index, _)| !refused.contains(index));
        Ok(announced
            .map(|(_, mut one)| {
                // As it is in the ledger now.
                one.run.state = RunState::Intended;
                one.run.epoch += 1;
                one
            })
            .collect())
    }

    /// Writes what became of each.
    fn confirm(&self, id: CampaignId, lot: Vec<Ending<'_>>) -> Result<(), ServiceError> {
        let (mut told, mut more, mut through) = (Vec::new(), Vec::new(), Vec::new());
        let mut pauses = false;
        let known = lot.iter().filter(|ending| ending.answer.is_known()).count() as u64;
        let published =
            |ending: &&Ending<'_>| matches!(ending.answer, Through::Published { .. } | Through::Stuck { .. });
        let published = lot.iter().filter(published).count() as u64;
        point!("door.after-publish")?;
        let mut statements = self.stated(id, &lot)?;
        let mut state = self.state();
        for Ending { run, task, meters, answer, .. } in lot {
            let seq = run.seq;
            match answer {
                Through::Published { version, rehearsed } => {
                    more.extend(rehearsed.map(|rehearsed| Entry::Decide((*rehearsed).into())));
                    let statement = signed(&mut statements, seq, &mut more);
                    let published = RunPublished { campaign: id, seq, version, meters, statement };
                    told.push(Told::run(RunReport::of(run_of(run), RunState::Published), published));
                }
                Through::Stuck { version, rehearsed, code } => {
                    let statement = signed(&mut statements, seq, &mut more);
                    told.extend(stuck(run, (version, meters, statement), (&rehearsed, code))?);
                    // That is what the canary was to show: nothing more begins until somebody has looked.
                    pauses = true;
                    more.push(Entry::Decide((*rehearsed).into()));
                }
                Through::Failed { code, message } => {
                    let failed = RunFailed {
                        campaign: id,
                        seq,
                        from: RunState::Intended,
                        class: code.class,
                        code: Name::new(code.id).map_err(|error| ServiceError::bug(error.to_string()))?,
                        message: Text::clip(&message),
                        meters,
                    };
                    told.push(Told::run(RunReport::of(run_of(run), RunState::Failed), failed));
                }
                Through::Unknown { cause } => {
                    tracing::warn!(campaign = %id, seq, %cause, "outcome of a publish not known yet");
                    continue;
                }
                Through::UnderWay => continue,
            }
            more.extend(task.map(|(task, token)| Entry::Remove { task, token }));
            self.live(&mut state, id)?.forget(seq);
            through.push(seq);
            state.to_sweep.insert(run.dataset);
        }
        let mut why = "";
        if pauses && self.live(&mut state, id)?.machine.state() == CampaignState::Running {
            told.push(Told::of(Command::Pause));
            why = "a canary run found no way back";
        }
        let refused = self.tell(&mut state, id, told, (&self.itself, why, more))?;
        let now = self.clock.now();
        // Whoever failed is found to be no published run when its time comes.
        through.into_iter().for_each(|seq| Self::will_look(&mut state, id, seq, now));
        state.counters.through_the_door(known, published);
        drop(state);
        if let Some((_, why)) = refused.first() {
            return Err(ServiceError::bug(format!("what happened at the door is refused: {why}")));
        }
        point!("door.after-confirm")
    }

    /// Signed statements of those that were published, by number. Of one whose dataset's log cannot be read any more there is none: what
    /// happened is recorded all the same.
    fn stated(
        &self,
        id: CampaignId,
        lot: &[Ending<'_>],
    ) -> Result<BTreeMap<u64, (Entry, Blake3)>, ServiceError> {
        let published =
            |ending: &&Ending<'_>| matches!(ending.answer, Through::Published { .. } | Through::Stuck { .. });
        let mut statements = BTreeMap::new();
        if !lot.iter().any(|ending| published(&ending)) {
            return Ok(statements);
        }
        let saying = match self.saying(id) {
            // What happened is recorded all the same. The door lets nobody in before there is a key again.
            Err(error) if error.code == codes::SIGNING_KEY => {
                tracing::error!(campaign = %id, %error, "what was published cannot be signed for");
                return Ok(statements);
            }
            other => other?,
        };
        for Ending { run, work, .. } in lot.iter().filter(published) {
            let Some(Work { dataset, attempt, node, made: known }) = work else { continue };
            let logged = match known {
                Some(_) => None,
                None => made(dataset, run.id).unwrap_or_else(|error| {
                    tracing::error!(campaign = %id, seq = run.seq, %error, "no statement can be made of what was published");
                    None
                }),
            };
            let Some(made) = known.as_deref().or(logged.as_ref()) else { continue };
            let published = Published { run, attempt: *attempt, node: *node, made };
            statements.insert(run.seq, self.statement(&saying, &published)?);
        }
        Ok(statements)
    }

    /// Intended runs of which nobody knows what became: left by a control that died, or by an error. True if something was
    /// found out.
    pub(crate) fn find_out(&self, id: CampaignId, wave: u32) -> Result<bool, ServiceError> {
        let filter = RunFilter { state: Some(RunState::Intended), wave: Some(wave) };
        let (mut known, mut after) = (false, None);
        loop {
            let page = self.ledger.runs(id, filter, after, Limit::new(usize::try_from(LOT).unwrap_or(1)))?;
            known |= self.find_out_some((id, wave), page.items)?;
            // Those that wait for their datasets keep no others from being found out.
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(known),
            }
        }
    }

    /// [`Control::find_out`] of one that another thread has left to this one.
    fn find_out_apart(&self, run: Run) -> Result<(), ServiceError> {
        if run.state != RunState::Intended {
            return Ok(());
        }
        self.find_out_these((run.campaign, run.wave.unwrap_or(0)), vec![run]).map(|_| ())
    }

    fn find_out_some(&self, (id, wave): (CampaignId, u32), mut runs: Vec<Run>) -> Result<bool, ServiceError> {
        self.trips.leave_out(id, &mut runs);
        self.find_out_these((id, wave), runs)
    }

    fn find_out_these(&self, (id, wave): (CampaignId, u32), runs: Vec<Run>) -> Result<bool, ServiceError> {
        let (mut logged, mut answers, mut again, mut gone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for run in runs {
            match self.announced(id, run)? {
                Announced::Here(one) => match asked(&one) {
                    Some(answer) => {
                        answers.push((answer, None));
                        logged.push(*one);
                    }
                    None => again.push(*one),
                },
                Announced::Gone(one) => gone.push(*one),
                Announced::Waits => {}
            }
        }
        let answers = self.rehearsed((id, wave), &logged, answers)?;
        let more = self.rehearsed((id, wave), &again, published(&again))?;
        let mut all = endings(&logged, answers);
        all.extend(endings(&again, more));
        all.extend(gone.iter().map(|one| Ending {
            run: &one.run,
            task: one.task,
            meters: one.meters,
            answer: one.answer.clone(),
            work: None,
        }));
        let known = all.iter().any(|ending| ending.answer.is_known());
        if !all.is_empty() {
            self.confirm(id, all)?;
        }
        Ok(known)
    }

    /// An intended run with what was announced for it.
    fn announced(&self, id: CampaignId, run: Run) -> Result<Announced, ServiceError> {
        let gone = || ServiceError::bug(format!("what was announced for run {} of {id} is gone", run.seq));
        let door = run.door.as_ref().ok_or_else(gone)?;
        let bytes = self.ledger.blob(door.descriptor)?.ok_or_else(gone)?;
        let descriptor: Descriptor = serde_json::from_slice(&bytes).map_err(|_| gone())?;
        let tasks = self.ledger.tasks_of_run(id, run.seq, 0, Limit::new(1))?;
        let task = tasks.items.first();
        let meters =
            task.and_then(|task| finished(task).ok()).map(|done| metered(&done.staged)).unwrap_or_default();
        let node = task.and_then(|task| task.phase.holder()).map(|holder| holder.node);
        let task = task.map(|task| (task.id, task.token));
        let dataset = match self.open_dataset(run.dataset) {
            Ok(dataset) => dataset,
            Err(error) => {
                return Ok(match self.gone(&run, &error)? {
                    Some(answer) => Announced::Gone(Box::new(Gone { run, task, meters, answer })),
                    None => {
                        tracing::warn!(campaign = %id, seq = run.seq, %error, "a run at the door waits for its dataset");
                        Announced::Waits
                    }
                });
            }
        };
        let base = door.base;
        let Descriptor { attempt, prepared: digest, .. } = descriptor;
        Ok(Announced::Here(Box::new(AtDoor { run, dataset, attempt, digest, base, task, node, meters })))
    }

    /// What became of an announced run whose dataset cannot be opened, if that is certain: it stays where nobody knows whether
    /// the dataset comes back.
    fn gone(&self, run: &Run, error: &ServiceError) -> Result<Option<Through>, ServiceError> {
        let failed = |message: String| Through::Failed { code: codes::DATASET_NOT_FOUND, message };
        let Some(row) = self.ledger.dataset(run.dataset)? else {
            return Ok(Some(failed(format!("{} was removed from this server", run.dataset))));
        };
        if error.code != codes::DATASET_NOT_FOUND {
            return Ok(None);
        }
        Ok(match remains(std::path::Path::new(row.location.as_str()), run.id) {
            Remains::Unclear => None,
            Remains::Published { version } => Some(Through::Published { version, rehearsed: None }),
            Remains::Nothing => Some(failed(error.message.clone())),
        })
    }
}

/// Each with its answer.
fn endings(lot: &[AtDoor], answers: Vec<(Through, Option<Box<Made>>)>) -> Vec<Ending<'_>> {
    lot.iter().zip(answers).map(|(one, answer)| one.ending(answer)).collect()
}

/// What a staged task's row says.
fn finished(task: &Task) -> Result<Finished, ServiceError> {
    let Phase::Staged { result, .. } = &task.phase else {
        return Err(ServiceError::bug("a task that is not staged"));
    };
    serde_json::from_str(result).map_err(|error| ServiceError::bug(format!("a staged task's row: {error}")))
}

fn metered(staged: &Staged) -> Meters {
    let mut meters = meters_of(&staged.meters);
    (meters.rows_in, meters.rows_out, meters.rejects) =
        [staged.rows.read, staged.rows.written, staged.rows.rejected]
            .map(|rows| Rows(fitting(rows.0)))
            .into();
    meters
}

/// What the dataset's log says of it, if it says anything.
fn asked(one: &AtDoor) -> Option<Through> {
    match resolve_over(&one.dataset, one.run.id, one.base) {
        Ok(Outcome::Conflict { reason: Conflict::NotPublished }) => None,
        Ok(outcome) => Some(became(outcome)),
        Err(error) => Some(Through::Unknown { cause: error.to_string() }),
    }
}

fn published(lot: &[AtDoor]) -> Vec<(Through, Option<Box<Made>>)> {
    let handed: Vec<Handed<'_>> = lot
        .iter()
        .map(|one| Handed {
            dataset: &one.dataset,
            run: one.run.id,
            attempt: one.attempt,
            digest: one.digest,
        })
        .collect();
    publish_handed_made(&handed)
        .into_iter()
        .map(|(answer, made)| (answer.map_or_else(|error| not_published(&error), became), made))
        .collect()
}

fn became(outcome: Outcome) -> Through {
    match outcome {
        Outcome::Committed { version } => Through::Published { version, rehearsed: None },
        Outcome::Held { .. } => {
            Through::Failed { code: codes::BUG, message: "it is held, and nobody asked".to_owned() }
        }
        Outcome::Conflict { reason } => {
            Through::Failed { code: codes::DATASET_DRIFT, message: conflict(&reason) }
        }
        Outcome::Refused { refusal } => {
            Through::Failed { code: refusal.code(), message: refusal.to_string() }
        }
        Outcome::Unknown { cause } => Through::Unknown { cause },
    }
}

fn conflict(reason: &Conflict) -> String {
    match reason {
        Conflict::HeadMoved => "another version was published meanwhile".to_owned(),
        Conflict::NotPublished => "the dataset's log does not know the run".to_owned(),
        Conflict::Drift { changes } => {
            let first: Vec<String> = changes.iter().take(3).map(ToString::to_string).collect();
            format!("others changed {} files: {}", changes.len(), first.join(", "))
        }
    }
}

/// Before anything became visible; what passes is tried again from the intent.
fn not_published(error: &PublishError) -> Through {
    match error.class() {
        ErrorClass::Transient => Through::Unknown { cause: error.to_string() },
        ErrorClass::Fault
        | ErrorClass::Denied
        | ErrorClass::BadInput
        | ErrorClass::Conflict
        | ErrorClass::Bug => Through::Failed { code: error.code(), message: error.to_string() },
    }
}
