//! The server itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use skein_api::Status;
use skein_control::Control;

use super::{Answer, ask};

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/status", get(show))
}

async fn show(State(control): State<Arc<Control>>) -> Answer<Status> {
    ask(control, |control| control.status()).await
}
