//! One instance with its store: each call under its limits, each error in the author's terms.
//!
//! Any error leaves the store unusable, by the engine's rules; so an instance is *spent* after its first error and
//! answers nothing but that from then on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skein_types::{Bytes, Clock, Fuel};
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::agent::NotOpened;
use crate::bindings::{Migration, export};
use crate::engine::Slot;
use crate::host::{GuestConfig, HostState, HostStop, Seed};
use crate::module::Module;
use crate::{GuestError, Limits, backtrace};

/// Handles that a guest may hold at once.
const HANDLES_MAX: usize = 1_000;
/// Room beside the data for the other fields of an answer.
const ANSWER_OVERHEAD: u64 = 1 << 20;

/// Stops an agent from another thread: its call ends at the next epoch with `SK0002`.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Stops the agent's current and every further call.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Until when a call may run; the epoch callback looks here.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) cancel: CancelFlag,
    clock: Arc<dyn Clock>,
    call_until: Duration,
    task_until: Duration,
}

impl Watch {
    fn check(&self) -> Result<(), HostStop> {
        let now = self.clock.elapsed();
        if self.cancel.is_set() {
            Err(HostStop::Cancelled)
        } else if now >= self.call_until {
            Err(HostStop::WallOfCall)
        } else if now >= self.task_until {
            Err(HostStop::WallOfTask)
        } else {
            Ok(())
        }
    }
}

pub(crate) struct Instance {
    store: Store<HostState>,
    guest: Migration,
    pub(crate) limits: Limits,
    account: Account,
    spent: bool,
    /// Last, so that the pool has its slot back before another instance may ask for it.
    _slot: Slot,
}

/// What calls have used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub(crate) fuel: u64,
    pub(crate) wall: Duration,
    pub(crate) calls: u64,
}

type Export = export::Guest;

impl Instance {
    pub(crate) fn new(module: &Module, request: Setup<'_>) -> Result<Self, NotOpened> {
        let Setup { limits, config, seed, cancel, call } = request;
        let slot = module.engine.slots().take(|| cancel.is_set()).ok_or(GuestError::Cancelled { call })?;
        let clock = Arc::clone(module.engine.clock());
        let watch = Watch { cancel, clock, call_until: Duration::MAX, task_until: Duration::MAX };
        let state = HostState::new(limits, config, seed, watch);
        let mut store = Store::new(module.engine.wasmtime(), state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(capped(limits.output_bytes_per_call.0.saturating_add(ANSWER_OVERHEAD)));
        store.set_max_component_handles(HANDLES_MAX);
        store.epoch_deadline_callback(watch_out);
        let mut account = Account::default();
        let guest = metered(&mut store, limits, &mut account, call, |store| {
            let instance = module.pre.instance_pre().instantiate(&mut *store)?;
            // Only here does the engine compare the types of what is exported.
            let typed = Migration::new(&mut *store, &instance);
            typed.map_err(|error| error.context(HostStop::WrongExports))
        });
        let guest =
            guest.map_err(|error| NotOpened { fuel: Fuel(account.fuel), ..NotOpened::from(error) })?;
        Ok(Self { store, guest, limits: limits.clone(), account, spent: false, _slot: slot })
    }

    /// Calls an export under the limits.
    pub(crate) fn call<T>(
        &mut self,
        call: &'static str,
        run: impl FnOnce(&Export, &mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<T, GuestError> {
        if self.spent {
            return Err(GuestError::Spent);
        }
        let export = self.guest.skein_migration_migrate();
        let answer =
            metered(&mut self.store, &self.limits, &mut self.account, call, |store| run(export, store));
        self.spent |= answer.is_err();
        answer
    }

    /// No further call: what the guest answered shows that it cannot be trusted to go on.
    pub(crate) const fn spend(&mut self) {
        self.spent = true;
    }

    pub(crate) const fn account(&self) -> Account {
        self.account
    }

    pub(crate) fn host(&self) -> &HostState {
        self.store.data()
    }

    pub(crate) fn host_mut(&mut self) -> &mut HostState {
        self.store.data_mut()
    }
}

/// What an instance starts from.
pub(crate) struct Setup<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) config: Arc<GuestConfig>,
    pub(crate) seed: Seed,
    pub(crate) cancel: CancelFlag,
    /// What the instance is for, for messages.
    pub(crate) call: &'static str,
}

/// Called at each epoch in which a guest runs. Must not touch fuel: compiled code keeps the count in a register that it
/// neither saves nor reloads around this call.
fn watch_out(store: StoreContextMut<'_, HostState>) -> wasmtime::Result<UpdateDeadline> {
    store.data().watch.check().map_err(wasmtime::Error::new)?;
    Ok(UpdateDeadline::Continue(1))
}

fn metered<T>(
    store: &mut Store<HostState>,
    limits: &Limits,
    account: &mut Account,
    call: &'static str,
    run: impl FnOnce(&mut Store<HostState>) -> wasmtime::Result<T>,
) -> Result<T, GuestError> {
    let fuel = limits.fuel_per_call.0.min(limits.fuel_per_task.0.saturating_sub(account.fuel));
    let watch = &mut store.data_mut().watch;
    let start = watch.clock.elapsed();
    watch.call_until = start.saturating_add(Duration::from_millis(limits.wall_per_call.0));
    let left = Duration::from_millis(limits.wall_per_task.0).saturating_sub(account.wall);
    watch.task_until = start.saturating_add(left);
    let engine = |error: wasmtime::Error| GuestError::Engine { call, reason: format!("{error:#}") };
    watch.check().map_err(|stop| stopped(stop, call, limits))?;
    store.set_fuel(fuel).map_err(engine)?;
    store.set_epoch_deadline(1);
    let answer = run(store);
    account.calls += 1;
    account.fuel = account.fuel.saturating_add(fuel.saturating_sub(store.get_fuel().map_err(engine)?));
    account.wall = account.wall.saturating_add(store.data().watch.clock.elapsed().saturating_sub(start));
    answer.map_err(|error| explain(&error, call, limits, fuel, store.data()))
}

/// An error of the engine in the author's terms.
fn explain(
    error: &wasmtime::Error,
    call: &'static str,
    limits: &Limits,
    fuel: u64,
    state: &HostState,
) -> GuestError {
    if let Some(stop) = error.downcast_ref::<HostStop>() {
        return match stop {
            HostStop::Exit { success } => {
                trapped(error, call, format!("exit called (success: {success})"), state)
            }
            HostStop::WrongExports => GuestError::WrongExports { reason: bounded(format!("{error:#}")) },
            HostStop::LogFlood
            | HostStop::MetricsFlood
            | HostStop::Memory { .. }
            | HostStop::WallOfCall
            | HostStop::WallOfTask
            | HostStop::Cancelled => stopped(*stop, call, limits),
        };
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return GuestError::Engine { call, reason: format!("{error:#}") };
    }
    if error.root_cause().to_string().starts_with("too much data is being copied") {
        return GuestError::OutputTooLarge { call, limit: limits.output_bytes_per_call };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) if fuel == limits.fuel_per_call.0 => {
            GuestError::Fuel { call, limit: limits.fuel_per_call, scope: "call" }
        }
        Some(Trap::OutOfFuel) => GuestError::Fuel { call, limit: limits.fuel_per_task, scope: "task" },
        Some(Trap::StackOverflow) => GuestError::Stack { call },
        Some(trap) => trapped(error, call, trap.to_string(), state),
        None => trapped(error, call, error.root_cause().to_string(), state),
    }
}

fn stopped(stop: HostStop, call: &'static str, limits: &Limits) -> GuestError {
    match stop {
        HostStop::LogFlood => GuestError::LogFlood { call, lines: limits.log_lines, bytes: limits.log_bytes },
        HostStop::MetricsFlood => GuestError::MetricsFlood { call, limit: limits.metric_names },
        HostStop::Memory { wanted } => {
            GuestError::Memory { call, wanted: Bytes(wanted), limit: limits.memory }
        }
        HostStop::WallOfCall => GuestError::Wall { call, limit: limits.wall_per_call, scope: "call" },
        HostStop::WallOfTask => GuestError::Wall { call, limit: limits.wall_per_task, scope: "task" },
        HostStop::Cancelled => GuestError::Cancelled { call },
        HostStop::Exit { .. } | HostStop::WrongExports => {
            GuestError::Engine { call, reason: stop.to_string() }
        }
    }
}

fn trapped(error: &wasmtime::Error, call: &'static str, trap: String, state: &HostState) -> GuestError {
    let frames = error.downcast_ref::<wasmtime::WasmBacktrace>().map(wasmtime::WasmBacktrace::frames);
    let backtrace = backtrace::lines(frames.unwrap_or_default());
    let panic = state.log.last_error().map(|text| bounded(text.to_owned()));
    GuestError::Trap { call, trap: bounded(trap), panic, backtrace }
}

/// Texts of guests in messages: bounded, and with control characters named instead of sent to whoever reads them.
pub(crate) fn bounded(mut text: String) -> String {
    const MAX: usize = 4096;
    text.truncate(text.floor_char_boundary(MAX));
    if text.contains(char::is_control) {
        let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        text = text.chars().map(escaped).collect();
        text.truncate(text.floor_char_boundary(MAX));
    }
    text
}

fn capped(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
