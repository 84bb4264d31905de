//! The server itself.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use skein_api::Status;
use skein_control::Control;

use super::Answer;
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/status", get(show))
}

async fn show(asker: Asker) -> Answer<Status> {
    asker.ask(|desk| desk.status()).await
}
