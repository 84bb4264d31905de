//! What became of what a receiver was told; a test, and what is to be sent again.

use skein_api::{Page, Text as ApiText, Time, WebhookDelivery};
use skein_ledger::{Delivery, DeliveryFilter, DeliveryState, Entry, Text};
use skein_notify::{Fact, Topic};
use skein_types::{DeliveryId, Timestamp, WebhookId, codes};

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;
use crate::herald::{KEPT_WAITING, Told};
use crate::list::{ListOrder, ListPart};
use crate::shown;

impl Control {
    /// Notices to a receiver, in the order in which they were made or against it.
    pub(crate) fn webhook_deliveries(
        &self,
        webhook: WebhookId,
        part: &ListPart,
    ) -> Result<Page<WebhookDelivery>, ServiceError> {
        let after = part.key()?;
        let filter = DeliveryFilter { webhook: Some(webhook), state: None };
        let page = match part.order {
            ListOrder::Oldest => self.ledger.deliveries(filter, after, part.limit())?,
            ListOrder::Newest => self.ledger.newest_deliveries(filter, after, part.limit())?,
        };
        shown::page(page.items, page.next.map(|id| id.to_string()), |row| Ok(shown_delivery(&row)))
    }

    /// One notice to a receiver.
    pub(crate) fn webhook_delivery(
        &self,
        webhook: WebhookId,
        named: &str,
    ) -> Result<WebhookDelivery, ServiceError> {
        Ok(shown_delivery(&self.delivery_row(webhook, named)?))
    }

    /// Sends a test, whether the receiver is told of anything else or not. One that waits already is that one.
    pub(crate) fn send_test(
        &self,
        who: &Principal,
        webhook: WebhookId,
    ) -> Result<WebhookDelivery, ServiceError> {
        let row = self.webhook_row(webhook)?;
        let waiting = self.waiting_for(webhook)?;
        if let Some(test) = waiting.iter().find(|row| row.kind.as_str() == Topic::WebhookTest.as_str()) {
            return Ok(shown_delivery(test));
        }
        let fact = Fact::WebhookTest { webhook, name: row.name.to_string() };
        let head = self.ledger.head()?;
        let told = Told::now(fact, (head, self.clock.now()));
        let (blob, mut deliveries) = self.notices_to(&told, &[&row])?;
        let Some(test) = deliveries.pop() else { return Err(ServiceError::bug("a test to nobody")) };
        self.write(who.unit().then(blob).then(Entry::PutDelivery(test.clone())))?;
        self.bell.ring_now(webhook);
        Ok(shown_delivery(&test))
    }

    /// Sends a notice again, or sooner, as it is.
    pub(crate) fn redeliver(
        &self,
        who: &Principal,
        webhook: WebhookId,
        named: &str,
    ) -> Result<WebhookDelivery, ServiceError> {
        let row = self.delivery_row(webhook, named)?;
        if !self.webhook_row(webhook)?.active && row.kind.as_str() != Topic::WebhookTest.as_str() {
            let message = format!("webhook {webhook} is told nothing: it is not active");
            return Err(ServiceError::new(codes::WEBHOOK_OFF, message)
                .hint(Some("set it to active first: `skein webhook set WEBHOOK --on`")));
        }
        let bytes = self.ledger.blob(row.notice)?.ok_or_else(|| {
            ServiceError::new(codes::NOTICE_GONE, format!("what {named} told is not kept any more"))
        })?;
        let now = self.clock.now();
        let keep_until = Timestamp(now.0.saturating_add(KEPT_WAITING.0));
        let again = match row.state {
            DeliveryState::Waiting => Delivery { due: now, ..row },
            DeliveryState::Done | DeliveryState::GivenUp => {
                let (state, error) = (DeliveryState::Waiting, Text::clip(""));
                Delivery { state, tries: 0, due: now, status: None, error, keep_until, ..row }
            }
        };
        let unit = who.unit().then(Entry::PutBlob { bytes, keep_until });
        self.write(unit.then(Entry::PutDelivery(again.clone())))?;
        self.bell.ring_now(webhook);
        Ok(shown_delivery(&again))
    }

    fn delivery_row(&self, webhook: WebhookId, named: &str) -> Result<Delivery, ServiceError> {
        let row = self.ledger.delivery(delivery_id(named)?)?;
        row.filter(|row| row.webhook == webhook).ok_or_else(|| ServiceError::absent("delivery", named))
    }
}

fn delivery_id(named: &str) -> Result<DeliveryId, ServiceError> {
    named.parse().map_err(|_| ServiceError::absent("delivery", named))
}

fn shown_delivery(row: &Delivery) -> WebhookDelivery {
    let error = row.error.as_str();
    WebhookDelivery {
        delivery: row.id,
        webhook: row.webhook,
        topic: ApiText::escaped(row.kind.as_str()),
        position: row.position,
        notice: row.notice,
        state: ApiText::escaped(row.state.as_str()),
        tries: row.tries,
        due: (row.state == DeliveryState::Waiting).then_some(Time(row.due)),
        status: row.status,
        error: (!error.is_empty()).then(|| ApiText::escaped(error)),
        at: Time(row.at),
    }
}
