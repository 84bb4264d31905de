//! `/node/v1`: what nodes ask for. Each request shows the fleet's secret before its body is read.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::de::DeserializeOwned;
use skein_api::BODY_BYTES_MAX;
use skein_api::node::{
    BLOB_BYTES_MAX, EXCHANGE_BYTES_MAX, Exchange, Exchanged, REGISTER_BYTES_MAX, Register, Registered,
    SecretsAsk, SecretsTold,
};
use skein_control::{Control, EXCHANGE_EVERY, ServiceError};
use skein_types::{Blake3, codes};

use crate::body::whole;
use crate::problem::Refusal;
use crate::serve::Stages;
use crate::v1::{Answer, ask};

pub(crate) fn routes(control: &Arc<Control>) -> Router<Arc<Control>> {
    Router::new()
        .route("/register", post(register))
        .route("/exchange", post(exchange))
        .route("/secrets", post(secrets))
        .route("/blobs/{digest}", get(blob).put(put_blob))
        .layer(DefaultBodyLimit::max(BLOB_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(control), of_the_fleet))
}

async fn of_the_fleet(State(control): State<Arc<Control>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match control.fleet_secret().check(shown) {
        Ok(()) => next.run(request).await,
        Err(refused) => Refusal::from(ServiceError::from(refused)).into_response(),
    }
}

async fn register(
    State(control): State<Arc<Control>>,
    Said(asked): Said<Register, REGISTER_BYTES_MAX>,
) -> Answer<Registered> {
    ask(control, move |control| control.register_node(&asked)).await
}

/// A node that has nothing is answered when there is something for it, so that work does not wait for its next call; at the latest
/// when that would be due, or when the server is to end. Being answered renews its lease in any case.
async fn exchange(
    State(control): State<Arc<Control>>,
    Extension(mut stages): Extension<Stages>,
    Said(asked): Said<Exchange, EXCHANGE_BYTES_MAX>,
) -> Answer<Exchanged> {
    if asked.holding.is_empty() && asked.results.is_empty() && !asked.draining {
        let news = async {
            loop {
                let woken = control.work_appears();
                if tokio::task::block_in_place(|| control.has_news(asked.node)) {
                    return;
                }
                // What another node got first is no news for this one.
                woken.await;
            }
        };
        tokio::select! {
            () = news => {}
            () = tokio::time::sleep(EXCHANGE_EVERY) => {}
            () = stages.draining() => {}
        }
    }
    ask(control, move |control| control.exchange(&asked)).await
}

async fn secrets(
    State(control): State<Arc<Control>>,
    Said(asked): Said<SecretsAsk, BODY_BYTES_MAX>,
) -> Answer<SecretsTold> {
    ask(control, move |control| control.secrets_for_node(&asked)).await
}

async fn blob(State(control): State<Arc<Control>>, Path(digest): Path<String>) -> Result<Vec<u8>, Refusal> {
    let digest: Blake3 = named(&digest)?;
    Ok(ask(control, move |control| control.blob(digest)).await?.0)
}

async fn put_blob(
    State(control): State<Arc<Control>>,
    Path(digest): Path<String>,
    request: Request,
) -> Answer<()> {
    let digest: Blake3 = named(&digest)?;
    let bytes = whole(request.into_body(), BLOB_BYTES_MAX).await?;
    ask(control, move |control| control.put_blob(digest, &bytes)).await
}

/// What a node says, within the bound of its route.
struct Said<T, const MOST: usize>(T);

impl<S: Send + Sync, T: DeserializeOwned, const MOST: usize> FromRequest<S> for Said<T, MOST> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        Ok(Self(skein_api::parse(&whole(request.into_body(), MOST).await?, MOST)?))
    }
}

fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: T::Err| Refusal(ServiceError::new(codes::BODY_INVALID, error.to_string())))
}
