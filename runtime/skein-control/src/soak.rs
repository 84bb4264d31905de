//! Soak: what a run published is looked at again after the times that the policy says.
//!
//! ```text
//! due      so long after the publish: names and sizes against the dataset's log, by control, without a lock
//! arrived  files that are not of the version: a node reads their footers and says whose columns they have
//! rules    about the result alone, of a dataset that is one task: a node says which of those that held do not any more
//! alarm    what is wrong is an event of the run, once for each thing; everybody who wants to know is told
//! revert   where the policy says so and nothing that others wrote stands in the way; damage is nobody's write
//! checked  when all runs of a campaign have had a check: one event, with how many alarms there are
//! ```
//! What is due when follows from when runs were published, so it is in memory alone and made again by the next process, which
//! looks at each run for the last check that was missed, not for all of them.

pub(crate) mod chores;
pub(crate) mod scrub;

mod again;

use std::collections::BTreeSet;
use std::collections::btree_map;

use skein_api::node::{ARRIVED_MAX, CheckTask, Columns, Payload};
use skein_api::{List, RunSoak, Text};
use skein_campaign::{OnFailure, Span};
use skein_dataset::{Change, Found, Health};
use skein_ledger::{
    CampaignChecked, Entry, Event, EventFilter, Kind, Limit, Name, Run, RunAlarmed, RunFilter, Subject,
    Text as LedgerText,
};
use skein_types::{Bytes, CampaignId, CampaignState, Code, ErrorClass, RunState, Timestamp, codes};

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::looks::Looked;
use crate::shown;
use crate::soak::again::of_rule;
use crate::soak::chores::Chore;
use crate::undo::reverting;

/// Runs that are looked at between two other things.
const SOME: usize = 64;
/// Before a dataset is looked at again that could not be for a reason that may pass.
const LOOK_AGAIN: u64 = 1_000;
/// Bytes of names of files that arrived that are told a node.
const NAMES_MAX: usize = 16 << 10;
/// What reading a few footers may take.
const COST: Bytes = Bytes::mib(1);
/// How a scrub is called among the checks.
pub(crate) const SCRUB: &str = "scrub";

/// One check of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Look {
    pub(crate) campaign: CampaignId,
    pub(crate) seq: u64,
    /// Which check, from 0.
    pub(crate) check: u32,
}

/// What is due of a campaign's checks.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    due: BTreeSet<(Timestamp, u64, u32)>,
    /// Those for which nodes had enough to look at; they are looked at again, from the start, when there is room.
    waiting: BTreeSet<(u64, u32)>,
    /// Checks whose end is written down.
    noted: u32,
}

/// Something that is wrong with what a run published.
#[derive(Debug)]
pub(crate) struct Alarm {
    pub(crate) code: Code,
    pub(crate) version: u64,
    pub(crate) path: Option<String>,
    pub(crate) message: String,
    /// Whether the old version would be better.
    pub(crate) reverts: bool,
    /// Whose rule it is, if a reader's.
    pub(crate) consumer: Option<Name>,
}

/// What follows a look.
enum Then {
    /// Another one.
    Due(Timestamp, u32),
    /// The same, when there is room at nodes.
    Waits,
    /// None.
    Over,
}

impl Control {
    /// A run was published: it is looked at later.
    pub(crate) fn will_look(state: &mut State, campaign: CampaignId, seq: u64, at: Timestamp) {
        let checks = match state.campaigns.get(&campaign) {
            Some(live) => live.rules().soak.checks.clone(),
            None => return,
        };
        // What is not watched yet is read from the ledger when it is.
        if let (Some(watch), Some(first)) = (state.soak.get_mut(&campaign), checks.first()) {
            watch.due.insert((first.after(at), seq, 0));
        }
    }

    /// Looks at runs whose time has come; true if there were any.
    pub(crate) fn attend_soak(&self) -> bool {
        let open: Vec<CampaignId> = self.state().open.iter().copied().collect();
        self.state().soak.retain(|id, _| open.contains(id));
        let mut done = false;
        for id in open {
            match self.attend_soak_of(id) {
                Ok(did) => done |= did,
                Err(error) => {
                    tracing::warn!(campaign = %id, code = error.code.id, %error, "checks wait");
                }
            }
        }
        done
    }

    fn attend_soak_of(&self, id: CampaignId) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let (checks, due) = {
            let mut state = self.state();
            let room = Self::room_for_chores(&state);
            let live = self.live(&mut state, id)?;
            let checks = live.rules().soak.checks.clone();
            if checks.is_empty() || live.machine.runs().get(RunState::Published) == 0 {
                return Ok(false);
            }
            let watch = match state.soak.entry(id) {
                btree_map::Entry::Occupied(there) => there.into_mut(),
                btree_map::Entry::Vacant(place) => place.insert(self.watched(id, &checks, now)?),
            };
            let due: Vec<_> =
                watch.due.iter().take_while(|(due, ..)| *due <= now).take(SOME).copied().collect();
            for one in &due {
                watch.due.remove(one);
            }
            let waited: Vec<_> = watch.waiting.iter().take(room).copied().collect();
            for one in &waited {
                watch.waiting.remove(one);
            }
            let due: Vec<_> =
                waited.into_iter().chain(due.into_iter().map(|(_, seq, check)| (seq, check))).collect();
            (checks, due)
        };
        let some = !due.is_empty();
        for (seq, check) in due {
            let look = Look { campaign: id, seq, check };
            let then = self.look_at_run(look, &checks).unwrap_or_else(|error| {
                tracing::debug!(campaign = %id, seq, %error, "a published run is looked at again");
                Then::Due(Timestamp(now.0.saturating_add(LOOK_AGAIN)), check)
            });
            let mut state = self.state();
            let Some(watch) = state.soak.get_mut(&id) else { continue };
            match then {
                Then::Due(due, check) => {
                    watch.due.insert((due, seq, check));
                }
                Then::Waits => {
                    watch.waiting.insert((seq, check));
                }
                Then::Over => {}
            }
        }
        self.note_checked(id, &checks)?;
        Ok(some)
    }

    /// What is due of all published runs, by when they were published.
    fn watched(&self, id: CampaignId, checks: &[Span], now: Timestamp) -> Result<Watch, ServiceError> {
        let noted = self.ledger.campaign(id)?.map_or(0, |row| row.checked);
        let mut watch = Watch { noted, ..Watch::default() };
        let filter = RunFilter { state: Some(RunState::Published), wave: None };
        let mut after = None;
        loop {
            let page = self.ledger.runs(id, filter, after, Limit::MAX)?;
            for run in &page.items {
                let of = (0u32..).zip(checks).filter(|(check, _)| *check >= noted);
                let all: Vec<(Timestamp, u32)> =
                    of.map(|(check, span)| (span.after(run.since), check)).collect();
                // The last that was missed stands for those before it.
                let missed = all.iter().rev().find(|(due, _)| *due <= now);
                let next = missed.or(all.first());
                watch.due.extend(next.map(|(due, check)| (*due, run.seq, *check)));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(watch),
            }
        }
    }

    /// One look; answers what is due next for the run.
    fn look_at_run(&self, look: Look, checks: &[Span]) -> Result<Then, ServiceError> {
        let Some(run) = self.ledger.run(look.campaign, look.seq)? else { return Ok(Then::Over) };
        if run.state != RunState::Published {
            return Ok(Then::Over);
        }
        let dataset = match self.open_dataset(run.dataset) {
            Ok(dataset) => dataset,
            Err(error) if error.code.class == ErrorClass::Transient => return Err(error),
            Err(error) => {
                let alarm = Alarm {
                    code: codes::CHECK_FAILED,
                    version: run.version.unwrap_or(0),
                    path: None,
                    message: format!("{}: {}", error.code.id, error.message),
                    reverts: false,
                    consumer: None,
                };
                self.alarm(look, &run, alarm)?;
                return Ok(next(look.check, &run, checks));
            }
        };
        match dataset.health(run.id) {
            Ok(Health::Current(found)) => match self.found(look, &run, found)? {
                true => {}
                false => return Ok(Then::Waits),
            },
            // Another run's, or somebody undid it: nothing of this one is left to be looked at.
            Ok(Health::Superseded { .. } | Health::Unknown) => return Ok(Then::Over),
            Err(error) => {
                let message = skein_types::chain(&error);
                return Err(ServiceError::new(error.code(), message));
            }
        }
        Ok(next(look.check, &run, checks))
    }

    /// What there is to say of what was found, and to be looked at by a node; false if that has to wait.
    fn found(&self, look: Look, run: &Run, found: Found) -> Result<bool, ServiceError> {
        let Found { version, missing, resized, arrived, bytes: size } = found;
        let gone = missing.iter().map(|path| (path, "is not there"));
        let wrong: Vec<_> = gone.chain(resized.iter().map(|path| (path, "has another size"))).collect();
        if let Some((path, how)) = wrong.first() {
            let more = match wrong.len() {
                1 => String::new(),
                all => format!(", and {} more files are not as they were published", all - 1),
            };
            let message = format!("{path} {how}{more}");
            let (code, path) = (codes::PUBLISHED_DAMAGED, Some((*path).clone()));
            self.alarm(look, run, Alarm { code, version, path, message, reverts: true, consumer: None })?;
        }
        // Of what is damaged rules say nothing new.
        let rules = match wrong.is_empty() && size <= Bytes::ONE_TASK {
            true => self.rules_again(look.campaign, run)?,
            false => None,
        };
        if arrived.is_empty() && rules.is_none() {
            return Ok(true);
        }
        let cost = if rules.is_some() { COST.max(size) } else { COST };
        let mut bytes = 0;
        let told = arrived.iter().take(ARRIVED_MAX).take_while(|path| {
            bytes += path.len();
            bytes <= NAMES_MAX
        });
        let payload = Payload::Check(Box::new(CheckTask {
            campaign: look.campaign,
            run: run.id,
            dataset: self.place(run.dataset)?,
            arrived: List::first(told.map(|path| Text::escaped(path)).collect()).0,
            rules: rules.map(Box::new),
        }));
        self.queue_chore(&mut self.state(), Chore::Check(look), (&payload, cost))
    }

    /// What a node found in files that arrived, and of rules.
    pub(crate) fn check_came_back(&self, look: Look, looked: Option<Looked>) -> Result<(), ServiceError> {
        let Some(run) = self.ledger.run(look.campaign, look.seq)? else { return Ok(()) };
        if run.state != RunState::Published {
            return Ok(());
        }
        let version = run.version.unwrap_or(0);
        match looked {
            Some(Looked::Checked(checked)) => {
                let old: Vec<&str> = checked
                    .arrived
                    .iter()
                    .filter(|file| file.has == Columns::Old)
                    .map(|file| file.path.as_str())
                    .collect();
                if let Some(path) = old.first() {
                    let plural = if old.len() == 1 { "" } else { "s" };
                    let message = format!(
                        "{} file{plural} with the columns of before the migration arrived, the first: {path}",
                        old.len()
                    );
                    let (code, path) = (codes::OLD_SCHEMA_WRITTEN, Some((*path).to_owned()));
                    let alarm = Alarm { code, version, path, message, reverts: false, consumer: None };
                    self.alarm(look, &run, alarm)?;
                }
                for broken in checked.broken.iter() {
                    self.alarm(look, &run, of_rule(broken, version))?;
                }
                if checked.unsure > 0 {
                    let (campaign, seq, rules) = (look.campaign, look.seq, checked.unsure);
                    tracing::warn!(%campaign, seq, rules, "rules could not be looked at again");
                }
            }
            Some(Looked::Failed(why)) if why.class == ErrorClass::Transient => {
                tracing::warn!(campaign = %look.campaign, seq = look.seq, code = %why.code, "a check was not made");
            }
            other => {
                let message = match &other {
                    Some(Looked::Failed(why)) => format!("{}: {}", why.code, why.message),
                    _ => "nodes die of looking at it".to_owned(),
                };
                let (code, path) = (codes::CHECK_FAILED, None);
                let alarm = Alarm { code, version, path, message, reverts: false, consumer: None };
                self.alarm(look, &run, alarm)?;
            }
        }
        Ok(())
    }

    /// Writes down that something is wrong, once, and what follows.
    pub(crate) fn alarm(&self, look: Look, run: &Run, alarm: Alarm) -> Result<(), ServiceError> {
        let Look { campaign, seq, check } = look;
        let Alarm { code, version, path, mut message, reverts, consumer } = alarm;
        if self.is_told(run, code, path.as_deref())? {
            return Ok(());
        }
        let (check, revert) = {
            let mut state = self.state();
            let soak = &self.live(&mut state, campaign)?.rules().soak;
            let span = soak.checks.get(check as usize).map_or_else(|| SCRUB.to_owned(), ToString::to_string);
            (span, reverts && soak.on_failure == OnFailure::Revert)
        };
        let stands = if revert { self.stands_in_the_way(run, code)? } else { None };
        if let Some(why) = &stands {
            message = format!("{message}; not rolled back: {why}");
        }
        let named = |text: &str| Name::new(text).map_err(|error| ServiceError::bug(error.to_string()));
        let event = RunAlarmed {
            campaign,
            seq,
            check: named(&check)?,
            code: named(code.id)?,
            version,
            path: path.map(|path| LedgerText::clip(&path)),
            consumer,
            message: LedgerText::clip(&message),
        };
        let why = format!("{}: {message}", code.id);
        let told = (revert && stands.is_none()).then(|| reverting(campaign, run, &why));
        let more = vec![Entry::Decide(event.into())];
        let mut state = self.state();
        self.metrics.alarmed(code);
        tracing::warn!(%campaign, seq, code = code.id, %message, "something is wrong with what was published");
        let refused =
            self.tell(&mut state, campaign, told.into_iter().collect(), (&self.itself, "", more))?;
        if let Some((_, why)) = refused.first() {
            tracing::warn!(%campaign, seq, %why, "not rolled back by its policy");
        }
        Ok(())
    }

    /// Whether that was said of the run before.
    fn is_told(&self, run: &Run, code: Code, path: Option<&str>) -> Result<bool, ServiceError> {
        Ok(self.alarmed(run, code)?.iter().any(|told| told.path.as_ref().map(LedgerText::as_str) == path))
    }

    /// Whether files of what a run published were found damaged.
    pub(crate) fn is_damaged(&self, run: &Run) -> Result<bool, ServiceError> {
        Ok(!self.alarmed(run, codes::PUBLISHED_DAMAGED)?.is_empty())
    }

    /// What was said of a run with this code.
    fn alarmed(&self, run: &Run, code: Code) -> Result<Vec<RunAlarmed>, ServiceError> {
        if run.alarms == 0 {
            return Ok(Vec::new());
        }
        let of = Some(Subject::Run(run.campaign, run.seq));
        let filter = EventFilter { of, kinds: vec![Kind::RunAlarmed], ..EventFilter::default() };
        let page = self.ledger.events(0, &filter, Limit::MAX)?;
        let told = page.items.into_iter().filter_map(|recorded| {
            let Event::RunAlarmed(told) = recorded.event else { return None };
            (told.code.as_str() == code.id).then_some(told)
        });
        Ok(told.collect())
    }

    /// What was found out about one run's result.
    pub(crate) fn soak_of(&self, run: &Run) -> Result<RunSoak, ServiceError> {
        let of = Some(Subject::Run(run.campaign, run.seq));
        let kinds = vec![Kind::RunRehearsed, Kind::RunAlarmed];
        let page = self.ledger.events(0, &EventFilter { of, kinds, ..EventFilter::default() }, Limit::MAX)?;
        let (mut round_trip, mut alarms) = (None, Vec::new());
        for recorded in &page.items {
            if let Event::RunRehearsed(told) = &recorded.event {
                round_trip = Some(shown::round_trip(recorded.at, told));
            }
            if let Event::RunAlarmed(told) = &recorded.event {
                alarms.push(shown::alarm(recorded.at, told));
            }
        }
        Ok(RunSoak { round_trip, alarms: List::first(alarms).0 })
    }

    /// What others wrote since a run was published, in words; a rollback would undo it. That files are gone, or only broken, is
    /// damage and nobody's write.
    fn stands_in_the_way(&self, run: &Run, code: Code) -> Result<Option<String>, ServiceError> {
        let dataset = self.open_dataset(run.dataset)?;
        let damaged = code == codes::PUBLISHED_DAMAGED || self.is_damaged(run)?;
        let changes = if damaged { dataset.written_since(run.id) } else { dataset.written_over(run.id) };
        let changes: Vec<Change> =
            changes.map_err(|error| ServiceError::new(error.code(), skein_types::chain(&error)))?;
        Ok(changes.first().map(|first| match changes.len() {
            1 => format!("a later write would be undone: {first}"),
            all => format!("{all} later writes would be undone, the first: {first}"),
        }))
    }

    /// Writes down which checks all runs have had.
    fn note_checked(&self, id: CampaignId, checks: &[Span]) -> Result<(), ServiceError> {
        let mut state = self.state();
        let live = self.live(&mut state, id)?;
        if live.machine.state() != CampaignState::Soaking {
            return Ok(());
        }
        let runs = live.machine.runs().get(RunState::Published);
        let out = Self::checks_out(&state, id).map(|look| look.check).min();
        let Some(watch) = state.soak.get(&id) else { return Ok(()) };
        let all = u32::try_from(checks.len()).unwrap_or(u32::MAX);
        let due =
            watch.due.iter().map(|(_, _, check)| check).chain(watch.waiting.iter().map(|(_, check)| check));
        let waits = due.copied().chain(out).min().unwrap_or(all);
        let noted = watch.noted;
        for check in noted..waits {
            let Some(span) = checks.get(check as usize) else { break };
            let alarms = self.ledger.campaign(id)?.map_or(0, |row| row.alarms);
            let event = CampaignChecked { campaign: id, check, after: span.length(), runs, alarms };
            self.write(self.itself.unit().decide(event))?;
            if let Some(watch) = state.soak.get_mut(&id) {
                watch.noted = check + 1;
            }
        }
        Ok(())
    }
}

/// What is due next.
fn next(check: u32, run: &Run, checks: &[Span]) -> Then {
    let Some(next) = check.checked_add(1) else { return Then::Over };
    checks.get(next as usize).map_or(Then::Over, |span| Then::Due(span.after(run.since), next))
}
