//! Who may hold much decoded data at a time: one thread of the process.
//!
//! What one reader may hold is decided by its file alone ([`super::held`]), so that no refusal depends on the number of
//! threads or on other work. But that much for each of many threads is more than a machine has. So whoever needs more
//! than [`FREE`] waits for the seat; almost nobody does: pages are small where their writer cared.
//!
//! A thread that has the seat gets it again at once, because it may read two things side by side. It must not wait for a
//! thread that waits for the seat: readers take it when they decode their first batch, after everything else that a worker
//! waits for, and what they do until they are done waits for nobody.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// What every reader may hold without asking.
const FREE: u64 = 512 << 20;

static SEAT: Seat = Seat::new();

/// Takes the seat if somebody who holds so many bytes needs it.
pub(super) fn for_bytes(bytes: u64) -> Option<Taken<'static>> {
    (bytes > FREE).then(|| SEAT.take())
}

#[derive(Debug)]
struct Seat {
    by: Mutex<Option<(ThreadId, usize)>>,
    left: Condvar,
}

/// Given back on drop.
#[derive(Debug)]
pub(super) struct Taken<'a>(&'a Seat);

impl Seat {
    const fn new() -> Self {
        Self { by: Mutex::new(None), left: Condvar::new() }
    }

    fn take(&self) -> Taken<'_> {
        let own = thread::current().id();
        let mut by = self.lock();
        while by.is_some_and(|(other, _)| other != own) {
            by = self.left.wait(by).unwrap_or_else(PoisonError::into_inner);
        }
        *by = Some((own, by.map_or(0, |(_, times)| times) + 1));
        Taken(self)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(ThreadId, usize)>> {
        // Whoever panicked left a number that is right: it is written in one piece.
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut by = self.0.lock();
        *by = by.filter(|(_, times)| *times > 1).map(|(own, times)| (own, times - 1));
        if by.is_none() {
            self.0.left.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{FREE, Seat, for_bytes};

    #[test]
    fn only_who_needs_much_asks() {
        assert!(for_bytes(FREE).is_none());
        let taken = for_bytes(FREE + 1);
        assert!(taken.is_some());
        std::thread::scope(|scope| {
            assert!(scope.spawn(|| for_bytes(FREE).is_none()).join().unwrap());
        });
    }

    #[test]
    fn one_thread_has_the_seat_as_often_as_it_likes_and_the_others_wait() {
        let (seat, inside, most) = (Seat::new(), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let first = seat.take();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let again = seat.take();
                        drop(first);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(again);
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert_eq!(*seat.lock(), None);
    }
}
