//! Walking the log: each decision once, in order.

use skein_ledger::{Entry, EventFilter, Limit, Unit, Webhook};
use skein_types::{Millis, Retry, Timestamp};

use super::facts::KINDS;
use super::note::Waiting;
use crate::control::Control;
use crate::error::ServiceError;
use crate::points::point;

/// Decisions that are looked at before those who wait are told.
const PAGE: usize = 200;
/// Entries of a unit, with room for what one more decision adds.
const ENTRIES: usize = 2_000;
/// What is older is not told: whoever was down for longer finds it in the log.
const TELLING_ENDS: Millis = Millis(24 * 3_600_000);
/// How far it may walk without saying so, where there is nothing to tell.
const NOTED_EVERY: u64 = 10_000;

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// What the ledger knows of it; nothing before the first look.
    noted: Option<u64>,
}

impl Control {
    /// Goes on to the head, or for a page.
    pub(super) fn walk_on(&self, walk: &mut Walk, receivers: &[Webhook]) -> Result<(), ServiceError> {
        let noted = match walk.noted {
            Some(noted) => noted,
            None => {
                let noted = self.ledger.notified_to()?;
                self.bell.walk_to(noted);
                *walk.noted.insert(noted)
            }
        };
        let (from, head) = (self.bell.walked(), self.ledger.head()?.position);
        if from < head {
            if receivers.iter().any(|receiver| receiver.active) {
                self.walk_page(walk, (from, head), receivers)?;
            } else {
                // Nobody listens: nothing of it is for those who will.
                self.bell.walk_to(head);
            }
        }
        if self.bell.walked() > noted + NOTED_EVERY { self.note_how_far(walk) } else { Ok(()) }
    }

    fn walk_page(
        &self,
        walk: &mut Walk,
        (from, head): (u64, u64),
        receivers: &[Webhook],
    ) -> Result<(), ServiceError> {
        let filter = EventFilter { kinds: KINDS.to_vec(), ..EventFilter::default() };
        let page = self.ledger.events(from, &filter, Limit::new(PAGE))?;
        let oldest = Timestamp(self.clock.now().0.saturating_sub(TELLING_ENDS.0));
        let (mut entries, mut waiting) = (Vec::new(), Waiting::default());
        for recorded in &page.items {
            if recorded.at >= oldest {
                match self.facts_of(recorded) {
                    Ok(facts) => {
                        for told in &facts {
                            entries.extend(self.entries_of(told, receivers, &mut waiting)?);
                        }
                    }
                    // A decision about what is gone by now, or a mistake of ours, does not keep the rest from being told.
                    Err(error) if error.code.class.retry() != Retry::Backoff => {
                        tracing::error!(position = recorded.position, %error, "a decision is not told");
                    }
                    Err(error) => return Err(error),
                }
            }
            if entries.len() > ENTRIES {
                self.note_told(walk, std::mem::take(&mut entries), recorded.position)?;
            }
        }
        let last = page.items.last().map_or(0, |recorded| recorded.position);
        let to = page.next.unwrap_or(head).max(last);
        if entries.is_empty() {
            self.bell.walk_to(to);
            return Ok(());
        }
        self.note_told(walk, entries, to)?;
        // There may be more.
        self.bell.ring();
        Ok(())
    }

    fn note_told(&self, walk: &mut Walk, entries: Vec<Entry>, to: u64) -> Result<(), ServiceError> {
        let waits: Vec<_> = entries.iter().filter_map(receiver).collect();
        let unit = entries.into_iter().fold(self.itself.unit(), Unit::then);
        point!("herald.before-noted")?;
        self.write(unit.then(Entry::NotifiedTo { position: to }))?;
        point!("herald.after-noted")?;
        walk.noted = Some(to);
        self.bell.walk_to(to);
        waits.into_iter().for_each(|webhook| self.bell.ring_for(webhook));
        Ok(())
    }

    /// Writes down how far it is.
    pub(super) fn note_how_far(&self, walk: &mut Walk) -> Result<(), ServiceError> {
        let walked = self.bell.walked();
        if walk.noted.is_some_and(|noted| noted < walked) {
            self.write(self.itself.unit().then(Entry::NotifiedTo { position: walked }))?;
            walk.noted = Some(walked);
        }
        Ok(())
    }
}

fn receiver(entry: &Entry) -> Option<skein_types::WebhookId> {
    if let Entry::PutDelivery(delivery) = entry { Some(delivery.webhook) } else { None }
}
