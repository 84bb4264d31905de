//! What a form of a page says.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use skein_api::Time;
use skein_control::{Control, ServiceError};
use skein_types::codes;

use crate::again::Sent;
use crate::viewer::{Failed, Viewer};

/// A form has so many bytes at most.
const FORM_BYTES_MAX: usize = 64 << 10;
/// The field that has the session's second secret.
pub(crate) const SECRET: &str = "form";

/// Whoever sent a form of a page of their session, and its other fields.
pub(crate) struct Form<T>(pub(crate) Viewer, pub(crate) T);

/// The field by which a form that makes something is known when it is sent again.
pub(crate) const ONCE: &str = "once";

/// The field that has the page on which a form stands.
pub(crate) const PAGE: &str = "page";

/// The like, of what makes something.
pub(crate) struct Making<T>(pub(crate) Viewer, pub(crate) Once, pub(crate) T);

/// One form, as it was filled in: sent again it is the same. Changed it is another one.
#[derive(Debug)]
pub(crate) struct Once {
    /// As the API's `Idempotency-Key`; nothing where the form has none.
    pub(crate) key: Option<String>,
}

impl Once {
    fn of(at: &str, fields: &[(String, String)]) -> Self {
        let has = fields.iter().any(|(name, value)| name == ONCE && !value.is_empty());
        // Each behind its length: two that differ are never one.
        let parts = fields.iter().flat_map(|(name, value)| [name.as_str(), value]);
        let all = [at].into_iter().chain(parts).fold(Vec::new(), |mut all, part| {
            all.extend_from_slice(&(part.len() as u64).to_be_bytes());
            all.extend_from_slice(part.as_bytes());
            all
        });
        Self { key: has.then(|| format!("form {}", blake3::hash(&all))) }
    }
}

/// A form that has nothing but the secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The fields of a form of somebody who is not signed in.
pub(crate) struct Stranger<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Control>> for Form<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, control: &Arc<Control>) -> Result<Self, Failed> {
        let Making(viewer, _, fields) = Making::from_request(request, control).await?;
        Ok(Self(viewer, fields))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Control>> for Making<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, control: &Arc<Control>) -> Result<Self, Failed> {
        let (parts, body) = request.into_parts();
        let mut viewer = Viewer::of(&parts, control)?;
        let mut fields = sent(&parts.headers, body).await?;
        let shown = fields.iter().find(|(name, _)| name == SECRET).map_or("", |(_, value)| value.as_str());
        viewer.session.check_form(shown)?;
        let once = Once::of(parts.uri.path(), &fields);
        if let Some(sent) = Sent::of(parts.uri.path(), &fields) {
            // What is answered with a page stands there, too.
            viewer.page.clone_from(&sent.page);
            viewer.sent = Some(Arc::new(sent));
        }
        fields.retain(|(name, _)| name != ONCE && name != PAGE);
        let read = read(fields).map_err(|error| viewer.failed(error))?;
        Ok(Self(viewer, once, read))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Control>> for Stranger<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, _: &Arc<Control>) -> Result<Self, Failed> {
        let (parts, body) = request.into_parts();
        Ok(Self(read(sent(&parts.headers, body).await?)?))
    }
}

async fn sent(headers: &HeaderMap, body: Body) -> Result<Vec<(String, String)>, ServiceError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(invalid("a form of a page is taken here"));
    }
    let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| invalid("the form is too long"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("the form is no text"))?;
    Ok(fields(text))
}

/// Without the secret, and without what was left empty: nobody said anything there.
fn read<T: DeserializeOwned>(fields: Vec<(String, String)>) -> Result<T, ServiceError> {
    let said = fields.into_iter().filter(|(name, value)| name != SECRET && !value.is_empty());
    let object = said.map(|(name, value)| (name, serde_json::Value::String(value))).collect();
    serde_json::from_value(serde_json::Value::Object(object)).map_err(|error| {
        ServiceError::new(codes::BODY_INVALID, error.to_string())
            .hint(Some("say what is missing, and send the form again"))
    })
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::new(codes::BODY_INVALID, message)
        .hint(Some("open the page again, and send the form from there"))
}

/// Names and values of `application/x-www-form-urlencoded` ([WHATWG URL, 5.1](https://url.spec.whatwg.org/#urlencoded-parsing)).
fn fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// A part of an address or of a form, as it was before it was written there.
pub(crate) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, more @ ..] = rest {
        rest = more;
        let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &rest[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            (byte, ..) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A moment, as a field of a form says it: to the minute or the second, in UTC.
pub(crate) fn moment(text: &str) -> Option<Time> {
    let whole = match text.len() {
        16 => format!("{text}:00.000Z"),
        19 => format!("{text}.000Z"),
        _ => text.to_owned(),
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{Once, fields, moment, read};

    #[test]
    fn a_time_is_read_as_browsers_write_it() {
        for text in ["2026-11-27T13:05", "2026-11-27T13:05:00", "2026-11-27T13:05:00.000Z"] {
            assert_eq!(
                moment(text).map(|time| time.to_string()).as_deref(),
                Some("2026-11-27T13:05:00.000Z"),
                "{text}"
            );
        }
        assert!(
            ["", "2026-11-27", "2026-13-27T13:05", "tomorrow, at noon"]
                .iter()
                .all(|text| moment(text).is_none())
        );
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Said {
        reason: Option<String>,
    }

    #[test]
    fn fields_are_read_as_browsers_write_them_and_the_secret_is_none_of_them() {
        let said = |text: &str| read::<Said>(fields(text));
        let reason = |text: &str| Said { reason: Some(text.to_owned()) };
        assert_eq!(said("form=abc&reason=a+b%26c%C3%A9").unwrap(), reason("a b&cé"));
        assert_eq!(said("reason=100%25+%zz%").unwrap(), reason("100% %zz%"));
        assert_eq!(said("reason=&form=").unwrap(), Said { reason: None });
        assert!(said("other=1").is_err());
    }

    #[test]
    fn a_form_that_is_sent_again_is_the_same_and_one_that_was_changed_is_another() {
        let key = |text: &str| Once::of("/campaigns/new", &fields(text)).key;
        let one = key("once=1&name=a&team=b").unwrap();
        assert_eq!(key("once=1&name=a&team=b").unwrap(), one);
        // Of the last all letters are those of the first, in the same order.
        for other in ["once=2&name=a&team=b", "once=1&name=ab&team=", "once=1&name=a", "once=1&nam=ea&team=b"]
        {
            assert_ne!(key(other).unwrap(), one, "{other}");
        }
        assert_ne!(Once::of("/elsewhere", &fields("once=1&name=a&team=b")).key.unwrap(), one);
        assert_eq!([key("name=a"), key("once=&name=a")], [None, None]);
    }
}
