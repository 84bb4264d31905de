//! Who does what next: splits in order, results sealed in order, never far ahead.
//!
//! Workers take splits file by file. A finished split waits on the board until it is its file's turn; the worker that
//! completes the next one in line becomes the file's *sealer*, appends everything that is ready and gives the role
//! back. So files need no thread of their own, several files seal at once, and output order is a function of the
//! source alone.
//!
//! Invariants: per file at most `window` splits are between taken and sealed (the bound on memory); at most one sealer
//! per file; the lowest unsealed split of a file is never waiting to be taken because of the window, so the board cannot
//! dead-lock.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// One split of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) file: usize,
    pub(crate) split: usize,
}

/// What a file's sealer shall do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn<F> {
    /// Append this result.
    Append(F),
    /// All splits are appended: finish the file.
    Finish,
    /// Nothing is ready; the role is given back.
    Leave,
}

#[derive(Debug)]
struct FileState<F> {
    splits: usize,
    taken: usize,
    sealed: usize,
    ready: BTreeMap<usize, F>,
    sealing: bool,
    finished: bool,
}

#[derive(Debug)]
struct State<F> {
    files: Vec<FileState<F>>,
    current: usize,
    stopped: bool,
}

/// The shared order of work of one run.
#[derive(Debug)]
pub(crate) struct Board<F> {
    state: Mutex<State<F>>,
    changed: Condvar,
    window: usize,
}

impl<F> Board<F> {
    /// A board over files with this many splits each: at least one, or nobody would finish the file.
    pub(crate) fn new(splits: impl IntoIterator<Item = usize>, window: usize) -> Self {
        let files = splits.into_iter().map(|splits| FileState {
            splits,
            taken: 0,
            sealed: 0,
            ready: BTreeMap::new(),
            sealing: false,
            finished: false,
        });
        let state = State { files: files.collect(), current: 0, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), window: window.max(1) }
    }

    /// The next split, waiting while the current file is too far ahead. `None`: all taken, or stopped.
    pub(crate) fn take(&self) -> Option<Item> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let file = state.current;
            let current = state.files.get_mut(file)?;
            if current.taken == current.splits {
                state.current += 1;
            } else if current.taken - current.sealed < self.window {
                current.taken += 1;
                return Some(Item { file, split: current.taken - 1 });
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Puts a result on the board. `true`: the caller is now the file's sealer and must call [`Self::turn`].
    pub(crate) fn put(&self, item: Item, result: F) -> bool {
        let mut state = self.lock();
        let file = &mut state.files[item.file];
        file.ready.insert(item.split, result);
        if file.sealing || !file.ready.contains_key(&file.sealed) {
            return false;
        }
        file.sealing = true;
        true
    }

    /// What the sealer of a file does next; to be called until it answers [`Turn::Leave`] or [`Turn::Finish`].
    /// `appended`: the sealer has just appended a result.
    pub(crate) fn turn(&self, file: usize, appended: bool) -> Turn<F> {
        let mut state = self.lock();
        let file = &mut state.files[file];
        if appended {
            file.sealed += 1;
            self.changed.notify_all();
        }
        if let Some(next) = file.ready.remove(&file.sealed) {
            return Turn::Append(next);
        }
        if file.sealed == file.splits && !file.finished {
            file.finished = true;
            return Turn::Finish;
        }
        file.sealing = false;
        Turn::Leave
    }

    /// Nobody takes anything any more; results that come in are dropped with the board.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<F>> {
        // A worker that panicked holds no half-made change: every critical section is a few assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, Item, Turn};
    use std::sync::Mutex;

    #[test]
    fn results_are_sealed_in_order_whatever_order_they_come_in() {
        let board = Board::new([3], 4);
        let items: Vec<Item> = std::iter::from_fn(|| board.take()).collect();
        assert_eq!(items.iter().map(|i| i.split).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(!board.put(items[2], "c"));
        assert!(board.put(items[0], "a"));
        assert_eq!(board.turn(0, false), Turn::Append("a"));
        assert!(!board.put(items[1], "b"), "there is a sealer already");
        assert_eq!(board.turn(0, true), Turn::Append("b"));
        assert_eq!(board.turn(0, true), Turn::Append("c"));
        assert_eq!(board.turn(0, true), Turn::Finish);
    }

    #[test]
    fn a_sealer_that_leaves_is_replaced() {
        let board = Board::new([2], 4);
        let (first, second) = (board.take().unwrap(), board.take().unwrap());
        assert!(board.put(first, 1));
        assert_eq!(board.turn(0, false), Turn::Append(1));
        assert_eq!(board.turn(0, true), Turn::Leave);
        assert!(board.put(second, 2));
        assert_eq!(board.turn(0, false), Turn::Append(2));
        assert_eq!(board.turn(0, true), Turn::Finish);
    }

    #[test]
    fn nobody_takes_after_a_stop() {
        let board = Board::<()>::new([5], 5);
        assert!(board.take().is_some());
        board.stop();
        assert_eq!(board.take(), None);
    }

    #[test]
    fn many_workers_seal_every_split_once_and_stay_inside_the_window() {
        let splits = [7, 2, 1, 40, 3];
        let board = Board::new(splits, 3);
        let sealed = Mutex::new(vec![Vec::new(); splits.len()]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(item) = board.take() {
                        if !board.put(item, item.split) {
                            continue;
                        }
                        let mut appended = false;
                        while let Turn::Append(split) = board.turn(item.file, appended) {
                            sealed.lock().unwrap()[item.file].push(split);
                            appended = true;
                        }
                    }
                });
            }
        });
        for (file, splits) in splits.into_iter().enumerate() {
            assert_eq!(sealed.lock().unwrap()[file], (0..splits).collect::<Vec<_>>());
        }
    }
}
