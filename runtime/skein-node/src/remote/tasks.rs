//! Threads that do tasks, and the one that hands staged runs over.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use skein_api::node::{Fragment, Held, Lease, Notes, Outcome, Payload, Report, Used};
use skein_api::{AttemptPhase, Meters};
use skein_types::{Clock, Millis, Vital};
use tracing::Span;

use super::News;
use super::client::Client;
use super::meter::metered;
use super::rates::Gate;
use super::work::{Done, Shop, StagedRun};
use crate::managed::hand_over_all;
use crate::progress::Progress;
use crate::staged::Staged;

/// Staged runs that are handed over with one wait for the disk.
const LOT: usize = 64;
/// So many are worth a wait for the disk.
const ENOUGH: usize = 16;
/// What is staged within so long after another is handed over with it.
const FOLLOWS: Duration = Duration::from_millis(10);

struct Job {
    lease: Lease,
    progress: Arc<Progress>,
    gates: Vec<Arc<Gate>>,
}

/// A run that is staged, on its way to be handed over.
struct Ready {
    held: Held,
    staged: Staged,
    known: StagedRun,
    notes: Box<Notes>,
    used: Used,
}

/// The threads.
pub(super) struct Workers {
    jobs: SyncSender<Job>,
    /// Hands that are free, for main alone to count down.
    free: Arc<AtomicUsize>,
    shop: Arc<Shop>,
}

impl Workers {
    pub(super) fn start(
        slots: usize,
        (client, clock, node): (&Arc<Client>, &Arc<dyn Clock>, &str),
        news: SyncSender<News>,
    ) -> std::io::Result<Self> {
        let shop = Arc::new(Shop::open(Arc::clone(client), Arc::clone(clock), slots)?);
        let (jobs, queue) = sync_channel(slots.max(1));
        let (staged, ready) = sync_channel::<Ready>(2 * LOT);
        let queue = Arc::new(Mutex::new(queue));
        // One more for each hand: it goes on while its last run is handed over and main does not know yet.
        let free = Arc::new(AtomicUsize::new(2 * slots.max(1)));
        for number in 0..slots.max(1) {
            let worker = Worker {
                queue: Arc::clone(&queue),
                news: news.clone(),
                staged: staged.clone(),
                shop: Arc::clone(&shop),
                clock: Arc::clone(clock),
                free: Arc::clone(&free),
                node: node.to_owned(),
            };
            Builder::new().name(format!("worker-{number}")).spawn(move || worker.work())?;
        }
        Builder::new().name("hander".to_owned()).spawn(move || {
            let _vital = Vital;
            hand_over(&ready, &news);
        })?;
        Ok(Self { jobs, free, shop })
    }

    /// Whose artifacts are run.
    pub(super) fn trust(&self, key: &str) {
        self.shop.trust(key);
    }

    /// Whether a hand is free.
    pub(super) fn are_free(&self) -> bool {
        self.free.load(Ordering::Relaxed) > 0
    }

    /// Begins a task, or gives it back if no hand is free.
    pub(super) fn take(
        &self,
        lease: Lease,
        progress: &Arc<Progress>,
        gates: Vec<Arc<Gate>>,
    ) -> Option<Lease> {
        let took = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1));
        if took.is_err() {
            return Some(lease);
        }
        match self.jobs.try_send(Job { lease, progress: Arc::clone(progress), gates }) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                self.free.fetch_add(1, Ordering::Relaxed);
                Some(job.lease)
            }
        }
    }
}

struct Worker {
    queue: Arc<Mutex<Receiver<Job>>>,
    news: SyncSender<News>,
    staged: SyncSender<Ready>,
    shop: Arc<Shop>,
    clock: Arc<dyn Clock>,
    free: Arc<AtomicUsize>,
    /// What the node is called.
    node: String,
}

impl Worker {
    fn work(self) {
        let _vital = Vital;
        loop {
            let next = self.queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { lease, progress, gates }) = next else { return };
            let held = lease.held;
            if progress.is_cancelled() {
                // It was taken back before a hand was free, and main has said so.
                self.free.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if self.news.send(News::Started(held.attempt)).is_err() {
                return;
            }
            let span = span(&self.node, &lease).entered();
            let began = self.shop.elapsed();
            let (done, used) =
                metered((&progress, gates), &*self.clock, || self.shop.carry_out(lease, &progress));
            if let Done::Over(outcome) = &done
                && let Outcome::Failed { why, .. } = &**outcome
            {
                tracing::info!(code = why.code.as_str(), "attempt failed");
            }
            let notes = self.shop.notes(&progress, began);
            drop(span);
            let sent = match done {
                Done::Over(outcome) => {
                    let outcome = outcome_that_cost(*outcome, &used);
                    let report = Report { held, outcome, notes: Some(notes), used };
                    self.news.send(News::Over(report)).is_ok()
                }
                Done::Staged(staged, known) => {
                    progress.enters(AttemptPhase::HandingOver);
                    // What was taken over is of this run, too, and so is what it took.
                    let earlier = progress.read().taken_over_cpu;
                    let known = known.that_took(Millis(used.cpu_ms.0.saturating_add(earlier.0)));
                    self.staged.send(Ready { held, staged: *staged, known, notes, used }).is_ok()
                }
            };
            self.free.fetch_add(1, Ordering::Relaxed);
            if !sent {
                return;
            }
        }
    }
}

/// What an attempt's lines are about. Of the highest level: whichever lines are shown, they say it.
fn span(node: &str, lease: &Lease) -> Span {
    let (kind, campaign, run) = match &lease.payload {
        Payload::Run(task) => ("run", Some(task.campaign), Some(task.run)),
        Payload::Seal(task) => ("seal", Some(task.campaign), Some(task.run)),
        Payload::Split(task) => ("split", Some(task.run.campaign), Some(task.run.run)),
        Payload::Plan(task) => ("plan", Some(task.campaign), None),
        Payload::DryRun(task) => ("dry_run", Some(task.campaign), None),
        Payload::Check(task) => ("check", Some(task.campaign), Some(task.run)),
        Payload::Scan(_) => ("scan", None, None),
        Payload::Scrub(_) => ("scrub", None, None),
    };
    tracing::error_span!(
        "attempt",
        node,
        kind,
        task = %lease.held.task,
        attempt = %lease.held.attempt,
        campaign = campaign.map(display),
        run = run.map(display),
        trace = lease.trace.map(display),
    )
}

/// What did not come to its end has no report to say what it cost; that of a part does not know of what was done around it.
fn outcome_that_cost(outcome: Outcome, used: &Used) -> Outcome {
    let meters = Meters {
        fuel: used.fuel,
        cpu_ms: used.cpu_ms,
        wall_ms: used.slot_ms,
        bytes_read: used.bytes_read,
        bytes_written: used.bytes_written,
        ..Meters::default()
    };
    match outcome {
        Outcome::Failed { why, .. } => Outcome::Failed { why, meters },
        Outcome::Evicted { checkpoints, .. } => Outcome::Evicted { checkpoints, meters },
        Outcome::Fragment(fragment) => {
            let meters = Meters { cpu_ms: used.cpu_ms, ..fragment.meters };
            Outcome::Fragment(Fragment { meters, ..fragment })
        }
        Outcome::Staged(_)
        | Outcome::Planned(_)
        | Outcome::Sampled(_)
        | Outcome::Scanned(_)
        | Outcome::Checked(_)
        | Outcome::Scrubbed(_)
        | Outcome::AlreadyMigrated { .. }
        | Outcome::SchemaMoved { .. }
        | Outcome::Revoked => outcome,
    }
}

/// What is staged next. A lot gathers as long as one follows the other: small runs are staged in a few milliseconds, and a
/// wait for the disk for each of them would take as long again.
fn lot(ready: &Receiver<Ready>) -> Option<Vec<Ready>> {
    let mut lot = vec![ready.recv().ok()?];
    while lot.len() < LOT {
        let next = if lot.len() < ENOUGH { ready.recv_timeout(FOLLOWS).ok() } else { ready.try_recv().ok() };
        match next {
            Some(next) => lot.push(next),
            None => break,
        }
    }
    Some(lot)
}

/// Hands over what is staged, in lots.
fn hand_over(ready: &Receiver<Ready>, news: &SyncSender<News>) {
    while let Some(lot) = lot(ready) {
        let (known, staged): (Vec<_>, Vec<_>) = lot
            .into_iter()
            .map(|ready| ((ready.held, ready.known, (ready.notes, ready.used)), ready.staged))
            .unzip();
        for ((held, known, (notes, used)), answer) in known.into_iter().zip(hand_over_all(staged)) {
            let outcome = match answer {
                Ok(handed) => Outcome::Staged(known.handed(&handed.over)),
                Err(error) => super::work::failed(&error, known.meters()),
            };
            let notes = Some(notes);
            if news.send(News::Over(Report { held, outcome, notes, used })).is_err() {
                return;
            }
        }
    }
}
