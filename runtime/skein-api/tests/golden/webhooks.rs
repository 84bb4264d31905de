//! About receivers of notices.

use skein_api::{
    List, Text, Webhook, WebhookCreate, WebhookDelivery, WebhookPut, WebhookRotate, WebhookSigned,
};
use skein_types::{Blake3, DeliveryId, Millis, ReceiverKind, WebhookId};

use crate::public::time;
use crate::samples::{text, uuid};

pub(crate) fn create() -> WebhookCreate {
    WebhookCreate {
        name: text("ops"),
        team: Some(text("shop")),
        kind: ReceiverKind::Http,
        target: text("https://ops.example.com/skein?token=t"),
        events: List::new(vec![text("campaign.*"), text("run.failed")]).unwrap(),
        active: true,
        secret: Some(text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
    }
}

pub(crate) fn put() -> WebhookPut {
    let WebhookCreate { name, target, events, .. } = create();
    WebhookPut { name, target: Some(target), events, active: false }
}

pub(crate) fn rotate() -> WebhookRotate {
    WebhookRotate { secret: create().secret, overlap_ms: Some(Millis(3_600_000)) }
}

pub(crate) fn signed() -> WebhookSigned {
    let WebhookCreate { name, team, kind, events, secret, .. } = create();
    let webhook = Webhook {
        webhook: WebhookId::new(uuid(5)),
        name,
        team,
        kind,
        target: text("https://ops.example.com/skein"),
        events,
        active: false,
        why: Some(text("it took nothing for a day")),
        version: 12,
        since: time(),
    };
    WebhookSigned { webhook, secret }
}

pub(crate) fn delivery() -> WebhookDelivery {
    WebhookDelivery {
        delivery: DeliveryId::new(uuid(6)),
        webhook: WebhookId::new(uuid(5)),
        topic: text("campaign.halted"),
        position: 4_711,
        notice: Blake3::of(b"notice"),
        state: Text::escaped("waiting"),
        tries: 2,
        due: Some(time()),
        status: Some(503),
        error: Some(text("SK0710: http://ops.example.com failed with status 503")),
        at: time(),
    }
}
