//! Waking the herald: there is a new head, somebody wants something sent, a try is over. All of it is a hint; the herald also looks
//! when time has passed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use skein_types::WebhookId;

/// What is rung, and how far the log is walked.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<Rung>,
    heard: Condvar,
    walked: AtomicU64,
    walked_on: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    any: bool,
    lanes: Lanes,
}

/// Receivers to look at. There are no more than receivers.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Something may wait for these.
    pub(super) filled: BTreeSet<WebhookId>,
    /// A person waits for what these are told.
    pub(super) asked: BTreeSet<WebhookId>,
}

impl Bell {
    /// Something changed.
    pub(crate) fn ring(&self) {
        self.lock().any = true;
        self.heard.notify_all();
    }

    /// Something waits for a receiver.
    pub(crate) fn ring_for(&self, webhook: WebhookId) {
        let mut rung = self.lock();
        rung.any = true;
        rung.lanes.filled.insert(webhook);
        drop(rung);
        self.heard.notify_all();
    }

    /// Somebody wants a receiver told of something now, also one that did not take the last.
    pub(crate) fn ring_now(&self, webhook: WebhookId) {
        let mut rung = self.lock();
        rung.any = true;
        rung.lanes.asked.insert(webhook);
        drop(rung);
        self.heard.notify_all();
    }

    /// Whom it was rung for since this was asked last.
    pub(super) fn rung(&self) -> Lanes {
        std::mem::take(&mut self.lock().lanes)
    }

    /// Waits until it rings, or this long.
    pub(super) fn wait(&self, most: Duration) {
        let waited = self.heard.wait_timeout_while(self.lock(), most, |rung| !rung.any);
        waited.unwrap_or_else(PoisonError::into_inner).0.any = false;
    }

    /// Up to where receivers were told, or had nothing to be told.
    pub(crate) fn walked(&self) -> u64 {
        self.walked.load(Ordering::Acquire)
    }

    pub(crate) fn walk_to(&self, position: u64) {
        self.walked.fetch_max(position, Ordering::AcqRel);
        // Whoever looks and then waits holds the lock over both.
        drop(self.lock());
        self.walked_on.notify_all();
    }

    /// Waits until the log is walked to there, but for no longer than this.
    pub(crate) fn wait_for_walk_to(&self, position: u64, most: Duration) {
        let behind = |_: &mut Rung| self.walked() < position;
        drop(self.walked_on.wait_timeout_while(self.lock(), most, behind));
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
