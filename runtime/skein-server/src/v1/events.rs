//! Decisions, as a page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use skein_api::{Event, Page};
use skein_control::Control;

use super::{Answer, Part, ask};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/events", get(list))
}

async fn list(State(control): State<Arc<Control>>, Part(part): Part) -> Answer<Page<Event>> {
    ask(control, move |control| control.events(&part)).await
}
