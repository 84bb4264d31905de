//! Progress that others may watch: counters that workers bump and anybody reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use skein_api::AttemptPhase;
use skein_sandbox::CancelFlag;
use skein_types::{Bytes, Millis, Rows};

use crate::journal::Journal;
use crate::meters::Meters;

/// How far a run is. Shared by reference; every number only grows.
#[derive(Debug, Default)]
pub struct Progress {
    /// The place of what it does among [`AttemptPhase::ALL`].
    phase: AtomicU8,
    rows_total: AtomicU64,
    rows_done: AtomicU64,
    bytes_written: AtomicU64,
    files_total: AtomicU64,
    files_done: AtomicU64,
    checkpoints: AtomicU64,
    taken_over: AtomicU64,
    taken_over_cpu: AtomicU64,
    evicted: AtomicBool,
    cancelled: Arc<AtomicBool>,
    agents: CancelFlag,
    journal: Arc<Journal>,
    meters: Arc<Meters>,
}

/// One reading of a [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressReading {
    /// Source rows in all; 0 until the source has been looked at.
    pub rows_total: Rows,
    /// Source rows that are in a sealed or skipped row group.
    pub rows_done: Rows,
    /// Bytes staged.
    pub bytes_written: Bytes,
    /// Files in all.
    pub files_total: u64,
    /// Files staged.
    pub files_done: u64,
    /// Checkpoints that were made: what lies behind them is not made again by a later attempt.
    pub checkpoints: u64,
    /// Checkpoints of earlier attempts that were taken over.
    pub taken_over: u64,
    /// CPU time that these took when they were made.
    pub taken_over_cpu: Millis,
}

impl Progress {
    /// Of an attempt whose end goes on record: what a module says when it fails is only in the attempt's log, because it may be
    /// the value of a row.
    #[must_use]
    pub fn on_record() -> Self {
        Self { journal: Arc::new(Journal::alone_has_words()), ..Self::default() }
    }

    /// Reads all counters. They are not one snapshot; each is exact on its own.
    pub fn read(&self) -> ProgressReading {
        ProgressReading {
            rows_total: Rows(self.rows_total.load(Ordering::Relaxed)),
            rows_done: Rows(self.rows_done.load(Ordering::Relaxed)),
            bytes_written: Bytes(self.bytes_written.load(Ordering::Relaxed)),
            files_total: self.files_total.load(Ordering::Relaxed),
            files_done: self.files_done.load(Ordering::Relaxed),
            checkpoints: self.checkpoints.load(Ordering::Relaxed),
            taken_over: self.taken_over.load(Ordering::Relaxed),
            taken_over_cpu: Millis(self.taken_over_cpu.load(Ordering::Relaxed)),
        }
    }

    /// Asks the run to stop, in the middle of an agent's call or of a file that is copied or hashed, leaving the dataset
    /// as it was. A publish under way is finished.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.agents.cancel();
    }

    /// Asks the run to stop behind its next checkpoint. One that makes none ends as if nobody had asked.
    pub fn evict(&self) {
        self.evicted.store(true, Ordering::Relaxed);
    }

    /// What it does from now on. It does not go back to what was before that.
    pub(crate) fn enters(&self, phase: AttemptPhase) {
        let place = AttemptPhase::ALL.iter().position(|one| *one == phase).unwrap_or(0);
        self.phase.fetch_max(u8::try_from(place).unwrap_or(0), Ordering::Relaxed);
    }

    /// What it does.
    pub(crate) fn phase(&self) -> AttemptPhase {
        let place = usize::from(self.phase.load(Ordering::Relaxed));
        AttemptPhase::ALL.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn checkpoint(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn taken_over(&self, took: Millis) {
        self.taken_over.fetch_add(1, Ordering::Relaxed);
        self.taken_over_cpu.fetch_add(took.0, Ordering::Relaxed);
    }

    /// Counters of their own for work that stops when this is asked to.
    pub(crate) fn following(&self) -> Self {
        Self {
            cancelled: Arc::clone(&self.cancelled),
            agents: self.agents.clone(),
            journal: Arc::clone(&self.journal),
            ..Self::default()
        }
    }

    /// The same with a journal of its own too, of which nothing is told.
    pub(crate) fn apart(&self) -> Self {
        Self { journal: Arc::new(Journal::alone_has_words()), ..self.following() }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Stops what copies and hashes files.
    pub(crate) fn files(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// What there is to tell of it.
    pub(crate) const fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// What it takes.
    pub(crate) const fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Stops agents.
    pub(crate) const fn agents(&self) -> &CancelFlag {
        &self.agents
    }

    pub(crate) fn expect(&self, files: u64, rows: u64) {
        self.files_total.store(files, Ordering::Relaxed);
        self.rows_total.store(rows, Ordering::Relaxed);
    }

    pub(crate) fn rows_done(&self, rows: u64) {
        self.rows_done.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn file_done(&self, bytes: u64) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }
}
