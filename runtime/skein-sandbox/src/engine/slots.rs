//! How many instances exist at once: as many as the pool has room for, and whoever comes later waits.
//!
//! Without this a full pool would look like a mistake of the guest whose turn it was.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::EPOCH_TICK;

/// Room for instances. Clones share it.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Room>);

struct Room {
    free: Mutex<u32>,
    left: Condvar,
}

/// One instance's place; given back on drop.
pub(crate) struct Slot(Arc<Room>);

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self(Arc::new(Room { free: Mutex::new(count), left: Condvar::new() }))
    }

    /// Waits for a place; `None` as soon as `cancelled` says so.
    pub(crate) fn take(&self, cancelled: impl Fn() -> bool) -> Option<Slot> {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            if cancelled() {
                return None;
            }
            // Nobody wakes this thread when it is cancelled.
            (free, _) = self.0.left.wait_timeout(free, EPOCH_TICK).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Some(Slot(Arc::clone(&self.0)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take(|| true), slots.take(|| true));
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(|| true).is_none());
        drop(first);
        assert!(slots.take(|| true).is_some());
    }

    #[test]
    fn whoever_waits_gets_the_place_of_whoever_leaves() {
        let slots = Slots::new(1);
        let held = slots.take(|| false);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(|| false).is_some());
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
