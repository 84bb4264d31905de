//! The round trip of a canary run: published, gone back from, every byte compared, gone forward to what is kept.
//!
//! The run stays intended until it is forward again; how far it is stands in the dataset's log (`skein_dataset::rehearse`), so
//! whoever finds it intended goes on there. Control reads the bytes itself: it hashes them and parses nothing, and the old
//! version is current for no longer than that takes. What is large is for a thread of its own, because others wait at the door.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use skein_campaign::RunReport;
use skein_dataset::{
    ExchangeError, IoFault, Leg, Made, Rehearsal, RehearseError, Rehearsed, RollbackError, left_new, rehearse,
};
use skein_ledger::{Entry, Meters, Name, Run, RunPublished, RunRehearsed, RunRevertFailed, Text};
use skein_types::{Blake3, Bytes, CampaignId, Code, ErrorClass, RunId, RunState};

use super::{AtDoor, Through};
use crate::control::Control;
use crate::decide::Told;
use crate::error::ServiceError;
use crate::points::CRASH_POINTS;
use crate::results::run_of;
use crate::undo::reverting;

/// What takes longer than others should wait.
const APART: Bytes = Bytes::mib(64);
/// Times that an error of the system is waited out, a look apart, before it counts as final.
const TRIES: u32 = 20;
/// Longest time between two looks of the thread.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What became of a run, and what there is to sign of it.
type Known = (Through, Option<Box<Made>>);

/// Round trips that take a while.
#[derive(Debug, Default)]
pub(crate) struct Trips {
    queue: Mutex<Queue>,
    rung: Condvar,
    stop: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whether there is a thread for them.
    attended: bool,
    waiting: VecDeque<(CampaignId, u64)>,
    /// Waiting or under way.
    all: BTreeSet<(CampaignId, u64)>,
    /// Errors of the system, by run.
    tries: BTreeMap<RunId, u32>,
}

impl Trips {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves out what the thread has.
    pub(super) fn leave_out(&self, id: CampaignId, runs: &mut Vec<Run>) {
        let queue = self.queue();
        runs.retain(|run| !queue.all.contains(&(id, run.seq)));
    }

    /// Ends the thread, and what it reads.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.rung.notify_all();
    }

    /// Whether an error of the system may still pass.
    fn may_pass(&self, run: RunId) -> bool {
        let mut queue = self.queue();
        let tries = queue.tries.entry(run).or_default();
        *tries += 1;
        *tries <= TRIES
    }
}

impl Control {
    /// What becomes of runs that are published, after their round trips if they are to make them.
    pub(super) fn rehearsed(
        &self,
        (id, wave): (CampaignId, u32),
        lot: &[AtDoor],
        answers: Vec<Known>,
    ) -> Result<Vec<Known>, ServiceError> {
        if lot.is_empty() || !self.live(&mut self.state(), id)?.machine.rehearses(wave) {
            return Ok(answers);
        }
        let one = |(one, answer): (&AtDoor, Through)| {
            if !matches!(answer, Through::Published { rehearsed: None, .. }) {
                return answer;
            }
            if self.put_apart(one) { Through::UnderWay } else { self.trip(one) }
        };
        let each = |(door, (answer, made)): (&AtDoor, Known)| (one((door, answer)), made);
        Ok(lot.iter().zip(answers).map(each).collect())
    }

    /// Hands a large one over to the thread, if there is one and it is not the one that asks.
    fn put_apart(&self, one: &AtDoor) -> bool {
        let mut queue = self.trips.queue();
        let key = (one.run.campaign, one.run.seq);
        let apart = queue.attended && one.run.bytes > APART && !on_the_thread();
        if apart && queue.all.insert(key) {
            queue.waiting.push_back(key);
            self.trips.rung.notify_all();
        }
        apart
    }

    fn trip(&self, one: &AtDoor) -> Through {
        let dataset = match self.open_dataset(one.run.dataset) {
            Ok(dataset) => dataset.stopped_by(Arc::clone(&self.trips.stop)),
            Err(error) => return Through::Unknown { cause: error.to_string() },
        };
        let run = one.run.id;
        let _span =
            tracing::info_span!("round_trip", campaign = %one.run.campaign, seq = one.run.seq).entered();
        match rehearse(&dataset, (run, one.base), passed) {
            Ok(Rehearsal::Passed(Rehearsed {
                base,
                published,
                back,
                forward,
                files,
                bytes,
                before,
                after,
            })) => {
                let (back, before, after) = (Some(back), Some(before), Some(after));
                let told = RunRehearsed {
                    published,
                    back,
                    forward: Some(forward),
                    files,
                    bytes,
                    before,
                    after,
                    ..told(&one.run, base, None)
                };
                Through::Published { version: forward, rehearsed: Some(Box::new(told)) }
            }
            Ok(Rehearsal::Overtaken { version, by }) => {
                let told = told(&one.run, one.base, Some(by));
                Through::Published { version, rehearsed: Some(Box::new(told)) }
            }
            Err(error) if passes(&error) && self.trips.may_pass(run) => {
                Through::Unknown { cause: skein_types::chain(&error) }
            }
            Err(error) => match left_new(&dataset, run, &error) {
                Ok(true) => Through::Stuck {
                    version: one.base + 1,
                    code: error.code(),
                    rehearsed: Box::new(told(&one.run, one.base, Some(error.to_string()))),
                },
                Ok(false) => Through::Failed { code: error.code(), message: error.to_string() },
                Err(error) => Through::Unknown { cause: error.to_string() },
            },
        }
    }

    /// The thread's work: one round trip after the other, until it is stopped.
    pub(crate) fn make_trips(&self) {
        ON_THE_THREAD.set(true);
        self.trips.queue().attended = true;
        while let Some((id, seq)) = self.next_trip() {
            let found = self.ledger.run(id, seq).map_err(ServiceError::from);
            let done = found.and_then(|run| match run {
                Some(run) => self.find_out_apart(run),
                None => Ok(()),
            });
            if let Err(error) = done {
                tracing::warn!(campaign = %id, seq, %error, "a round trip cannot go on just now");
            }
            self.trips.queue().all.remove(&(id, seq));
            self.wake.reconciler();
        }
        self.trips.queue().attended = false;
    }

    fn next_trip(&self) -> Option<(CampaignId, u64)> {
        let mut queue = self.trips.queue();
        loop {
            if self.trips.stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(next) = queue.waiting.pop_front() {
                return Some(next);
            }
            let waited = self.trips.rung.wait_timeout(queue, LOOK_EVERY);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

thread_local! {
    static ON_THE_THREAD: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn on_the_thread() -> bool {
    ON_THE_THREAD.get()
}

/// A test may kill the process where a part of the way is behind.
fn passed(leg: Leg) -> Result<(), IoFault> {
    let reached = match leg {
        Leg::Back => skein_dataset::crash_point!(CRASH_POINTS, "door.after-back"),
        Leg::Proof => skein_dataset::crash_point!(CRASH_POINTS, "door.after-proof"),
        Leg::Forward => skein_dataset::crash_point!(CRASH_POINTS, "door.after-forward"),
    };
    reached.map_err(|source| IoFault { action: "reach", path: format!("{leg:?}"), source })
}

fn told(run: &Run, base: u64, problem: Option<String>) -> RunRehearsed {
    RunRehearsed {
        campaign: run.campaign,
        seq: run.seq,
        base,
        published: base + 1,
        back: None,
        forward: None,
        files: 0,
        bytes: Bytes(0),
        before: None,
        after: None,
        problem: problem.map(|problem| Text::clip(&problem)),
    }
}

/// What another look may find gone: the system's errors, and outcomes that nobody knows yet.
fn passes(error: &RehearseError) -> bool {
    match error {
        RehearseError::State(_) | RehearseError::Io(_) => true,
        RehearseError::Back(RollbackError::Exchange(error))
        | RehearseError::Forward(RollbackError::Exchange(error)) => match error {
            ExchangeError::Refused(_) => false,
            ExchangeError::Unknown { .. }
            | ExchangeError::Stage(_)
            | ExchangeError::Snapshot(_)
            | ExchangeError::State(_)
            | ExchangeError::Io(_) => true,
        },
        RehearseError::Back(error) | RehearseError::Forward(error) => error.class() == ErrorClass::Transient,
        RehearseError::NotCurrent
        | RehearseError::OldDiffers { .. }
        | RehearseError::NewDiffers { .. }
        | RehearseError::Disturbed(_) => false,
    }
}

/// The digest of a run's statement, whose blob goes with what is written.
pub(super) fn signed(
    statements: &mut BTreeMap<u64, (Entry, Blake3)>,
    seq: u64,
    more: &mut Vec<Entry>,
) -> Option<Blake3> {
    let (blob, digest) = statements.remove(&seq)?;
    more.push(blob);
    Some(digest)
}

/// A run that is published and cannot be undone: its campaign hears of all of it at once.
pub(super) fn stuck(
    run: &Run,
    (version, meters, statement): (u64, Meters, Option<Blake3>),
    (rehearsed, code): (&RunRehearsed, Code),
) -> Result<[Told; 3], ServiceError> {
    let (campaign, seq) = (run.campaign, run.seq);
    let at = |state, epochs| Run { state, epoch: run.epoch + epochs, ..run.clone() };
    let published = RunPublished { campaign, seq, version, meters, statement };
    let failed = RunRevertFailed {
        campaign,
        seq,
        class: code.class,
        code: Name::new(code.id).map_err(|error| ServiceError::bug(error.to_string()))?,
        message: rehearsed.problem.clone().unwrap_or_else(|| Text::clip(code.title)),
    };
    let stuck = RunReport::of(run_of(&at(RunState::Reverting, 2)), RunState::RevertFailed);
    Ok([
        Told::run(RunReport::of(run_of(run), RunState::Published), published),
        reverting(campaign, &at(RunState::Published, 1), "its round trip found no way back"),
        Told::run(stuck, failed),
    ])
}
