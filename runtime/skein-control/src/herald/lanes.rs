//! One lane a receiver: what waits for it goes out one after the other, and what became of each try is noted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use skein_ledger::{Delivery, DeliveryFilter, DeliveryState, Entry, Limit, Text, Webhook};
use skein_notify::{Delivered, Receiver, SendError, Topic, next_try};
use skein_types::{ErrorClass, Millis, ReceiverKind, Retry, Timestamp, WebhookId, chain, codes};

use super::bell::Lanes as Rung;
use super::{LOOK_EVERY, Senders, TRIES_AT_ONCE, duration};
use crate::control::Control;
use crate::error::ServiceError;
use crate::points::point;

/// Tries at a time of receivers that did not take the last one: the others find room.
const OF_TROUBLED_AT_ONCE: usize = TRIES_AT_ONCE / 2;
/// A lane where nothing is known to wait is looked into all the same.
const LOOK_INTO_EVERY: Duration = Duration::from_secs(60);
/// After something of our own failed.
const AFTER_FAILURE: Millis = Millis(30_000);
/// How long what is over can be looked at.
const KEPT_OVER: Millis = Millis(7 * 24 * 3_600_000);

type Try = JoinHandle<Result<Delivered, SendError>>;

/// A receiver's lane. Soft: what waits is in the ledger.
#[derive(Debug)]
struct Lane {
    /// What its receiver was when it was told last.
    kind: ReceiverKind,
    under_way: Option<(Delivery, Try)>,
    /// Tries since the last that was taken.
    failures: u32,
    /// Not to be looked into before, on the clock that does not step.
    not_before: Duration,
}

/// All lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<WebhookId, Lane>,
}

/// What became of a try.
enum Ending {
    /// The row as it is to be.
    Row(Delivery),
    /// That, and the receiver takes nothing any more.
    Off(Delivery),
}

impl Lanes {
    pub(super) fn any_under_way(&self) -> bool {
        self.lanes.values().any(|lane| lane.under_way.is_some())
    }

    /// Notes what became of the tries that are over.
    pub(super) fn take_back(&mut self, control: &Control) {
        for (webhook, lane) in &mut self.lanes {
            if !lane.under_way.as_ref().is_some_and(|(_, tried)| tried.is_finished()) {
                continue;
            }
            let Some((delivery, tried)) = lane.under_way.take() else { continue };
            // Sender and receiver are strangers: what they do may be a bug of ours, and is that lane's trouble alone.
            let sent =
                tried.join().map_err(|_| "a try ended in a panic, which is a mistake of Skein".to_owned());
            lane.failures = if matches!(sent, Ok(Ok(_))) { 0 } else { lane.failures.saturating_add(1) };
            let now = control.clock.elapsed();
            // Others that wait for it need not find out one by one that it is down.
            let rest = next_try(lane.failures.min(5), None, 0).filter(|_| lane.failures > 0);
            lane.not_before = now + duration(rest.unwrap_or_default());
            let noted = control
                .ending(delivery, sent)
                .and_then(|ending| control.note_ending((*webhook, lane.kind), ending));
            if let Err(error) = noted {
                tracing::warn!(%webhook, %error, "what became of a notice is not noted; it is sent again");
                lane.not_before = now + duration(AFTER_FAILURE);
            }
        }
    }

    /// Sends what is due, as far as there is room; answers when there will be more.
    pub(super) fn send(
        &mut self,
        control: &Control,
        (senders, receivers): (&Senders, &[Webhook]),
        rung: &Rung,
    ) -> Duration {
        let now = control.clock.elapsed();
        let known: BTreeSet<WebhookId> = receivers.iter().map(|receiver| receiver.id).collect();
        self.lanes.retain(|id, lane| known.contains(id) || lane.under_way.is_some());
        let mut next = LOOK_EVERY;
        for receiver in receivers {
            let room = self.room();
            let lane = self.lanes.entry(receiver.id).or_insert_with(|| Lane::new(receiver.kind, now));
            let filled = rung.filled.contains(&receiver.id) && lane.failures == 0;
            if filled || rung.asked.contains(&receiver.id) {
                lane.not_before = now;
            }
            if lane.under_way.is_some() {
                continue;
            }
            if lane.not_before > now {
                next = next.min(lane.not_before - now);
                continue;
            }
            if !room.takes(lane.failures > 0) {
                continue;
            }
            match control.first_due(receiver) {
                Ok(Due::Now(delivery)) => lane.begin(control, (senders, receiver), *delivery),
                Ok(Due::Later(wait)) => lane.not_before = now + wait.min(LOOK_INTO_EVERY),
                Err(error) => {
                    tracing::warn!(webhook = %receiver.id, %error, "what waits for a receiver cannot be read just now");
                    lane.not_before = now + duration(AFTER_FAILURE);
                }
            }
        }
        next
    }

    fn room(&self) -> Room {
        let under_way = || self.lanes.values().filter(|lane| lane.under_way.is_some());
        Room { all: under_way().count(), troubled: under_way().filter(|lane| lane.failures > 0).count() }
    }
}

/// How many tries are under way.
struct Room {
    all: usize,
    troubled: usize,
}

impl Room {
    const fn takes(&self, troubled: bool) -> bool {
        self.all < TRIES_AT_ONCE && (!troubled || self.troubled < OF_TROUBLED_AT_ONCE)
    }
}

enum Due {
    Now(Box<Delivery>),
    Later(Duration),
}

impl Lane {
    fn new(kind: ReceiverKind, now: Duration) -> Self {
        Self { kind, under_way: None, failures: 0, not_before: now }
    }

    fn begin(&mut self, control: &Control, (senders, to): (&Senders, &Webhook), delivery: Delivery) {
        let begun = control.notice_of(&delivery).and_then(|notice| Ok((notice, control.receiver_of(to)?)));
        let (notice, receiver) = match begun {
            Ok(begun) => begun,
            Err(error) if error.code.class.retry() == Retry::Backoff => {
                tracing::warn!(webhook = %to.id, %error, "a notice cannot be read just now");
                self.not_before = control.clock.elapsed() + duration(AFTER_FAILURE);
                return;
            }
            // It would be the same the next time.
            Err(error) => {
                let ending = control.ending(delivery, Err(format!("{}: {error}", error.code.id)));
                if let Err(error) = ending.and_then(|ending| control.note_ending((to.id, to.kind), ending)) {
                    tracing::warn!(webhook = %to.id, %error, "a notice that cannot be sent is not given up yet");
                }
                self.not_before = control.clock.elapsed() + duration(AFTER_FAILURE);
                return;
            }
        };
        let sender = match &receiver {
            Receiver::Http(_) | Receiver::Slack(_) => senders.receivers.clone(),
            Receiver::Mail(_) => senders.mail.clone(),
        };
        let (now, bell) = (control.clock.now(), Arc::clone(&control.bell));
        let spawned = std::thread::Builder::new().name("notice".to_owned()).spawn(move || {
            let sent = sender.send(&notice, &receiver, now);
            bell.ring();
            sent
        });
        self.kind = to.kind;
        match spawned {
            Ok(tried) => self.under_way = Some((delivery, tried)),
            Err(error) => {
                tracing::warn!(webhook = %to.id, %error, "there is no thread for a notice");
                self.not_before = control.clock.elapsed() + duration(AFTER_FAILURE);
            }
        }
    }
}

impl Control {
    /// Of what waits for a receiver, the first that is due.
    fn first_due(&self, receiver: &Webhook) -> Result<Due, ServiceError> {
        let mut waiting = self.waiting_for(receiver.id)?;
        // Whoever wants to see whether it works may test it before it is told of anything else.
        waiting.retain(|row| receiver.active || row.kind.as_str() == Topic::WebhookTest.as_str());
        let now = self.clock.now();
        let due = |row: &Delivery| is_due(row, now);
        let asked = |row: &Delivery| due(row) && row.kind.as_str() == Topic::WebhookTest.as_str();
        if let Some(at) = waiting.iter().position(asked).or_else(|| waiting.iter().position(due)) {
            return Ok(Due::Now(Box::new(waiting.swap_remove(at))));
        }
        let soonest = waiting.iter().map(|row| row.due.0.saturating_sub(now.0)).min();
        Ok(Due::Later(soonest.map_or(LOOK_INTO_EVERY, |wait| duration(Millis(wait)))))
    }

    /// How a row is to be after a try, and whether that was the last thing that its receiver was told.
    fn ending(
        &self,
        row: Delivery,
        sent: Result<Result<Delivered, SendError>, String>,
    ) -> Result<Ending, ServiceError> {
        point!("herald.after-sent")?;
        let now = self.clock.now();
        let over = Timestamp(now.0.saturating_add(KEPT_OVER.0));
        let tried = Delivery { tries: row.tries.saturating_add(1), ..row };
        let given_up = |row: Delivery, status: Option<u16>, error: &str| Delivery {
            state: DeliveryState::GivenUp,
            status,
            error: Text::clip(error),
            keep_until: over,
            ..row
        };
        let error = match sent {
            Ok(Ok(delivered)) => {
                let (state, error) = (DeliveryState::Done, Text::clip(""));
                let status = Some(delivered.status);
                return Ok(Ending::Row(Delivery { state, status, error, keep_until: over, ..tried }));
            }
            Ok(Err(error)) => error,
            Err(said) => return Ok(Ending::Row(given_up(tried, None, &said))),
        };
        let said = format!("{}: {}", error.code().id, chain(&error));
        if error.class() == ErrorClass::Transient {
            // The id is random, so those that failed together do not come back together.
            let seed =
                tried.id.to_string().bytes().fold(0_u64, |seed, byte| seed.rotate_left(7) ^ u64::from(byte));
            if let Some(wait) = next_try(tried.tries, error.retry_after(), seed) {
                let due = Timestamp(now.0.saturating_add(wait.0));
                return Ok(Ending::Row(Delivery {
                    due,
                    status: error.status(),
                    error: Text::clip(&said),
                    ..tried
                }));
            }
        }
        let is_last = error.code() == codes::RECEIVER_GONE
            || (error.class() == ErrorClass::Transient && !self.took_since(&tried)?);
        let row = given_up(tried, error.status(), &said);
        Ok(if is_last { Ending::Off(row) } else { Ending::Row(row) })
    }

    /// Whether a receiver took anything that was noted after this.
    fn took_since(&self, row: &Delivery) -> Result<bool, ServiceError> {
        let filter = DeliveryFilter { webhook: Some(row.webhook), state: Some(DeliveryState::Done) };
        Ok(!self.ledger.deliveries(filter, Some(row.id), Limit::new(1))?.items.is_empty())
    }

    fn note_ending(
        &self,
        (webhook, kind): (WebhookId, ReceiverKind),
        ending: Ending,
    ) -> Result<(), ServiceError> {
        let (row, off) = match ending {
            Ending::Row(row) => (row, false),
            Ending::Off(row) => (row, true),
        };
        tracing::info!(delivery = %row.id, %webhook, state = row.state.as_str(), tries = row.tries, status = row.status, "a notice was tried");
        self.metrics.tried(kind, row.state);
        self.write(self.itself.unit().then(Entry::PutDelivery(row)))?;
        match self.ledger.webhook(webhook)? {
            Some(receiver) if off && receiver.active => self.switch_off(&receiver),
            Some(_) | None => Ok(()),
        }
    }
}

/// A wait that is longer than any was set by a clock that was put back since.
fn is_due(row: &Delivery, now: Timestamp) -> bool {
    row.due <= now || row.due.0 - now.0 > skein_types::LONGEST_WAIT.0
}
