//! Keys: ed25519 (RFC 8032), the public half as PEM (RFC 8410) for other tools.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::error::AttestError;

/// What comes before the 32 bytes of an ed25519 key in the DER of a SubjectPublicKeyInfo.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A key that signs.
pub struct Signer(SigningKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public().id()).finish()
    }
}

impl Signer {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self::from_bytes(&secret))
    }

    /// A stored key.
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The secret half, to store where only the owner can read.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs some bytes; in base64.
    pub fn sign(&self, message: &[u8]) -> String {
        BASE64_STANDARD.encode(self.0.sign(message).to_bytes())
    }
}

/// The public half of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// What it is called: `ed25519:` and the first half of its sha256.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest[..16].iter().fold("ed25519:".to_owned(), |mut id, byte| {
            id.push_str(&format!("{byte:02x}"));
            id
        })
    }

    /// Its bytes, in base64.
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.0.as_bytes())
    }

    /// Bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, AttestError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|error| AttestError::form("a public key", error))?;
        Self::of(&bytes)
    }

    /// As a PEM file.
    pub fn to_pem(&self) -> String {
        let der = [&SPKI[..], self.0.as_bytes()].concat();
        format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(der))
    }

    /// A PEM file.
    pub fn from_pem(text: &str) -> Result<Self, AttestError> {
        let form = |problem: &str| AttestError::form("a public key", problem);
        let inner = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let inner = inner.ok_or_else(|| form("it is no PEM file of one"))?;
        let inner: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
        let der = BASE64_STANDARD.decode(inner).map_err(|error| form(&error.to_string()))?;
        let bytes = der.strip_prefix(&SPKI[..]).ok_or_else(|| form("it is none of ed25519"))?;
        Self::of(bytes)
    }

    fn of(bytes: &[u8]) -> Result<Self, AttestError> {
        let bytes = bytes.try_into().map_err(|_| AttestError::form("a public key", "it has not 32 bytes"))?;
        let key =
            VerifyingKey::from_bytes(bytes).map_err(|error| AttestError::form("a public key", error))?;
        Ok(Self(key))
    }

    /// Whether it signed this. The signature is base64. Keys and signatures that more than one message fits are refused.
    pub fn signed(&self, message: &[u8], signature: &str) -> bool {
        let bytes = BASE64_STANDARD.decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.is_some_and(|bytes: [u8; 64]| {
            self.0.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PublicKey, Signer};

    #[test]
    fn a_public_key_is_read_back_and_a_known_one_has_the_file_that_openssl_writes() {
        let key = Signer::from_bytes(&[7; 32]).public();
        assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key));
        assert_eq!(PublicKey::from_base64(&key.to_base64()), Ok(key));
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA6kpsY+Kcqzv1UWj+GCcD7e/OKyVq2oCGz8xZ2fjfb9E=\n-----END PUBLIC KEY-----\n";
        let known = PublicKey::from_base64("6kpsY+Kcqzv1UWj+GCcD7e/OKyVq2oCGz8xZ2fjfb9E=").ok();
        assert_eq!(PublicKey::from_pem(pem).ok(), known);
        for bad in
            ["", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
        {
            assert!(PublicKey::from_pem(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_key_and_the_bytes_that_were_signed_fit_a_signature() {
        let (signer, other) = (Signer::from_bytes(&[7; 32]), Signer::from_bytes(&[8; 32]));
        let signature = signer.sign(b"what is so");
        assert!(signer.public().signed(b"what is so", &signature));
        assert!(!signer.public().signed(b"what is no", &signature));
        assert!(!other.public().signed(b"what is so", &signature));
        assert!(!signer.public().signed(b"what is so", "c2lnbmF0dXJl"));
        assert_ne!(signer.public().id(), other.public().id());
    }
}
