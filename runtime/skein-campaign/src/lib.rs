//! Pure machines: what may happen next to a campaign, a wave, a run, a task and a lease.

pub mod lease;
pub mod task;
