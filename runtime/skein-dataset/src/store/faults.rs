//! What a store may do to a call: fail after it has done it, answer too late, be slow, be full, fail, or forget what was not
//! synced.
//!
//! Every durable step of this crate goes [through](through) here and nothing happens to it unless the feature `crash-points`
//! is on and `SKEIN_STORE_FAULTS` names a file that says `KIND SEED N`: about one operation in N is hit, which ones is a
//! function of the seed and of how many there were in this process before. The file is read each time, so a test lets faults
//! begin and end while processes run.
//!
//! | kind | what happens |
//! |---|---|
//! | `error-after` | it is done, and the answer is EIO |
//! | `timed-out` | it is done, late, and the answer is ETIMEDOUT |
//! | `slow` | it is done, late |
//! | `full` | what takes space is not done: ENOSPC |
//! | `eio` | it is not done, reads too: EIO |
//! | `unsynced` | none fails; a process that dies at a crash point takes the bytes of files along that it made and nobody synced |
//!
//! A call that has answered lands nothing later: that is what the system promises of local file systems, and others are
//! refused (`place/filesystem.rs`).

/// What an operation is, which decides what can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Opening or reading.
    Read,
    /// Making a file or directory, or writing.
    Write,
    /// Renaming or exchanging.
    Name,
    /// Removing.
    Remove,
    /// Waiting for the disk.
    Sync,
}

#[cfg(not(feature = "crash-points"))]
pub(crate) use absent::{made, synced, through};
#[cfg(feature = "crash-points")]
pub(crate) use present::{lose_unsynced, made, synced, through};

#[cfg(not(feature = "crash-points"))]
mod absent {
    use std::os::fd::AsFd;

    use super::Op;

    /// Does the operation.
    #[inline(always)]
    pub(crate) fn through<T, E>(_: Op, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        act()
    }

    /// A file was made that nobody has synced.
    #[inline(always)]
    pub(crate) fn made(_: &impl AsFd) {}

    /// A file or directory was synced.
    #[inline(always)]
    pub(crate) fn synced(_: &impl AsFd) {}
}

#[cfg(feature = "crash-points")]
mod present {
    use std::collections::BTreeMap;
    use std::io::Read as _;
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::Duration;

    use rustix::io::Errno;

    use super::Op;

    /// Longest text of the file.
    const TEXT_MAX: u64 = 200;
    /// Of an operation that is late.
    const LATE: Duration = Duration::from_millis(30);

    #[expect(clippy::disallowed_methods, reason = "a test's switch, read once, absent from release builds")]
    static SAID_IN: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var("SKEIN_STORE_FAULTS").ok().map(PathBuf::from));
    static OPERATIONS: AtomicU64 = AtomicU64::new(0);
    /// Files that this process made and nobody synced, by device and inode. Kept open: they are renamed, and truncated when it
    /// dies.
    static UNSYNCED: Mutex<BTreeMap<(u64, u64), OwnedFd>> = Mutex::new(BTreeMap::new());

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) enum Kind {
        ErrorAfter,
        TimedOut,
        Slow,
        Full,
        Eio,
        Unsynced,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Faults {
        pub(super) kind: Kind,
        pub(super) seed: u64,
        pub(super) one_in: u64,
    }

    impl Faults {
        pub(super) fn parse(text: &str) -> Option<Self> {
            let mut words = text.split_whitespace();
            let kind = match words.next()? {
                "error-after" => Kind::ErrorAfter,
                "timed-out" => Kind::TimedOut,
                "slow" => Kind::Slow,
                "full" => Kind::Full,
                "eio" => Kind::Eio,
                "unsynced" => Kind::Unsynced,
                _ => return None,
            };
            let mut number = || words.next()?.parse().ok();
            Some(Self { kind, seed: number()?, one_in: number()? })
        }

        /// Those that are said now.
        fn now() -> Option<Self> {
            let mut text = String::new();
            let file = std::fs::File::open(SAID_IN.as_ref()?).ok()?;
            file.take(TEXT_MAX).read_to_string(&mut text).ok()?;
            Self::parse(&text)
        }

        /// What happens to the operation, if anything does.
        pub(super) fn hit(self, op: Op, number: u64) -> Option<Kind> {
            let possible = match self.kind {
                Kind::ErrorAfter | Kind::TimedOut => op != Op::Read,
                Kind::Full => op == Op::Write,
                Kind::Slow | Kind::Eio => true,
                Kind::Unsynced => false,
            };
            (possible && mix(self.seed, number).is_multiple_of(self.one_in.max(1))).then_some(self.kind)
        }
    }

    /// `SplitMix64`.
    fn mix(seed: u64, number: u64) -> u64 {
        let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Does the operation, as the store of the moment does it.
    pub(crate) fn through<T, E: From<Errno>>(op: Op, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let Some(faults) = Faults::now() else { return act() };
        match faults.hit(op, OPERATIONS.fetch_add(1, Ordering::Relaxed)) {
            None | Some(Kind::Unsynced) => act(),
            Some(Kind::Full) => Err(Errno::NOSPC.into()),
            Some(Kind::Eio) => Err(Errno::IO.into()),
            Some(Kind::ErrorAfter) => act().and(Err(Errno::IO.into())),
            Some(Kind::Slow) => {
                std::thread::sleep(LATE);
                act()
            }
            Some(Kind::TimedOut) => {
                std::thread::sleep(LATE);
                act().and(Err(Errno::TIMEDOUT.into()))
            }
        }
    }

    /// A file was made that nobody has synced.
    pub(crate) fn made(file: &impl AsFd) {
        if !matches!(Faults::now(), Some(Faults { kind: Kind::Unsynced, .. })) {
            return;
        }
        if let (Ok(stat), Ok(fd)) = (rustix::fs::fstat(file), file.as_fd().try_clone_to_owned()) {
            UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner).insert((stat.st_dev, stat.st_ino), fd);
        }
    }

    /// A file or directory was synced.
    pub(crate) fn synced(file: &impl AsFd) {
        let mut unsynced = UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner);
        if unsynced.is_empty() {
            return;
        }
        if let Ok(stat) = rustix::fs::fstat(file) {
            unsynced.remove(&(stat.st_dev, stat.st_ino));
        }
    }

    /// This process is about to be killed: what it made is there, as the power left it, with nothing in it.
    pub(crate) fn lose_unsynced() {
        for fd in UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner).values() {
            // There is nobody left to be told, and the next is SIGKILL.
            rustix::fs::ftruncate(fd, 0).unwrap_or_default();
        }
    }
}

#[cfg(all(test, feature = "crash-points"))]
mod tests {
    use super::Op;
    use super::present::{Faults, Kind};

    #[test]
    fn a_file_says_kind_seed_and_how_many_and_anything_else_is_no_fault() {
        let eio = Faults { kind: Kind::Eio, seed: 7, one_in: 20 };
        assert_eq!(Faults::parse("eio 7 20\n"), Some(eio));
        for other in ["", "eio", "eio 7", "eio seven 20", "boom 7 20"] {
            assert_eq!(Faults::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn about_one_in_so_many_is_hit_the_same_ones_each_time_and_none_that_cannot_be() {
        let faults = |kind| Faults { kind, seed: 3, one_in: 10 };
        let hits = |kind, op| (0..1_000).filter(|number| faults(kind).hit(op, *number).is_some()).count();
        assert_eq!(hits(Kind::Eio, Op::Read), hits(Kind::Slow, Op::Sync));
        assert!((60..150).contains(&hits(Kind::Eio, Op::Read)), "{}", hits(Kind::Eio, Op::Read));
        assert_eq!(hits(Kind::ErrorAfter, Op::Read), 0);
        assert_eq!(hits(Kind::Full, Op::Name), 0);
        assert_eq!(hits(Kind::Unsynced, Op::Write), 0);
    }
}
