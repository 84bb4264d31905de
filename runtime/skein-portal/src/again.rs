//! A form that is refused is shown again where it stood, with what was typed and with what is wrong.
//!
//! Whatever form it is: the page on which it stood is made once more, for the same session, and the form on it is filled in with what came.
//! The answer has the status of what was refused. Where the page has no such form any more, or was no page, what is wrong stands on a page
//! of its own. Whoever is asked for a secret's value is asked for it again: no page has ever one.

mod filled;

pub(crate) use filled::wrong;

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use maud::PreEscaped;
use skein_control::{Came, ServiceError};
use tower_service::Service as _;

use crate::form::PAGE;
use crate::viewer::{self, Viewer};

/// A page that is longer is not filled in.
const PAGE_BYTES_MAX: usize = 16 << 20;
/// What of a request says who asks: the page is theirs.
const WHO: [header::HeaderName; 2] = [header::COOKIE, header::HOST];

/// A form, as it came.
pub(crate) struct Sent {
    /// Where to.
    to: String,
    /// Where it stood.
    pub(crate) page: String,
    /// Names and values in their order.
    fields: Vec<(String, String)>,
}

/// What is typed may be a secret.
impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("to", &self.to).field("page", &self.page).finish_non_exhaustive()
    }
}

impl Sent {
    /// None of a form that does not say where it stood.
    pub(crate) fn of(to: &str, fields: &[(String, String)]) -> Option<Self> {
        let (_, page) = fields.iter().find(|(name, _)| name == PAGE)?;
        Some(Self { to: to.to_owned(), page: page.clone(), fields: fields.to_vec() })
    }
}

/// A form that was refused, and to whom. An answer has it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: ServiceError,
    pub(crate) viewer: Viewer,
}

/// Answers a form that is refused with the page that it stood on.
pub(crate) async fn shown(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (headers, came) = (request.headers().clone(), request.extensions().get::<Came>().copied());
    let mut answer = next.run(request).await;
    let Some(refused) = answer.extensions_mut().remove::<Arc<Refused>>() else { return answer };
    match again(&refused, &headers, came).await {
        Some(page) => viewer::shown(answer.status(), PreEscaped(page)),
        None => answer,
    }
}

async fn again(refused: &Refused, headers: &HeaderMap, came: Option<Came>) -> Option<String> {
    let sent = refused.viewer.sent.as_ref()?;
    // A page of this server, which is asked for as its browser did.
    let at: Uri = sent.page.parse().ok().filter(|at: &Uri| at.authority().is_none())?;
    let mut asked = Request::new(Body::empty());
    *asked.uri_mut() = at;
    for name in WHO {
        for value in headers.get_all(&name) {
            asked.headers_mut().append(&name, value.clone());
        }
    }
    if let Some(came) = came {
        asked.extensions_mut().insert(came);
    }
    let Ok(page) = refused.viewer.pages().call(asked).await;
    let kind = page.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if page.status() != StatusCode::OK || !kind.is_some_and(|kind| kind.starts_with("text/html")) {
        return None;
    }
    let page = to_bytes(page.into_body(), PAGE_BYTES_MAX).await.ok()?;
    filled::in_page(std::str::from_utf8(&page).ok()?, sent, &refused.error)
}
