//! Telling the reconciler that something changed, and idle nodes that there is work.
//!
//! Both are hints: the reconciler also looks when time has passed, and a node asks again. So a hint that is lost costs
//! time and nothing else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A bell for each.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    due: Mutex<bool>,
    rung: Condvar,
    work: tokio::sync::Notify,
    /// How often there were tasks to be claimed.
    queued: AtomicU64,
}

impl Wake {
    /// Something changed that the reconciler may have to act on.
    pub(crate) fn reconciler(&self) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rung.notify_all();
    }

    /// There are tasks to be claimed.
    pub(crate) fn nodes(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.work.notify_waiters();
    }

    /// Nodes may begin other tasks than before.
    pub(crate) fn permitted(&self) {
        self.work.notify_waiters();
    }

    /// Another number than before: there is something new to be claimed.
    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    /// Done when there are tasks to be claimed.
    pub(crate) fn work(&self) -> impl Future<Output = ()> + '_ {
        self.work.notified()
    }

    /// Waits until something changed, or this long.
    pub(crate) fn wait(&self, most: Duration) {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(due, most, |due| !*due);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
