//! The protocol over a batch: every run goes through the same phases, all runs share each wait for the disk.
//!
//! Each phase is a type; a run that ends early leaves its answer and drops out of the phases after.

use crate::crash_point;
use crate::dataset::{Dataset, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::{Change, FileStat, changes};
use crate::log::machine::UndoneBy;
use crate::log::record::{Body, Parent};
use crate::log::{self, Sealed, file_name};
use crate::publish::prepare::{BASE_RECORD, INTENT_RECORD, Prepared};
use crate::publish::source::Source;
use crate::publish::swap::{self, Back, Decision, Swap};
use crate::publish::{Conflict, Outcome, Publish, PublishError};
use crate::recover;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::store::barrier::Barrier;
use crate::store::lock::Lock;
use crate::store::{self, Node};

pub(crate) type Answer = Result<Outcome, PublishError>;

/// How a publish ended.
#[derive(Debug)]
pub struct Attempted<'a> {
    /// What became of it.
    pub answer: Answer,
    /// The run, as it was, if nothing but files that others added stood in its way: when they have been caught up it
    /// can be tried again. Dropped, it leaves nothing.
    pub returned: Option<Publish<'a>>,
}

/// An answer before the last phase, and the run if it may be tried again.
pub(crate) type Ended<'a> = Box<Attempted<'a>>;

fn ended<'a>(answer: Answer) -> Ended<'a> {
    Box::new(Attempted { answer, returned: None })
}

/// A run with the lock held and its intent in the log.
struct Announced<'a> {
    prepared: Prepared<'a>,
    lock: Lock,
}

/// A run whose version is live; `done` is written but not created.
struct Decided<'a> {
    prepared: Prepared<'a>,
    done: Sealed,
    lock: Lock,
}

/// Makes staged runs current. The answers come in the order of the runs. One run's trouble is not another's.
///
/// An `Err` means that nothing happened and everything staged is gone. [`Outcome::Unknown`] means that something may
/// have happened; call [`resolve`](crate::resolve).
pub fn publish_many(runs: Vec<Publish<'_>>) -> Vec<Answer> {
    attempt_many(runs).into_iter().map(|attempted| attempted.answer).collect()
}

/// [`publish_many`] for whoever can catch up with what others added.
pub fn attempt_many(runs: Vec<Publish<'_>>) -> Vec<Attempted<'_>> {
    run_all(runs, |run| run.dataset, |run| Prepared::run(run).map_err(refuse))
}

/// The protocol over anything that can be prepared for it, each on another dataset. The answers come in the order given.
pub(crate) fn run_all<'a, T>(
    runs: Vec<T>,
    dataset: impl Fn(&T) -> &'a Dataset,
    prepare: impl FnMut(T) -> Result<Prepared<'a>, Ended<'a>>,
) -> Vec<Attempted<'a>> {
    let mut batch = Batch { answers: runs.iter().map(|_| None).collect() };
    // Every batch takes locks in the same order, so two batches cannot wait for each other.
    let mut numbered: Vec<_> = runs.into_iter().enumerate().collect();
    numbered.sort_by_key(|(_, run)| dataset(run).path());
    let prepared = batch.step(numbered, prepare);
    let prepared = batch.sync(prepared, Prepared::first_barrier, |_, fault| Err(fault.into()));
    let announced = batch.step(prepared, announce);
    let announced = batch.sync(announced, Announced::second_barrier, unknown);
    let decided = batch.step(announced, decide);
    let decided = batch.sync(decided, Decided::third_barrier, unknown);
    let settled = batch.step(decided, settle);
    batch.answers(settled)
}

/// The most that one process has under way at once, with the locks of all of them.
pub(crate) const LOT: usize = 64;

/// Syncs in flight at once. They wait for the disk and not for a CPU, and a journal commits them together.
pub(crate) const SYNCS: usize = 32;

struct Batch<'a> {
    answers: Vec<Option<Attempted<'a>>>,
}

impl<'a> Batch<'a> {
    fn step<A, B>(
        &mut self,
        runs: Vec<(usize, A)>,
        mut step: impl FnMut(A) -> Result<B, Ended<'a>>,
    ) -> Vec<(usize, B)> {
        let mut next = Vec::with_capacity(runs.len());
        for (i, run) in runs {
            match step(run) {
                Ok(run) => next.push((i, run)),
                Err(answer) => self.answers[i] = Some(*answer),
            }
        }
        next
    }

    /// One barrier for all runs; `answer` is for those whose part of it failed.
    fn sync<A>(
        &mut self,
        runs: Vec<(usize, A)>,
        add: impl for<'r> Fn(&'r A, usize, &mut Barrier<'r>) -> Result<(), PublishError>,
        answer: impl Fn(&A, IoFault) -> Answer,
    ) -> Vec<(usize, A)> {
        let mut barrier = Barrier::default();
        let mut failed = Vec::new();
        for (i, run) in &runs {
            match add(run, *i, &mut barrier) {
                Ok(()) => {}
                Err(PublishError::Io(fault)) => failed.push((*i, fault)),
                Err(other) => self.answers[*i] = Some(*ended(Err(other))),
            }
        }
        failed.extend(barrier.wait(SYNCS));
        for (i, fault) in failed {
            if let (None, Some((_, run))) = (&self.answers[i], runs.iter().find(|(at, _)| *at == i)) {
                self.answers[i] = Some(*ended(answer(run, fault)));
            }
        }
        runs.into_iter().filter(|(i, _)| self.answers[*i].is_none()).collect()
    }

    fn answers(mut self, settled: Vec<(usize, Outcome)>) -> Vec<Attempted<'a>> {
        for (i, outcome) in settled {
            self.answers[i] = Some(*ended(Ok(outcome)));
        }
        self.answers.into_iter().map(|answer| answer.expect("every run ended in one of the phases")).collect()
    }
}

fn unknown<A>(_run: &A, fault: IoFault) -> Answer {
    Ok(unknown_because(&fault))
}

pub(crate) fn unknown_because(cause: &dyn std::error::Error) -> Outcome {
    let cause = std::iter::successors(Some(cause), |e| e.source()).map(ToString::to_string);
    Outcome::Unknown { cause: cause.collect::<Vec<_>>().join(": ") }
}

/// What is over before it has begun.
pub(crate) fn done<'a>(outcome: Outcome) -> Ended<'a> {
    ended(Ok(outcome))
}

pub(crate) fn conflict<'a>(reason: Conflict) -> Ended<'a> {
    done(Outcome::Conflict { reason })
}

/// What drift makes of what nothing of has been announced, or whose announcement was taken back.
fn drifted<'a>(source: Source<'a>, changes: Vec<Change>) -> Ended<'a> {
    let added = changes.iter().all(|change| matches!(change, Change::Added(_)));
    let reason = Conflict::Drift { changes };
    let returned = source.give_back().filter(|_| added);
    Box::new(Attempted { answer: Ok(Outcome::Conflict { reason }), returned })
}

/// A source that does not hold still is a lost race and not an error.
pub(crate) fn refuse<'a>(e: PublishError) -> Ended<'a> {
    match e {
        PublishError::Snapshot(SnapshotError::Drift { changes }) => conflict(Conflict::Drift { changes }),
        PublishError::Snapshot(SnapshotError::Changed { path }) => {
            conflict(Conflict::Drift { changes: vec![Change::Modified(path)] })
        }
        PublishError::Staged { .. }
        | PublishError::NameTaken { .. }
        | PublishError::Handed(_)
        | PublishError::Snapshot(_)
        | PublishError::State(_)
        | PublishError::Io(_) => failed(e),
    }
}

pub(crate) fn failed<'a>(e: impl Into<PublishError>) -> Ended<'a> {
    ended(Err(e.into()))
}

/// Whether the dataset is still what the run read; the lock must be held.
pub(crate) fn unchanged<'a>(publish: Publish<'a>) -> Result<Publish<'a>, Ended<'a>> {
    let Snapshot { last, node, .. } = publish.snapshot;
    let read = publish.snapshot.files().iter().map(|file| &file.stat);
    match moved(publish.dataset, (last, node), read).map_err(failed)? {
        None => Ok(publish),
        Some(Conflict::Drift { changes }) => Err(drifted(Source::Run(Box::new(publish)), changes)),
        Some(other) => Err(conflict(other)),
    }
}

/// Whether the log ends otherwise, or another directory or other files are live; the lock must be held.
fn moved<'f>(
    dataset: &Dataset,
    (last, node): (Option<Parent>, Node),
    read: impl Iterator<Item = &'f FileStat>,
) -> Result<Option<Conflict>, PublishError> {
    let state = dataset.state().expect("a lock is taken in the dataset's state");
    // The last record vouches for those before it: nobody waits while a long log is read and folded again.
    if log::last(&state.log).map_err(StateError::from)? != last {
        return Ok(Some(Conflict::HeadMoved));
    }
    let name = &dataset.place.name;
    let changes = match store::node(&dataset.place.parent, name)? {
        None => vec![Change::Removed(name.clone())],
        Some(found) if found != node => vec![Change::Modified(name.clone())],
        Some(_) => {
            let now = dataset.place.list().map_err(StateError::from)?;
            changes(read, &now.files, FileStat::same)
        }
    };
    Ok((!changes.is_empty()).then_some(Conflict::Drift { changes }))
}

fn announce(prepared: Prepared<'_>) -> Result<Announced<'_>, Ended<'_>> {
    let (dataset, state) = (prepared.dataset, prepared.state());
    prepared.source.note_synced();
    crash_point!("publish.after-data-sync").during("publish", &dataset.place.name).map_err(failed)?;
    let lock = dataset.lock_publish(state).map_err(failed)?;
    let read = prepared.base.files.iter().map(|file| &file.stat);
    match moved(dataset, (prepared.last, prepared.intent.old), read).map_err(failed)? {
        None => {}
        Some(Conflict::Drift { changes }) => return Err(drifted(prepared.source, changes)),
        Some(other) => return Err(conflict(other)),
    }
    let waiting = prepared.source.dir();
    if let Some(base) = &prepared.base.record {
        let linked = store::rename_new(waiting, BASE_RECORD, &state.log, &file_name(base.number));
        if !linked.map_err(failed)? {
            return Err(conflict(Conflict::HeadMoved));
        }
        crash_point!("publish.after-adopt").during("publish", &dataset.place.name).map_err(failed)?;
    }
    // Here the window opens: from now on an error does not mean that it did not happen.
    prepared.source.keep();
    match store::rename_new(waiting, INTENT_RECORD, &state.log, &file_name(prepared.announce.number)) {
        Ok(true) => {}
        Ok(false) => {
            drop(lock);
            prepared.source.give_up();
            return Err(conflict(Conflict::HeadMoved));
        }
        Err(fault) => return Err(ended(Ok(unknown_because(&fault)))),
    }
    let after = crash_point!("publish.after-intent").during("publish", &dataset.place.name);
    match after.and_then(|()| prepared.decision.prepare(&state.log)) {
        Ok(()) => Ok(Announced { prepared, lock }),
        Err(fault) => Err(ended(Ok(unknown_because(&fault)))),
    }
}

impl Announced<'_> {
    fn second_barrier<'r>(&'r self, owner: usize, barrier: &mut Barrier<'r>) -> Result<(), PublishError> {
        let state = self.prepared.state();
        barrier.add(owner, &state.log, &self.prepared.decision.temporary())?;
        Ok(barrier.add(owner, &state.log, ".")?)
    }
}

fn decide(announced: Announced<'_>) -> Result<Decided<'_>, Ended<'_>> {
    let Announced { prepared, lock } = announced;
    match try_decide(&prepared) {
        Ok(Ok(done)) => Ok(Decided { prepared, done, lock }),
        // What was set aside is not staged any more.
        Ok(Err(Back { by: UndoneBy::Drift { changes }, set_aside: None })) => {
            drop(lock);
            Err(drifted(prepared.source, changes))
        }
        Ok(Err(back)) => {
            drop(lock);
            prepared.source.give_up();
            Err(ended(Ok(Outcome::undone(back.by))))
        }
        Err(e) => Err(ended(Ok(unknown_because(&e)))),
    }
}

/// The record `done`, ready to be created, or what undid the exchange.
fn try_decide(prepared: &Prepared<'_>) -> Result<Result<Sealed, Back>, StateError> {
    let (dataset, state, intent) = (prepared.dataset, prepared.state(), &prepared.intent);
    let name = &dataset.place.name;
    crash_point!("publish.after-intent-sync").during("publish", name)?;
    let number = prepared.announce.number;
    let swap = Swap { dataset, state, intent, number, base: &prepared.base.files };
    match swap.run()? {
        Decision::Back(back) => {
            let announced = Some(prepared.announce.as_parent);
            recover::append_after(dataset, state, announced, back.record())?;
            Ok(Err(back))
        }
        Decision::Forward => {
            if !prepared.decision.link(&state.log)? {
                return Err(StateError::Exists { name: format!("record {}", prepared.decision.number) });
            }
            crash_point!("swap.after-decision").during("publish", name)?;
            swap::move_quarantine(state, intent)?;
            crash_point!("settle.after-quarantine").during("publish", name)?;
            let body = Body::Done { version: intent.version, ctime_ns: swap::live_ctime(dataset, intent)? };
            let parent = prepared.decision.as_parent;
            let done = recover::seal(dataset, Some(parent), body)?;
            done.prepare(&state.log)?;
            Ok(Ok(done))
        }
    }
}

impl Decided<'_> {
    fn third_barrier<'r>(&'r self, owner: usize, barrier: &mut Barrier<'r>) -> Result<(), PublishError> {
        let (state, dataset) = (self.prepared.state(), self.prepared.dataset);
        barrier.add(owner, &state.log, &self.done.temporary())?;
        for dir in [&state.log, &state.kept, &dataset.place.parent, self.prepared.source.dir()] {
            barrier.add(owner, dir, ".")?;
        }
        if swap::quarantine(&self.prepared.intent).is_some() {
            barrier.add(owner, &state.root, swap::QUARANTINE)?;
        }
        Ok(())
    }
}

fn settle(decided: Decided<'_>) -> Result<Outcome, Ended<'_>> {
    let Decided { prepared, done, lock } = decided;
    let (state, name) = (prepared.state(), &prepared.dataset.place.name);
    let end = || -> Result<(), IoFault> {
        crash_point!("publish.after-last-sync").during("publish", name)?;
        done.link(&state.log)?;
        crash_point!("settle.after-done").during("publish", name)
    };
    match end() {
        Ok(()) => {
            drop(lock);
            prepared.source.clear();
            Ok(Outcome::Committed { version: prepared.intent.version })
        }
        Err(fault) => Err(ended(Ok(unknown_because(&fault)))),
    }
}
