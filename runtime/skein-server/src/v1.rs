//! `/v1`: what people and their tools ask for.

mod access;
mod approvals;
mod attempts;
mod audit;
mod backups;
mod campaigns;
mod catalog;
mod datasets;
mod events;
mod fleet;
mod listed;
mod modules;
mod plans;
mod quotas;
mod reference;
mod reports;
mod rules;
mod scans;
mod secrets;
mod settings;
mod status;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn_with_state;
use serde::de::DeserializeOwned;
use skein_control::{Control, ListPart, ServiceError};
use skein_types::codes;

use crate::body::{self, Held};
use crate::description::Family;
use crate::limits::CALL_TIME;
use crate::once;
use crate::problem::Refusal;

pub(crate) type Answer<T> = Result<Json<T>, Refusal>;

/// All of them, in the order in which they are described.
pub(crate) fn families() -> Vec<Family> {
    vec![
        modules::routes(),
        datasets::routes(),
        scans::routes(),
        campaigns::routes(),
        plans::routes(),
        approvals::routes(),
        reports::routes(),
        rules::routes(),
        attempts::routes(),
        access::routes(),
        secrets::routes(),
        settings::routes(),
        webhooks::routes(),
        fleet::routes(),
        quotas::routes(),
        events::routes(),
        audit::routes(),
        catalog::routes(),
        status::routes(),
        backups::routes(),
        reference::routes(),
    ]
}

pub(crate) fn routes(control: &Arc<Control>) -> Router<Arc<Control>> {
    let all = families().into_iter().fold(Router::new(), |all, family| all.merge(family.into_router()));
    all.layer(from_fn_with_state(Arc::clone(control), once::once))
}

/// Calls a service function where it may wait for the disk.
pub(crate) async fn ask<T: Send + 'static>(
    control: Arc<Control>,
    call: impl FnOnce(&Arc<Control>) -> Result<T, ServiceError> + Send + 'static,
) -> Answer<T> {
    ask_within(CALL_TIME, control, call).await
}

/// The like, of what takes longer.
pub(crate) async fn ask_within<T: Send + 'static>(
    most: Duration,
    control: Arc<Control>,
    call: impl FnOnce(&Arc<Control>) -> Result<T, ServiceError> + Send + 'static,
) -> Answer<T> {
    let span = tracing::Span::current();
    let called = tokio::task::spawn_blocking(move || span.in_scope(|| call(&control)));
    match tokio::time::timeout(most, called).await {
        Ok(Ok(answer)) => Ok(Json(answer?)),
        Ok(Err(_)) => Err(Refusal(ServiceError::new(codes::BUG, "the request's thread panicked"))),
        Err(_) => Err(Refusal(
            ServiceError::new(codes::SERVER_BUSY, format!("it was not done after {} s", most.as_secs()))
                .hint(Some(
                    "it may be done still: look at what there is before you ask again (the same Idempotency-Key does it once)",
                )),
        )),
    }
}

/// A header as text, if it is there.
pub(crate) fn said(headers: &HeaderMap, name: &str) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map(str::to_owned);
    text.map(Some).map_err(|_| {
        Refusal(ServiceError::new(codes::BODY_INVALID, format!("the header {name} is no plain text")))
    })
}

/// Parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(named)) => Ok(Self(named)),
            Err(error) => Err(Refusal(ServiceError::new(codes::BODY_INVALID, error.body_text()))),
        }
    }
}

/// Which part of a list, as the query says.
pub(crate) struct Part<T = ListPart>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Part<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(part)) => Ok(Self(part)),
            Err(error) => Err(Refusal(ServiceError::new(codes::BODY_INVALID, error.body_text()))),
        }
    }
}

/// A body of JSON within the bound.
pub(crate) struct Body<T, const MOST: usize = { skein_api::BODY_BYTES_MAX }>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned, const MOST: usize> FromRequest<S> for Body<T, MOST> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        is_json(request.headers())?;
        let bytes = bytes(request, MOST).await?;
        Ok(Self(skein_api::parse_asked(&bytes, MOST)?))
    }
}

/// Whoever says what a body is has to be right.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let said = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = said.split(';').next().unwrap_or_default().trim();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let message =
        format!("a body of JSON is taken here, and none of {:?}", kind.chars().take(100).collect::<String>());
    let hint = "send Content-Type: application/json, or none: `curl --json`";
    Err(Refusal(ServiceError::new(codes::CONTENT_TYPE, message).hint(Some(hint))))
}

/// The whole body of at most so many bytes.
pub(crate) async fn bytes(request: Request, most: usize) -> Result<Held, Refusal> {
    body::held(request.into_body(), most).await
}
