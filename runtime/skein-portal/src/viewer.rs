//! Whoever looks with a browser, and what they get.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use skein_control::{Came, Control, Desk, ServiceError, Session};
use skein_types::codes;

use crate::frame;

/// A page is made within this time, or is none.
const PAGE_TIME: Duration = Duration::from_secs(20);
/// Nothing from elsewhere, nothing inline, in nobody's frame; forms go to this server.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Whoever is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    control: Arc<Control>,
    pub(crate) session: Session,
}

impl Viewer {
    pub(crate) fn of(parts: &Parts, control: &Arc<Control>) -> Result<Self, Failed> {
        // One look at an index; a thread of its own would cost more.
        let found = tokio::task::block_in_place(|| control.session_in(cookies(&parts.headers)));
        let came = parts.extensions.get::<Came>();
        match found {
            Ok(session) => {
                let session = came.map_or_else(|| session.clone(), |came| session.clone().came(came));
                Ok(Self { control: Arc::clone(control), session })
            }
            Err(error) if error.code == codes::TOKEN_MISSING => {
                let to = parts.uri.path_and_query().map_or("/", |to| to.as_str());
                Err(Failed::SignIn { back: (parts.method == Method::GET).then(|| to.to_owned()) })
            }
            Err(error) => Err(Failed::Said(Box::new(error), None)),
        }
    }

    /// A page of what the desk answers.
    pub(crate) async fn page(
        self,
        make: impl FnOnce(&Desk<'_>, &Self) -> Result<Markup, ServiceError> + Send + 'static,
    ) -> Result<Page, Failed> {
        self.call(make).await.map(Page)
    }

    /// What the desk answers, for what is no page.
    pub(crate) async fn tell<T: Send + 'static>(
        self,
        ask: impl FnOnce(&Desk<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failed> {
        self.call(|desk, _| ask(desk)).await
    }

    /// Does something, and shows where it leads.
    pub(crate) async fn act(
        self,
        act: impl FnOnce(&Desk<'_>) -> Result<String, ServiceError> + Send + 'static,
    ) -> Result<Seen, Failed> {
        self.call(|desk, _| act(desk)).await.map(Seen)
    }

    /// The like, of what may lead elsewhere or to a page.
    pub(crate) async fn made<T: Send + 'static>(
        self,
        make: impl FnOnce(&Desk<'_>, &Self) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failed> {
        self.call(make).await
    }

    async fn call<T: Send + 'static>(
        self,
        call: impl FnOnce(&Desk<'_>, &Self) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failed> {
        let (span, viewer) = (tracing::Span::current(), Box::new(self.clone()));
        let called = tokio::task::spawn_blocking(move || {
            span.in_scope(|| call(&self.control.desk(&self.session.who), &self))
        });
        let failed = |error: ServiceError| Failed::Said(Box::new(error), Some(viewer));
        match tokio::time::timeout(PAGE_TIME, called).await {
            Ok(Ok(done)) => done.map_err(failed),
            Ok(Err(_)) => Err(failed(ServiceError::new(codes::BUG, "the request's thread panicked"))),
            Err(_) => {
                let message = format!("it was not done after {} s", PAGE_TIME.as_secs());
                Err(failed(ServiceError::new(codes::SERVER_BUSY, message)))
            }
        }
    }
}

impl FromRequestParts<Arc<Control>> for Viewer {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<Self, Failed> {
        Self::of(parts, control)
    }
}

/// The headers `Cookie` of a request.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok())
}

/// A page.
pub(crate) struct Page(pub(crate) Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        shown(StatusCode::OK, self.0)
    }
}

/// It was done: what came of it is there.
pub(crate) struct Seen(pub(crate) String);

impl IntoResponse for Seen {
    fn into_response(self) -> Response {
        to(&self.0)
    }
}

pub(crate) fn shown(status: StatusCode, body: Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // A form has to say which page it is of: without a referrer its origin is `null`.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, body.into_string()).into_response()
}

/// Elsewhere on this server, with a `GET`.
pub(crate) fn to(path: &str) -> Response {
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, path), kept]).into_response()
}

/// What is no page.
pub(crate) enum Failed {
    /// Nobody is signed in. Whoever signs in comes back.
    SignIn { back: Option<String> },
    /// What the desk said, to whom.
    Said(Box<ServiceError>, Option<Box<Viewer>>),
}

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self::Said(Box::new(error), None)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { back } => to(&back.map_or_else(
                || "/sign-in".to_owned(),
                |back| format!("/sign-in?to={}", frame::encoded(&back)),
            )),
            Self::Said(error, viewer) => {
                let status = StatusCode::from_u16(error.code.http_status())
                    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                shown(status, failure(&error, viewer.as_deref()))
            }
        }
    }
}

fn failure(error: &ServiceError, viewer: Option<&Viewer>) -> Markup {
    let content = html! {
        p.bad { strong { (error.code.id) } " " (error.message) }
        @if let Some(hint) = &error.hint { p { "What to do: " (hint) } }
    };
    match viewer {
        Some(viewer) => frame::page(viewer, (error.code.title, None), content),
        None => frame::bare(error.code.title, content),
    }
}
