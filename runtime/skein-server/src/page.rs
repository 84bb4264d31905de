//! Two pages that are files as well, so that they stand here and not in the portal: what a campaign came to, and what can be asked. They
//! are read and never change anything.
//!
//! Made on the server, whole, without a script. Strangers' words (names, reasons, messages) are escaped by the templates; the policy
//! of the page allows nothing from elsewhere and nothing inline.

mod docs;
pub(crate) mod report;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use skein_control::{Control, Desk, ServiceError};
use skein_types::codes;

use crate::asker::Asker;
use crate::openapi;
use crate::seen::Fixed;

const STYLE: &str = include_str!("page/style.css");
/// A page that is left open shows how things are by now.
const AGAIN_AFTER_SECONDS: u32 = 5;
/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/campaigns/{campaign}/report", get(report)).route("/style.css", get(style))
}

async fn report(Viewer(asker): Viewer, Path(named): Path<String>) -> Result<Page, Failed> {
    shown(asker, move |desk| Ok(report::page(&report::gather(&desk, &named)?))).await
}

/// What can be asked, as a page. It is the same as long as this process runs, so it is made once and kept by who has seen it.
pub(crate) fn docs() -> Response {
    static PAGE: LazyLock<Fixed> =
        LazyLock::new(|| Fixed::new(docs::page(openapi::document()).into_string()));
    ([(header::CACHE_CONTROL, "no-cache")], headers(), PAGE.clone()).into_response()
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css"), (header::CACHE_CONTROL, "max-age=3600")], STYLE)
}

async fn shown(
    asker: Asker,
    make: impl FnOnce(Desk<'_>) -> Result<Markup, ServiceError> + Send + 'static,
) -> Result<Page, Failed> {
    match asker.ask(make).await {
        Ok(axum::Json(body)) => Ok(Page { status: StatusCode::OK, body }),
        Err(refusal) => Err(Failed(refusal.0)),
    }
}

/// Whoever looks with a browser.
struct Viewer(Asker);

impl FromRequestParts<Arc<Control>> for Viewer {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<Self, Failed> {
        Asker::of(parts, control).map(Self).map_err(Failed)
    }
}

/// A page that can be shown.
struct Page {
    status: StatusCode,
    body: Markup,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let kept = [(header::CACHE_CONTROL, "no-store")];
        (self.status, kept, headers(), self.body.into_string()).into_response()
    }
}

/// What all pages say to browsers.
const fn headers() -> [(header::HeaderName, &'static str); 4] {
    [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ]
}

/// A page that cannot.
struct Failed(ServiceError);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status =
            StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = framed(
            error.code.title,
            html! {
                p { strong { (error.code.id) } " " (error.message) }
                @if let Some(hint) = &error.hint { p { (hint) } }
                p { a href="/" { "Overview" } }
            },
        );
        let mut response = Page { status, body }.into_response();
        if error.code == codes::TOKEN_MISSING {
            let ask =
                header::HeaderValue::from_static("Basic realm=\"skein: any name, the token as password\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

/// What pages have that show how things are by now.
fn framed(title: &str, content: Markup) -> Markup {
    whole(title, html! { meta http-equiv="refresh" content=(AGAIN_AFTER_SECONDS); }, content)
}

/// What all pages have.
fn whole(title: &str, more: Markup, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                (more)
                title { (title) " · Skein" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header { a href="/" { "Skein" } " " a href="/v1/docs" { "API" } }
                main { h1 { (title) } (content) }
            }
        }
    }
}

/// How much of something is done, and how much of it failed. Drawn by the browser, said in words for who does not see it.
fn bar(done: u64, failed: u64, all: u64) -> Markup {
    html! {
        progress max=(all.max(1)) value=(done) {}
        " " (skein_types::grouped(done)) " of " (skein_types::grouped(all))
        @if failed > 0 { ", " strong.bad { (skein_types::grouped(failed)) " failed" } }
    }
}

#[cfg(test)]
mod tests {
    use super::{bar, framed};
    use maud::html;

    #[test]
    fn words_of_strangers_are_text_wherever_they_stand() {
        let evil = "<script>alert(1)</script>\"onload=\"x";
        let page = framed(evil, html! { p title=(evil) { (evil) } }).into_string();
        assert!(!page.contains("<script>") && !page.contains("\"onload"), "{page}");
    }

    #[test]
    fn what_failed_is_said_and_not_only_drawn() {
        assert!(bar(3, 1, 5).into_string().ends_with("3 of 5, <strong class=\"bad\">1 failed</strong>"));
        assert!(!bar(3, 0, 5).into_string().contains("failed"));
    }
}
