//! Receivers of notices. Nothing here answers a secret but one that was just made.

use skein_api::{Page, Webhook, WebhookCreate, WebhookDelivery, WebhookPut, WebhookRotate, WebhookSigned};
use skein_ledger::Name;
use skein_types::WebhookId;

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;
use crate::webhooks::webhook_id;

impl Desk<'_> {
    /// Adds a receiver.
    pub fn create_webhook(&self, asked: &WebhookCreate) -> Result<WebhookSigned, ServiceError> {
        let team = self.who.team_for(Act::Tell, asked.team.as_deref())?;
        self.control.create_webhook(self.who, team.as_ref(), asked)
    }

    /// Changes a receiver.
    pub fn put_webhook(&self, named: &str, seen: Seen, asked: &WebhookPut) -> Result<Webhook, ServiceError> {
        let id = self.webhook_seen(named, Act::Tell)?;
        self.control.put_webhook(self.who, (id, seen), asked)
    }

    /// Gives a receiver another signing secret.
    pub fn rotate_webhook(&self, named: &str, asked: &WebhookRotate) -> Result<WebhookSigned, ServiceError> {
        let id = self.webhook_seen(named, Act::Tell)?;
        self.control.rotate_webhook(self.who, id, asked)
    }

    /// Removes a receiver.
    pub fn remove_webhook(&self, named: &str, seen: Seen) -> Result<Webhook, ServiceError> {
        let id = self.webhook_seen(named, Act::Tell)?;
        self.control.remove_webhook(self.who, (id, seen))
    }

    /// A receiver.
    pub fn webhook(&self, named: &str) -> Result<Webhook, ServiceError> {
        self.control.webhook(self.webhook_seen(named, Act::See)?)
    }

    /// Receivers, in the order in which they were added.
    pub fn webhooks(&self, part: &ListPart) -> Result<Page<Webhook>, ServiceError> {
        self.control.webhooks(part, |team| self.who.may(Act::See, team))
    }

    /// Sends a test to a receiver.
    pub fn send_test(&self, named: &str) -> Result<WebhookDelivery, ServiceError> {
        let id = self.webhook_seen(named, Act::Tell)?;
        self.control.send_test(self.who, id)
    }

    /// What a receiver was told, and what became of it.
    pub fn webhook_deliveries(
        &self,
        named: &str,
        part: &ListPart,
    ) -> Result<Page<WebhookDelivery>, ServiceError> {
        let id = self.webhook_seen(named, Act::See)?;
        self.control.webhook_deliveries(id, part)
    }

    /// One thing that a receiver was told.
    pub fn webhook_delivery(&self, named: &str, delivery: &str) -> Result<WebhookDelivery, ServiceError> {
        let id = self.webhook_seen(named, Act::See)?;
        self.control.webhook_delivery(id, delivery)
    }

    /// Sends something again, or sooner.
    pub fn redeliver(&self, named: &str, delivery: &str) -> Result<WebhookDelivery, ServiceError> {
        let id = self.webhook_seen(named, Act::Tell)?;
        self.control.redeliver(self.who, id, delivery)
    }

    fn webhook_seen(&self, named: &str, act: Act) -> Result<WebhookId, ServiceError> {
        let row = self.control.webhook_row(webhook_id(named)?)?;
        self.who.check(act, row.team.as_ref().map(Name::as_str), ("webhook", named))?;
        Ok(row.id)
    }
}
