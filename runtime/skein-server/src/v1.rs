//! `/v1`: what people and their tools ask for.

mod access;
mod audit;
mod backups;
mod campaigns;
mod datasets;
mod events;
mod fleet;
mod modules;
mod plans;
mod scans;
mod secrets;
mod settings;
mod status;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use skein_control::{Control, ListPart, ServiceError};
use skein_types::codes;

use crate::problem::Refusal;

pub(crate) type Answer<T> = Result<Json<T>, Refusal>;

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .merge(access::routes())
        .merge(audit::routes())
        .merge(backups::routes())
        .merge(fleet::routes())
        .merge(modules::routes())
        .merge(datasets::routes())
        .merge(scans::routes())
        .merge(secrets::routes())
        .merge(settings::routes())
        .merge(campaigns::routes())
        .merge(plans::routes())
        .merge(events::routes())
        .merge(status::routes())
}

/// Calls a service function where it may wait for the disk.
pub(crate) async fn ask<T: Send + 'static>(
    control: Arc<Control>,
    call: impl FnOnce(&Arc<Control>) -> Result<T, ServiceError> + Send + 'static,
) -> Answer<T> {
    match tokio::task::spawn_blocking(move || call(&control)).await {
        Ok(answer) => Ok(Json(answer?)),
        Err(_) => Err(Refusal(ServiceError::new(codes::BUG, "the request's thread panicked"))),
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

/// Which part of a list, as the query says.
pub(crate) struct Part(pub(crate) ListPart);

impl<S: Send + Sync> FromRequestParts<S> for Part {
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
        let bytes = bytes(request, MOST).await?;
        Ok(Self(skein_api::parse(&bytes, MOST)?))
    }
}

/// The whole body of at most so many bytes.
pub(crate) async fn bytes(request: Request, most: usize) -> Result<axum::body::Bytes, Refusal> {
    axum::body::to_bytes(request.into_body(), most).await.map_err(|error| {
        let whole = std::error::Error::source(&error)
            .is_none_or(|source| !source.to_string().contains("length limit"));
        match whole {
            true => Refusal(ServiceError::new(codes::IO, format!("the body did not arrive: {error}"))),
            false => {
                Refusal(ServiceError::new(codes::BODY_TOO_LARGE, format!("a body of more than {most} bytes")))
            }
        }
    })
}
