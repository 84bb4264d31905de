//! Content digests. A module's identity is its sha256; everything that Skein writes itself is named by BLAKE3.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// A digest that could not be parsed: wrong prefix, length or digit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a digest of the form {form}")]
pub struct DigestParseError {
    text: String,
    form: &'static str,
}

macro_rules! digest {
    ($(#[doc = $doc:literal])* $name:ident, $prefix:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = DigestParseError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix).and_then(parse_hex).map(Self).ok_or_else(|| DigestParseError {
                    text: text.chars().take(100).collect(),
                    form: concat!($prefix, "<64 hex digits>"),
                })
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::described::text(
                    concat!($($doc),*),
                    concat!("^", $prefix, "[0-9a-f]{64}$"),
                    concat!($prefix, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
                )
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

digest! {
    /// sha256 of some bytes.
    Sha256, "sha256:"
}
digest! {
    /// Identity of a module: sha256 of the component's bytes.
    ModuleDigest, "sha256:"
}
digest! {
    /// BLAKE3 of some bytes: files, records, artifacts.
    Blake3, "blake3:"
}
digest! {
    /// BLAKE3 of a run's parameters in canonical JSON, secrets replaced by keyed digests.
    ParamsDigest, "blake3:"
}

impl ModuleDigest {
    /// Digest of a module's bytes.
    pub fn of(module: &[u8]) -> Self {
        Self(sha2::Sha256::digest(module).into())
    }
}

impl Blake3 {
    /// Digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Digest of bytes with a key: without it nobody can tell which bytes they were by trying some.
    pub fn keyed(key: &[u8; 32], bytes: &[u8]) -> Self {
        Self(*blake3::keyed_hash(key, bytes).as_bytes())
    }

    /// Keyed, of a secret: whoever sees two of them does not learn that two names have one value.
    pub fn of_secret(key: &[u8; 32], name: &str, value: &[u8]) -> Self {
        Self::keyed(key, &[name.as_bytes(), b"\0", value].concat())
    }

    /// The first eight hex digits, as used in output file names.
    pub fn short(&self) -> String {
        self.0[..4].iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl From<blake3::Hash> for Blake3 {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl ParamsDigest {
    /// Digest of canonical parameter bytes.
    pub fn of(canonical: &[u8]) -> Self {
        Self(*blake3::hash(canonical).as_bytes())
    }

    /// Digest of parameters as canonical JSON, with the keyed digest of each secret that they name, in order of their names: a
    /// changed secret is a changed migration.
    pub fn with_secrets<'a>(canonical: &str, secrets: impl IntoIterator<Item = (&'a str, Blake3)>) -> Self {
        let mut bytes = canonical.as_bytes().to_vec();
        for (name, Blake3(digest)) in secrets {
            bytes.push(0);
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(&digest);
        }
        Self::of(&bytes)
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let hex = |d: u8| char::from(d).to_digit(16).filter(|_| !d.is_ascii_uppercase());
        *byte = u8::try_from(hex(pair[0])? * 16 + hex(pair[1])?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{Blake3, ModuleDigest};

    #[test]
    fn digests_print_and_parse_back() {
        let digest = ModuleDigest::of(b"abc");
        assert_eq!(
            digest.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Blake3::of(b"").short(), "af1349b9");
    }

    #[test]
    fn foreign_prefixes_lengths_and_digits_are_refused() {
        let good = ModuleDigest::of(b"abc").to_string();
        for bad in [
            good.to_uppercase(),
            good.replace("sha256", "md5"),
            good[..70].to_owned(),
            good.replace('b', "g"),
        ] {
            assert!(bad.parse::<ModuleDigest>().is_err(), "{bad}");
        }
    }
}
