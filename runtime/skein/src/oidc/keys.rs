//! The keys of a provider, as JSON Web Keys (RFC 7517): RSA for RS256, P-256 for ES256. Others are passed over.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Rs256,
    Es256,
}

impl Way {
    /// No others are taken: not `none`, and none that whoever knows a public key could sign with.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Rs256 => "RSA",
            Self::Es256 => "EC",
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Whether there is a key for this at all, and one of them signed it.
    pub(super) fn signed(
        &self,
        (way, id): (Way, Option<&str>),
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let mut fit = self.keys.iter().filter(|key| key.fits(way, id)).peekable();
        fit.peek()?;
        Some(fit.any(|key| key.signed(way, message, signature).unwrap_or(false)))
    }
}

impl Key {
    fn fits(&self, way: Way, id: Option<&str>) -> bool {
        let said = |said: &Option<String>, is: &str| said.as_deref().is_none_or(|said| said == is);
        self.kty == way.kind()
            && said(&self.usage, "sig")
            && said(&self.alg, way.word())
            && id.is_none_or(|id| self.kid.as_deref() == Some(id))
    }

    /// Nothing where the key is none.
    fn signed(&self, way: Way, message: &[u8], signature: &[u8]) -> Option<bool> {
        let bytes = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        Some(match way {
            Way::Rs256 => {
                let key = RsaPublicKeyComponents { n: bytes(&self.n)?, e: bytes(&self.e)? };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Way::Es256 => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                if self.crv.as_deref() != Some("P-256") || x.len() != 32 || y.len() != 32 {
                    return None;
                }
                // A point that is not compressed (SEC 1, 2.3.3).
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        })
    }
}
