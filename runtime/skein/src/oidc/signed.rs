//! What a provider signed (a JSON Web Token, RFC 7519), and whether it is for this server, now, and for the browser that left
//! ([Core 1.0, 3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::keys::{Keys, Way};

/// Seconds by which clocks may differ.
const APART: u64 = 60;

/// What it has to be for.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// Why it is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("it is no signed token")]
    Form,
    #[error("it is signed in a way that is not RS256 or ES256")]
    Way,
    #[error("none of the provider's keys is the one that it is signed with")]
    Key,
    #[error("its signature does not hold")]
    Signature,
    #[error("it is another issuer's")]
    Issuer,
    #[error("it is for somebody else than this server")]
    Audience,
    #[error("it has expired, or its time has not come")]
    Time,
    #[error("it is of another sign-in")]
    Nonce,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// What has to be understood and is not: nothing is.
    crit: Option<Value>,
}

/// What is claimed in it, if all of it holds.
pub(super) fn claims(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Value, Wrong> {
    let (message, signature) = token.rsplit_once('.').ok_or(Wrong::Form)?;
    let (head, body) = message.split_once('.').ok_or(Wrong::Form)?;
    let bytes = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong::Form);
    let head: Head = serde_json::from_slice(&bytes(head)?).map_err(|_| Wrong::Form)?;
    let way = Way::of(&head.alg).filter(|_| head.crit.is_none()).ok_or(Wrong::Way)?;
    let signature = bytes(signature)?;
    match keys.signed((way, head.kid.as_deref()), message.as_bytes(), &signature) {
        None => return Err(Wrong::Key),
        Some(false) => return Err(Wrong::Signature),
        Some(true) => {}
    }
    let claims: Value = serde_json::from_slice(&bytes(body)?).map_err(|_| Wrong::Form)?;
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &Value, expected: &Expected<'_>) -> Result<(), Wrong> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Wrong::Issuer);
    }
    let client = Value::String(expected.client.to_owned());
    let (named, alone) = match claims.get("aud") {
        Some(Value::Array(all)) => (all.contains(&client), all.len() == 1),
        Some(one) => (*one == client, true),
        None => (false, false),
    };
    // Of several, and wherever it is said, the one that asked for it.
    let party = claims.get("azp");
    let meant = if alone { party.is_none_or(|party| *party == client) } else { party == Some(&client) };
    if !named || !meant {
        return Err(Wrong::Audience);
    }
    // Seconds, of which some write parts.
    let second = |name: &str| claims.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far from where these differ")]
    let (now, apart) = (expected.now as f64, APART as f64);
    let ends = second("exp").is_some_and(|end| end > now - apart);
    let begun = ["iat", "nbf"].iter().filter_map(|name| second(name)).all(|begin| begin <= now + apart);
    if !ends || !begun {
        return Err(Wrong::Time);
    }
    if text("nonce") != Some(expected.nonce) { Err(Wrong::Nonce) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::{Expected, Wrong, claims};
    use crate::oidc::keys::Keys;

    struct Signer(EcdsaKeyPair);

    impl Signer {
        fn new() -> Self {
            let (random, way) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
            let bytes = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(way, bytes.as_ref(), &random).unwrap())
        }

        fn keys(&self, id: &str) -> Keys {
            let point = self.0.public_key().as_ref();
            let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            let (x, y) = (part(&point[1..33]), part(&point[33..]));
            let key = json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y });
            serde_json::from_value(json!({ "keys": [{ "kty": "oct", "k": "AA" }, key] })).unwrap()
        }

        fn signed(&self, head: &Value, body: &Value) -> String {
            let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", part(head), part(body));
            let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
        }
    }

    const EXPECTED: Expected<'_> = Expected { issuer: "https://id", client: "skein", nonce: "n", now: 1_000 };

    fn body() -> Value {
        json!({ "iss": "https://id", "aud": "skein", "sub": "1", "exp": 1_300, "iat": 990, "nonce": "n" })
    }

    #[test]
    fn each_claim_that_is_not_as_it_has_to_be_is_found() {
        let signer = Signer::new();
        let (head, keys) = (json!({ "alg": "ES256", "kid": "a" }), signer.keys("a"));
        let with = |name: &str, value: Value| {
            let mut body = body();
            body[name] = value;
            claims(&signer.signed(&head, &body), &keys, &EXPECTED).map(drop)
        };
        assert_eq!(with("aud", json!(["skein"])), Ok(()));
        assert_eq!(with("exp", json!(941.5)), Ok(()), "clocks may differ a little");
        for (name, value, wrong) in [
            ("iss", json!("https://id/"), Wrong::Issuer),
            ("aud", json!("other"), Wrong::Audience),
            ("aud", json!(["skein", "other"]), Wrong::Audience),
            ("azp", json!("other"), Wrong::Audience),
            ("aud", Value::Null, Wrong::Audience),
            ("exp", json!(940), Wrong::Time),
            ("exp", Value::Null, Wrong::Time),
            ("iat", json!(1_061), Wrong::Time),
            ("nbf", json!(1_061), Wrong::Time),
            ("nonce", json!("m"), Wrong::Nonce),
            ("nonce", Value::Null, Wrong::Nonce),
        ] {
            assert_eq!(with(name, value.clone()), Err(wrong), "{name} {value}");
        }
    }

    #[test]
    fn what_is_signed_otherwise_or_by_another_is_not_taken() {
        let (signer, other) = (Signer::new(), Signer::new());
        let keys = signer.keys("a");
        let taken = |token: &str| claims(token, &keys, &EXPECTED).map(drop);
        let head = json!({ "alg": "ES256", "kid": "a" });
        let good = signer.signed(&head, &body());
        assert_eq!(taken(&good), Ok(()));
        assert_eq!(taken(&other.signed(&head, &body())), Err(Wrong::Signature));
        assert_eq!(taken(&signer.signed(&json!({ "alg": "ES256", "kid": "b" }), &body())), Err(Wrong::Key));
        assert_eq!(taken(&signer.signed(&json!({ "alg": "RS256", "kid": "a" }), &body())), Err(Wrong::Key));
        for alg in ["none", "HS256", "es256", ""] {
            assert_eq!(taken(&signer.signed(&json!({ "alg": alg }), &body())), Err(Wrong::Way), "{alg}");
        }
        let critical = json!({ "alg": "ES256", "kid": "a", "crit": ["b64"] });
        assert_eq!(taken(&signer.signed(&critical, &body())), Err(Wrong::Way));
        // Without its signature, with another's body, and what is no token.
        let (message, signature) = good.rsplit_once('.').unwrap();
        assert_eq!(taken(&format!("{message}.")), Err(Wrong::Signature));
        let mut changed = body();
        changed["sub"] = json!("2");
        let changed = signer.signed(&head, &changed);
        let changed = changed.rsplit_once('.').unwrap().0;
        assert_eq!(taken(&format!("{changed}.{signature}")), Err(Wrong::Signature));
        for none in ["", "a", "a.b", "a.b.c", &good.replace('.', "")] {
            assert_eq!(taken(none), Err(Wrong::Form), "{none}");
        }
    }
}
