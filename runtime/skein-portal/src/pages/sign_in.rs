//! Signing in with a token, a link or at a provider, and out.
//!
//! A link leads to a page with a button: whoever only looks at it, as mail programs do, does not use it up. That a form of another site
//! signs somebody in is kept out by the server, which takes requests of its own pages alone.

mod provider;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use skein_control::{COOKIE, COOKIE_OVER_TLS, Control, SESSION_TIME, ServiceError, SignedIn};

use crate::form::{Form, Nothing, Stranger};
use crate::frame;
use crate::viewer::{Failed, cookies, host, shown, status, to};

/// Where the form is sent that ends all sessions of whoever sends it.
pub(super) const EVERYWHERE: &str = "/sign-out/everywhere";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/sign-in", get(page).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route(EVERYWHERE, post(sign_out_everywhere))
        .merge(provider::routes())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Where to go then.
    to: Option<String>,
    link: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SignIn {
    to: Option<String>,
    link: Option<String>,
    token: Option<String>,
}

async fn page(State(control): State<Arc<Control>>, Query(asked): Query<Asked>) -> Response {
    shown(StatusCode::OK, view(&control, &asked, None))
}

fn view(control: &Control, asked: &Asked, refused: Option<&ServiceError>) -> Markup {
    let to = own(asked.to.as_deref());
    let content = html! {
        @if let Some(refused) = refused { div role="alert" { p.bad { strong { (refused.code.id) } " " (refused.message) } } }
        @if let (Some(called), None) = (control.provider(), &asked.link) { (provider::way(called, to)) }
        form.sign-in method="post" action="/sign-in" {
            input type="hidden" name="to" value=(to);
            @match &asked.link {
                Some(link) => {
                    p { "This link signs you in once, as whoever asked for it." }
                    input type="hidden" name="link" value=(link);
                }
                None => {
                    label for="token" { "Token" }
                    input #token type="password" name="token" autocomplete="current-password" required autofocus;
                    p.note { "It begins with " code { "skn_" } ". An admin issues one: " code { "skein token create" }
                        "; or have a link made: " code { "skein portal" } "." }
                }
            }
            button { "Sign in" }
        }
    };
    frame::bare("Sign in", content)
}

async fn sign_in(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Stranger(asked): Stranger<SignIn>,
) -> Response {
    let begun = tokio::task::block_in_place(|| match (&asked.link, &asked.token) {
        (Some(link), _) => control.sign_in_by_link(link),
        (None, token) => control.sign_in(token.as_deref().unwrap_or_default().trim()),
    });
    match begun {
        Ok(begun) => {
            let mut response = to(own(asked.to.as_deref()));
            signed_in(&mut response, Some(&begun), is_over_tls(&control, &headers));
            response
        }
        // The form again, which leads where the one before led. A link that did not let in never will.
        Err(refused) => {
            let again = Asked { to: asked.to, link: None };
            shown(status(&refused), view(&control, &again, Some(&refused)))
        }
    }
}

async fn sign_out(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Form(_, Nothing {}): Form<Nothing>,
) -> Response {
    control.sign_out(host(&headers), cookies(&headers));
    let mut response = to("/sign-in");
    signed_in(&mut response, None, is_over_tls(&control, &headers));
    response
}

async fn sign_out_everywhere(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Form(viewer, Nothing {}): Form<Nothing>,
) -> Result<Response, Failed> {
    viewer.tell(|desk| Ok(desk.sign_out_everywhere())).await?;
    let mut response = to("/sign-in");
    signed_in(&mut response, None, is_over_tls(&control, &headers));
    Ok(response)
}

/// Whether the browser is here over TLS: the page that it sends a form of came so, or everybody does who calls this server so.
fn is_over_tls(control: &Control, request: &HeaderMap) -> bool {
    let origin = request.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    origin.starts_with("https://") || control.is_over_tls(host(request))
}

/// Gives the browser the cookie of a session, or takes it away. No script sees it, and no other site's form sends it along. Over TLS it goes no
/// other way.
fn signed_in(response: &mut Response, begun: Option<&SignedIn>, over_tls: bool) {
    let name = if over_tls { COOKIE_OVER_TLS } else { COOKIE };
    let (value, seconds) = begun.map_or(("", 0), |begun| (begun.cookie.as_str(), SESSION_TIME.as_secs()));
    put(response, (name, value, "/"), seconds, over_tls);
}

fn put(response: &mut Response, (name, value, path): (&str, &str, &str), seconds: u64, secure: bool) {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// A path of this server; whatever else was asked for is the first page.
fn own(asked: Option<&str>) -> &str {
    let asked = asked.unwrap_or("/");
    let path = asked.starts_with('/') && !asked.starts_with("//") && !asked.contains('\\');
    if path && asked.bytes().all(|byte| byte.is_ascii_graphic()) { asked } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn nobody_is_led_elsewhere() {
        for own_path in ["/", "/campaigns/cmp_1?after=x"] {
            assert_eq!(own(Some(own_path)), own_path);
        }
        for other in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil",
            "evil",
            "",
            "/a\r\nb",
            "/\tevil",
        ] {
            assert_eq!(own(Some(other)), "/", "{other}");
        }
        assert_eq!(own(None), "/");
    }
}
