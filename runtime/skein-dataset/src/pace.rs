//! Who is asked before bytes of datasets' files come or go, and so knows how many did.
//!
//! The calls that read and write lie deep in formats, and several threads make them for one task. So who paces is a matter of the
//! thread: [`paced`] says it for all that a closure does, and whoever has another thread do a part hands [`pace`] on to it.
//! Without anybody nothing waits and nothing is counted. Logs, locks and records of publishes are not paced: they are few, and others
//! wait for them.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

/// Most bytes that pass at once, so that a rate holds over short times too.
pub(crate) const PIECE: usize = 1 << 20;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// From a store.
    Read,
    /// To a store.
    Write,
}

/// Lets bytes pass.
pub trait Pace: Debug + Send + Sync {
    /// Comes back when so many bytes may pass; they are asked for in pieces of about a MiB at most.
    fn pass(&self, flow: Flow, bytes: u64);
}

thread_local! {
    static PACE: RefCell<Option<Arc<dyn Pace>>> = const { RefCell::new(None) };
}

/// Gives the thread back whom it had before, also when what it did panics.
struct Before(Option<Arc<dyn Pace>>);

impl Drop for Before {
    fn drop(&mut self) {
        PACE.set(self.0.take());
    }
}

/// Does something at somebody's pace.
pub fn paced<T>(pace: Option<Arc<dyn Pace>>, act: impl FnOnce() -> T) -> T {
    let _before = Before(PACE.replace(pace));
    act()
}

/// At whose pace this thread is.
pub fn pace() -> Option<Arc<dyn Pace>> {
    PACE.with_borrow(Clone::clone)
}

/// Bytes pass.
pub(crate) fn pass(flow: Flow, bytes: usize) {
    PACE.with_borrow(|pace| {
        if let Some(pace) = pace {
            pace.pass(flow, bytes as u64);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Flow, Pace, pace, paced, pass};

    #[derive(Debug, Default)]
    struct Count(AtomicU64);

    impl Pace for Count {
        fn pass(&self, _: Flow, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_a_closure_does_is_counted_here_and_on_the_threads_that_it_is_handed_on_to() {
        let count = Arc::new(Count::default());
        pass(Flow::Read, 1);
        paced(Some(count.clone()), || {
            pass(Flow::Read, 10);
            let on = pace();
            std::thread::scope(|scope| {
                scope.spawn(|| paced(on, || pass(Flow::Write, 100)));
                scope.spawn(|| pass(Flow::Write, 1_000));
            });
            let panicked = std::panic::catch_unwind(|| paced(None, || panic!("on purpose")));
            assert!(panicked.is_err());
            pass(Flow::Read, 10_000);
        });
        pass(Flow::Read, 1);
        assert_eq!(count.0.load(Ordering::Relaxed), 10_110);
    }
}
