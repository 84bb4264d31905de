//! The node processes of this machine: started, waited for, started again.
//!
//! One thread per slot owns one process at a time. `waitpid` is the proof of its death, so what it held is free at once
//! and not only when its lease has run out (DESIGN §9). The process gets what it must know on its standard input, which
//! stays open: when this process dies, however it dies, the pipe closes and the node ends by itself.
//!
//! ```text
//! launch -> running -> (exit | signal) -> died -> pause -> (wanted) -> launch …
//!                   \-> (stop: SIGTERM, the node drains; after the grace SIGKILL) -> ended
//! ```
//!
//! It knows nothing of tasks: the [`Control`](crate::control::Control) is told who died.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use skein_types::Vital;
/// How long a node may take to end after SIGTERM.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
/// Deaths in a row after which the next start waits.
const FREE_RESTARTS: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Between two looks whether a node that is not wanted is again.
const AWAY_LOOK: Duration = Duration::from_millis(500);

/// How node processes are started.
#[derive(Debug, Clone)]
pub struct NodeCommand {
    /// The binary.
    pub exe: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// A process that is to be started.
#[derive(Debug)]
pub struct Launch {
    /// What it is called, for the log.
    pub name: String,
    /// What it must know, a secret among it: arguments and environments can be read by others.
    pub line: String,
}

/// Whoever must know of nodes.
pub trait Roster: Send + Sync + 'static {
    /// Whether there is to be a process in a slot. Asked before each start, and again while there is to be none.
    fn wants(&self, slot: usize) -> bool;
    /// A process is about to be started in a slot.
    fn launch(&self, slot: usize) -> Launch;
    /// The process of a slot is dead. Whether it had finished any task, which says that it is worth starting again at once.
    fn died(&self, slot: usize) -> bool;
}

/// The processes. Dropped, it stops them.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    slots: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    /// Of the processes that run.
    pids: Vec<Pid>,
}

impl Supervisor {
    /// Starts `count` nodes and keeps them running.
    pub fn start(count: usize, command: &NodeCommand, roster: &Arc<impl Roster>) -> Self {
        let shared = Arc::new(Shared::default());
        let slots = (0..count)
            .map(|number| {
                let slot = Slot {
                    number,
                    command: command.clone(),
                    roster: Arc::clone(roster) as Arc<dyn Roster>,
                    shared: Arc::clone(&shared),
                };
                std::thread::Builder::new()
                    .name(format!("node-slot-{number}"))
                    .spawn(move || {
                        let _vital = Vital;
                        slot.keep_running();
                    })
                    .expect("a thread can be started while the process starts")
            })
            .collect();
        Self { shared, slots }
    }

    /// Ends all nodes: each drains, and after the grace it is killed.
    pub fn stop(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        self.shared.stop_all(Signal::TERM);
        if !self.shared.wait_for_none(grace) {
            tracing::warn!("nodes did not end in time and are killed");
            self.shared.stop_all(Signal::KILL);
        }
        for slot in self.slots.drain(..) {
            if slot.join().is_err() {
                tracing::error!("the thread of a node panicked");
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if !self.slots.is_empty() {
            self.end(Duration::ZERO);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_all(&self, signal: Signal) {
        let mut state = self.lock();
        state.stopping = true;
        for pid in &state.pids {
            // Dead already: its slot is about to notice.
            if let Err(error) = rustix::process::kill_process(*pid, signal) {
                tracing::debug!(%error, "node not signalled");
            }
        }
        self.changed.notify_all();
    }

    fn wait_for_none(&self, grace: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), grace, |state| !state.pids.is_empty());
        waited.map_or_else(
            |poisoned| poisoned.into_inner().0.pids.is_empty(),
            |(state, _)| state.pids.is_empty(),
        )
    }
}

struct Slot {
    number: usize,
    command: NodeCommand,
    roster: Arc<dyn Roster>,
    shared: Arc<Shared>,
}

impl Slot {
    fn keep_running(self) {
        let mut deaths = 0;
        while self.may_start(pause(deaths)) && self.is_wanted() {
            let launch = self.roster.launch(self.number);
            let ended = self.run(&launch);
            let useful = self.roster.died(self.number);
            match ended {
                Ok(status) => tracing::info!(node = launch.name, %status, "node ended"),
                Err(error) => tracing::error!(node = launch.name, %error, "node could not be started"),
            }
            deaths = if useful { 1 } else { deaths + 1 };
        }
    }

    /// Waits until it is; no, if meanwhile everything was stopped.
    fn is_wanted(&self) -> bool {
        loop {
            if self.roster.wants(self.number) {
                return true;
            }
            if !self.may_start(AWAY_LOOK) {
                return false;
            }
        }
    }

    /// Waits; no, if meanwhile everything was stopped.
    fn may_start(&self, pause: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, pause, |state| !state.stopping);
        waited.map_or_else(|poisoned| !poisoned.into_inner().0.stopping, |(state, _)| !state.stopping)
    }

    fn run(&self, launch: &Launch) -> std::io::Result<ExitStatus> {
        let mut child = Command::new(&self.command.exe)
            .args(&self.command.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let pid = Pid::from_child(&child);
        {
            let mut state = self.shared.lock();
            state.pids.push(pid);
            if state.stopping {
                // Started while everything was being stopped: nobody else tells it.
                child.kill()?;
            }
        }
        tracing::info!(node = launch.name, slot = self.number, pid = child.id(), "node started");
        let pipe = told(&mut child, &launch.line);
        if pipe.is_err() {
            child.kill()?;
        }
        let ended = wait_without_reaping(pid);
        // Its number is free for others once it is reaped, and nobody may signal it then.
        let mut state = self.shared.lock();
        let status = child.wait();
        state.pids.retain(|running| *running != pid);
        drop(state);
        self.shared.changed.notify_all();
        drop(pipe?);
        ended.and(status)
    }
}

/// Writes what the node must know and answers the pipe, which must stay open as long as the node shall live.
fn told(child: &mut Child, line: &str) -> std::io::Result<std::process::ChildStdin> {
    let mut pipe = child.stdin.take().ok_or_else(|| std::io::Error::other("no pipe to the node"))?;
    match pipe.write_all(format!("{line}\n").as_bytes()) {
        // It died before it read: waiting for it says how.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(pipe),
        written => written.map(|()| pipe),
    }
}

fn wait_without_reaping(pid: Pid) -> std::io::Result<()> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match rustix::process::waitid(WaitId::Pid(pid), options) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other.map(|_| ())?),
        }
    }
}

/// Before the next start after so many deaths in a row, none of which came after a finished task.
fn pause(deaths: u32) -> Duration {
    match deaths.checked_sub(FREE_RESTARTS + 1) {
        None => Duration::ZERO,
        Some(more) => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Duration;

    use super::{Launch, NodeCommand, Roster, Supervisor, pause};

    struct Told {
        /// So many more are wanted.
        starts: AtomicUsize,
        launched: SyncSender<usize>,
        died: SyncSender<usize>,
    }

    fn told() -> (Arc<Told>, Receiver<usize>, Receiver<usize>) {
        let (launched, launches) = sync_channel(64);
        let (died, deaths) = sync_channel(64);
        (Arc::new(Told { starts: AtomicUsize::new(usize::MAX), launched, died }), launches, deaths)
    }

    impl Roster for Told {
        fn wants(&self, _: usize) -> bool {
            let less = |left: usize| left.checked_sub(1);
            self.starts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
        }

        fn launch(&self, slot: usize) -> Launch {
            self.launched.send(slot).unwrap();
            Launch { name: slot.to_string(), line: "the line".to_owned() }
        }

        fn died(&self, slot: usize) -> bool {
            self.died.send(slot).unwrap();
            true
        }
    }

    fn shell(script: &str) -> NodeCommand {
        NodeCommand { exe: "/bin/sh".into(), args: vec!["-c".to_owned(), script.to_owned()] }
    }

    const DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn the_first_two_restarts_are_at_once_and_later_ones_wait_longer_and_longer() {
        let pauses: Vec<u128> = (0..14).map(|deaths| pause(deaths).as_millis()).collect();
        assert_eq!(pauses[..6], [0, 0, 0, 250, 500, 1000]);
        assert_eq!(pauses[13], 30_000);
        assert_eq!(pause(u32::MAX).as_millis(), 30_000);
    }

    #[test]
    fn a_node_that_dies_is_told_and_another_one_started() {
        let (roster, launches, deaths) = told();
        let supervisor = Supervisor::start(1, &shell("kill -9 $$"), &roster);
        let first: Vec<usize> = (0..3).map(|_| launches.recv_timeout(DEADLINE).unwrap()).collect();
        let dead: Vec<usize> = (0..2).map(|_| deaths.recv_timeout(DEADLINE).unwrap()).collect();
        assert_eq!((first, dead), (vec![0, 0, 0], vec![0, 0]));
        supervisor.stop(Duration::ZERO);
    }

    #[test]
    fn a_node_gets_its_line_and_drains_when_it_is_asked_to() {
        let place = tempfile::tempdir().unwrap();
        let (got, drained) = (place.path().join("got"), place.path().join("drained"));
        let script = format!(
            "read line; echo \"$line\" > {got}.new; trap 'touch {drained}; exit 0' TERM; mv {got}.new {got}; \
             while :; do sleep 0.05; done",
            got = got.display(),
            drained = drained.display()
        );
        let (roster, _launches, deaths) = told();
        let supervisor = Supervisor::start(1, &shell(&script), &roster);
        let mut polls = 0;
        while !got.exists() {
            polls += 1;
            assert!(polls < 400, "the node never read its line");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(std::fs::read(&got).unwrap(), b"the line\n");
        supervisor.stop(DEADLINE);
        assert!(drained.exists());
        assert_eq!(deaths.try_iter().count(), 1);
    }

    #[test]
    fn one_that_is_not_wanted_is_not_started_again_until_it_is() {
        let (roster, launches, deaths) = told();
        roster.starts.store(1, Ordering::SeqCst);
        let supervisor = Supervisor::start(1, &shell("read line; exit 0"), &roster);
        assert_eq!((launches.recv_timeout(DEADLINE), deaths.recv_timeout(DEADLINE)), (Ok(0), Ok(0)));
        assert!(launches.recv_timeout(super::AWAY_LOOK * 2).is_err());
        roster.starts.store(1, Ordering::SeqCst);
        assert_eq!(launches.recv_timeout(DEADLINE), Ok(0));
        supervisor.stop(Duration::ZERO);
    }

    #[test]
    fn a_node_that_does_not_drain_in_time_is_killed() {
        let (roster, launches, deaths) = told();
        let supervisor = Supervisor::start(2, &shell("trap '' TERM; while :; do sleep 0.05; done"), &roster);
        (0..2).for_each(|_| assert!(launches.recv_timeout(DEADLINE).is_ok()));
        supervisor.stop(Duration::from_millis(300));
        assert_eq!(deaths.try_iter().count(), 2);
    }
}
