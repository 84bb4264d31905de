//! Signatures as Standard Webhooks 1.0 has them.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>: HMAC-SHA256 over
//! `{id}.{timestamp}.{body}`, the secret as `whsec_` and base64. While a secret is being replaced there are two, and a signature of
//! each goes out, so that receivers may change to the new one when they like.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use skein_types::{ErrorClass, Millis, Timestamp};

const PREFIX: &str = "whsec_";
const SIGNATURE: &str = "v1,";
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// One that is current, and those that it replaces.
const SECRETS_MAX: usize = 4;
/// A sender that rotates has two; whoever sends a thousand wants us busy.
const SIGNATURES_MAX: usize = 16;

/// A secret that cannot be. The message has nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Another form.
    #[error("a secret is {PREFIX} and base64")]
    Form,
    /// Too short to be one, or longer than the standard has it.
    #[error("a secret has {} to {} bytes, and this one has {found}", BYTES.start(), BYTES.end())]
    Length {
        /// It has.
        found: usize,
    },
    /// None, or too many at a time.
    #[error("a receiver has 1 to {SECRETS_MAX} secrets, and not {found}")]
    Number {
        /// So many.
        found: usize,
    },
}

/// What one receiver's notices are signed with. Printed, it is `whsec_…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Of random bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        if BYTES.contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(SecretError::Length { found: bytes.len() })
        }
    }

    /// As its receiver has to be given it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn mac(&self, (id, timestamp): (&str, &str), body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length is one");
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

impl FromStr for Secret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).filter(|text| text.len() <= 88).ok_or(SecretError::Form)?;
        Self::new(&STANDARD.decode(encoded).map_err(|_| SecretError::Form)?)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A receiver's secrets: the current one first, then those that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// At least one.
    pub fn new(secrets: Vec<Secret>) -> Result<Self, SecretError> {
        if (1..=SECRETS_MAX).contains(&secrets.len()) {
            Ok(Self(secrets))
        } else {
            Err(SecretError::Number { found: secrets.len() })
        }
    }

    /// The value of `webhook-signature`: one signature for each.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let signed = self.0.iter().map(|secret| {
            let mac = secret.mac((id, timestamp), body).finalize().into_bytes();
            format!("{SIGNATURE}{}", STANDARD.encode(mac))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

/// The three headers of a webhook.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// A webhook that is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The timestamp is no number.
    #[error("the timestamp is no number")]
    Timestamp,
    /// It was sent too long ago, or is not to be sent yet: perhaps somebody who listened sends it again.
    #[error("it was not sent just now")]
    NotNow,
    /// No signature is one of this secret over this body.
    #[error("no signature is by this secret")]
    Signature,
}

impl VerifyError {
    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::Denied
    }
}

/// What a receiver does before it believes a webhook: one of the signatures is by its secret, and the timestamp is no further from
/// `now` than `tolerance`. Whether it has seen the id before is for the receiver to know.
pub fn verify(
    headers: Signed<'_>,
    body: &[u8],
    secret: &Secret,
    now: Timestamp,
    tolerance: Millis,
) -> Result<(), VerifyError> {
    let seconds: u64 = headers.timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
    let sent = seconds.checked_mul(1_000).ok_or(VerifyError::Timestamp)?;
    if sent.abs_diff(now.0) > tolerance.0 {
        return Err(VerifyError::NotNow);
    }
    let mac = secret.mac((headers.id, headers.timestamp), body);
    let signatures = headers.signature.split(' ').take(SIGNATURES_MAX);
    let encoded = signatures.filter_map(|signature| signature.strip_prefix(SIGNATURE));
    // `verify_slice` takes the same time wherever the first difference is.
    let holds = |signature: Vec<u8>| mac.clone().verify_slice(&signature).is_ok();
    if encoded.filter_map(|text| STANDARD.decode(text).ok()).any(holds) {
        Ok(())
    } else {
        Err(VerifyError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use skein_types::{Millis, Timestamp};

    use super::{Secret, SecretError, Secrets, Signed, VerifyError, verify};

    // The vector that the specification's own libraries are tested with (`sign function works`, `TestWebhookSign`).
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const NOW: Timestamp = Timestamp(1_614_265_330_000);
    const FIVE_MINUTES: Millis = Millis(300_000);

    fn secret() -> Secret {
        SECRET.parse().unwrap()
    }

    fn verified(headers: Signed<'_>, body: &[u8], now: Timestamp) -> Result<(), VerifyError> {
        verify(headers, body, &secret(), now, FIVE_MINUTES)
    }

    const GOOD: Signed<'static> = Signed { id: ID, timestamp: TIMESTAMP, signature: SIGNATURE };

    #[test]
    fn the_standards_vector_is_signed_and_verified() {
        let secrets = Secrets::new(vec![secret()]).unwrap();
        assert_eq!(secrets.sign(ID, TIMESTAMP, BODY), SIGNATURE);
        assert_eq!(verified(GOOD, BODY, NOW), Ok(()));
    }

    #[test]
    fn anything_else_than_what_was_signed_is_refused() {
        let refused = Err(VerifyError::Signature);
        assert_eq!(verified(Signed { id: "msg_x", ..GOOD }, BODY, NOW), refused);
        assert_eq!(verified(Signed { timestamp: "1614265331", ..GOOD }, BODY, NOW), refused);
        assert_eq!(verified(GOOD, br#"{"test":2432232314}"#, NOW), refused);
        let cut = &SIGNATURE[..11];
        for signature in
            ["", "v1,", "v1", cut, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", &SIGNATURE[3..]]
        {
            assert_eq!(verified(Signed { signature, ..GOOD }, BODY, NOW), refused, "{signature}");
        }
        let other = Secret::new(&[7; 24]).unwrap();
        assert_eq!(verify(GOOD, BODY, &other, NOW, FIVE_MINUTES), refused);
    }

    #[test]
    fn a_timestamp_is_near_or_it_is_refused() {
        let late = |ms: u64| verified(GOOD, BODY, Timestamp(ms));
        assert_eq!(late(NOW.0 + 300_000), Ok(()));
        assert_eq!(late(NOW.0 + 300_001), Err(VerifyError::NotNow));
        assert_eq!(late(NOW.0 - 300_000), Ok(()));
        assert_eq!(late(NOW.0 - 300_001), Err(VerifyError::NotNow));
        for timestamp in ["", "hello", "-1", "1.5", "18446744073709551615"] {
            assert_eq!(verified(Signed { timestamp, ..GOOD }, BODY, NOW), Err(VerifyError::Timestamp));
        }
    }

    #[test]
    fn while_a_secret_is_replaced_both_verify() {
        let (new, old) = (Secret::new(&[7; 24]).unwrap(), secret());
        let secrets = Secrets::new(vec![new.clone(), old.clone()]).unwrap();
        let both = secrets.sign(ID, TIMESTAMP, BODY);
        assert_eq!(both.split(' ').nth(1), Some(SIGNATURE));
        let headers = Signed { signature: &both, ..GOOD };
        assert_eq!(verify(headers, BODY, &new, NOW, FIVE_MINUTES), Ok(()));
        assert_eq!(verify(headers, BODY, &old, NOW, FIVE_MINUTES), Ok(()));
    }

    #[test]
    fn a_header_with_thousands_of_signatures_is_not_read_to_its_end() {
        let many = |before: usize| format!("{}{SIGNATURE}", "v1,AAAA ".repeat(before));
        assert_eq!(verified(Signed { signature: &many(15), ..GOOD }, BODY, NOW), Ok(()));
        assert_eq!(verified(Signed { signature: &many(16), ..GOOD }, BODY, NOW), Err(VerifyError::Signature));
    }

    #[test]
    fn secrets_have_24_to_64_bytes_and_are_never_printed() {
        assert_eq!(secret().reveal(), SECRET);
        let of = |bytes: usize| Secret::new(&vec![1; bytes]).map(|secret| secret.reveal().parse::<Secret>());
        assert_eq!(of(23), Err(SecretError::Length { found: 23 }));
        assert!(matches!(of(24), Ok(Ok(_))) && matches!(of(64), Ok(Ok(_))));
        assert_eq!(of(65), Err(SecretError::Length { found: 65 }));
        for bad in
            ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert_eq!(bad.parse::<Secret>(), Err(SecretError::Form), "{bad}");
        }
        assert_eq!("whsec_AAAA".parse::<Secret>(), Err(SecretError::Length { found: 3 }));
        let printed = format!("{:?}", Secrets::new(vec![secret()]).unwrap());
        assert_eq!(printed, "Secrets([Secret(…)])");
        assert_eq!(Secrets::new(Vec::new()), Err(SecretError::Number { found: 0 }));
        assert_eq!(Secrets::new(vec![secret(); 5]), Err(SecretError::Number { found: 5 }));
    }
}
