//! Versions of what can be set: `ETag` in answers, `If-Match` in requests (RFC 9110, 8.8.3 and 13.1.1).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
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

#[cfg(test)]
mod tests {
    use super::seen;
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
