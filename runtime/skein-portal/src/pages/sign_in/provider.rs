//! Signing in at a provider of OpenID Connect: away there, and back.
//!
//! A link leads away and no form: the pages' policy lets forms go nowhere but here, and browsers hold that of where a form is led to as well.
//! Whoever comes back has the cookie that they left with, or nothing is begun.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_control::{AWAY_COOKIE, AWAY_TIME, BACK, Control, ServiceError, one_cookie};
use skein_types::codes;
use tokio::sync::Semaphore;

use super::{own, put, signed_in};
use crate::frame::encoded;
use crate::viewer::{Failed, cookies, to};

const AWAY: &str = "/sign-in/provider";
/// How often the provider is asked at a time. Who asks needs not be signed in, and a provider that does not answer would have all that waits
/// for the disk wait for it.
static ASKING: Semaphore = Semaphore::const_new(8);
/// How long somebody waits for a turn.
const TURN: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AWAY, get(away)).route(BACK, get(back))
}

/// To the provider.
pub(super) fn way(called: &str, to: &str) -> Markup {
    html! {
        p { a.button href={ (AWAY) "?to=" (encoded(to)) } { "Sign in with " (called) } }
        p.note { "Or with a token or a link:" }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    to: Option<String>,
}

async fn away(State(control): State<Arc<Control>>, Query(asked): Query<Asked>) -> Result<Response, Failed> {
    let secure = is_over_tls(&control);
    let leaves = done(move || control.leave(own(asked.to.as_deref()))).await?;
    // Not a path of this server, so nothing that a page's address may say gets there.
    let page = HeaderValue::from_str(&leaves.page)
        .map_err(|_| ServiceError::new(codes::PROVIDER_UNREACHABLE, "the provider's page has no address"))?;
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, page), kept]).into_response();
    let (name, path) = cookie_when(secure);
    put(&mut response, (&name, &leaves.cookie, path), AWAY_TIME.as_secs(), secure);
    Ok(response)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Back {
    state: String,
    code: String,
    error: Option<String>,
}

async fn back(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Query(Back { state, code, error }): Query<Back>,
) -> Result<Response, Failed> {
    if let Some(error) = error {
        let said = ServiceError::new(codes::SIGN_IN_REFUSED, format!("the provider says {}", word(&error)));
        return Err(said.hint(Some("begin again at /sign-in")).into());
    }
    let secure = is_over_tls(&control);
    let (name, path) = cookie_when(secure);
    let cookie = one_cookie(cookies(&headers), &name).unwrap_or_default().to_owned();
    let (begun, goes) = done(move || control.sign_in_back((&state, &code), &cookie)).await?;
    let mut response = to(own(Some(&goes)));
    signed_in(&mut response, Some(&begun), secure);
    put(&mut response, (&name, "", path), 0, secure);
    Ok(response)
}

/// What asks another server waits where waiting hinders nobody.
async fn done<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, Failed> {
    let busy = || ServiceError::new(codes::SERVER_BUSY, "too many people sign in at the provider just now");
    let turn = tokio::time::timeout(TURN, ASKING.acquire()).await;
    let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    let called = tokio::task::spawn_blocking(call).await;
    let done = called.map_err(|_| ServiceError::new(codes::BUG, "the request's thread panicked"));
    Ok(done??)
}

/// Whether people reach it over TLS. Nothing of the request says it: whoever follows a link sends no origin.
fn is_over_tls(control: &Control) -> bool {
    control.address().starts_with("https://")
}

/// The name of the cookie of who is away, and for which paths it is: over TLS no neighbour of this host can put one there.
fn cookie_when(secure: bool) -> (String, &'static str) {
    if secure { (format!("__Host-{AWAY_COOKIE}"), "/") } else { (AWAY_COOKIE.to_owned(), AWAY) }
}

/// What a provider calls an error (RFC 6749, 4.1.2.1). Anybody can write an address with one: it is no place for a sentence.
fn word(error: &str) -> &str {
    let plain = error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain && error.len() <= 60 { error } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::{cookie_when, way, word};

    #[test]
    fn the_way_there_keeps_where_to_and_an_address_puts_no_words_into_the_providers_mouth() {
        let way = way("<b>", "/campaigns?after=x").into_string();
        assert!(
            way.contains("/sign-in/provider?to=%2Fcampaigns%3Fafter%3Dx\"") && !way.contains("<b>"),
            "{way}"
        );
        assert_eq!(word("access_denied"), "access_denied");
        for other in ["Call 555 and say your token", "A", "a b", &"a".repeat(61)] {
            assert_eq!(word(other), "no", "{other}");
        }
        assert_eq!(cookie_when(true), ("__Host-skein_away".to_owned(), "/"));
    }
}
