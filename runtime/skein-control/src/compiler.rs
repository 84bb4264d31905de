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

use skein_ledger::{Limit, ModuleState, Name};
use skein_types::{Clock, ModuleDigest, Vital, codes};

use crate::control::Control;
use crate::error::ServiceError;

/// Modules that may wait to be compiled.
const WAITING_MAX: usize = 256;
/// Of one team.
const OF_A_TEAM_MAX: usize = 64;
/// After this machine failed with one.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// What is to be compiled.
#[derive(Debug, Default)]
pub(crate) struct Compiling {
    queue: Mutex<Queue>,
    /// There is something more, or the end.
    rung: Condvar,
    /// One of them is done, or went wrong.
    done: tokio::sync::Notify,
}

/// Teams take turns; of a team's modules the one that came first comes first.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<ModuleDigest, Waiting>,
    /// At which turn each team had its last.
    served: BTreeMap<Option<Name>, u64>,
    turns: u64,
    /// A module is in the jail.
    busy: bool,
}

#[derive(Debug)]
struct Waiting {
    team: Option<Name>,
    place: u64,
    failed: Option<Failed>,
}

/// What went wrong, and when it is tried again.
#[derive(Debug)]
struct Failed {
    error: ServiceError,
    again: Duration,
}

impl Queue {
    fn add(&mut self, module: ModuleDigest, team: Option<Name>) {
        self.keep(module, team).failed = None;
    }

    /// The one that waits already, or a new one.
    fn keep(&mut self, module: ModuleDigest, team: Option<Name>) -> &mut Waiting {
        let place = self.turn();
        self.waiting.entry(module).or_insert(Waiting { team, place, failed: None })
    }

    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    /// Whose turn it is, of those that may be tried now.
    fn next(&mut self, now: Duration) -> Option<ModuleDigest> {
        let due = |waiting: &Waiting| waiting.failed.as_ref().is_none_or(|failed| failed.again <= now);
        let turn = |waiting: &Waiting| (self.served.get(&waiting.team).copied(), waiting.place);
        let due = self.waiting.iter().filter(|(_, waiting)| due(waiting));
        let module = *due.min_by_key(|(_, waiting)| turn(waiting))?.0;
        let turn = self.turn();
        let waiting = self.waiting.get_mut(&module)?;
        waiting.failed = None;
        self.served.insert(waiting.team.clone(), turn);
        self.busy = true;
        Some(module)
    }

    /// Until one that failed may be tried again.
    fn pause(&self, now: Duration) -> Duration {
        let again = self.waiting.values().filter_map(|waiting| Some(waiting.failed.as_ref()?.again));
        again.min().map_or(AFTER_FAILURE, |again| again.saturating_sub(now))
    }

    fn ends(&mut self, module: ModuleDigest, failed: Option<Failed>) {
        self.busy = false;
        let place = self.turn();
        match self.waiting.get_mut(&module).filter(|_| failed.is_some()) {
            Some(waiting) => (waiting.failed, waiting.place) = (failed, place),
            None => drop(self.waiting.remove(&module)),
        }
        if self.waiting.is_empty() {
            self.served.clear();
        }
    }

    /// Why no more of a team's may come, if none may.
    fn is_full_for(&self, team: &Name) -> Option<String> {
        let of_it = self.waiting.values().filter(|waiting| waiting.team.as_ref() == Some(team)).count();
        if of_it >= OF_A_TEAM_MAX {
            return Some(format!("{OF_A_TEAM_MAX} modules of team {team} wait to be compiled"));
        }
        (self.waiting.len() >= WAITING_MAX).then(|| format!("{WAITING_MAX} modules wait to be compiled"))
    }
}

impl Compiling {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one, when there is one; none: it is stopped.
    fn next(&self, stopped: &AtomicBool, clock: &dyn Clock) -> Option<ModuleDigest> {
        let mut queue = self.queue();
        loop {
            if stopped.load(Ordering::SeqCst) {
                return None;
            }
            let now = clock.elapsed();
            if let Some(module) = queue.next(now) {
                return Some(module);
            }
            let pause = queue.pause(now);
            queue = self.rung.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Answers whether a module is in the jail. Under the lock: whoever is about to wait has seen it, or is woken.
    fn stop(&self, stopped: &AtomicBool) -> bool {
        let queue = self.queue();
        stopped.store(true, Ordering::SeqCst);
        self.rung.notify_all();
        queue.busy
    }

    fn ends(&self, module: ModuleDigest, failed: Option<Failed>) {
        self.queue().ends(module, failed);
        self.done.notify_waiters();
    }
}

/// The thread, and how to stop it.
#[derive(Debug)]
pub struct Compiler {
    control: Arc<Control>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Compiler {
    /// Starts it, with what a process before left.
    pub fn start(control: &Arc<Control>) -> Result<Self, ServiceError> {
        control.take_up_submitted()?;
        let stop = Arc::<AtomicBool>::default();
        let (own, stopped) = (Arc::clone(control), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("compiler".to_owned()).spawn(move || {
            let _vital = Vital;
            while let Some(module) = own.compiling.next(&stopped, &*own.clock) {
                own.compile_one(module);
            }
        });
        let thread = thread.map_err(|error| ServiceError::new(codes::IO, error.to_string()))?;
        Ok(Self { control: Arc::clone(control), stop, thread: Some(thread) })
    }
}

impl Drop for Compiler {
    /// What is in the jail is not waited for: it is compiled again when the server is started again.
    fn drop(&mut self) {
        if self.control.compiling.stop(&self.stop) {
            return;
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the compiler's thread panicked");
        }
    }
}

impl Control {
    /// Refused while there are too many, of this team or of all: before anybody sends one more.
    pub(crate) fn may_compile_more(&self, team: &Name) -> Result<(), ServiceError> {
        match self.compiling.queue().is_full_for(team) {
            None => Ok(()),
            Some(why) => Err(ServiceError::new(codes::SERVER_BUSY, why)),
        }
    }

    /// Compiles it when the turn of its team comes.
    pub(crate) fn will_compile(&self, module: ModuleDigest, team: Option<Name>) {
        self.compiling.queue().add(module, team);
        self.compiling.rung.notify_all();
    }

    /// Done when it is compiled or refused; fails if this machine could not.
    pub async fn compiled(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        loop {
            let done = self.compiling.done.notified();
            match self.compiling.queue().waiting.get(&module) {
                None => return Ok(()),
                Some(Waiting { failed: Some(failed), .. }) => return Err(failed.error.clone()),
                Some(Waiting { failed: None, .. }) => {}
            }
            done.await;
        }
    }

    fn compile_one(&self, module: ModuleDigest) {
        let compiled = self.compile_submitted(module);
        if let Err(error) = &compiled {
            tracing::warn!(%module, code = error.code.id, %error, "a module cannot be compiled just now");
        }
        let again = self.clock.elapsed() + AFTER_FAILURE;
        self.compiling.ends(module, compiled.err().map(|error| Failed { error, again }));
        // Banned and restored just now, it may have been asked for before its end was noted.
        let submitted = |row: &skein_ledger::Module| row.state == ModuleState::Submitted;
        if let Ok(Some(row)) = self.ledger.module(module).map(|row| row.filter(submitted)) {
            self.compiling.queue().keep(module, row.owner);
        }
    }

    /// Whether it waits to be compiled.
    #[cfg(test)]
    pub(crate) fn is_to_be_compiled(&self, module: ModuleDigest) -> bool {
        self.compiling.queue().waiting.contains_key(&module)
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

    fn take_up_submitted(&self) -> Result<(), ServiceError> {
        let (mut submitted, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.modules(None, after.as_ref(), Limit::MAX)?;
            // Of a process that died between the verdict and this.
            let refused = page.items.iter().filter(|module| module.state == ModuleState::Refused);
            refused.map(|module| module.digest).try_for_each(|digest| self.forget_refused(digest))?;
            let some = page.items.into_iter().filter(|module| module.state == ModuleState::Submitted);
            submitted.extend(some.map(|module| (module.since, module.digest, module.owner)));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        submitted.sort();
        submitted.into_iter().for_each(|(_, module, team)| self.will_compile(module, team));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{AFTER_FAILURE, Compiling, Failed, OF_A_TEAM_MAX, Queue, WAITING_MAX};
    use crate::error::ServiceError;
    use crate::scene::HandClock;
    use skein_ledger::Name;
    use skein_types::{ModuleDigest, codes};
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    fn module(number: u16) -> ModuleDigest {
        let [high, low] = number.to_be_bytes();
        let mut digest = [0; 32];
        (digest[0], digest[1]) = (high, low);
        ModuleDigest(digest)
    }

    fn team(name: &str) -> Name {
        Name::new(name).unwrap()
    }

    fn taken(queue: &mut Queue) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some(module) = queue.next(Duration::ZERO) {
            queue.ends(module, None);
            taken.push(module.0[1]);
        }
        taken
    }

    #[test]
    fn teams_take_turns_and_digests_that_are_low_come_no_sooner() {
        let mut queue = Queue::default();
        for (number, of) in [(9, "a"), (1, "a"), (2, "a"), (8, "b"), (3, "b"), (7, "c")] {
            queue.add(module(number), Some(team(of)));
        }
        assert_eq!(queue.next(Duration::ZERO), Some(module(9)));
        // Whoever comes again as soon as it was served waits for the others.
        queue.ends(module(9), None);
        queue.add(module(0), Some(team("a")));
        assert_eq!(taken(&mut queue), [8, 7, 1, 3, 2, 0]);
    }

    #[test]
    fn what_this_machine_failed_with_has_its_time_whoever_else_comes() {
        let mut queue = Queue::default();
        queue.add(module(1), Some(team("a")));
        let failed = || {
            let error = ServiceError::new(codes::IO, "no");
            Some(Failed { error, again: Duration::from_secs(9) })
        };
        assert_eq!(queue.next(Duration::ZERO), Some(module(1)));
        queue.ends(module(1), failed());
        assert_eq!(queue.pause(Duration::from_secs(2)), Duration::from_secs(7));
        assert_eq!(queue.next(Duration::from_secs(8)), None, "although nobody else is there");
        for (number, at) in [(2, 3), (3, 9)] {
            queue.add(module(number), Some(team("b")));
            queue.add(module(number + 10), Some(team("b")));
            assert_eq!(queue.next(Duration::from_secs(at)), Some(module(if at < 9 { 2 } else { 1 })));
            queue.ends(module(2), None);
        }
        assert!(queue.waiting[&module(1)].failed.is_none(), "it is tried, and whoever waits for it waits on");
        queue.ends(module(1), None);
        assert_eq!(queue.pause(Duration::ZERO), AFTER_FAILURE);
    }

    #[test]
    fn a_team_leaves_room_for_others() {
        let mut queue = Queue::default();
        let (a, b) = (team("a"), team("b"));
        let of_a_team = u16::try_from(OF_A_TEAM_MAX).unwrap();
        (0..of_a_team).for_each(|number| queue.add(module(number), Some(a.clone())));
        assert_eq!(queue.is_full_for(&a).unwrap(), "64 modules of team a wait to be compiled");
        assert_eq!(queue.is_full_for(&b), None);
        let all = u16::try_from(WAITING_MAX).unwrap();
        (of_a_team..all).for_each(|number| queue.add(module(number), None));
        assert_eq!(queue.is_full_for(&b).unwrap(), "256 modules wait to be compiled");
    }

    #[test]
    fn whoever_is_about_to_wait_when_it_is_stopped_does_not() {
        let (compiling, stopped) = (Compiling::default(), AtomicBool::default());
        assert!(!compiling.stop(&stopped));
        assert_eq!(compiling.next(&stopped, &HandClock::default()), None);
        compiling.queue().add(module(1), None);
        let stopped = AtomicBool::default();
        assert_eq!(compiling.next(&stopped, &HandClock::default()), Some(module(1)));
        assert!(compiling.stop(&stopped), "one is in the jail");
    }
}
