//! What compiles modules: one thread, one module at a time, each in a child process under limits.
//!
//! Whoever submits a module need not wait for it. What is to be compiled is what the ledger has as submitted, so a process that
//! died in the middle goes on with it when it starts again. A failure of this machine (the child could not be started, it was too busy) is
//! told to whoever waits, and tried again after a while; one of the module's is for good and is written down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use skein_ledger::{Limit, ModuleState};
use skein_types::{ModuleDigest, Vital, codes};

use crate::control::Control;
use crate::error::ServiceError;

/// Modules that may wait to be compiled.
const WAITING_MAX: usize = 256;
/// After this machine failed with one.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// What is to be compiled.
#[derive(Debug, Default)]
pub(crate) struct Compiling {
    /// With what went wrong the last time, if it was tried.
    waiting: Mutex<BTreeMap<ModuleDigest, Option<ServiceError>>>,
    /// There is something more.
    rung: Condvar,
    /// One of them is done, or went wrong.
    done: tokio::sync::Notify,
}

impl Compiling {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ModuleDigest, Option<ServiceError>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one that was not tried, if one comes in time.
    fn next(&self, most: Duration) -> Option<ModuleDigest> {
        let untried = |waiting: &BTreeMap<ModuleDigest, Option<ServiceError>>| {
            waiting.iter().find(|(_, failed)| failed.is_none()).map(|(module, _)| *module)
        };
        let waiting = self.waiting();
        if let Some(module) = untried(&waiting) {
            return Some(module);
        }
        let woken = self.rung.wait_timeout(waiting, most).unwrap_or_else(PoisonError::into_inner);
        untried(&woken.0)
    }

    fn ends(&self, module: ModuleDigest, failed: Option<ServiceError>) {
        let mut waiting = self.waiting();
        match failed {
            Some(error) => drop(waiting.insert(module, Some(error))),
            None => drop(waiting.remove(&module)),
        }
        drop(waiting);
        self.done.notify_waiters();
    }
}

/// The thread, and how to stop it.
#[derive(Debug)]
pub struct Compiler {
    control: Arc<Control>,
    stop: Arc<AtomicBool>,
    /// A module is in the jail.
    busy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Compiler {
    /// Starts it, with what a process before left.
    pub fn start(control: &Arc<Control>) -> Result<Self, ServiceError> {
        control.take_up_submitted()?;
        let (stop, busy) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (own, stopped, at_work) = (Arc::clone(control), Arc::clone(&stop), Arc::clone(&busy));
        let thread = std::thread::Builder::new().name("compiler".to_owned()).spawn(move || {
            let _vital = Vital;
            while !stopped.load(Ordering::SeqCst) {
                match own.compiling.next(AFTER_FAILURE) {
                    Some(module) => {
                        at_work.store(true, Ordering::SeqCst);
                        own.compile_one(module);
                        at_work.store(false, Ordering::SeqCst);
                    }
                    None => own.try_failed_again(),
                }
            }
        });
        let thread = thread.map_err(|error| ServiceError::new(codes::IO, error.to_string()))?;
        Ok(Self { control: Arc::clone(control), stop, busy, thread: Some(thread) })
    }
}

impl Drop for Compiler {
    /// What is in the jail is not waited for: it is compiled again when the server is started again.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.control.compiling.rung.notify_all();
        if self.busy.load(Ordering::SeqCst) {
            return;
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the compiler's thread panicked");
        }
    }
}

impl Control {
    /// Refused while there are too many: before anybody sends one more.
    pub(crate) fn may_compile_more(&self) -> Result<(), ServiceError> {
        match self.compiling.waiting().len() < WAITING_MAX {
            true => Ok(()),
            false => Err(ServiceError::new(
                codes::SERVER_BUSY,
                format!("{WAITING_MAX} modules wait to be compiled"),
            )),
        }
    }

    /// Compiles it when its turn comes.
    pub(crate) fn will_compile(&self, module: ModuleDigest) {
        self.compiling.waiting().insert(module, None);
        self.compiling.rung.notify_all();
    }

    /// Done when it is compiled or refused; fails if this machine could not.
    pub async fn compiled(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        loop {
            let done = self.compiling.done.notified();
            match self.compiling.waiting().get(&module) {
                None => return Ok(()),
                Some(Some(failed)) => return Err(failed.clone()),
                Some(None) => {}
            }
            done.await;
        }
    }

    fn compile_one(&self, module: ModuleDigest) {
        let compiled = self.compile_submitted(module);
        if let Err(error) = &compiled {
            tracing::warn!(%module, code = error.code.id, %error, "a module cannot be compiled just now");
        }
        self.compiling.ends(module, compiled.err());
        // Banned and restored just now, it may have been asked for before its end was noted.
        if self
            .ledger
            .module(module)
            .is_ok_and(|row| row.is_some_and(|row| row.state == ModuleState::Submitted))
        {
            self.compiling.waiting().entry(module).or_insert(None);
        }
    }

    /// Whether it waits to be compiled.
    #[cfg(test)]
    pub(crate) fn is_to_be_compiled(&self, module: ModuleDigest) -> bool {
        self.compiling.waiting().contains_key(&module)
    }

    fn compile_submitted(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        let state = |row: Option<skein_ledger::Module>| row.map(|row| row.state);
        match state(self.ledger.module(module)?) {
            Some(ModuleState::Submitted) => self.compile(module),
            // Banned meanwhile, or done.
            Some(
                ModuleState::Ready | ModuleState::Refused | ModuleState::Suspended | ModuleState::Banned,
            )
            | None => Ok(()),
        }
    }

    fn try_failed_again(&self) {
        self.compiling.waiting().values_mut().for_each(|failed| *failed = None);
    }

    fn take_up_submitted(&self) -> Result<(), ServiceError> {
        let mut after = None;
        loop {
            let page = self.ledger.modules(None, after.as_ref(), Limit::MAX)?;
            let submitted = page.items.iter().filter(|module| module.state == ModuleState::Submitted);
            submitted.for_each(|module| self.will_compile(module.digest));
            // Of a process that died between the verdict and this.
            let refused = page.items.iter().filter(|module| module.state == ModuleState::Refused);
            refused.map(|module| module.digest).try_for_each(|digest| self.forget_refused(digest))?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}
