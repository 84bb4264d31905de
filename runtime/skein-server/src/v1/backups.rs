//! Backups of the server.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use skein_api::{Backup, BackupAsk};
use skein_control::Control;

use super::{Answer, Body};
use crate::asker::Asker;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/backups", post(write))
}

async fn write(asker: Asker, Body(asked): Body<BackupAsk>) -> Answer<Backup> {
    asker.ask(move |desk| desk.back_up(&asked)).await
}
