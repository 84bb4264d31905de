//! A task that the node has, and what is to be said of it.
//!
//! What is shown of one that is at work goes with the exchanges that are made anyway, and only of one that has been at work for a
//! while: a campaign of thousands of small runs has no byte more for it.

use std::sync::Arc;
use std::time::Duration;

use skein_api::node::{AtWork, CheckpointReport, Held, Lease, Progress as TaskProgress, Used};
use skein_types::Rows;

use super::meter;
use super::permits::{Queue, queue};
use crate::progress::Progress;

/// How long a task is at work before it is shown how.
const A_WHILE: Duration = Duration::from_secs(1);
/// Of lines of a task that an exchange tells.
const SAID_BYTES: usize = 16 << 10;

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
    /// Lines that control knows of, and those that it knows of when the last exchange is answered.
    pub(super) said: (u64, u64),
    /// Rows that were refused, as far as anybody was told.
    pub(super) rejected: Rows,
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
            said: (0, 0),
            rejected: Rows(0),
            progress,
        }
    }

    /// How it is getting on. `room` is what an exchange has for lines yet.
    pub(super) fn told(&mut self, now: Duration, room: &mut usize) -> TaskProgress {
        let (rows, used) = (self.progress.read().rows_done, self.used(now));
        let (held, started, bytes) = (self.held, self.started, used.bytes_read);
        let at_work = self.at_work(now, room).map(Box::new);
        TaskProgress { held, started, rows, bytes, used, at_work }
    }

    /// What is shown of it, if it has been at work for a while.
    fn at_work(&mut self, now: Duration, room: &mut usize) -> Option<AtWork> {
        self.began.filter(|began| now.saturating_sub(*began) >= A_WHILE)?;
        let (said, all) = self.progress.journal().since(self.said.0, SAID_BYTES.min(*room));
        self.said.1 = all;
        *room -= said.iter().flat_map(|said| said.lines.iter()).map(|line| line.len()).sum::<usize>();
        let (memory, memory_peak) = self.progress.meters().memories();
        let rows_all = Rows(self.progress.read().rows_total.0);
        // The journal of one that is handed over was taken out already.
        self.rejected = self.rejected.max(self.progress.journal().refusals());
        let (phase, rejected) = (self.progress.phase(), self.rejected);
        Some(AtWork { phase, rows_all, rejected, memory, memory_peak, said })
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
        self.said.0 = self.said.1;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use skein_api::AttemptPhase;
    use skein_api::node::Held;
    use skein_sandbox::LogLevel;
    use skein_types::{AttemptId, Bytes, Rows, TaskId, Token};
    use uuid::Uuid;

    use super::{A_WHILE, Having, Start};
    use crate::progress::Progress;

    fn having(began: Option<Duration>) -> Having {
        let (task, attempt) = (TaskId::new(Uuid::nil()), AttemptId::new(Uuid::nil()));
        Having {
            held: Held { task, token: Token { generation: 1, epoch: 1 }, attempt },
            large: false,
            started: began.is_some(),
            begun: began.is_some(),
            queue: None,
            began,
            start: Start::Free,
            stopping: false,
            checkpoint: (0, 0),
            said: (0, 0),
            rejected: Rows(0),
            progress: Arc::new(Progress::on_record()),
        }
    }

    #[test]
    fn what_began_just_now_is_not_shown_and_has_no_byte_more_in_an_exchange() {
        let began = Duration::from_secs(5);
        for mut having in [having(None), having(Some(began))] {
            having.progress.journal().node_said(LogLevel::Info, "so soon");
            let told = having.told(began + A_WHILE - Duration::from_millis(1), &mut usize::MAX.clone());
            assert_eq!(told.at_work, None);
            assert!(!serde_json::to_string(&told).unwrap().contains("at_work"));
        }
    }

    #[test]
    fn what_is_at_work_is_shown_and_each_line_is_told_until_it_was_heard() {
        let mut having = having(Some(Duration::ZERO));
        having.progress.expect(1, 700);
        having.progress.enters(AttemptPhase::Verifying);
        // What comes before that may be entered late, by a part of the work.
        having.progress.enters(AttemptPhase::Transforming);
        having.progress.meters().memory(Bytes(0), Bytes(9));
        having.progress.journal().node_said(LogLevel::Info, "one");
        let mut room = 1_000;
        let mut told = |having: &mut Having| *having.told(A_WHILE, &mut room).at_work.unwrap();
        let lines = |at_work: &skein_api::node::AtWork| {
            at_work.said.as_ref().map(|said| (said.from, said.lines.len()))
        };
        let first = told(&mut having);
        assert_eq!((first.phase, first.rows_all), (AttemptPhase::Verifying, Rows(700)));
        assert_eq!((first.memory, first.memory_peak, lines(&first)), (Bytes(9), Bytes(9), Some((0, 1))));
        // That exchange was not answered: the line is told once more, with the next.
        having.progress.journal().node_said(LogLevel::Info, "two");
        assert_eq!(lines(&told(&mut having)), Some((0, 2)));
        having.heard();
        assert_eq!(lines(&told(&mut having)), None);
        having.progress.journal().node_said(LogLevel::Info, "three");
        assert_eq!(lines(&told(&mut having)), Some((2, 1)));
        assert!(room < 1_000, "lines take of the room that all tasks have");
    }
}
