//! CPU time as the kernel counts it.

use rustix::time::{ClockId, clock_gettime};
use skein_types::Millis;

/// CPU time of the calling thread since it started.
pub(crate) fn of_this_thread() -> Millis {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let ms = time.tv_sec * 1_000 + time.tv_nsec / 1_000_000;
    Millis(u64::try_from(ms).unwrap_or(0))
}
