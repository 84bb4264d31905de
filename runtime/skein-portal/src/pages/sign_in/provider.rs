//! Signing in at a provider of OpenID Connect: away there, and back.
//!
//! A link leads away and no form: the pages' policy lets forms go nowhere but here, and browsers hold that of where a form is led to as well.
//! Whoever comes back has the cookie that they left with, or nothing is begun.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_control::{AWAY_COOKIE, AWAY_TIME, BACK, COOKIE, Control, SESSION_TIME, ServiceError};
use skein_types::codes;

use super::{own, put};
use crate::frame::encoded;
use crate::viewer::{Failed, cookies, to};

const AWAY: &str = "/sign-in/provider";

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
    put(&mut response, (AWAY_COOKIE, &leaves.cookie, AWAY), AWAY_TIME.as_secs(), secure);
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
        let short: String = error.chars().take(100).collect();
        let said = ServiceError::new(codes::SIGN_IN_REFUSED, format!("the provider says {short:?}"));
        return Err(said.hint(Some("begin again at /sign-in")).into());
    }
    let secure = is_over_tls(&control);
    let cookie = named(cookies(&headers), AWAY_COOKIE).unwrap_or_default().to_owned();
    let (begun, goes) = done(move || control.sign_in_back((&state, &code), &cookie)).await?;
    let mut response = to(own(Some(&goes)));
    put(&mut response, (COOKIE, &begun.cookie, "/"), SESSION_TIME.as_secs(), secure);
    put(&mut response, (AWAY_COOKIE, "", AWAY), 0, secure);
    Ok(response)
}

/// What asks another server waits where waiting hinders nobody.
async fn done<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, Failed> {
    let called = tokio::task::spawn_blocking(call).await;
    let done = called.map_err(|_| ServiceError::new(codes::BUG, "the request's thread panicked"));
    Ok(done??)
}

/// Whether people reach it over TLS. Nothing of the request says it: whoever follows a link sends no origin.
fn is_over_tls(control: &Control) -> bool {
    control.address().starts_with("https://")
}

fn named<'a>(cookies: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(is, _)| *is == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::{named, way};

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_the_way_there_keeps_where_to() {
        let sent = ["a=1; xskein_away=2", "skein_away=3"];
        assert_eq!(named(sent.into_iter(), "skein_away"), Some("3"));
        assert_eq!(named(sent.into_iter(), "skein"), None);
        let way = way("<b>", "/campaigns?after=x").into_string();
        assert!(
            way.contains("/sign-in/provider?to=%2Fcampaigns%3Fafter%3Dx\"") && !way.contains("<b>"),
            "{way}"
        );
    }
}
