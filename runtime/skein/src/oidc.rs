//! A provider of OpenID Connect, asked over HTTP: its description and keys, and whose a code is that a browser came back with
//! ([Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html), 3.1; PKCE, RFC 7636).
//!
//! What it answers is bounded, and comes from the issuer that the settings name and from addresses that its description names, over TLS
//! but on this machine itself. What is signed is believed where [`signed`] says so, and nothing else of it.

mod keys;
mod signed;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use skein_api::Grant;
use skein_control::{Away, Provider, ServiceError, Vouched};
use skein_types::{Clock, codes};

use keys::Keys;
use signed::{Expected, Wrong};

/// How long it may take to answer, from when it is asked to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// Its description and keys are asked for again after this.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// No sooner than this because of a key that is not known: whoever shows one could have it asked all the time.
const KEYS_EVERY: Duration = Duration::from_secs(30);

/// What the settings say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OidcSettings {
    /// As it calls itself, to the letter.
    pub(crate) issuer: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) client_id: String,
    pub(crate) secret_file: Option<std::path::PathBuf>,
    pub(crate) scopes: String,
    /// The claim that is a person's name here.
    pub(crate) name_claim: String,
    pub(crate) groups_claim: String,
    /// What somebody of a group is here.
    pub(crate) groups: BTreeMap<String, Vec<Grant>>,
}

/// It, and what is known of it.
pub(crate) struct Oidc {
    settings: OidcSettings,
    secret: Option<String>,
    http: Client,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<Arc<Known>>>,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

/// Its description and keys.
struct Known {
    said: Said,
    keys: Keys,
    /// Since the process started.
    at: Duration,
}

/// Of its description.
#[derive(Debug, Deserialize)]
struct Said {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
}

impl Oidc {
    /// Nothing is asked yet: a server starts without its provider.
    pub(crate) fn new(
        settings: OidcSettings,
        secret: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        over_tls(&settings.issuer).map_err(|why| format!("`issuer` of `oidc` {why}"))?;
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| error.to_string())?;
        Ok(Self { settings, secret, http, clock, known: Mutex::new(None) })
    }

    fn known(&self) -> Result<Arc<Known>, ServiceError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.clock.elapsed();
        match known.filter(|known| now.saturating_sub(known.at) < KNOWN_FOR) {
            Some(known) => Ok(known),
            None => self.asked(),
        }
    }

    fn asked(&self) -> Result<Arc<Known>, ServiceError> {
        let address =
            format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let said: Said = answer("its description", self.http.get(&address))?;
        if said.issuer != self.settings.issuer {
            let message =
                format!("the provider calls itself {:?}, and not as skein.toml has it", said.issuer);
            return Err(unreachable(&message));
        }
        for address in [&said.authorization_endpoint, &said.token_endpoint, &said.jwks_uri] {
            let fits = over_tls(address).and_then(|()| as_safe(&self.settings.issuer, address));
            fits.map_err(|why| unreachable(&format!("an address of the provider {why}")))?;
        }
        let keys: Keys = answer("its keys", self.http.get(&said.jwks_uri))?;
        let known = Arc::new(Known { said, keys, at: self.clock.elapsed() });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    fn exchanged(&self, known: &Known, away: &Away, code: &str) -> Result<Exchanged, ServiceError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", away.back.as_str()),
            ("code_verifier", away.verifier.as_str()),
        ];
        let client = self.settings.client_id.as_str();
        let mut request = self.http.post(&known.said.token_endpoint);
        match &self.secret {
            // RFC 6749, 2.3.1: both are encoded as a form is before they are put together.
            Some(secret) => {
                let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(client), encoded(secret)));
                request = request.header(reqwest::header::AUTHORIZATION, format!("Basic {pair}"));
            }
            None => fields.push(("client_id", client)),
        }
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let kind = "application/x-www-form-urlencoded";
        answer("the code", request.header(reqwest::header::CONTENT_TYPE, kind).body(body.join("&")))
    }

    fn claims(&self, token: &str, known: &Known, away: &Away) -> Result<Value, Wrong> {
        let expected = Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client_id,
            nonce: &away.nonce,
            now: self.clock.now().0 / 1_000,
        };
        signed::claims(token, &known.keys, &expected)
    }

    fn person(&self, claims: &Value) -> Result<Vouched, ServiceError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let claim = &self.settings.name_claim;
        let name = text(claim).ok_or_else(|| refused(&format!("the provider does not say their {claim}")))?;
        // An address that somebody only wrote down would be somebody else's.
        if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(refused("the provider does not say that their email is theirs"));
        }
        let groups: Vec<&str> = match claims.get(&self.settings.groups_claim) {
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(group)) => vec![group],
            Some(_) | None => Vec::new(),
        };
        let grants = groups.iter().filter_map(|group| self.settings.groups.get(*group)).flatten();
        Ok(Vouched {
            issuer: self.settings.issuer.clone(),
            subject: text("sub").ok_or_else(|| refused("the provider does not say who it is"))?.to_owned(),
            name: name.to_owned(),
            grants: grants.cloned().collect(),
        })
    }
}

impl Provider for Oidc {
    fn called(&self) -> &str {
        &self.settings.name
    }

    fn page(&self, away: &Away) -> Result<String, ServiceError> {
        let known = self.known()?;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(away.verifier.as_bytes()));
        let mut page = Url::parse(&known.said.authorization_endpoint)
            .map_err(|error| unreachable(&format!("the provider's page: {error}")))?;
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &away.back)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", &away.state)
            .append_pair("nonce", &away.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(page.into())
    }

    fn vouches(&self, away: &Away, code: &str) -> Result<Vouched, ServiceError> {
        let known = self.known()?;
        let token = self.exchanged(&known, away, code)?.id_token;
        let claims = match self.claims(&token, &known, away) {
            // It may have got another key since it was asked.
            Err(Wrong::Key) if self.clock.elapsed().saturating_sub(known.at) >= KEYS_EVERY => {
                self.claims(&token, &*self.asked()?, away)
            }
            other => other,
        };
        let claims = claims.map_err(|wrong| {
            tracing::warn!(%wrong, "what the provider of sign-in signed is not taken");
            refused(&format!("what the provider signed is not taken: {wrong}"))
        })?;
        self.person(&claims)
    }
}

/// What it answers, if it is JSON of this form.
fn answer<T: DeserializeOwned>(what: &str, request: RequestBuilder) -> Result<T, ServiceError> {
    let failed = |why: &dyn std::fmt::Display| unreachable(&format!("{what} was asked for: {why}"));
    // Of the request, and not of the client: that would be for each piece of an answer.
    let response = request.timeout(PATIENCE).send().map_err(|error| failed(&skein_types::chain(&error)))?;
    let status = response.status();
    let mut bytes = Vec::new();
    response.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if !status.is_success() {
        return Err(failed(&format!("the provider answered {status}")));
    }
    serde_json::from_slice(&bytes).map_err(|error| failed(&error))
}

/// Refuses what others on the way could read or change.
fn over_tls(address: &str) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| format!("is no URL: {error}"))?;
    let near = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(()),
        "http" if near => Ok(()),
        _ => Err(format!("is {address:?}, and has to begin with https://")),
    }
}

/// Refuses an address of this machine where the issuer is another: what listens here is nobody's provider.
fn as_safe(issuer: &str, address: &str) -> Result<(), String> {
    match issuer.starts_with("https:") && !address.starts_with("https:") {
        true => Err(format!("is {address:?}, and the issuer is asked over TLS")),
        false => Ok(()),
    }
}

/// As a form has it.
fn encoded(text: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| if kept(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn unreachable(message: &str) -> ServiceError {
    ServiceError::new(codes::PROVIDER_UNREACHABLE, message).hint(Some("sign in with a token meanwhile"))
}

fn refused(message: &str) -> ServiceError {
    ServiceError::new(codes::SIGN_IN_REFUSED, message).hint(Some("begin again at /sign-in"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use skein_api::{Grant, Text};
    use skein_types::{Role, SystemClock, codes};

    use super::{Oidc, OidcSettings, as_safe, encoded, over_tls};

    fn of(name_claim: &str) -> Oidc {
        skein_notify::install_provider();
        let grant = Grant { team: Some(Text::escaped("pay")), role: Role::Approver };
        let settings = OidcSettings {
            issuer: "http://localhost".to_owned(),
            name: "Example".to_owned(),
            client_id: "skein".to_owned(),
            secret_file: None,
            scopes: "openid".to_owned(),
            name_claim: name_claim.to_owned(),
            groups_claim: "groups".to_owned(),
            groups: [("payers".to_owned(), vec![grant])].into(),
        };
        Oidc::new(settings, None, Arc::new(SystemClock::start())).unwrap()
    }

    #[test]
    fn a_person_is_named_by_what_the_provider_says_is_theirs_or_not_at_all() {
        let named = |claim: &str, claims: Value| {
            of(claim).person(&claims).map(|person| person.name).map_err(|error| error.code)
        };
        let refused = Err(codes::SIGN_IN_REFUSED);
        assert_eq!(named("nick", json!({ "sub": "1", "nick": "ada" })), Ok("ada".to_owned()));
        for none in
            [json!({ "sub": "1" }), json!({ "sub": "1", "nick": "" }), json!({ "sub": "1", "nick": 7 })]
        {
            assert_eq!(named("nick", none.clone()), refused, "{none}");
        }
        for nobody in [json!({ "nick": "ada" }), json!({ "nick": "ada", "sub": "" })] {
            assert_eq!(named("nick", nobody.clone()), refused, "{nobody}");
        }
        let email = |verified: Value| {
            named("email", json!({ "sub": "1", "email": "a@b", "email_verified": verified }))
        };
        assert_eq!(email(json!(true)), Ok("a@b".to_owned()));
        for not in [json!(false), json!("true"), Value::Null] {
            assert_eq!(email(not.clone()), refused, "{not}");
        }
    }

    #[test]
    fn groups_that_are_mapped_give_what_they_are_mapped_to_and_others_nothing() {
        let granted = |groups: Value| {
            of("nick").person(&json!({ "sub": "1", "nick": "ada", "groups": groups })).unwrap().grants.len()
        };
        assert_eq!(granted(json!("payers")), 1);
        assert_eq!(granted(json!(["others", "payers", 7])), 1);
        for none in [json!(["others"]), json!({ "payers": true }), json!(7), Value::Null] {
            assert_eq!(granted(none.clone()), 0, "{none}");
        }
    }

    #[test]
    fn a_provider_is_asked_over_tls_but_on_this_machine() {
        for taken in
            ["https://id.example.org/a", "http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost"]
        {
            over_tls(taken).unwrap();
        }
        for other in
            ["http://id.example.org", "http://127.0.0.1.example.org", "ftp://localhost", "localhost", ""]
        {
            assert!(over_tls(other).is_err(), "{other}");
        }
        as_safe("http://localhost", "http://localhost/token").unwrap();
        as_safe("https://id", "https://keys").unwrap();
        as_safe("https://id", "http://127.0.0.1:7447/v1").unwrap_err();
        assert_eq!(encoded("a b&c/é~"), "a%20b%26c%2F%C3%A9~");
    }
}
