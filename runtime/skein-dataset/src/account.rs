//! What this process has taken of its machine since it started: memory, CPU time, waits for the disk.
//!
//! One account for the process, whoever works in it: it is told to people and decides nothing. The waits are counted where
//! they happen, by this crate; the rest is what the system says.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use skein_types::Bytes;

/// The system's account of this process.
const STATUS: &str = "/proc/self/status";
/// It has some fifty lines.
const STATUS_MAX: u64 = 64 << 10;

static WAITS: AtomicU64 = AtomicU64::new(0);
static SYNCED: AtomicU64 = AtomicU64::new(0);

/// What was taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Memory that is resident now; nothing, where the system does not say.
    pub memory: Bytes,
    /// The most that ever was.
    pub memory_peak: Bytes,
    /// CPU time of all threads.
    pub cpu: Duration,
    /// Waits for the disk: a barrier over many files counted once.
    pub disk_waits: u64,
    /// Files and directories that were synced.
    pub synced: u64,
}

/// The account of this process.
pub fn account() -> Account {
    let mut status = String::new();
    let read = std::fs::File::open(STATUS).and_then(|file| file.take(STATUS_MAX).read_to_string(&mut status));
    if let Err(error) = read {
        tracing::debug!(%error, "the system does not say how much memory this process has");
    }
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Account {
        memory: kilobytes(&status, "VmRSS:"),
        memory_peak: kilobytes(&status, "VmHWM:"),
        cpu: Duration::try_from(time).unwrap_or_default(),
        disk_waits: WAITS.load(Ordering::Relaxed),
        synced: SYNCED.load(Ordering::Relaxed),
    }
}

/// This process waits for so many files or directories at once.
pub(crate) fn wait_for_disk(synced: usize) {
    WAITS.fetch_add(1, Ordering::Relaxed);
    SYNCED.fetch_add(synced as u64, Ordering::Relaxed);
    crate::crash::wait_for_disk(synced);
}

/// A line such as `VmRSS:     10572 kB`.
fn kilobytes(status: &str, of: &str) -> Bytes {
    let said = status.lines().find_map(|line| line.strip_prefix(of));
    let number = said.and_then(|said| said.trim().strip_suffix("kB")).and_then(|kb| kb.trim().parse().ok());
    Bytes(number.map_or(0, |kb: u64| kb.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::{account, kilobytes, wait_for_disk};
    use skein_types::Bytes;

    #[test]
    fn memory_is_read_as_the_system_writes_it() {
        let status = "Name:\tskein\nVmHWM:\t   20480 kB\nVmRSS:\t     512 kB\nThreads:\t3\n";
        assert_eq!(kilobytes(status, "VmHWM:"), Bytes::mib(20));
        assert_eq!(kilobytes(status, "VmRSS:"), Bytes(512 << 10));
        assert_eq!(kilobytes(status, "VmSwap:"), Bytes(0));
    }

    #[test]
    fn a_wait_for_many_files_is_one_wait() {
        let before = account();
        wait_for_disk(7);
        let after = account();
        // Other tests of this process wait for the disk as well.
        assert!(after.disk_waits > before.disk_waits && after.synced >= before.synced + 7);
        assert!(after.memory > Bytes(0) && after.memory_peak >= after.memory && after.cpu >= before.cpu);
    }
}
