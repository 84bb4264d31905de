//! Telling receivers what happens: a thread that walks the log behind everybody who decides.
//!
//! ```text
//! log -> facts -> who wants to know -> notices that wait (ledger, with how far it walked) -> one try each -> what became of it
//! ```
//!
//! It is a reconciler: notices that wait and how far the log is walked are in one unit of the ledger, so a fact is noted once,
//! whoever dies. A try that was made and not noted is made again, with the same id and the same bytes. Time is a cause too: a window
//! that ends is told by a unit whose cause is that window.
//!
//! Each receiver has a lane of its own with one try under way at a time, so one that hangs holds up nobody else; tries are threads, of
//! which there are at most [`TRIES_AT_ONCE`], and those of receivers that did not take the last one get half of them. What may
//! wait for one receiver is bounded. One that takes nothing for about a day, or says that it is gone, is told nothing any more.
//!
//! It knows what is worth telling and to whom, not how (`skein-notify`) and not who may set receivers (`desk`).

mod bell;
mod facts;
mod lanes;
mod note;
mod walk;
mod windows;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skein_notify::{Guard, MailServer, Networks, Outside, Patience, Sender};
use skein_types::{Millis, Vital};

use crate::control::Control;

pub(crate) use bell::Bell;
pub(crate) use note::{KEPT_WAITING, Told};

use lanes::Lanes;
use walk::Walk;
use windows::Windows;

/// Tries under way at a time.
const TRIES_AT_ONCE: usize = 16;
/// Longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// While a try is under way.
const LOOK_AT_TRIES: Duration = Duration::from_millis(100);
/// Between two looks at least: a campaign appends thousands of events a second, and nobody needs to hear of them that soon.
const PAUSE: Duration = Duration::from_millis(25);
/// How long tries that are under way are waited for at the end. What is not noted then is tried again by the next process.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// By whom mail is sent.
#[derive(Clone, Debug)]
pub struct MailFrom {
    /// The server that takes it.
    pub server: MailServer,
    /// Whose it is.
    pub from: String,
}

/// How receivers are told.
#[derive(Clone, Debug)]
pub struct Notices {
    /// Where this server listens; nothing is sent there.
    pub own: Vec<SocketAddr>,
    /// What may be sent to by somebody who adds a receiver.
    pub networks: Networks,
    /// How mail is sent, if it is.
    pub mail: Option<MailFrom>,
}

/// Two senders: the operator chose the mail server, and people chose where receivers are.
#[derive(Clone, Debug)]
struct Senders {
    receivers: Sender,
    mail: Sender,
}

impl Senders {
    fn of(control: &Control) -> Self {
        let outside = Outside::of_machine(Arc::clone(&control.clock));
        let of = |own: &[SocketAddr], networks: &Networks| {
            Sender::new(Patience::STANDARD, Guard::new(own.to_vec(), networks.clone()), outside.clone())
        };
        Self {
            receivers: of(&control.notices.own, &control.notices.networks),
            mail: of(&[], &Networks::standard()),
        }
    }
}

/// The thread, and how to stop it.
#[derive(Debug)]
pub struct Herald {
    control: Arc<Control>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Herald {
    /// Starts it.
    pub fn start(control: &Arc<Control>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, stopped) = (Arc::clone(control), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("herald".to_owned()).spawn(move || {
            let _vital = Vital;
            let mut round = Round::begin(&told);
            while !stopped.load(Ordering::Relaxed) {
                let most = round.look(&told);
                told.bell.wait(most);
                std::thread::sleep(PAUSE);
            }
            round.end(&told);
        })?;
        Ok(Self { control: Arc::clone(control), stop, thread: Some(thread) })
    }
}

impl Drop for Herald {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.control.bell.ring();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the herald panicked");
        }
    }
}

/// What one look leaves for the next: hints, no more.
struct Round {
    senders: Senders,
    walk: Walk,
    windows: Windows,
    lanes: Lanes,
}

impl Round {
    fn begin(control: &Control) -> Self {
        Self {
            senders: Senders::of(control),
            walk: Walk::default(),
            windows: Windows::default(),
            lanes: Lanes::default(),
        }
    }

    /// One look at everything; answers for how long there is nothing to do unless somebody rings.
    fn look(&mut self, control: &Control) -> Duration {
        let rung = control.bell.rung();
        let receivers = match control.all_webhooks() {
            Ok(receivers) => receivers,
            Err(error) => {
                tracing::warn!(%error, "receivers cannot be read just now");
                return LOOK_EVERY;
            }
        };
        if let Err(error) = control.walk_on(&mut self.walk, &receivers) {
            tracing::warn!(code = error.code.id, %error, "what happened is not noted for receivers yet");
        }
        if let Err(error) = control.tell_of_windows(&mut self.windows, &receivers) {
            tracing::warn!(code = error.code.id, %error, "windows that end are not noted for receivers yet");
        }
        self.lanes.take_back(control);
        let next = self.lanes.send(control, (&self.senders, &receivers), &rung);
        if self.lanes.any_under_way() { LOOK_AT_TRIES } else { next.min(LOOK_EVERY) }
    }

    fn end(&mut self, control: &Control) {
        let until = control.clock.elapsed() + LAST_TRIES;
        while self.lanes.any_under_way() && control.clock.elapsed() < until {
            self.lanes.take_back(control);
            control.bell.wait(LOOK_AT_TRIES);
        }
        if let Err(error) = control.note_how_far(&mut self.walk) {
            tracing::warn!(%error, "how far the log was walked for receivers is not noted");
        }
    }
}

/// As a duration, for waits.
fn duration(of: Millis) -> Duration {
    Duration::from_millis(of.0)
}
