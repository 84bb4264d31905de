//! What was decided, as far as a principal may see what it is about.

use skein_api::{Event, Page};
use skein_ledger::{EventFilter, Limit, Subject};
use skein_types::CampaignId;

use super::Desk;
use crate::access::Act;
use crate::campaigns::kinds;
use crate::error::ServiceError;
use crate::feed::{Wanted, Watcher};
use crate::list::EventPart;
use crate::shown;

/// Events of a page where nothing is said.
const ITEMS: usize = 100;

impl Desk<'_> {
    /// A page of it. It may be short, or empty, and still say where to go on.
    pub fn events(&self, part: &EventPart) -> Result<Page<Event>, ServiceError> {
        let kinds = part.kind.as_deref().map_or(Ok(Vec::new()), kinds)?;
        let of = self.about(part)?.map(Subject::Campaign);
        let filter = EventFilter { kinds, of, ..EventFilter::default() };
        let limit = Limit::new(part.limit.unwrap_or(ITEMS));
        let page = self.control.ledger.events(part.after.unwrap_or(0), &filter, limit)?;
        let mut seen = Vec::with_capacity(page.items.len());
        for recorded in page.items {
            if self.who.may_hear(&self.control.whose_event(&recorded.event)?) {
                seen.push(recorded);
            }
        }
        let next = page.next.map(|position| position.to_string());
        shown::page(seen, next, |recorded| shown::event(&recorded))
    }

    /// All of it from a position on, or from now on, as it comes.
    pub fn watch(&self, part: &EventPart) -> Result<Watcher, ServiceError> {
        let kinds = part.kind.as_deref().map_or(Ok(Vec::new()), kinds)?;
        self.control.watch(self.who, (part.after, Wanted { kinds, of: self.about(part)? }))
    }

    fn about(&self, part: &EventPart) -> Result<Option<CampaignId>, ServiceError> {
        part.campaign.as_deref().map(|named| self.seen_by(named, Act::See)).transpose()
    }
}
