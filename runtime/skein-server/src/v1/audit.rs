//! What was decided, by whom and when.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use skein_api::{Event, Page};
use skein_control::{AuditPart, Control, ServiceError};
use skein_types::codes;

use super::Answer;
use crate::asker::Asker;
use crate::problem::Refusal;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/audit", get(list))
}

async fn list(
    asker: Asker,
    part: Result<Query<AuditPart>, axum::extract::rejection::QueryRejection>,
) -> Answer<Page<Event>> {
    let Query(part) =
        part.map_err(|error| Refusal(ServiceError::new(codes::BODY_INVALID, error.body_text())))?;
    asker.ask(move |desk| desk.audit(&part)).await
}
