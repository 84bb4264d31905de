//! A task that the node has, and what is to be said of it.

use std::sync::Arc;
use std::time::Duration;

use skein_api::node::{CheckpointReport, Held, Lease, Used};

use super::meter;
use super::permits::{Queue, queue};
use crate::progress::Progress;

/// Whether control has to know of a start first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// No.
    Free,
    /// It is not told yet.
    ToTell,
    /// An exchange says so that is not answered yet.
    Told,
}

/// A task that the node has.
pub(super) struct Having {
    pub(super) held: Held,
    pub(super) large: bool,
    pub(super) started: bool,
    /// A worker was given it.
    pub(super) begun: bool,
    /// Whose permit it is begun on.
    pub(super) queue: Option<Queue>,
    /// When an agent began.
    pub(super) began: Option<Duration>,
    pub(super) start: Start,
    /// It is asked to stop.
    pub(super) stopping: bool,
    /// The last number that was reported of it, and how many checkpoints that was.
    pub(super) checkpoint: (u64, u64),
    pub(super) progress: Arc<Progress>,
}

impl Having {
    pub(super) fn new(lease: &Lease) -> Self {
        let (held, large) = (lease.held, lease.large);
        let checkpoint = (lease.checkpoint, 0);
        let start = if lease.announce { Start::ToTell } else { Start::Free };
        let (began, progress, queue) = (None, Arc::new(Progress::on_record()), queue(lease));
        Self {
            held,
            large,
            started: false,
            begun: false,
            queue,
            began,
            start,
            stopping: false,
            checkpoint,
            progress,
        }
    }

    /// What it took so far.
    pub(super) fn used(&self, now: Duration) -> Used {
        self.began.map_or_else(Used::default, |began| meter::so_far(&self.progress, began, now))
    }

    /// It is told with this exchange that it is started.
    pub(super) fn tell(&mut self) {
        if self.started && self.start == Start::ToTell {
            self.start = Start::Told;
        }
    }

    /// The exchange was answered.
    pub(super) fn heard(&mut self) {
        if self.start == Start::Told {
            self.start = Start::Free;
        }
    }

    /// What is to be reported, if it got further since the last time.
    pub(super) fn checkpoint(&mut self) -> Option<CheckpointReport> {
        let reading = self.progress.read();
        let (number, made) = self.checkpoint;
        if reading.checkpoints <= made {
            return None;
        }
        self.checkpoint = (number + 1, reading.checkpoints);
        let (held, number) = (self.held, number + 1);
        Some(CheckpointReport { held, number, made: reading.checkpoints, rows: reading.rows_done })
    }
}
