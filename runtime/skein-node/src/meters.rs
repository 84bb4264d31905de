//! What a task takes, measured where it happens: on the threads that work on it, at its agents, where its bytes come and go.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_types::{Bytes, Fuel};

use crate::cpu;

/// Counters of one task. Every number but the memory of now only grows.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    fuel: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    /// Microseconds of processors: of threads that help, and of the task's own as far as it has said.
    helpers: AtomicU64,
    own: AtomicU64,
    /// Memory of all agents now, and the most that one of them had.
    memory: AtomicU64,
    memory_peak: AtomicU64,
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

thread_local! {
    /// What this thread is to the task that it works for, and how much of its time it has told.
    static SAID: Cell<Option<(Thread, Duration)>> = const { Cell::new(None) };
}

impl Thread {
    /// From now on the calling thread works for a task, and what it takes is counted.
    pub(crate) fn begins(self) {
        SAID.set(Some((self, cpu::exactly_of_this_thread())));
    }
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

    /// An agent has so much memory where it had so much before.
    pub(crate) fn memory(&self, before: Bytes, now: Bytes) {
        // Wrapping, as counters of atoms do: what one agent takes back it has added.
        self.memory.fetch_add(now.0.wrapping_sub(before.0), Ordering::Relaxed);
        self.memory_peak.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Memory of all agents now, and the most that one of them had.
    pub(crate) fn memories(&self) -> (Bytes, Bytes) {
        let of = |meter: &AtomicU64| Bytes(meter.load(Ordering::Relaxed));
        (of(&self.memory), of(&self.memory_peak))
    }

    /// The calling thread says what it took since it last did, or since it began.
    pub(crate) fn cpu(&self) {
        let Some((thread, before)) = SAID.get() else { return };
        // What does not fill a microsecond is said with the next.
        let took = cpu::exactly_of_this_thread().saturating_sub(before);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        SAID.set(Some((thread, before + Duration::from_micros(micros))));
        let meter = match thread {
            Thread::Own => &self.own,
            Thread::Helper => &self.helpers,
        };
        meter.fetch_add(micros, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::{Meters, Thread};
    use crate::cpu;
    use skein_types::Bytes;
    use std::time::Duration;

    fn work() {
        let until = cpu::exactly_of_this_thread() + Duration::from_millis(2);
        while cpu::exactly_of_this_thread() < until {}
    }

    #[test]
    fn memory_is_that_of_the_agents_that_are_there_and_at_most_that_of_one() {
        let meters = Meters::default();
        meters.memory(Bytes(0), Bytes(30));
        meters.memory(Bytes(0), Bytes(50));
        meters.memory(Bytes(30), Bytes(40));
        assert_eq!(meters.memories(), (Bytes(90), Bytes(50)));
        meters.memory(Bytes(50), Bytes(0));
        assert_eq!(meters.memories(), (Bytes(40), Bytes(50)));
    }

    #[test]
    fn a_thread_tells_each_moment_once_and_for_whom_it_works() {
        let meters = Meters::default();
        work();
        meters.cpu();
        assert_eq!(meters.reading(), super::Metered::default(), "nobody began to count");
        let before = cpu::exactly_of_this_thread();
        Thread::Own.begins();
        for _ in 0..3 {
            work();
            meters.cpu();
        }
        let own = meters.reading().own;
        let took = cpu::exactly_of_this_thread() - before;
        assert!(Duration::from_millis(5) < own && own <= took, "{own:?} of {took:?}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                Thread::Helper.begins();
                work();
                meters.cpu();
            });
        });
        let reading = meters.reading();
        assert!(reading.own == own && reading.helpers > Duration::from_millis(1), "{reading:?}");
    }
}
