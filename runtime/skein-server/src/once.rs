//! `Idempotency-Key`: what is asked for twice under one key is done once, and answered twice.
//!
//! Any request that changes something may have one; where something is made whose id the server chooses it must ([`Keyed`]). The
//! rules are of `skein-control`'s `once.rs`, which keeps answers; here a request is read, compared and, if it is a new one, carried
//! out to its end, whether or not whoever asked is still there.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use skein_api::{BODY_BYTES_MAX, IMPORT_BYTES_MAX};
use skein_control::{Asked, Control, ServiceError, Turn};
use skein_types::codes;
use tracing::Instrument as _;

use crate::asker::Asker;
use crate::problem::Refusal;
use crate::{body, trace};

const KEY: &str = "idempotency-key";
/// Says that an answer is one from before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Its body is taken in as it comes, and not held to be compared with what was asked for before: a module is its digest, so to send it
/// twice is the same as once.
const AS_IT_COMES: &str = "/v1/modules/{name}/versions/{version}";
/// Its body may be longer than others.
const LONG: &str = "/v1/datasets/import";
/// Headers by which a request is another one.
const COMPARED: [&str; 3] = ["if-match", "content-type", "skein-team"];
/// Headers of an answer that are kept with it.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];
/// Longer ones are mistakes.
const KEY_BYTES_MAX: usize = 255;

pub(crate) async fn once(State(control): State<Arc<Control>>, request: Request, next: Next) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE | Method::PATCH);
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if !changes || (request.method() == Method::PUT && route == Some(AS_IT_COMES)) {
        return next.run(request).await;
    }
    match key(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => {
            keyed(control, key, request, next).await.unwrap_or_else(|refusal| refusal.into_response())
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The key, without the quotes in which the draft has it.
fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits =
        !text.is_empty() && text.len() <= KEY_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Some(text.to_owned())).ok_or_else(|| {
        let message =
            format!("Idempotency-Key is not 1 to {KEY_BYTES_MAX} printed characters without blanks");
        Refusal(ServiceError::new(codes::BODY_INVALID, message))
    })
}

async fn keyed(
    control: Arc<Control>,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let asker = Asker::of(&parts, &control)?;
    let route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let long = route == Some(LONG);
    if long {
        let Json(()) = asker.clone().ask(|desk| desk.may_import()).await?;
    }
    let body = body::held(body, if long { IMPORT_BYTES_MAX } else { BODY_BYTES_MAX }).await?;
    let asked = asker.asked(&key, &compared(&parts, &body))?;
    let turn = control.turn(&asked)?;
    let kept = {
        let (control, asked) = (Arc::clone(&control), asked.clone());
        crate::v1::ask(control, move |control| control.answer_to(&asked)).await?.0
    };
    if let Some(kept) = kept.and_then(|(status, bytes)| replayed(status, &bytes)) {
        return Ok(kept);
    }
    parts.extensions.insert(asked.clone());
    // Whoever reads it holds it from then on.
    let request = Request::from_parts(parts, Body::from(body.let_go()));
    let work = async move { answered(control, (asked, turn), next.run(request).await).await };
    // In a task of its own: begun, it is brought to its end and its answer is kept, also if nobody waits for it any more.
    let work = trace::within(trace::current(), work).instrument(tracing::Span::current());
    let done = tokio::spawn(work).await;
    done.map_err(|_| Refusal(ServiceError::new(codes::BUG, "the request's task panicked")))
}

/// Everything by which two requests are different ones, each part behind its length.
fn compared(parts: &Parts, body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut part = |bytes: &[u8]| {
        all.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        all.extend_from_slice(bytes);
    };
    part(parts.method.as_str().as_bytes());
    part(parts.uri.to_string().as_bytes());
    for name in COMPARED {
        part(parts.headers.get(name).map_or(b"", HeaderValue::as_bytes));
    }
    part(blake3::hash(body).as_bytes());
    all
}

/// An answer as it is kept: its headers, and behind the line's end its body.
#[derive(Serialize, Deserialize)]
struct Head {
    headers: Vec<(String, String)>,
}

/// Keeps the answer, if what was asked for was done: what was refused changed nothing, and may be asked again.
async fn answered(control: Arc<Control>, (asked, turn): (Asked, Turn), response: Response) -> Response {
    if !response.status().is_success() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Refusal(ServiceError::new(codes::BUG, "an answer broke off")).into_response();
    };
    let value =
        |name: &HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
    let head = Head { headers: KEPT.iter().filter_map(value).collect() };
    let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    let status = parts.status.as_u16();
    let kept = tokio::task::spawn_blocking(move || {
        let kept = control.keep_answer(&asked, status, &bytes);
        drop(turn);
        kept
    });
    // It is done, whatever becomes of the answer.
    match kept.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "an answer could not be kept for its key"),
        Err(error) => tracing::error!(%error, "an answer could not be kept for its key"),
    }
    Response::from_parts(parts, Body::from(body))
}

/// A kept answer; none if only that there was one is kept.
fn replayed(status: u16, bytes: &[u8]) -> Option<Response> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let mut response = Response::new(Body::from(bytes[end + 1..].to_vec()));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    for (name, value) in head.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        response.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Some(response)
}

/// A request that makes something whose id the server chooses: it has a key.
pub(crate) struct Keyed;

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match key(&parts.headers)? {
            Some(_) => Ok(Self),
            None => Err(Refusal(
                ServiceError::new(codes::KEY_MISSING, "the request has no Idempotency-Key")
                    .hint(Some("send one that is new for each thing to be made, and the same when you repeat the request")),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{key, replayed};
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn a_key_is_printed_text_with_or_without_quotes() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", HeaderValue::from_str(text).unwrap());
            key(&headers).map_err(|refusal| refusal.0.code.id)
        };
        assert_eq!(read("k-1"), Ok(Some("k-1".to_owned())));
        assert_eq!(read("\"k-1\""), Ok(Some("k-1".to_owned())));
        for bad in ["", "\"\"", "a b", &"x".repeat(256)] {
            assert_eq!(read(bad), Err("SK0664"), "{bad}");
        }
        assert_eq!(key(&HeaderMap::new()).map_err(|_| ()), Ok(None));
    }

    #[test]
    fn a_kept_answer_is_given_as_it_was() {
        let response = replayed(201, b"{\"headers\":[[\"etag\",\"\\\"1\\\"\"]]}\n{\"a\":\"\\n\"}").unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["etag"], "\"1\"");
        assert_eq!(response.headers()["idempotency-replayed"], "true");
        assert!(replayed(201, b"").is_none());
    }
}
