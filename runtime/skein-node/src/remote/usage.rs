//! What this process takes, as control is told with each exchange.

use skein_api::node::Usage;
use skein_dataset::account;
use skein_types::{Bytes, Millis};

/// As of now, with so many agents at work.
pub(super) fn of_this_process(agents: usize) -> Usage {
    let account = account();
    Usage {
        slots: u32::try_from(agents).unwrap_or(u32::MAX),
        memory: account.memory,
        memory_peak: account.memory_peak,
        cpu_ms: Millis(u64::try_from(account.cpu.as_millis()).unwrap_or(u64::MAX)),
        // What tasks read and wrote is in their reports.
        bytes_read: Bytes(0),
        bytes_written: Bytes(0),
        disk_waits: account.disk_waits,
    }
}
