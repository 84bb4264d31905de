//! What a guest can see of the host: the state behind its imports, and the imports themselves.
//!
//! Everything a guest can reach here is memory of its own attempt: a log and metrics that are bounded, settings and
//! secrets that the run gave it, a clock and randomness made from a seed. Nothing waits, nothing opens anything.

pub(crate) mod contract;
pub(crate) mod limiter;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod virtual_time;
pub(crate) mod wasi;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use wasmtime::StoreContextMut;

use crate::Limits;
use crate::instance::Watch;
use limiter::Meter;
use log::LogCapture;
use metrics::Metrics;
use virtual_time::VirtualTime;

/// What clock and randomness of a guest are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

/// Values that a guest gets through `config`. Secrets appear nowhere else.
#[derive(Clone, Default)]
pub struct GuestConfig {
    /// Settings of the run by name.
    pub settings: BTreeMap<String, String>,
    /// Values of the secrets that the parameters name.
    pub secrets: BTreeMap<String, Vec<u8>>,
}

impl std::fmt::Debug for GuestConfig {
    /// Names only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.secrets.keys().collect();
        f.debug_struct("GuestConfig").field("settings", &self.settings).field("secrets", &names).finish()
    }
}

/// Why a host function ended the attempt. Travels through the engine as the error of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostStop {
    #[error("log limit")]
    LogFlood,
    #[error("metrics limit")]
    MetricsFlood,
    #[error("memory limit")]
    Memory { wanted: u64 },
    #[error("exit")]
    Exit { success: bool },
    #[error("time limit of the call")]
    WallOfCall,
    #[error("time limit of the task")]
    WallOfTask,
    #[error("cancelled")]
    Cancelled,
    #[error("exports of other types")]
    WrongExports,
}

/// State of one attempt.
pub(crate) struct HostState {
    pub(crate) meter: Meter,
    pub(crate) log: LogCapture,
    pub(crate) metrics: Metrics,
    pub(crate) config: Arc<GuestConfig>,
    pub(crate) time: VirtualTime,
    pub(crate) random: ChaCha12Rng,
    pub(crate) watch: Watch,
}

impl HostState {
    pub(crate) fn new(limits: &Limits, config: Arc<GuestConfig>, seed: Seed, watch: Watch) -> Self {
        let (time, random) = from_seed(seed);
        Self {
            meter: Meter::new(limits.memory),
            log: LogCapture::new(limits.log_lines, limits.log_bytes),
            metrics: Metrics::new(limits.metric_names),
            config,
            time,
            random,
            watch,
        }
    }

    pub(crate) fn reseed(&mut self, seed: Seed) {
        (self.time, self.random) = from_seed(seed);
    }
}

fn from_seed(seed: Seed) -> (VirtualTime, ChaCha12Rng) {
    let mut random = ChaCha12Rng::from_seed(seed.0);
    let time = VirtualTime::starting_at(random.next_u64());
    (time, random)
}

/// Fuel for work that the host does on a guest's behalf: as much as a few operators, and a part per byte.
pub(crate) fn charge(store: &mut StoreContextMut<'_, HostState>, bytes: usize) -> wasmtime::Result<()> {
    const CALL: u64 = 200;
    let cost = CALL.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    let left = store.get_fuel()?;
    match left.checked_sub(cost) {
        Some(rest) => store.set_fuel(rest),
        None => {
            store.set_fuel(0)?;
            Err(wasmtime::Trap::OutOfFuel.into())
        }
    }
}
