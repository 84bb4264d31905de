//! Whoever looks with a browser, and what they get.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, PreEscaped, html};
use skein_control::{Came, Control, Desk, ServiceError, Session};
use skein_types::codes;
use tokio::time::Instant;

use crate::again::{Refused, Sent};
use crate::form::Once;
use crate::{frame, pages};

/// How long something is waited for, and what there is to say where it takes longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    seconds: u64,
    over: &'static str,
}

/// A page is made within this time, or is none.
const LOOKS: Patience = Patience { seconds: 20, over: "the page was not made" };
/// What a form asks for is not taken back because nobody waits for it: it gets as long as the API gives it.
pub(crate) const ACTS: Patience = Patience { seconds: 150, over: NOT_KNOWN };
/// The like of what reads all that there is.
pub(crate) const READS_ALL: Patience = Patience { seconds: 6 * 3_600, over: NOT_KNOWN };
const NOT_KNOWN: &str =
    "it goes on and may be done yet: look before you ask for it again; there was no answer";
/// After this it is looked again whether what is on its way is done.
const AGAIN: Duration = Duration::from_millis(50);
/// What asks for a part of a page says so, with this.
const PART: &str = "hx-request";
/// Before the path of a page: a part of it.
const LIVE: &str = "/live";
/// Nothing from elsewhere, nothing inline, in nobody's frame; forms go to this server.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Whoever is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    control: Arc<Control>,
    pub(crate) session: Session,
    /// A part of a page is asked for.
    part: bool,
    /// Where that is which they look at.
    pub(crate) page: String,
    /// The form that they sent, if they did.
    pub(crate) sent: Option<Arc<Sent>>,
}

impl Viewer {
    pub(crate) fn of(parts: &Parts, control: &Arc<Control>) -> Result<Self, Failed> {
        // One look at an index; a thread of its own would cost more.
        let found =
            tokio::task::block_in_place(|| control.session_in(host(&parts.headers), cookies(&parts.headers)));
        let came = parts.extensions.get::<Came>();
        let part = parts.headers.contains_key(PART);
        match found {
            Ok(session) => {
                let session = came.map_or_else(|| session.clone(), |came| session.clone().came(came));
                let at = parts.uri.path_and_query().map_or("/", |at| at.as_str());
                // A part stands on the page of its name.
                let page =
                    at.strip_prefix(LIVE).filter(|rest| rest.starts_with('/')).unwrap_or(at).to_owned();
                Ok(Self { control: Arc::clone(control), session, part, page, sent: None })
            }
            Err(error) if part => Err(Failed::InPart(Box::new(error))),
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
        self.call(LOOKS, make).await.map(Page)
    }

    /// A page that says what came of a form.
    pub(crate) async fn answer(
        self,
        patience: Patience,
        make: impl FnOnce(&Desk<'_>, &Self) -> Result<Markup, ServiceError> + Send + 'static,
    ) -> Result<Page, Failed> {
        self.call(patience, make).await.map(Page)
    }

    /// What the desk answers, for what is no page.
    pub(crate) async fn tell<T: Send + 'static>(
        self,
        ask: impl FnOnce(&Desk<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failed> {
        self.call(LOOKS, |desk, _| ask(desk)).await
    }

    /// Does something, and shows where it leads.
    pub(crate) async fn act(
        self,
        act: impl FnOnce(&Desk<'_>) -> Result<String, ServiceError> + Send + 'static,
    ) -> Result<Seen, Failed> {
        self.call(ACTS, |desk, _| act(desk)).await.map(Seen)
    }

    /// The like, of what may lead elsewhere or to a page.
    pub(crate) async fn made<T: Send + 'static>(
        self,
        make: impl FnOnce(&Desk<'_>, &Self) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failed> {
        self.call(ACTS, make).await
    }

    /// Makes something once, however often its form is sent: whoever sends it again gets the answer from before, and where that is still
    /// on its way, waits for it.
    pub(crate) async fn make_once(
        self,
        once: Once,
        make: impl FnOnce(&Desk<'_>, &Self) -> Result<Made, ServiceError> + Send + 'static,
    ) -> Result<Response, Failed> {
        let Some(key) = once.key else { return self.made(make).await.map(Made::into_response) };
        let failed = |error| self.failed(error);
        // Whatever makes it another request is in the key.
        let asked = self.control.asked(&self.session.who, &key, b"").map_err(failed)?;
        let end = Instant::now() + Duration::from_secs(ACTS.seconds);
        let turn = loop {
            match self.control.turn(&asked) {
                Ok(turn) => break turn,
                Err(error) if error.code == codes::KEY_BUSY && Instant::now() < end => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(failed(error)),
            }
        };
        let made = self.made(move |_, viewer| {
            // Until it is done, also if nobody waits for it any more.
            let _turn = turn;
            let control = &viewer.control;
            if let Some(before) = control.answer_to(&asked)?.and_then(Made::kept) {
                return Ok(before);
            }
            let who = viewer.session.who.clone().answering(&asked);
            let made = make(&control.desk(&who), viewer)?;
            if let Some((status, bytes)) = made.to_keep() {
                // It is done, whatever becomes of the answer.
                if let Err(error) = control.keep_answer(&asked, status, bytes) {
                    tracing::warn!(%error, "an answer could not be kept for its form");
                }
            }
            Ok(made)
        });
        made.await.map(Made::into_response)
    }

    /// That they get no answer but this.
    pub(crate) fn failed(&self, error: ServiceError) -> Failed {
        match self.part {
            true => Failed::InPart(Box::new(error)),
            false => Failed::Said(Box::new(error), Some(Box::new(self.clone()))),
        }
    }

    /// All pages, for whoever asks for one in their place.
    pub(crate) fn pages(&self) -> Router {
        pages::routes().with_state(Arc::clone(&self.control))
    }

    async fn call<T: Send + 'static>(
        self,
        patience: Patience,
        call: impl FnOnce(&Desk<'_>, &Self) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failed> {
        let (span, viewer) = (tracing::Span::current(), self.clone());
        let called = tokio::task::spawn_blocking(move || {
            span.in_scope(|| call(&self.control.desk(&self.session.who), &self))
        });
        let failed = |error| viewer.failed(error);
        match tokio::time::timeout(Duration::from_secs(patience.seconds), called).await {
            Ok(Ok(done)) => done.map_err(failed),
            Ok(Err(_)) => Err(failed(ServiceError::new(codes::BUG, "the request's thread panicked"))),
            Err(_) => Err(failed(late(patience))),
        }
    }
}

impl FromRequestParts<Arc<Control>> for Viewer {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<Self, Failed> {
        Self::of(parts, control)
    }
}

fn late(Patience { seconds, over }: Patience) -> ServiceError {
    ServiceError::new(codes::SERVER_BUSY, format!("{over} within {seconds} s"))
}

/// The headers `Cookie` of a request.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok())
}

/// What a request calls this server.
pub(crate) fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// A page.
pub(crate) struct Page(pub(crate) Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        shown(StatusCode::OK, self.0)
    }
}

/// What came of a form that makes something.
pub(crate) enum Made {
    /// It is there.
    At(String),
    /// It is there, and the page says what is said once.
    Page(Markup),
    /// It is not there, and the page says why.
    Not(StatusCode, Markup),
}

impl Made {
    fn to_keep(&self) -> Option<(u16, &[u8])> {
        match self {
            Self::At(path) => Some((StatusCode::SEE_OTHER.as_u16(), path.as_bytes())),
            Self::Page(page) => Some((StatusCode::OK.as_u16(), page.0.as_bytes())),
            Self::Not(..) => None,
        }
    }

    /// Nothing where only that there was an answer is kept.
    fn kept((status, bytes): (u16, Vec<u8>)) -> Option<Self> {
        let text = String::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
        Some(if status == StatusCode::SEE_OTHER.as_u16() {
            Self::At(text)
        } else {
            // It was made here, and kept sealed.
            Self::Page(PreEscaped(text))
        })
    }
}

impl IntoResponse for Made {
    fn into_response(self) -> Response {
        match self {
            Self::At(path) => to(&path),
            Self::Page(page) => shown(StatusCode::OK, page),
            Self::Not(status, page) => shown(status, page),
        }
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
    /// The like, in the place of a part of a page: no page stands in another one.
    InPart(Box<ServiceError>),
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
                let mut response = shown(status(&error), failure(&error, viewer.as_deref()));
                if let Some(viewer) = viewer.filter(|viewer| viewer.sent.is_some()) {
                    response.extensions_mut().insert(Arc::new(Refused { error: *error, viewer: *viewer }));
                }
                response
            }
            Self::InPart(error) => shown(status(&error), in_part(&error)),
        }
    }
}

/// The status of an answer that is this error.
pub(crate) fn status(error: &ServiceError) -> StatusCode {
    StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn in_part(error: &ServiceError) -> Markup {
    html! {
        div.alarm role="status" {
            (told(error))
            // To the page itself, which leads to where one signs in, and from there back.
            @if error.code == codes::TOKEN_MISSING { p { a href="" { "Sign in" } } }
        }
    }
}

/// What is wrong, and what to do.
pub(crate) fn told(error: &ServiceError) -> Markup {
    html! {
        p.bad { strong { (error.code.id) } " " (error.message) }
        @if let Some(hint) = &error.hint { p { "What to do: " (hint) } }
    }
}

fn failure(error: &ServiceError, viewer: Option<&Viewer>) -> Markup {
    let content = told(error);
    match viewer {
        Some(viewer) => frame::page(viewer, (error.code.title, None), content),
        None => frame::bare(error.code.title, content),
    }
}

#[cfg(test)]
mod tests {
    use skein_control::ServiceError;
    use skein_types::codes;

    use super::{ACTS, LOOKS, in_part, late};

    #[test]
    fn what_goes_wrong_in_a_part_is_no_page_within_a_page() {
        let missing = ServiceError::new(codes::TOKEN_MISSING, "nobody is signed in <here>");
        let shown = in_part(&missing).into_string();
        assert!(
            shown.contains("nobody is signed in &lt;here&gt;") && shown.contains("<a href=\"\">"),
            "{shown}"
        );
        for of_a_page in ["<html", "<nav", "<main", "<h1"] {
            assert!(!shown.contains(of_a_page), "{shown}");
        }
        let busy = ServiceError::new(codes::SERVER_BUSY, "busy").hint(Some("look again"));
        let shown = in_part(&busy).into_string();
        assert!(shown.contains("What to do: look again") && !shown.contains("Sign in"), "{shown}");
    }

    #[test]
    fn of_what_was_asked_for_nobody_says_that_it_was_not_done() {
        assert_eq!(late(LOOKS).message.as_str(), "the page was not made within 20 s");
        assert!(late(ACTS).message.contains("may be done yet"), "{}", late(ACTS).message);
    }
}
