//! How many files this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beyond it a higher limit makes no difference.
const WANTED: u64 = 8_192;

/// Raises the limit as far as it may be, and says what it is then.
pub(crate) fn raised() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(WANTED).min(WANTED);
    let current = limit.current.unwrap_or(u64::MAX);
    let raised = Rlimit { current: Some(most), ..limit };
    if current < most && setrlimit(Resource::Nofile, raised).is_ok() { most } else { current }
}
