//! What drives campaigns: one thread that looks at what each of them has to have done, and does it.
//!
//! A duty is a function of the campaign's machine and of what the ledger holds; carrying one out twice or being killed in the
//! middle is harmless (see `door`, `undo`, `planning`). So there is no memory of how far it was: woken by whatever changed,
//! and by time, it looks again. A campaign whose duty fails is left alone for a moment, and the others go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skein_campaign::{Duty, Observation};
use skein_ledger::{Limit, Retention};
use skein_types::{CampaignId, Millis};

use crate::control::Control;
use crate::decide::Told;
use crate::error::ServiceError;

/// Longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a request that is repeated is known to be one.
const CAUSES_KEPT: Millis = Millis(7 * 24 * 3_600_000);
/// After a duty failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The thread, and how to stop it.
#[derive(Debug)]
pub struct Reconciler {
    control: Arc<Control>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Reconciler {
    /// Starts it.
    pub fn start(control: &Arc<Control>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (driven, stopped) = (Arc::clone(control), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("reconciler".to_owned()).spawn(move || {
            let mut pauses = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                if !driven.round(&mut pauses) {
                    driven.wake.wait(LOOK_EVERY);
                }
            }
        })?;
        Ok(Self { control: Arc::clone(control), stop, thread: Some(thread) })
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.control.wake.reconciler();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the reconciler panicked");
        }
    }
}

impl Control {
    /// At the start: what the process before left is taken up.
    pub(crate) fn resume(&self) -> Result<(), ServiceError> {
        self.lose_all()?;
        self.ledger.sweep(Retention { causes: CAUSES_KEPT })?;
        self.resume_scans()?;
        let mut after = None;
        loop {
            let page = self.ledger.campaigns(after, Limit::MAX)?;
            let mut state = self.state();
            for campaign in page.items.iter().filter(|campaign| !campaign.state.is_terminal()) {
                self.live(&mut state, campaign.id)?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// One look at everything; true if something was done.
    fn round(&self, pauses: &mut BTreeMap<CampaignId, Duration>) -> bool {
        if let Err(error) = self.lose_silent() {
            tracing::warn!(%error, "silent nodes not given up yet");
        }
        let now = self.clock.elapsed();
        pauses.retain(|_, until| *until > now);
        let campaigns: Vec<CampaignId> = self.state().open.iter().copied().collect();
        let mut done = self.attend_scans();
        for id in campaigns {
            if pauses.contains_key(&id) {
                continue;
            }
            match self.attend(id) {
                Ok(did) => done |= did,
                Err(error) => {
                    tracing::warn!(campaign = %id, code = error.code.id, %error, "a campaign cannot go on just now");
                    pauses.insert(id, now + AFTER_FAILURE);
                    self.state().campaigns.remove(&id);
                }
            }
        }
        // Room on disk is given back when there is nothing better to do.
        done || self.collect()
    }

    /// What is due for one campaign; true if something was done.
    fn attend(&self, id: CampaignId) -> Result<bool, ServiceError> {
        let duties = {
            let mut state = self.state();
            let live = self.live(&mut state, id)?;
            if live.is_over() {
                // What only looked may be under way still; nobody waits for it.
                self.drop_tasks(id)?;
                state.campaigns.remove(&id);
                state.open.remove(&id);
                return Ok(false);
            }
            if live.machine.next_due().is_some_and(|due| due <= self.clock.now()) {
                let told = vec![Told::of(Observation::Tick)];
                self.tell(&mut state, id, told, (&self.itself, "", Vec::new()))?;
            }
            self.live(&mut state, id)?.machine.duties()
        };
        let mut done = false;
        for duty in duties {
            done |= self.carry_out(id, duty)?;
        }
        Ok(done)
    }

    fn carry_out(&self, id: CampaignId, duty: Duty) -> Result<bool, ServiceError> {
        match duty {
            Duty::Plan => self.plan(&mut self.state(), id),
            Duty::Admit(wave) => {
                let mut state = self.state();
                let sealed = self.seal(&mut state, id, wave)?;
                Ok(self.admit(&mut state, id, wave)? || sealed)
            }
            Duty::Intend(wave) => self.through_the_door(id, wave),
            Duty::Confirm(wave) => self.find_out(id, wave),
            Duty::Cancel(wave) => self.cancel(&mut self.state(), id, wave),
            Duty::Revert(wave) => self.revert(&mut self.state(), id, wave),
            Duty::FinishReverts(wave) => self.finish_reverts(id, wave),
            Duty::Finalize(wave) => self.give_up(id, wave),
        }
    }
}
