//! Named places where a test may kill the process or make the next step fail.
//!
//! A point is written `crash_point!("publish.after-intent")?` between two durable steps and does nothing unless the
//! feature `crash-points` is on. Its name must be in a registry, checked at compile time, so that a test can walk the
//! registry and knows that it met every point. Another crate composes its own: it keeps a `&[&str]` of its names,
//! writes `crash_point!(ITS_NAMES, "node.before-open")?` and its tests walk both registries.
//!
//! With the feature on, `SKEIN_CRASH_AT=name` or `name:nth` (read once) kills this process with SIGKILL when the point
//! is reached for the nth time, from 1, and `SKEIN_STOP_AT` stops it there until it is sent SIGCONT. A server's nodes inherit
//! it: with `SKEIN_CRASH_ONCE=path` only the process dies that makes that file. [`fail_at`] makes the point answer EIO once,
//! for the calling thread, and [`act_at`] does there what others might do at that moment. What a store may do to any
//! operation is in `store/faults.rs`.

#[cfg(not(feature = "crash-points"))]
use std::io;

/// Every point of this crate, in the order in which a run meets them.
pub const CRASH_POINTS: &[&str] = &[
    "register.before-probe",
    "register.after-place",
    "manage.before-sync",
    "manage.after-marker",
    "manage.after-release",
    "stage.after-create",
    "stage.before-file-rename",
    "stage.after-file-rename",
    "stage.after-extend",
    "piece.before-rename",
    "piece.after-rename",
    "hand.before-descriptor",
    "hand.after-descriptor",
    "hand.after-sync",
    "handed.before-check",
    "publish.before-data-sync",
    "publish.after-data-sync",
    "publish.after-adopt",
    "publish.after-intent",
    "publish.after-intent-sync",
    "swap.after-slot",
    "swap.after-exchange",
    "swap.after-exchange-back",
    "swap.after-take-back",
    "swap.after-decision",
    "publish.after-last-sync",
    "settle.after-quarantine",
    "settle.after-done",
    "hold.after-sync",
    "hold.after-move",
    "hold.after-record",
    "held.before-lock",
    "held.before-intent",
    "held.after-intent",
    "held.after-done",
    "discard.after-record",
    "beside.after-sync",
    "beside.after-state",
    "beside.after-data",
    "beside.after-parent-sync",
    "stage.before-discard",
    "store.before-dir-sync",
    "rollback.before-intent",
    "rollback.after-intent",
    "revert.before-records",
    "later.before-rename",
    "later.after-rename",
    "finalize.after-record",
    "finalize.after-rejects",
    "finalize.after-remove",
    "aside.after-move",
    "attempts.after-remove",
    "forget.before-rename",
    "forget.after-rename",
    "forget.after-remove",
    "recover.before-settle",
    "recover.before-sweep",
    "recover.after-sweep",
];

/// Whether `name` is in `registry`; evaluated at compile time by [`crash_point!`](crate::crash_point).
pub const fn listed(registry: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < registry.len() {
        if same(registry[i].as_bytes(), name.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A named crash and fault point; an `io::Result<()>` that is always `Ok` without the feature `crash-points`.
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash_point!($crate::CRASH_POINTS, $name)
    };
    ($registry:expr, $name:literal) => {{
        const _: () =
            assert!($crate::crash::listed($registry, $name), "this crash point is not in its registry");
        $crate::crash::reach($name)
    }};
}

/// What [`crash_point!`](crate::crash_point) calls.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn reach(_name: &str) -> io::Result<()> {
    Ok(())
}

/// Called by [`account`](crate::account) where this thread waits; counted for each thread with the feature `crash-points`.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(crate) fn wait_for_disk(_synced: usize) {}

#[cfg(feature = "crash-points")]
pub(crate) use armed::wait_for_disk;
#[cfg(feature = "crash-points")]
pub use armed::{act_at, fail_at, reach, synced, waits_for_disk};

#[cfg(feature = "crash-points")]
mod armed {
    use std::cell::{Cell, RefCell};
    use std::io;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        left: AtomicU64,
    }

    static KILLING: LazyLock<Option<Armed>> = LazyLock::new(|| Armed::by("SKEIN_CRASH_AT"));
    static STOPPING: LazyLock<Option<Armed>> = LazyLock::new(|| Armed::by("SKEIN_STOP_AT"));
    /// Of all processes that inherit it the one dies that makes this file.
    static ONCE: LazyLock<Option<String>> = LazyLock::new(|| said("SKEIN_CRASH_ONCE"));

    #[expect(clippy::disallowed_methods, reason = "a test's switch, read once, absent from release builds")]
    fn said(variable: &str) -> Option<String> {
        std::env::var(variable).ok()
    }

    fn is_first() -> bool {
        ONCE.as_ref().is_none_or(|mark| std::fs::File::create_new(mark).is_ok())
    }

    impl Armed {
        fn by(variable: &str) -> Option<Self> {
            let wanted = said(variable)?;
            let (name, nth) = match wanted.rsplit_once(':') {
                Some((name, nth)) => (name.to_owned(), nth.parse().ok()?),
                None => (wanted, 1),
            };
            Some(Self { name, left: AtomicU64::new(nth) })
        }

        fn is_due(&self, name: &str) -> bool {
            self.name == name && self.left.fetch_sub(1, Ordering::SeqCst) == 1
        }
    }

    type Act = Box<dyn FnOnce()>;

    thread_local! {
        static ACTING: RefCell<Option<(String, Act)>> = const { RefCell::new(None) };
        static FAILING: RefCell<Option<String>> = const { RefCell::new(None) };
        static WAITS: Cell<u64> = const { Cell::new(0) };
        static SYNCED: Cell<usize> = const { Cell::new(0) };
    }

    /// How often the calling thread has waited for the disk, a barrier over many files counted once.
    pub fn waits_for_disk() -> u64 {
        WAITS.get()
    }

    /// How many files and directories the calling thread has synced, alone or by a barrier.
    pub fn synced() -> usize {
        SYNCED.get()
    }

    pub(crate) fn wait_for_disk(synced: usize) {
        WAITS.set(WAITS.get() + 1);
        SYNCED.set(SYNCED.get() + synced);
    }

    /// Makes the named point answer EIO the next time that this thread reaches it.
    pub fn fail_at(name: &str) {
        FAILING.with(|slot| *slot.borrow_mut() = Some(name.to_owned()));
    }

    /// Does something the next time that this thread reaches the named point: what others do at just that moment.
    pub fn act_at(name: &str, act: impl FnOnce() + 'static) {
        ACTING.with(|slot| *slot.borrow_mut() = Some((name.to_owned(), Box::new(act))));
    }

    /// What [`crash_point!`](crate::crash_point) calls: kills the process or fails if this point is armed.
    pub fn reach(name: &str) -> io::Result<()> {
        if STOPPING.as_ref().is_some_and(|armed| armed.is_due(name)) {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
        }
        if KILLING.as_ref().is_some_and(|armed| armed.is_due(name)) && is_first() {
            crate::store::faults::lose_unsynced();
            // SIGKILL and not abort: nothing of this process may run afterwards, no destructor, no buffer flush.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
        }
        let due = ACTING.with(|slot| slot.borrow_mut().take_if(|(at, _)| at == name));
        if let Some((_, act)) = due {
            act();
        }
        FAILING.with(|slot| {
            if slot.borrow().as_deref() == Some(name) {
                *slot.borrow_mut() = None;
                return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CRASH_POINTS, listed};

    #[test]
    fn names_are_listed_once_and_unknown_ones_are_not() {
        for (i, name) in CRASH_POINTS.iter().enumerate() {
            assert!(listed(CRASH_POINTS, name));
            assert!(!CRASH_POINTS[..i].contains(name), "{name} twice");
        }
        assert!(!listed(CRASH_POINTS, "publish.after-inten"));
        assert!(!listed(CRASH_POINTS, "publish.after-intenT"));
    }
}
