//! Whether paths are always there: somebody who does nothing but look.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Looks at paths all the time, until it is asked what it saw.
#[derive(Debug)]
pub(crate) struct Presence {
    stop: Arc<AtomicBool>,
    missed: Arc<AtomicU64>,
    looks: JoinHandle<u64>,
}

impl Presence {
    /// Begins to look.
    pub(crate) fn watch(paths: Vec<PathBuf>) -> Self {
        let (stop, missed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, misses) = (Arc::clone(&stop), Arc::clone(&missed));
        let looks = std::thread::spawn(move || {
            let mut looks = 0;
            while !until.load(Ordering::Relaxed) {
                let gone = paths.iter().filter(|path| path.symlink_metadata().is_err()).count();
                misses.fetch_add(gone as u64, Ordering::Relaxed);
                looks += 1;
                std::thread::yield_now();
            }
            looks
        });
        Self { stop, missed, looks }
    }

    /// How often a path was not there so far.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Ends it; answers how often it looked and how often a path was not there.
    pub(crate) fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let looks = self.looks.join().unwrap();
        (looks, self.missed.load(Ordering::Relaxed))
    }
}
