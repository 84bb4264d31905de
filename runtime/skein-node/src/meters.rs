//! What a task takes, measured where it happens: on the threads that work on it, at its agents, where its bytes come and go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_types::{Bytes, Fuel};

/// Counters of one task. Every number only grows.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    fuel: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    /// Microseconds of processors: of threads that help, and of the task's own as far as it has said.
    helpers: AtomicU64,
    own: AtomicU64,
}

/// One reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metered {
    pub(crate) fuel: Fuel,
    pub(crate) read: Bytes,
    pub(crate) written: Bytes,
    /// Of threads that helped.
    pub(crate) helpers: Duration,
    /// Of the task's own thread, up to where it was when it last said so.
    pub(crate) own: Duration,
}

/// Whose time of a processor it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thread {
    /// The one that the task was begun on.
    Own,
    /// One that was begun for it.
    Helper,
}

impl Meters {
    pub(crate) fn fuel(&self, fuel: Fuel) {
        self.fuel.fetch_add(fuel.0, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn cpu(&self, thread: Thread, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let meter = match thread {
            Thread::Own => &self.own,
            Thread::Helper => &self.helpers,
        };
        meter.fetch_add(time, Ordering::Relaxed);
    }

    pub(crate) fn reading(&self) -> Metered {
        let of = |meter: &AtomicU64| meter.load(Ordering::Relaxed);
        Metered {
            fuel: Fuel(of(&self.fuel)),
            read: Bytes(of(&self.read)),
            written: Bytes(of(&self.written)),
            helpers: Duration::from_micros(of(&self.helpers)),
            own: Duration::from_micros(of(&self.own)),
        }
    }
}
