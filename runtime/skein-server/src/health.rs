//! Whether the server lives, and whether it takes work: for those who watch over processes. Nobody needs a token to ask.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use skein_api::Health;
use skein_control::{Control, ServiceError};
use skein_types::codes;

use crate::description::{Family, told};
use crate::problem::Refusal;
use crate::serve::Stages;
use crate::v1::{Answer, ask};

pub(crate) fn routes() -> Family {
    Family::new("Health", "For those who watch over processes. Nobody needs a token to ask.")
        .get("/health", health, told("Say whether the server lives"))
        .get("/ready", ready, told("Say whether the server takes work").refuses(&[codes::SERVER_BUSY]))
}

/// It answers, so it lives.
async fn health() -> Json<Health> {
    Json(Health { ok: true })
}

/// Its ledger can be read, and it is not ending.
async fn ready(Extension(stages): Extension<Stages>, State(control): State<Arc<Control>>) -> Answer<Health> {
    if !stages.is_ready() {
        let ending = ServiceError::new(codes::SERVER_BUSY, "the server is ending");
        return Err(Refusal(ending.hint(Some("ask again when it was started anew"))));
    }
    ask(control, |control| control.can_be_asked().map(|()| Health { ok: true })).await
}
