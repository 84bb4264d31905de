//! What drives campaigns: one thread that looks at what each of them has to have done, and does it.
//!
//! A duty is a function of the campaign's machine and of what the ledger holds; carrying one out twice or being killed in the
//! middle is harmless (see `door`, `undo`, `planning`). So there is no memory of how far it was: woken by whatever changed,
//! and by time, it looks again. A campaign whose duty fails is left alone for a moment, and the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skein_campaign::{Duty, Observation};
use skein_ledger::{CampaignFilter, CampaignsFrom, Limit, Retention, Swept};
use skein_types::{CampaignId, Millis, QuotaOf, Vital};

use crate::control::Control;
use crate::decide::Told;
use crate::error::ServiceError;
use crate::map::CoursePoint;
use crate::tokens::NOTED_EVERY;

/// Longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a request that is repeated is known to be one, and how long it can be said what was used.
const KEPT: Retention =
    Retention { causes: Millis(7 * 24 * 3_600_000), charges: Millis(400 * 24 * 3_600_000) };
/// Between two sweeps of what is past its retention.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Campaigns that somebody looked at, of which it is kept how they came on; those that were made first are forgotten first.
const COURSES: usize = 1_000;
/// After a duty failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What one look leaves for the next: hints about time, no more.
struct Memory {
    /// Campaigns whose duty failed, and until when they are left alone.
    pauses: BTreeMap<CampaignId, Duration>,
    sweep_at: Duration,
    note_at: Duration,
}

/// The thread, and how to stop it.
#[derive(Debug)]
pub struct Reconciler {
    control: Arc<Control>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// For round trips that take a while.
    trips: Option<std::thread::JoinHandle<()>>,
}

impl Reconciler {
    /// Starts it.
    pub fn start(control: &Arc<Control>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (driven, stopped) = (Arc::clone(control), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("reconciler".to_owned()).spawn(move || {
            let _vital = Vital;
            let mut memory = Memory::begin(&driven);
            while !stopped.load(Ordering::Relaxed) {
                if !driven.round(&mut memory) {
                    driven.wake.wait(LOOK_EVERY);
                }
            }
        })?;
        let rehearsing = Arc::clone(control);
        let trips = std::thread::Builder::new().name("round trips".to_owned()).spawn(move || {
            let _vital = Vital;
            rehearsing.make_trips();
        })?;
        Ok(Self { control: Arc::clone(control), stop, thread: Some(thread), trips: Some(trips) })
    }
}

impl Memory {
    fn begin(of: &Control) -> Self {
        let now = of.clock.elapsed();
        Self { pauses: BTreeMap::new(), sweep_at: now + SWEEP_EVERY, note_at: now + NOTED_EVERY }
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.control.wake.reconciler();
        self.control.trips.stop();
        for thread in [self.thread.take(), self.trips.take()].into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("a thread of the reconciler panicked");
            }
        }
    }
}

impl Control {
    /// At the start: what the process before left is taken up.
    pub(crate) fn resume(&self, compiles_first: fn(usize)) -> Result<(), ServiceError> {
        self.lose_all()?;
        self.state().fleet.frozen = self.ledger.fleet()?.frozen;
        self.ledger.sweep(KEPT)?;
        self.resume_import()?;
        self.resume_scans()?;
        self.drop_chores()?;
        let (mut from, mut modules) = (CampaignsFrom::Oldest(None), BTreeSet::new());
        loop {
            let page = self.ledger.campaigns(&CampaignFilter::default(), &from, Limit::MAX)?;
            for campaign in &page.items {
                if campaign.state.is_terminal() {
                    // Of a plan that was cancelled, where the process died before its tasks were gone.
                    self.drop_tasks(campaign.id)?;
                } else {
                    self.halt_if_suspended(campaign.id)?;
                    modules.insert(campaign.module);
                }
            }
            match page.next {
                Some(next) => from = next,
                None => break,
            }
        }
        self.drop_quotas_of_nobody()?;
        modules.retain(|module| !matches!(self.modules.artifact(*module), Ok(Some(_))));
        if !modules.is_empty() {
            compiles_first(modules.len());
        }
        for module in modules {
            // Its campaigns say so too, when they need it.
            if let Err(error) = self.compile_again(module) {
                tracing::error!(%module, %error, "a module cannot be compiled again");
            }
        }
        Ok(())
    }

    /// One look at everything; true if something was done.
    fn round(&self, memory: &mut Memory) -> bool {
        if let Err(error) = self.lose_silent() {
            tracing::warn!(%error, "silent nodes not given up yet");
        }
        let now = self.clock.elapsed();
        if memory.sweep_at <= now {
            memory.sweep_at = now + SWEEP_EVERY;
            self.sweep();
            if let Err(error) = self.sweep_secrets() {
                tracing::warn!(%error, "values of secrets that nothing names are not removed yet");
            }
        }
        if memory.note_at <= now {
            memory.note_at = now + NOTED_EVERY;
            if let Err(error) = self.note_uses() {
                tracing::warn!(%error, "when tokens were used is not written down");
            }
            // Those that are over are read when somebody looks at them, and not kept for ever.
            let state = &mut *self.state();
            state.campaigns.retain(|id, _| state.open.contains(id));
            while state.courses.len() > COURSES {
                state.courses.pop_first();
            }
        }
        let pauses = &mut memory.pauses;
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
        done |= self.attend_chores();
        done |= self.attend_soak();
        // Room on disk is given back, and what is kept is read, when there is nothing better to do.
        done || self.collect() || self.scrubs()
    }

    fn scrubs(&self) -> bool {
        self.attend_scrub().unwrap_or_else(|error| {
            tracing::warn!(%error, "nothing is read again just now");
            false
        })
    }

    /// Removes what is past its retention. What is not removed this time is removed the next.
    fn sweep(&self) {
        match self.ledger.sweep(KEPT) {
            Ok(Swept { causes, blobs, answers, attempts, deliveries, charges }) => {
                tracing::info!(
                    causes,
                    blobs,
                    answers,
                    attempts,
                    deliveries,
                    charges,
                    "swept what was past its retention"
                );
            }
            Err(error) => tracing::warn!(%error, "what is past its retention is not swept yet"),
        }
    }

    /// What is due for one campaign; true if something was done.
    fn attend(&self, id: CampaignId) -> Result<bool, ServiceError> {
        let duties = {
            let mut state = self.state();
            let machine = &self.live(&mut state, id)?.machine;
            let (over, due, runs) = (machine.state().is_terminal(), machine.next_due(), machine.runs());
            if let Some(course) = state.courses.get_mut(&id) {
                course.note(CoursePoint::of(runs, self.clock.now()));
            }
            if over {
                drop(state);
                self.drop_tasks(id)?;
                self.drop_quota(&QuotaOf::Campaign(id), "over")?;
                let mut state = self.state();
                state.campaigns.remove(&id);
                state.open.remove(&id);
                return Ok(false);
            }
            if due.is_some_and(|due| due <= self.clock.now()) {
                let told = vec![Told::of(Observation::Tick)];
                self.tell(&mut state, id, told, (&self.itself, "", Vec::new()))?;
            }
            self.live(&mut state, id)?.machine.duties()
        };
        let mut done = self.attend_approvals(id)?;
        for duty in duties {
            done |= self.carry_out(id, duty)?;
        }
        Ok(done)
    }

    fn carry_out(&self, id: CampaignId, duty: Duty) -> Result<bool, ServiceError> {
        match duty {
            Duty::Plan => self.plan(id),
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scene::{HandClock, open};
    use skein_ledger::{Entry, UnitOutcome};
    use skein_types::{Blake3, CauseId, Timestamp};

    const HOUR: u64 = 3_600_000;

    fn memory(of: &Control) -> Memory {
        Memory::begin(of)
    }

    /// One look at everything.
    pub(crate) fn look(control: &Control) {
        control.round(&mut memory(control));
    }

    #[test]
    fn what_is_past_its_retention_is_swept_each_hour_while_the_server_lives() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        let kept = |name: &str, until| Entry::PutBlob { bytes: name.into(), keep_until: Timestamp(until) };
        let unit = || control.itself.unit();
        let caused = || unit().caused(CauseId::new(uuid::Uuid::nil())).then(kept("long", 9 * 24 * HOUR));
        control.write(caused().then(kept("short", HOUR))).unwrap();
        let there = || {
            ["short", "long"].map(|name| control.ledger.blob(Blake3::of(name.as_bytes())).unwrap().is_some())
        };
        let mut memory = memory(&control);
        let mut look = |at: u64| {
            clock.0.store(at, Ordering::SeqCst);
            control.round(&mut memory);
            there()
        };
        assert_eq!(look(HOUR - 1), [true, true]);
        // It is not past its time before the next millisecond, and then waits for the next hour.
        assert_eq!(look(HOUR), [true, true]);
        assert_eq!(look(2 * HOUR - 1), [true, true]);
        assert_eq!(look(2 * HOUR), [false, true]);

        let again = |at: u64| {
            clock.0.store(at, Ordering::SeqCst);
            control.commit(caused()).unwrap()
        };
        assert_eq!(again(7 * 24 * HOUR), UnitOutcome::Known(None));
        assert_eq!(look(7 * 24 * HOUR + 1), [false, true]);
        assert_eq!(control.commit(caused()).unwrap(), UnitOutcome::Applied(None));
    }

    /// A campaign over one dataset, in *planning*, with the task of its plan queued.
    pub(crate) fn planning(control: &Control) -> CampaignId {
        let id = CampaignId::new(uuid::Uuid::now_v7());
        let name = |name: &str| skein_ledger::Name::new(name).unwrap();
        let nothing = Blake3::of(b"{}");
        let dataset = skein_ledger::DatasetRegistered {
            dataset: skein_types::DatasetId::new(uuid::Uuid::now_v7()),
            name: name(&id.to_string()),
            driver: name("files"),
            location: skein_ledger::Text::clip(&format!("/{id}")),
            owner: name("shop"),
            labels: skein_ledger::Labels::new(),
        };
        let created = skein_ledger::CampaignCreated {
            campaign: id,
            name: name("c"),
            owner: name("shop"),
            module: skein_types::ModuleDigest::of(b"module"),
            params: skein_types::ParamsDigest::of(b"{}"),
            params_blob: nothing,
            policy: nothing,
            secrets: BTreeMap::new(),
            selection: nothing,
        };
        let blob = Entry::PutBlob { bytes: b"{}".to_vec(), keep_until: Timestamp(0) };
        let module = skein_types::ModuleDigest::of(b"module");
        if control.ledger.module(module).unwrap().is_none() {
            let (version, bytes) = (name("1"), skein_types::Bytes(6));
            let (name, owner) = (name("module"), None);
            let (source, commit) = (None, None);
            let submitted =
                skein_ledger::ModuleSubmitted { module, name, version, bytes, owner, source, commit };
            let compiled = skein_ledger::ModuleCompiled { module, manifest: None };
            control.write(control.everybody().unit().decide(submitted).decide(compiled)).unwrap();
        }
        control.write(control.everybody().unit().then(blob).decide(dataset).decide(created)).unwrap();
        act(control, id, "plan", "draft");
        control.round(&mut memory(control));
        assert_eq!(tasks(control, id), 1);
        id
    }

    pub(crate) fn act(control: &Control, id: CampaignId, verb: &str, from: &str) {
        let asked = serde_json::from_value(serde_json::json!({ "expect": from })).unwrap();
        control.act(control.everybody(), (id, verb.parse().unwrap()), &asked).unwrap();
    }

    fn tasks(control: &Control, id: CampaignId) -> usize {
        let filter = skein_ledger::TaskFilter { campaign: Some(id), ..skein_ledger::TaskFilter::default() };
        control.ledger.tasks(filter, 0, Limit::MAX).unwrap().items.len()
    }

    #[test]
    fn a_campaign_that_is_cancelled_while_it_is_planned_leaves_no_task_behind() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        let seen = planning(&control);
        act(&control, seen, "cancel", "planning");
        control.round(&mut memory(&control));
        assert_eq!(tasks(&control, seen), 0);
        assert!(!control.state().open.contains(&seen));

        // The process dies before it looks again.
        let unseen = planning(&control);
        act(&control, unseen, "cancel", "planning");
        assert_eq!(tasks(&control, unseen), 1);
        drop(control);
        assert_eq!(tasks(&open(place.path(), &clock), unseen), 0);
    }
    #[test]
    fn a_campaign_that_is_over_is_read_for_whoever_looks_and_not_kept() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        let (open, over) = (planning(&control), planning(&control));
        act(&control, over, "cancel", "planning");
        let mut memory = memory(&control);
        control.round(&mut memory);
        control.progress(over).unwrap();
        let here = || control.state().campaigns.keys().copied().collect::<BTreeSet<_>>();
        assert_eq!(here(), BTreeSet::from([open, over]));
        clock.0.store(u64::try_from(NOTED_EVERY.as_millis()).unwrap(), Ordering::SeqCst);
        control.round(&mut memory);
        assert_eq!(here(), BTreeSet::from([open]));
    }
}
