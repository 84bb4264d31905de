//! Who is told of what happens: `/v1/webhooks`, and what became of what they were told: `/v1/webhooks/{id}/deliveries`.
//!
//! The URL of a chat, the query of any URL and what notices are signed with are secrets: they are said by whoever makes or
//! changes a receiver, and no answer repeats them, but for a signing secret that was just made.

use std::fmt;

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, DeliveryId, Millis, ReceiverKind, WebhookId};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::time::Time;
use crate::{Message, Name};

/// Most bytes of a URL, or of addresses of mail with commas between.
pub const TARGET_BYTES_MAX: usize = 2_000;
/// Most topics, or beginnings of topics, of one receiver.
pub const INTERESTS_MAX: usize = 32;

/// A topic (`campaign.halted`), or a beginning and `*` for any rest (`campaign.*`).
pub type Interest = Text<100, 1>;
/// Where a receiver is.
pub type Target = Text<TARGET_BYTES_MAX, 1>;
/// `whsec_` and base64, as Standard Webhooks has it.
pub type SigningSecret = Text<100, 1>;

/// Adds a receiver: `POST /v1/webhooks`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreate {
    /// What to call it.
    pub name: Name,
    /// The team that it belongs to and hears of; none: everybody's, which takes a role in all teams, or the only team that it
    /// can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// What it is.
    pub kind: ReceiverKind,
    /// Its URL; of mail, addresses with commas between.
    pub target: Target,
    /// What it is told of; none: of everything.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub events: List<Interest, { INTERESTS_MAX }>,
    /// Whether it is told at all.
    #[serde(default = "yes")]
    pub active: bool,
    /// What its events are signed with; none: one is made. Only of `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SigningSecret>,
}

/// Changes a receiver: `PUT /v1/webhooks/{id}`. Its kind and its team stay.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookPut {
    /// What to call it.
    pub name: Name,
    /// Where it is; none: where it was, which nobody need know to change the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What it is told of; none: of everything.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub events: List<Interest, { INTERESTS_MAX }>,
    /// Whether it is told at all.
    #[serde(default = "yes")]
    pub active: bool,
}

/// Gives a receiver another signing secret: `POST /v1/webhooks/{id}/actions/rotate`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookRotate {
    /// The secret; none: one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SigningSecret>,
    /// For so long events are signed with the one before, too; none: a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_ms: Option<Millis>,
}

/// A receiver, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Which.
    pub webhook: WebhookId,
    /// What it is called.
    pub name: Name,
    /// The team that it belongs to and hears of; none: everybody's.
    pub team: Option<Name>,
    /// What it is.
    pub kind: ReceiverKind,
    /// Where it is, as far as may be shown: no query of a URL, and of a chat's nothing but the host.
    pub target: Target,
    /// What it is told of.
    pub events: List<Interest, { INTERESTS_MAX }>,
    /// Whether it is told at all.
    pub active: bool,
    /// Why not, where the server decided it.
    pub why: Option<Message>,
    /// Higher each time that it is set; the answer's `ETag`.
    pub version: u64,
    /// Since when it is as it is.
    pub since: Time,
}

/// A receiver that was just added or given another secret. The only time that a secret which was made is said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookSigned {
    /// What it is.
    pub webhook: Webhook,
    /// What its events are signed with, if they are.
    pub secret: Option<SigningSecret>,
}

/// One notice to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// Which: the event's `id`, and `webhook-id`. The same in each try.
    pub delivery: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Of what.
    pub topic: Interest,
    /// The decision that it tells of.
    pub position: u64,
    /// The digest of what is told.
    pub notice: Blake3,
    /// `waiting`, `done` or `given_up`.
    pub state: Text<20>,
    /// How often it was tried.
    pub tries: u32,
    /// Of one that waits: when it is tried next.
    pub due: Option<Time>,
    /// What the receiver answered last, if it did.
    pub status: Option<u16>,
    /// What went wrong last.
    pub error: Option<Message>,
    /// When this was noted.
    pub at: Time,
}

fn yes() -> bool {
    true
}

fn is_empty<T, const MAX: usize>(list: &List<T, MAX>) -> bool {
    list.is_empty()
}

/// Whether something that is not shown is there.
const fn hidden<T>(of: Option<&T>) -> Option<&'static str> {
    if of.is_some() { Some("…") } else { None }
}

impl fmt::Debug for WebhookCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebhookCreate");
        shown.field("name", &self.name).field("team", &self.team).field("kind", &self.kind);
        shown.field("events", &self.events).field("active", &self.active).finish_non_exhaustive()
    }
}

impl fmt::Debug for WebhookPut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebhookPut");
        shown.field("name", &self.name).field("target", &hidden(self.target.as_ref()));
        shown.field("events", &self.events).field("active", &self.active).finish()
    }
}

impl fmt::Debug for WebhookRotate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebhookRotate");
        shown.field("secret", &hidden(self.secret.as_ref())).field("overlap_ms", &self.overlap_ms).finish()
    }
}

impl fmt::Debug for WebhookSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebhookSigned");
        shown.field("webhook", &self.webhook).field("secret", &hidden(self.secret.as_ref())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{WebhookCreate, WebhookPut, WebhookRotate};

    #[test]
    fn what_was_sent_is_not_printed_where_it_opens_a_door() {
        let create = r#"{"name":"ops","kind":"slack","target":"https://hooks/telltale","secret":"telltale"}"#;
        let create: WebhookCreate = serde_json::from_str(create).unwrap();
        let put: WebhookPut = serde_json::from_str(r#"{"name":"ops","target":"telltale"}"#).unwrap();
        let rotate: WebhookRotate = serde_json::from_str(r#"{"secret":"telltale"}"#).unwrap();
        assert!(create.active && create.events.is_empty());
        let printed = format!("{create:?} {put:?} {rotate:?}");
        assert!(!printed.contains("telltale"), "{printed}");
    }
}
