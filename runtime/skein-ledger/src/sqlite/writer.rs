//! The one thread that writes. It takes what is queued, writes it in one transaction, and by the time that is on the disk
//! more has queued: the busier it gets, the more share one sync, and nobody waits for a timer.
//!
//! If the process dies before the commit is synced, nothing of the group is there; after it, all of it, and whoever was not
//! told asks again with the same cause.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, params};
use skein_types::{Bytes, Clock, Timestamp, crash};

use super::Notify;
use super::apply::Apply;
use super::open::Opened;
use super::prepare::{Prepared, Step};
use super::{project, sweep};
use crate::bounds::{GROUP_BYTES_MAX, GROUP_MAX, QUEUE_MAX};
use crate::chain::Head;
use crate::error::LedgerError;
use crate::ledger::Swept;
use crate::unit::UnitOutcome;
use crate::written::{CommitTimes, Counted, Written};

/// The writer's door.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
    counted: Arc<Counted>,
}

/// What the thread is asked for, and who waits for the answer.
#[derive(Debug)]
enum Request {
    Commit { units: Vec<Prepared>, reply: SyncSender<Result<Vec<UnitOutcome>, LedgerError>> },
    Sweep { chunk: sweep::Chunk, reply: SyncSender<Result<Swept, LedgerError>> },
}

type Answer = Result<Vec<UnitOutcome>, LedgerError>;

impl Writer {
    pub(super) fn start(
        opened: Opened,
        clock: Arc<dyn Clock>,
        notify: Option<Notify>,
    ) -> Result<Self, LedgerError> {
        let (queue, requests) = sync_channel(QUEUE_MAX);
        let Opened { db, head, generation } = opened;
        let counted = Arc::<Counted>::default();
        let thread = Thread { db, head, generation, clock, notify, counted: Arc::clone(&counted) };
        let thread =
            std::thread::Builder::new().name("ledger".to_owned()).spawn(move || thread.run(&requests));
        let thread = thread.map_err(|e| LedgerError::Io(Arc::new(e)))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), counted })
    }

    /// Waits until the units are on the disk.
    pub(super) fn commit(&self, units: Vec<Prepared>) -> Answer {
        self.ask(|reply| Request::Commit { units, reply })
    }

    /// What was written so far.
    pub(super) fn written(&self) -> Written {
        self.counted.read()
    }

    /// Removes a part of what may go.
    pub(super) fn sweep(&self, chunk: sweep::Chunk) -> Result<Swept, LedgerError> {
        self.ask(|reply| Request::Sweep { chunk, reply })
    }

    fn ask<T>(
        &self,
        request: impl FnOnce(SyncSender<Result<T, LedgerError>>) -> Request,
    ) -> Result<T, LedgerError> {
        let gone = || LedgerError::Bug("the writer's thread is gone".to_owned());
        let (reply, answer) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(request(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::error!("the ledger's writer panicked");
        }
    }
}

struct Thread {
    db: Connection,
    head: Head,
    generation: u64,
    clock: Arc<dyn Clock>,
    notify: Option<Notify>,
    counted: Arc<Counted>,
}

/// One caller's units.
struct Call {
    units: Vec<Prepared>,
    reply: SyncSender<Answer>,
}

impl Thread {
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut group = Vec::new();
            let mut weight = Weight::default();
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Commit { units, reply } => {
                        weight.add(&units);
                        group.push(Call { units, reply });
                    }
                    Request::Sweep { chunk, reply } => {
                        self.write(mem::take(&mut group));
                        // Who does not wait any more does not need the answer.
                        drop(reply.send(self.sweep(&chunk)));
                    }
                }
                next = if weight.is_full() { None } else { requests.try_recv().ok() };
            }
            self.write(group);
        }
    }

    /// Writes a group as one. If that fails each call is tried alone, so that one call's trouble is not everybody's.
    fn write(&mut self, group: Vec<Call>) {
        if group.is_empty() {
            return;
        }
        let (before, began) = (self.head, self.clock.elapsed());
        match self.transaction(&group) {
            Ok(answers) => {
                let times = CommitTimes::of(self.clock.elapsed().saturating_sub(began));
                // Before anybody is answered: who asks then finds its own write counted.
                self.counted.add(Written { times, ..written(&group, &answers) });
                if let Some(notify) = self.notify.as_ref().filter(|_| self.head != before) {
                    notify(self.head);
                }
                for (call, answer) in group.into_iter().zip(answers) {
                    drop(call.reply.send(Ok(answer)));
                }
            }
            Err(error) => match <[Call; 1]>::try_from(group) {
                Ok([call]) => drop(call.reply.send(Err(error))),
                Err(group) => group.into_iter().for_each(|call| self.write(vec![call])),
            },
        }
    }

    /// One transaction, one sync.
    fn transaction(&mut self, group: &[Call]) -> Result<Vec<Vec<UnitOutcome>>, LedgerError> {
        let now = self.now();
        // What an earlier failure could not take back is taken back first.
        self.undo()?;
        let answered = self.attempt(group, now);
        if answered.is_err()
            && let Err(error) = self.undo()
        {
            tracing::warn!(%error, "cannot take a failed write of the ledger back yet");
        }
        let (answers, head) = answered?;
        self.head = head;
        Ok(answers)
    }

    /// Ends a transaction that is open still. SQLite has ended it by itself where the disk is full.
    fn undo(&self) -> Result<(), LedgerError> {
        if self.db.is_autocommit() { Ok(()) } else { Ok(self.db.execute_batch("ROLLBACK")?) }
    }

    fn attempt(&self, group: &[Call], now: Timestamp) -> Result<(Vec<Vec<UnitOutcome>>, Head), LedgerError> {
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut apply = Apply { db: &self.db, head: self.head, generation: self.generation, now };
        let mut answers = Vec::with_capacity(group.len());
        for call in group {
            answers.push(call.units.iter().map(|unit| apply.unit(unit)).collect::<Result<_, _>>()?);
        }
        let head = apply.head;
        if head != self.head {
            // All of a transaction is of one time, so this is once and not once an event.
            project::hour(&self.db, now, (self.head.position + 1, head.position))?;
            let sql = "UPDATE meta SET head_position = ?1, head_hash = ?2";
            self.db.prepare_cached(sql)?.execute(params![head.position, head.hash.0])?;
        }
        crash::reach("ledger.before-commit");
        self.db.prepare_cached("COMMIT")?.execute([])?;
        crash::reach("ledger.after-commit");
        Ok((answers, head))
    }

    fn sweep(&mut self, chunk: &sweep::Chunk) -> Result<Swept, LedgerError> {
        let tx = self.db.transaction()?;
        let swept = sweep::chunk(&tx, chunk)?;
        crash::reach("ledger.before-sweep");
        tx.commit()?;
        crash::reach("ledger.after-sweep");
        let changed = swept != Swept::default();
        self.counted.add(Written { transactions: 1, syncs: u64::from(changed), ..Written::default() });
        Ok(swept)
    }

    /// The clock's time, as far as a record can hold it.
    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now().0.min(crate::canonical::INTEGER_MAX))
    }
}

/// What one transaction comes to. Of what was refused, or was there before, nothing is written.
fn written(group: &[Call], answers: &[Vec<UnitOutcome>]) -> Written {
    let mut sum = Written { transactions: 1, ..Written::default() };
    let outcomes = group.iter().zip(answers).flat_map(|(call, answers)| call.units.iter().zip(answers));
    for (unit, _) in outcomes.filter(|(_, outcome)| matches!(outcome, UnitOutcome::Applied(_))) {
        sum.syncs = 1;
        for step in &unit.steps {
            if let Step::Decide(encoded) = step {
                sum.events += 1;
                sum.bytes += Bytes(encoded.body.len() as u64);
            }
        }
    }
    sum
}

/// How much a group holds already.
#[derive(Default)]
struct Weight {
    units: usize,
    bytes: usize,
}

impl Weight {
    fn add(&mut self, units: &[Prepared]) {
        self.units += units.iter().map(|unit| unit.steps.len().max(1)).sum::<usize>();
        let blobs = units.iter().flat_map(|unit| &unit.steps).map(|step| match step {
            Step::PutBlob { bytes, .. } => bytes.len(),
            Step::KeepAnswer(answer) => answer.body.len(),
            Step::Decide(_)
            | Step::Enqueue(_)
            | Step::Claim(_)
            | Step::Checkpoint { .. }
            | Step::Stage(_)
            | Step::Release(_)
            | Step::Remove { .. }
            | Step::Renew(_)
            | Step::TokenUsed { .. }
            | Step::PutDelivery(_)
            | Step::NotifiedTo { .. }
            | Step::Scrubbed(_)
            | Step::PutAttempt(_)
            | Step::Charge(_) => 0,
        });
        self.bytes += blobs.sum::<usize>();
    }

    fn is_full(&self) -> bool {
        self.units >= GROUP_MAX || self.bytes >= GROUP_BYTES_MAX
    }
}
