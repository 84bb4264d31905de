//! Decisions, as a page.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use skein_api::{Event, Page};
use skein_control::Control;

use super::{Answer, Part};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/events", get(list))
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Event>> {
    asker.ask(move |desk| desk.events(&part)).await
}
