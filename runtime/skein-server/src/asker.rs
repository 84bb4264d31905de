//! Who sent a request. Looked at before its body is read.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use skein_control::{Control, Desk, Principal, ServiceError};
use skein_types::codes;

use crate::problem::Refusal;
use crate::v1::Answer;

/// Whoever sent a request, and what they ask it of.
#[derive(Debug)]
pub(crate) struct Asker {
    control: Arc<Control>,
    who: Principal,
}

impl Asker {
    /// Whoever the head of a request names.
    pub(crate) fn of(parts: &Parts, control: &Arc<Control>) -> Result<Self, ServiceError> {
        let who = match parts.headers.get(header::AUTHORIZATION) {
            None => control.without_token()?,
            Some(shown) => {
                let token = shown.to_str().ok().and_then(token).ok_or_else(|| {
                    ServiceError::new(codes::TOKEN_MISSING, "the header Authorization holds no token")
                        .hint(Some("send `Authorization: Bearer skn_…`"))
                })?;
                // One look at an index; a thread of its own would cost more.
                tokio::task::block_in_place(|| control.principal(&token))?
            }
        };
        Ok(Self { control: Arc::clone(control), who })
    }

    /// Calls a service function where it may wait for the disk.
    pub(crate) async fn ask<T: Send + 'static>(
        self,
        call: impl FnOnce(Desk<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Answer<T> {
        match tokio::task::spawn_blocking(move || call(self.control.desk(&self.who))).await {
            Ok(answer) => Ok(Json(answer?)),
            Err(_) => Err(Refusal(ServiceError::new(codes::BUG, "the request's thread panicked"))),
        }
    }
}

/// The token of a header: a bearer's, or the password of whoever a browser asked.
fn token(shown: &str) -> Option<String> {
    if let Some(token) = shown.strip_prefix("Bearer ") {
        return Some(token.to_owned());
    }
    let bytes = BASE64_STANDARD.decode(shown.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.split_once(':')?.1.to_owned())
}

impl FromRequestParts<Arc<Control>> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<Self, Refusal> {
        Ok(Self::of(parts, control)?)
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn a_token_is_a_bearers_or_a_browsers_password() {
        assert_eq!(token("Bearer skn_1").as_deref(), Some("skn_1"));
        // "any:skn_1", and "any" without a password.
        assert_eq!(token("Basic YW55OnNrbl8x").as_deref(), Some("skn_1"));
        for none in ["Basic YW55", "Basic %", "Digest x", "bearer skn_1", ""] {
            assert_eq!(token(none), None, "{none}");
        }
    }
}
