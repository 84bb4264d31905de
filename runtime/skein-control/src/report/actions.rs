//! What people did to a campaign, when it began and was done, what was proven of its results and what of them was given up: one walk over
//! what was decided about it.

use skein_api::{ACTIONS_MAX, GivenUp, HumanAction, Time};
use skein_ledger::{Actor, Event, EventFilter, Kind, Limit, Recorded, Subject};
use skein_types::{CampaignId, CampaignState, Timestamp, TraceId};

use crate::control::Control;
use crate::error::ServiceError;
use crate::shown;

/// What machines alone decide, however many of it there are, and what a report says nothing of.
const WORK: [Kind; 7] = [
    Kind::RunPlanned,
    Kind::RunIntended,
    Kind::RunPublished,
    Kind::RunFailed,
    Kind::RunHeld,
    Kind::RunStale,
    Kind::WavePlanned,
];

/// What decisions about a campaign say of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) started: Option<Timestamp>,
    pub(super) rolled_out: Option<Timestamp>,
    /// Runs that went back and forth, and were proven by it.
    pub(super) round_trips: u64,
    /// What its runs gave up.
    pub(super) gone: GivenUp,
    pub(super) actions: Actions,
}

/// What people did: how often, and each as long as there are not too many.
#[derive(Debug, Default)]
pub(super) struct Actions {
    pub(super) count: u64,
    pub(super) listed: Vec<HumanAction>,
    /// In which request the last one was, and by whom: what follows from one request is one action.
    last: Option<(TraceId, Actor)>,
}

impl Control {
    pub(super) fn told_of(&self, id: CampaignId) -> Result<Told, ServiceError> {
        let kinds = Kind::ALL.iter().copied().filter(|kind| !WORK.contains(kind)).collect();
        let filter = EventFilter { of: Some(Subject::Campaign(id)), kinds, ..EventFilter::default() };
        let (mut told, mut after) = (Told::default(), 0);
        loop {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            for recorded in page.items {
                told.take(&recorded);
                if recorded.actor != self.itself.actor {
                    told.actions.take(&recorded);
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(told),
            }
        }
    }
}

impl Told {
    fn take(&mut self, recorded: &Recorded) {
        if let Event::CampaignMoved(moved) = &recorded.event
            && moved.to == CampaignState::Running
        {
            self.started = self.started.or(Some(recorded.at));
        }
        if matches!(recorded.event, Event::CampaignRolledOut(_)) {
            self.rolled_out = Some(recorded.at);
        }
        if let Event::RunRehearsed(rehearsed) = &recorded.event {
            self.round_trips += u64::from(rehearsed.problem.is_none());
        }
        if let Event::RunFinalized(finalized) = &recorded.event {
            self.gone.runs += 1;
            self.gone.versions += finalized.versions.len() as u64;
            self.gone.files += finalized.files;
            self.gone.bytes += finalized.bytes;
            self.gone.last = Some(Time(recorded.at));
        }
    }
}

impl Actions {
    fn take(&mut self, recorded: &Recorded) {
        let asked = recorded.trace.map(|trace| (trace, recorded.actor.clone()));
        if asked.is_some() && self.last == asked {
            if let Some(last) = self.listed.last_mut().filter(|_| self.count <= ACTIONS_MAX as u64) {
                last.decisions += 1;
            }
            return;
        }
        self.count += 1;
        if self.listed.len() < ACTIONS_MAX {
            let reason =
                recorded.event.shown().get("reason").and_then(|reason| reason.as_str().map(str::to_owned));
            self.listed.push(HumanAction {
                at: Time(recorded.at),
                actor: shown::text(&recorded.actor),
                what: shown::text(what(&recorded.event)),
                reason: reason.filter(|reason| !reason.is_empty()).map(shown::text),
                decisions: 1,
                position: recorded.position,
            });
        }
        self.last = asked;
    }
}

/// The kind of a decision, and where it led.
fn what(event: &Event) -> String {
    let shown = event.shown();
    match shown.get("to").and_then(serde_json::Value::as_str) {
        Some(to) => format!("{} {to}", event.kind()),
        None => event.kind().to_string(),
    }
}
