//! Versions of what can be set: `ETag` in answers, `If-Match` in requests (RFC 9110, 8.8.3 and 13.1.1). And what was seen before
//! is not sent again: `If-None-Match` (13.1.2).
//!
//! What can be set has the number of its version for a tag. Anything else has a digest of its body.

use axum::Json;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use skein_control::{Seen, ServiceError};
use skein_types::codes;

use crate::problem::Refusal;

/// Which version whoever asks has seen.
pub(crate) struct IfMatch(pub(crate) Seen);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(Seen::Nothing)) };
        let seen = value.to_str().ok().and_then(seen);
        seen.map(Self).ok_or_else(|| {
            Refusal(
                ServiceError::new(codes::BODY_INVALID, "If-Match is neither * nor one ETag of this server")
                    .hint(Some("send it as GET answered it, quotes included")),
            )
        })
    }
}

/// The like, where whoever says nothing means whatever is there.
pub(crate) struct MayMatch(pub(crate) Seen);

impl<S: Send + Sync> FromRequestParts<S> for MayMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match IfMatch::from_request_parts(parts, state).await?.0 {
            Seen::Nothing => Ok(Self(Seen::Any)),
            said @ (Seen::Any | Seen::At(_)) => Ok(Self(said)),
        }
    }
}

fn seen(text: &str) -> Option<Seen> {
    match text.trim() {
        "*" => Some(Seen::Any),
        tag => tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok().map(Seen::At),
    }
}

/// What can be set anew, with its version.
pub(crate) struct Versioned<T>(pub(crate) u64, pub(crate) T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let Self(version, body) = self;
        ([(header::ETAG, format!("\"{version}\""))], Json(body)).into_response()
    }
}

/// What is the same as long as this process runs, with the tag that it has then.
#[derive(Clone)]
pub(crate) struct Fixed(Bytes, HeaderValue);

impl Fixed {
    pub(crate) fn new(text: String) -> Self {
        let tag = tag_of(text.as_bytes());
        Self(text.into(), tag)
    }
}

impl IntoResponse for Fixed {
    fn into_response(self) -> Response {
        let Self(bytes, tag) = self;
        let mut response = Response::new(Body::from(bytes));
        response.headers_mut().insert(header::ETAG, tag);
        response
    }
}

/// Larger answers have no tag.
const TAGGED_BYTES_MAX: u64 = 4 << 20;

/// Gives answers of JSON a tag, and does not send what has one to whoever shows it.
pub(crate) async fn not_sent_again(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let shown = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let small = response.body().size_hint().exact().is_some_and(|bytes| bytes <= TAGGED_BYTES_MAX);
    let tagged = json || response.headers().contains_key(header::ETAG);
    if response.status() != StatusCode::OK || !tagged || !small {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Refusal(ServiceError::new(codes::BUG, "an answer broke off")).into_response();
    };
    let tag = parts.headers.entry(header::ETAG).or_insert_with(|| tag_of(&bytes)).clone();
    if shown.is_some_and(|shown| names(&shown, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn tag_of(bytes: &[u8]) -> HeaderValue {
    let digest = blake3::hash(bytes).to_hex();
    HeaderValue::from_str(&format!("\"b3-{}\"", &digest[..32])).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether `If-None-Match` has this tag in it.
fn names(shown: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(shown), Ok(tag)) = (shown.to_str(), tag.to_str()) else { return false };
    let strong = |one: &str| one.trim().trim_start_matches("W/").to_owned();
    shown.trim() == "*" || shown.split(',').any(|one| strong(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::{names, seen};
    use axum::http::HeaderValue;

    #[test]
    fn what_was_seen_is_among_what_is_shown() {
        let shown =
            |text: &'static str| names(&HeaderValue::from_static(text), &HeaderValue::from_static("\"7\""));
        for has in ["\"7\"", "W/\"7\"", "\"1\", \"7\"", "*"] {
            assert!(shown(has), "{has}");
        }
        for has_not in ["", "7", "\"77\"", "\"1\", \"2\""] {
            assert!(!shown(has_not), "{has_not}");
        }
    }
    use skein_control::Seen;

    #[test]
    fn a_version_comes_back_as_it_was_answered_and_nothing_else_is_one() {
        assert_eq!(seen("*"), Some(Seen::Any));
        assert_eq!(seen("\"12\""), Some(Seen::At(12)));
        for none in ["12", "\"\"", "\"x\"", "W/\"12\"", "\"1\", \"2\"", ""] {
            assert_eq!(seen(none), None, "{none}");
        }
    }
}
