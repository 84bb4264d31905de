//! Who is told of what happens, and what became of it.

use axum::Json;
use skein_api::{Page, Webhook, WebhookCreate, WebhookDelivery, WebhookPut, WebhookRotate, WebhookSigned};
use skein_types::{Code, codes};

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::takes::order;
use crate::description::{Family, told};
use crate::once::Keyed;
use crate::problem::Refusal;
use crate::seen::{IfMatch, Versioned};

/// What no receiver is added for.
const ADDING: &[Code] = &[
    codes::MAIL_UNSET,
    codes::NOT_FOUND,
    codes::OWNER_NEEDED,
    codes::RECEIVER_INVALID,
    codes::SETTING_MOVED,
    codes::WEBHOOKS_FULL,
];

pub(crate) fn routes() -> Family {
    Family::new("Webhooks", "Who is told of what happens: programs, chats and people.")
        .get("/webhooks", list, told("List receivers, in the order in which they were added"))
        .post(
            "/webhooks",
            create,
            told("Add a receiver")
                .about("A signing secret that is made is said in the answer and nowhere else.")
                .refuses(ADDING),
        )
        .get("/webhooks/{webhook}", show, told("Show a receiver, without its secrets"))
        .put(
            "/webhooks/{webhook}",
            set,
            told("Change a receiver")
                .about("Its kind and its team stay, and so does its place where none is said.")
                .refuses(&[codes::MAIL_UNSET, codes::RECEIVER_INVALID, codes::SECRET_LOST]),
        )
        .delete("/webhooks/{webhook}", remove, told("Remove a receiver"))
        .post(
            "/webhooks/{webhook}/actions/rotate",
            rotate,
            told("Give a receiver another signing secret")
                .about("For a while events bear signatures by both. A secret that is made is said in the answer and nowhere else.")
                .refuses(&[codes::RECEIVER_INVALID, codes::SECRET_LOST, codes::SETTING_MOVED]),
        )
        .post(
            "/webhooks/{webhook}/actions/test",
            test,
            told("Send a test to a receiver")
                .about("The answer is the delivery, which waits: ask for it again to see what became of it."),
        )
        .get(
            "/webhooks/{webhook}/deliveries",
            deliveries,
            told("List what a receiver was told in the last days, and what became of it")
                .query("order", "`newest` begins with what it was told last.", order()),
        )
        .get("/webhooks/{webhook}/deliveries/{delivery}", delivery, told("Show one of them"))
        .post(
            "/webhooks/{webhook}/deliveries/{delivery}/actions/redeliver",
            redeliver,
            told("Send one of them again, with the same id and the same words")
                .refuses(&[codes::NOTICE_GONE, codes::WEBHOOK_OFF]),
        )
}

async fn create(
    asker: Asker,
    _: Keyed,
    Body(asked): Body<WebhookCreate>,
) -> Result<Versioned<WebhookSigned>, Refusal> {
    let Json(made) = asker.ask(move |desk| desk.create_webhook(&asked)).await?;
    Ok(Versioned(made.webhook.version, made))
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Webhook>> {
    asker.ask(move |desk| desk.webhooks(&part)).await
}

async fn show(asker: Asker, Path(webhook): Path<String>) -> Result<Versioned<Webhook>, Refusal> {
    let Json(shown) = asker.ask(move |desk| desk.webhook(&webhook)).await?;
    Ok(Versioned(shown.version, shown))
}

async fn set(
    asker: Asker,
    Path(webhook): Path<String>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<WebhookPut>,
) -> Result<Versioned<Webhook>, Refusal> {
    let Json(shown) = asker.ask(move |desk| desk.put_webhook(&webhook, seen, &asked)).await?;
    Ok(Versioned(shown.version, shown))
}

async fn remove(asker: Asker, Path(webhook): Path<String>, IfMatch(seen): IfMatch) -> Answer<Webhook> {
    asker.ask(move |desk| desk.remove_webhook(&webhook, seen)).await
}

async fn rotate(
    asker: Asker,
    Path(webhook): Path<String>,
    Body(asked): Body<WebhookRotate>,
) -> Result<Versioned<WebhookSigned>, Refusal> {
    let Json(made) = asker.ask(move |desk| desk.rotate_webhook(&webhook, &asked)).await?;
    Ok(Versioned(made.webhook.version, made))
}

async fn test(asker: Asker, Path(webhook): Path<String>) -> Answer<WebhookDelivery> {
    asker.ask(move |desk| desk.send_test(&webhook)).await
}

async fn deliveries(
    asker: Asker,
    Path(webhook): Path<String>,
    Part(part): Part,
) -> Answer<Page<WebhookDelivery>> {
    asker.ask(move |desk| desk.webhook_deliveries(&webhook, &part)).await
}

async fn delivery(
    asker: Asker,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Answer<WebhookDelivery> {
    asker.ask(move |desk| desk.webhook_delivery(&webhook, &delivery)).await
}

async fn redeliver(
    asker: Asker,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Answer<WebhookDelivery> {
    asker.ask(move |desk| desk.redeliver(&webhook, &delivery)).await
}
