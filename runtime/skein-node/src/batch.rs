//! Many datasets in one process: staged by workers, each dataset by itself, and published in lots that share the waits for
//! the disk.
//!
//! ```text
//! workers     take the next dataset, prepare and stage it                    any number at a time, one dataset each
//! publisher   gathers what is staged and publishes a lot when it is full, or when nothing has come for a while
//! ```
//! One dataset's trouble is not another's: its answer says so and the rest goes on. After a cancel no dataset is begun;
//! those under way and those that wait for their lot are dropped, which undoes them, and a lot that is being published is
//! finished. Between workers and publisher lies a bounded queue, so no more is staged and unpublished than
//! [`BatchShape::in_flight`]. It knows neither names nor lists of datasets: they are numbers, and the caller opens them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::error::RunError;
use crate::progress::Progress;
use crate::report::RunOutcome;
use crate::staged::{Staged, publish_all};

/// How long a lot that is not full waits for the next dataset: a slow one must not hold back those that are ready.
const PATIENCE: Duration = Duration::from_millis(200);

/// How many datasets at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchShape {
    /// Datasets that are staged at the same time.
    pub workers: usize,
    /// Datasets that are published together, at most.
    pub lot: usize,
}

/// Where a dataset is after its worker is done with it.
#[derive(Debug)]
pub enum Step {
    /// Ready to be published.
    Staged(Box<Staged>),
    /// There is nothing to publish.
    Ended(RunOutcome),
}

enum Message<E> {
    Staged(usize, Box<Staged>),
    Ended(usize, Result<RunOutcome, E>),
}

impl BatchShape {
    /// Datasets that can be staged and not published at one moment: being staged, queued, gathered.
    pub const fn in_flight(&self) -> usize {
        self.workers + 2 * self.lot
    }
}

/// Runs the datasets `0..count`, in this order as far as they are begun. `stage` is called by the workers, once for each;
/// `tell` by the caller's thread, once for each that was begun, in the order in which they end.
pub fn run_batch<E: From<RunError> + Send>(
    count: usize,
    shape: BatchShape,
    progress: &Progress,
    stage: impl Fn(usize) -> Result<Step, E> + Sync,
    tell: impl FnMut(usize, Result<RunOutcome, E>),
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (messages, received) = sync_channel(shape.lot.max(1));
        for _ in 0..shape.workers.clamp(1, count.max(1)) {
            let messages = messages.clone();
            scope.spawn(|| work(count, &next, progress, &stage, messages));
        }
        drop(messages);
        Publisher { lot: Vec::new(), most: shape.lot.max(1), progress, tell }.run(&received);
    });
}

fn work<E>(
    count: usize,
    next: &AtomicUsize,
    progress: &Progress,
    stage: &impl Fn(usize) -> Result<Step, E>,
    messages: SyncSender<Message<E>>,
) {
    while !progress.is_cancelled() {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        let message = match stage(number) {
            Ok(Step::Staged(staged)) => Message::Staged(number, staged),
            Ok(Step::Ended(outcome)) => Message::Ended(number, Ok(outcome)),
            Err(error) => Message::Ended(number, Err(error)),
        };
        // Nobody receives any more only if the publisher panicked, which the scope passes on.
        if messages.send(message).is_err() {
            return;
        }
    }
}

struct Publisher<'a, T> {
    lot: Vec<(usize, Staged)>,
    most: usize,
    progress: &'a Progress,
    tell: T,
}

impl<T> Publisher<'_, T> {
    fn run<E: From<RunError>>(mut self, received: &Receiver<Message<E>>)
    where
        T: FnMut(usize, Result<RunOutcome, E>),
    {
        loop {
            let message = match self.lot.is_empty() {
                true => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => received.recv_timeout(PATIENCE),
            };
            match message {
                Ok(Message::Ended(number, outcome)) => (self.tell)(number, outcome),
                Ok(Message::Staged(number, staged)) => {
                    self.lot.push((number, *staged));
                    if self.lot.len() >= self.most {
                        self.publish();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.publish(),
                Err(RecvTimeoutError::Disconnected) => return self.publish(),
            }
        }
    }

    fn publish<E: From<RunError>>(&mut self)
    where
        T: FnMut(usize, Result<RunOutcome, E>),
    {
        let (numbers, staged): (Vec<_>, Vec<_>) = self.lot.drain(..).unzip();
        if self.progress.is_cancelled() {
            drop(staged);
            return numbers
                .into_iter()
                .for_each(|number| (self.tell)(number, Err(RunError::Cancelled.into())));
        }
        for (number, answer) in numbers.into_iter().zip(publish_all(staged)) {
            (self.tell)(number, answer.map_err(E::from));
        }
    }
}
