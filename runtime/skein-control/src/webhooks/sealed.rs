//! What of a receiver nobody may read: its URL, and what its events are signed with.

use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use skein_api::WebhookCreate;
use skein_ledger::Text;
use skein_notify::{Endpoint, Mail, Receiver, Secret, Secrets, Webhook};
use skein_types::{Millis, ReceiverKind, Timestamp, WebhookId, codes};

use super::{SEALED_TEAM, is_signed};
use crate::error::ServiceError;
use crate::herald::MailFrom;
use crate::vault::{Of, Vault};

/// Of a new signing secret.
const SECRET_BYTES: usize = 32;
/// The current one and those that it replaces: what a signature may hold.
const SECRETS_MAX: usize = 4;
const SEALED: &str = "sealed:";

/// The `target` of a record: what may be shown, and the number of what is sealed, if something is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) sealed: Option<u64>,
}

impl Shown {
    pub(super) fn of(target: &str) -> Self {
        let numbered = target.strip_prefix(SEALED).and_then(|rest| rest.split_once(' '));
        let numbered = numbered.and_then(|(number, text)| Some((number.parse().ok()?, text)));
        match numbered {
            Some((number, text)) => Self { text: text.to_owned(), sealed: Some(number) },
            None => Self { text: target.to_owned(), sealed: None },
        }
    }

    pub(super) fn to_text(&self) -> Text {
        match self.sealed {
            Some(number) => Text::clip(&format!("{SEALED}{number} {}", self.text)),
            None => Text::clip(&self.text),
        }
    }
}

/// What is sealed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Sealed {
    url: String,
    /// The current one first.
    secrets: Vec<Signing>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Signing {
    secret: String,
    /// It counts until then; none: it is the current one.
    until: Option<Timestamp>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(…)")
    }
}

impl Sealed {
    /// Of a new receiver, with what of it may be shown. Of mail nothing is sealed.
    pub(super) fn new(
        asked: &WebhookCreate,
        mail: Option<&MailFrom>,
    ) -> Result<(String, Option<Self>), ServiceError> {
        if asked.secret.is_some() && !is_signed(asked.kind) {
            return Err(unsigned(asked.kind));
        }
        let secrets =
            if is_signed(asked.kind) { vec![signing(asked.secret.as_deref())?] } else { Vec::new() };
        Self { url: String::new(), secrets }.moved(asked.kind, &asked.target, mail)
    }

    /// At another place.
    pub(super) fn moved(
        self,
        kind: ReceiverKind,
        target: &str,
        mail: Option<&MailFrom>,
    ) -> Result<(String, Option<Self>), ServiceError> {
        if kind == ReceiverKind::Mail {
            return Ok((to_people(target, mail)?.to_text(), None));
        }
        let endpoint = Endpoint::from_str(target)?;
        let url = endpoint.reveal().to_owned();
        Ok((endpoint.shown(), Some(Self { url, ..self })))
    }

    /// With another secret; the one before counts for a while yet.
    pub(super) fn rotated(
        self,
        kind: ReceiverKind,
        given: Option<&str>,
        (now, overlap): (Timestamp, Millis),
    ) -> Result<Self, ServiceError> {
        if !is_signed(kind) {
            return Err(unsigned(kind));
        }
        let until = Timestamp(now.0.saturating_add(overlap.0));
        let mut secrets = vec![signing(given)?];
        let before = self.secrets.into_iter().filter(|one| one.until.is_none_or(|until| until > now));
        secrets.extend(before.map(|one| Signing { until: Some(one.until.unwrap_or(until)), ..one }));
        secrets.truncate(SECRETS_MAX);
        Ok(Self { secrets, ..self })
    }

    /// The secret that is current.
    pub(super) fn current(&self) -> Option<&str> {
        self.secrets.first().map(|one| one.secret.as_str())
    }

    pub(super) fn keep(&self, vault: &Vault, (id, number): (WebhookId, u64)) -> Result<(), ServiceError> {
        let bytes = serde_json::to_vec(self).map_err(|error| ServiceError::bug(error.to_string()))?;
        vault.keep(Of { team: SEALED_TEAM, name: &id.to_string(), version: number }, &bytes)
    }

    pub(super) fn read(vault: &Vault, (id, number): (WebhookId, u64)) -> Result<Self, ServiceError> {
        let bytes = vault.value(Of { team: SEALED_TEAM, name: &id.to_string(), version: number })?;
        serde_json::from_slice(&bytes)
            .map_err(|_| ServiceError::bug(format!("what is sealed for {id} cannot be read")))
    }

    /// Whom to send to now.
    pub(super) fn receiver(
        self,
        (kind, shown): (ReceiverKind, &str),
        now: Timestamp,
        mail: Option<&MailFrom>,
    ) -> Result<Receiver, ServiceError> {
        match kind {
            ReceiverKind::Http => {
                let valid = self.secrets.iter().filter(|one| one.until.is_none_or(|until| until > now));
                let secrets = valid.map(|one| Secret::from_str(&one.secret)).collect::<Result<Vec<_>, _>>();
                let secrets = secrets.and_then(Secrets::new).map_err(skein_notify::ReceiverError::from)?;
                Ok(Receiver::Http(Webhook { endpoint: Endpoint::from_str(&self.url)?, secrets }))
            }
            ReceiverKind::Slack => Ok(Receiver::Slack(Endpoint::from_str(&self.url)?)),
            ReceiverKind::Mail => Ok(Receiver::Mail(to_people(shown, mail)?)),
        }
    }
}

fn to_people(to: &str, mail: Option<&MailFrom>) -> Result<Mail, ServiceError> {
    let mail = mail.ok_or_else(|| {
        ServiceError::new(codes::MAIL_UNSET, "this server has no mail server to send by")
            .hint(Some("its operator sets [mail] in skein.toml and starts it again"))
    })?;
    Ok(Mail::new(mail.server.clone(), &mail.from, to)?)
}

/// The secret that was given, or a new one.
fn signing(given: Option<&str>) -> Result<Signing, ServiceError> {
    let secret = match given {
        Some(text) => Secret::from_str(text),
        None => {
            let mut random = [0; SECRET_BYTES];
            getrandom::fill(&mut random).map_err(|error| ServiceError::new(codes::IO, error.to_string()))?;
            Secret::new(&random)
        }
    };
    let secret = secret.map_err(skein_notify::ReceiverError::from)?;
    Ok(Signing { secret: secret.reveal(), until: None })
}

fn unsigned(kind: ReceiverKind) -> ServiceError {
    ServiceError::new(codes::BODY_INVALID, format!("what a receiver of the kind {kind} gets is not signed"))
        .hint(Some("a signing secret is for the kind http"))
}

#[cfg(test)]
mod tests {
    use super::{Sealed, Shown, Signing};
    use skein_notify::Receiver;
    use skein_types::{Millis, ReceiverKind, Timestamp, codes};

    fn http(url: &str) -> Sealed {
        let secrets = vec![Signing { secret: secret(1), until: None }];
        Sealed { url: url.to_owned(), secrets }
    }

    fn secret(byte: u8) -> String {
        skein_notify::Secret::new(&[byte; 32]).unwrap().reveal()
    }

    #[test]
    fn a_target_is_what_may_be_shown_and_the_number_of_the_rest() {
        let shown = Shown { text: "https://a/x".to_owned(), sealed: Some(12) };
        assert_eq!(shown.to_text().as_str(), "sealed:12 https://a/x");
        assert_eq!(Shown::of("sealed:12 https://a/x"), shown);
        let mail = Shown { text: "a@b.c, d@e.f".to_owned(), sealed: None };
        assert_eq!(Shown::of(mail.to_text().as_str()), mail);
    }

    #[test]
    fn nothing_of_a_url_but_the_host_is_shown() {
        let shown = |kind, url: &str| http("").moved(kind, url, None).unwrap().0;
        assert_eq!(shown(ReceiverKind::Http, "https://a/in/key?token=x"), "https://a/…");
        assert_eq!(
            shown(ReceiverKind::Slack, "https://hooks.slack.com/services/T0/B0/x"),
            "https://hooks.slack.com/…"
        );
        let refused = http("").moved(ReceiverKind::Http, "ftp://a", None).unwrap_err();
        assert_eq!(refused.code, codes::RECEIVER_INVALID);
        let refused = http("").moved(ReceiverKind::Mail, "a@b.c", None).unwrap_err();
        assert_eq!(refused.code, codes::MAIL_UNSET);
    }

    #[test]
    fn an_old_secret_signs_beside_the_new_one_until_its_time_is_over() {
        let signed_at = |sealed: &Sealed, now: u64| {
            let at = (ReceiverKind::Http, "");
            match sealed.clone().receiver(at, Timestamp(now), None).unwrap() {
                Receiver::Http(webhook) => webhook.secrets.sign("id", "0", b"").split(' ').count(),
                Receiver::Slack(_) | Receiver::Mail(_) => 0,
            }
        };
        let rotate = |sealed: Sealed, byte: u8, now: u64| {
            sealed.rotated(ReceiverKind::Http, Some(&secret(byte)), (Timestamp(now), Millis(100))).unwrap()
        };
        let first = http("https://a/");
        let second = rotate(first.clone(), 2, 1_000);
        assert_eq!((first.current(), second.current()), (Some(&*secret(1)), Some(&*secret(2))));
        assert_eq!([1_000, 1_099, 1_100].map(|now| signed_at(&second, now)), [2, 2, 1]);
        // One that is over is forgotten, and one that is not keeps its end.
        let third = rotate(second, 3, 1_050);
        assert_eq!([1_050, 1_100, 1_150].map(|now| signed_at(&third, now)), [3, 2, 1]);
        assert_eq!(rotate(third, 4, 2_000).secrets.len(), 2);
        let refused = http("").rotated(ReceiverKind::Slack, None, (Timestamp(0), Millis(0))).unwrap_err();
        assert_eq!(refused.code, codes::BODY_INVALID);
    }
}
