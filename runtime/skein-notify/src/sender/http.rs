//! Posting a body, once, to an address that was looked at.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use lettre::message::header::{Date, Header as _};
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE as CONTENT, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use skein_types::{LONGEST_WAIT, Millis, Timestamp};

use super::{Sender, WHY_MOST};
use crate::deadline::Deadline;
use crate::envelope::CONTENT_TYPE;
use crate::error::SendError;
use crate::notice::Notice;
use crate::plain::one_line;
use crate::receiver::{Endpoint, Host, Webhook};
use crate::slack::slack_body;

/// Most of an answer's body that is read. It is thrown away; a receiver that writes a little more than nothing should not see its
/// connection reset.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What is posted.
pub(super) struct Post {
    headers: HeaderMap,
    body: Vec<u8>,
    now: Timestamp,
}

impl Post {
    /// A signed event.
    pub(super) fn event(notice: &Notice, webhook: &Webhook, now: Timestamp) -> Self {
        let body = notice.envelope();
        let (id, timestamp) = (notice.id.to_string(), (now.0 / 1_000).to_string());
        let signature = webhook.secrets.sign(&id, &timestamp, &body);
        let mut headers = HeaderMap::from_iter([(CONTENT, HeaderValue::from_static(CONTENT_TYPE))]);
        let signed = [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
        for (name, value) in signed {
            headers.insert(name, HeaderValue::from_str(&value).expect("hex, digits and base64"));
        }
        Self { headers, body, now }
    }

    /// A message to a chat.
    pub(super) fn message(notice: &Notice, now: Timestamp) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT, HeaderValue::from_static("application/json"))]);
        Self { headers, body: slack_body(notice), now }
    }
}

impl Sender {
    /// Posts and answers with the status if that is a good one.
    pub(super) fn post(
        &self,
        endpoint: &Endpoint,
        post: Post,
        deadline: &Deadline,
    ) -> Result<u16, SendError> {
        let place = endpoint.origin();
        let addresses = self.admitted((endpoint.host(), endpoint.port()), &place, deadline)?;
        let client = self.client(endpoint, &addresses).map_err(|error| travel(&place, error))?;
        let Some(left) = deadline.left() else { return Err(SendError::Late { place }) };
        // Of the request, not of the client: this one holds until the last byte of the answer, however slowly they come.
        let request = client.post(endpoint.url().clone()).headers(post.headers).body(post.body).timeout(left);
        let request = request.header(USER_AGENT, concat!("skein/", env!("CARGO_PKG_VERSION")));
        let response = request.send().map_err(|error| travel(&place, error))?;
        let judged = judge(place, &response, post.now);
        throw_away(response);
        judged
    }

    /// One for each try: it knows one name, by the addresses that were looked at, and no connection outlives it.
    fn client(&self, endpoint: &Endpoint, addresses: &[SocketAddr]) -> reqwest::Result<Client> {
        let builder = Client::builder()
            .tls_backend_preconfigured((**self.trust.config()).clone())
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(self.patience.connect);
        match endpoint.host() {
            Host::Name(name) => builder.resolve_to_addrs(name, addresses).build(),
            Host::Address(_) => builder.build(),
        }
    }
}

/// What a status means.
fn judge(place: String, response: &Response, now: Timestamp) -> Result<u16, SendError> {
    let status = response.status().as_u16();
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    match (status, asked) {
        (200..=299, _) => Ok(status),
        (410, _) => Err(SendError::Gone { place }),
        (429, retry_after) | (503, retry_after @ Some(_)) => {
            Err(SendError::TooMany { place, status, retry_after })
        }
        (408 | 425 | 500.., _) => Err(SendError::Failed { place, status }),
        (_, _) => Err(SendError::Refused { place, status }),
    }
}

/// Seconds, or a date as mail has it (RFC 9110, 10.2.3); at most an hour.
fn retry_after(text: &str, now: Timestamp) -> Option<Millis> {
    let asked = if text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number has are an hour, too.
        text.parse().unwrap_or(u64::MAX).saturating_mul(1_000)
    } else {
        let date = SystemTime::from(Date::parse(text).ok()?);
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
        u64::try_from(since).ok()?.saturating_sub(now.0)
    };
    Some(Millis(asked).min(LONGEST_WAIT))
}

/// Whatever becomes of it, the status is known.
fn throw_away(mut response: Response) {
    let mut piece = [0; 4 << 10];
    let mut room = BODY_BYTES_MAX;
    while room > 0 {
        match response.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => room = room.saturating_sub(read),
        }
    }
}

fn travel(place: &str, error: reqwest::Error) -> SendError {
    let place = place.to_owned();
    if error.is_timeout() {
        return SendError::Late { place };
    }
    // Its words would have the URL in them.
    let why = one_line(&skein_types::chain(&error.without_url()), WHY_MOST);
    SendError::Unreachable { place, why }
}

#[cfg(test)]
mod tests {
    use skein_types::{Millis, Timestamp};

    use super::retry_after;

    #[test]
    fn a_receiver_says_when_to_come_back_in_seconds_or_by_a_date() {
        let now = Timestamp(1_795_392_000_000);
        let asked = |text: &str| retry_after(text, now).map(|millis| millis.0);
        assert_eq!(asked("0"), Some(0));
        assert_eq!(asked("120"), Some(120_000));
        assert_eq!(asked("86400"), Some(3_600_000));
        assert_eq!(asked(&"9".repeat(400)), Some(3_600_000));
        assert_eq!(asked("Mon, 23 Nov 2026 00:02:00 GMT"), Some(120_000));
        assert_eq!(asked("Sun, 22 Nov 2026 00:00:00 GMT"), Some(0));
        assert_eq!(asked("Fri, 31 Dec 9999 23:59:59 GMT"), Some(3_600_000));
        for bad in ["soon", "-1", "1.5", "Mon, 99 Nov 2026 00:00:00 GMT"] {
            assert_eq!(asked(bad), None, "{bad}");
        }
        assert_eq!(retry_after("7", now), Some(Millis(7_000)));
    }
}
