//! CPU time as the kernel counts it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use skein_types::Millis;

/// CPU time of the calling thread since it started.
pub(crate) fn of_this_thread() -> Millis {
    Millis(u64::try_from(exactly_of_this_thread().as_millis()).unwrap_or(0))
}

/// The same, for work that takes less than milliseconds.
pub(crate) fn exactly_of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}
