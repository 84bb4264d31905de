//! Who sent a request. Looked at before its body is read.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use skein_control::{Asked, Control, Desk, Principal, ServiceError};
use skein_types::{ModuleDigest, codes};

use crate::limits::CALL_TIME;
use crate::problem::Refusal;
use crate::serve::Peer;
use crate::v1::{Answer, ask_within};

/// Whoever sent a request, and what they ask it of.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    control: Arc<Control>,
    who: Principal,
}

impl Asker {
    /// Whoever the head of a request names.
    pub(crate) fn of(parts: &Parts, control: &Arc<Control>) -> Result<Self, ServiceError> {
        let who = match parts.headers.get(header::AUTHORIZATION) {
            // Whoever is signed in at the portal may look here, too. What changes something asks for a token, which no browser sends
            // by itself.
            None => match control.without_token() {
                Err(_) if parts.method == Method::GET => {
                    let cookies = parts.headers.get_all(header::COOKIE).iter();
                    let texts = cookies.filter_map(|value| value.to_str().ok());
                    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
                    let session =
                        tokio::task::block_in_place(|| control.session_in(host.unwrap_or_default(), texts));
                    session.map_or_else(|_| control.without_token(), |session| Ok(session.who))?
                }
                alone => alone?,
            },
            Some(shown) => {
                let token = shown.to_str().ok().and_then(token).ok_or_else(|| {
                    ServiceError::new(codes::TOKEN_MISSING, "the header Authorization holds no token")
                        .hint(Some("send `Authorization: Bearer skn_…`"))
                })?;
                // One look at an index; a thread of its own would cost more.
                tokio::task::block_in_place(|| control.principal(&token))?
            }
        };
        let who = who.in_request(crate::trace::current());
        let who = match parts.extensions.get::<Peer>() {
            Some(Peer(address)) => who.at(*address),
            None => who,
        };
        let who = match parts.extensions.get::<Asked>() {
            Some(asked) => who.answering(asked),
            None => who,
        };
        Ok(Self { control: Arc::clone(control), who })
    }

    /// What is asked for under a key, so that it is known when it is asked for again.
    pub(crate) fn asked(&self, key: &str, request: &[u8]) -> Result<Asked, ServiceError> {
        self.control.asked(&self.who, key, request)
    }

    /// Done when a module is compiled or refused.
    pub(crate) async fn compiled(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        self.control.compiled(module).await
    }

    /// Calls a service function where it may wait for the disk.
    pub(crate) async fn ask<T: Send + 'static>(
        self,
        call: impl FnOnce(Desk<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Answer<T> {
        self.ask_within(CALL_TIME, call).await
    }

    /// The like, of what takes longer.
    pub(crate) async fn ask_within<T: Send + 'static>(
        self,
        most: Duration,
        call: impl FnOnce(Desk<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Answer<T> {
        ask_within(most, self.control, move |control| call(control.desk(&self.who))).await
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
