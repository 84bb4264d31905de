//! What the head of a request says about the module that comes with it.

use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use skein_control::ServiceError;
use skein_types::{ModuleDigest, codes};

use crate::limits::WAIT_TIME;
use crate::problem::Refusal;
use crate::v1::said;

/// Of the team that a module shall belong to.
const TEAM: &str = "skein-team";
/// Where it was made from, and from which commit of that.
const SOURCE: &str = "skein-source";
const COMMIT: &str = "skein-commit";
/// `sha256:HEX`.
const DIGEST: &str = "skein-digest";
/// RFC 9530. A body as it is here is what it represents, so both mean the same.
const DIGESTS: [&str; 2] = ["content-digest", "repr-digest"];
/// RFC 7240.
const PREFER: &str = "prefer";

/// All of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) team: Option<String>,
    pub(super) digest: Option<ModuleDigest>,
    pub(super) source: Option<String>,
    pub(super) commit: Option<String>,
    /// How long the answer may wait until it is compiled.
    pub(super) wait: Option<Duration>,
}

impl Sent {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self {
            team: said(headers, TEAM)?,
            digest: digest(headers)?,
            source: said(headers, SOURCE)?,
            commit: said(headers, COMMIT)?,
            wait: wait(headers),
        })
    }
}

/// All digests of the kind that is known here; they have to be the same.
fn digest(headers: &HeaderMap) -> Result<Option<ModuleDigest>, Refusal> {
    let wrong = |name: &str, how: &str| {
        let hint = "write Skein-Digest: sha256:HEX, or Content-Digest: sha-256=:BASE64:";
        Refusal(ServiceError::new(codes::DIGEST_DIFFERS, format!("the header {name} {how}")).hint(Some(hint)))
    };
    let mut found = None;
    if let Some(text) = said(headers, DIGEST)? {
        found = Some(text.trim().parse().map_err(|_| wrong(DIGEST, "is not sha256: and 64 hex digits"))?);
    }
    for name in DIGESTS {
        let Some(text) = said(headers, name)? else { continue };
        // A dictionary: others than the one that is known here are passed over.
        let member = text.split(',').find_map(|member| member.trim().strip_prefix("sha-256="));
        let Some(member) = member else { continue };
        let value = member.split(';').next().unwrap_or_default().trim();
        let base64 = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
        let bytes = base64.and_then(|base64| BASE64_STANDARD.decode(base64).ok());
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let said = bytes.map(ModuleDigest).ok_or_else(|| wrong(name, "has no SHA-256 as :BASE64:"))?;
        if found.is_some_and(|found| found != said) {
            return Err(wrong(name, "says another digest than the others"));
        }
        found = Some(said);
    }
    Ok(found)
}

/// What cannot be understood is no preference.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let texts = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut seconds = texts.flat_map(|text| text.split(',')).filter_map(|one| {
        let (name, value) = one.trim().split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("wait")
            .then_some(value.trim().trim_matches('"').parse::<u64>().ok()?)
    });
    Some(Duration::from_secs(seconds.next()?).min(WAIT_TIME))
}

#[cfg(test)]
mod tests {
    use super::{Sent, WAIT_TIME};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use skein_types::ModuleDigest;
    use std::time::Duration;

    fn read(lines: &[(&'static str, &str)]) -> Result<Sent, &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Sent::of(&headers).map_err(|refusal| refusal.0.code.id)
    }

    #[test]
    fn a_digest_is_read_in_each_of_its_spellings_and_they_must_agree() {
        // Of no bytes at all.
        let hex = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let base64 = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        let of_nothing = Ok(Some(ModuleDigest::of(b"")));
        let digest = |lines: &[(&'static str, &str)]| read(lines).map(|sent| sent.digest);
        assert_eq!(digest(&[("skein-digest", hex)]), of_nothing);
        assert_eq!(digest(&[("content-digest", base64)]), of_nothing);
        assert_eq!(digest(&[("repr-digest", &format!("sha-512=:AA==:, {base64}"))]), of_nothing);
        assert_eq!(digest(&[("skein-digest", hex), ("content-digest", base64)]), of_nothing);
        assert_eq!(digest(&[("content-digest", "sha-512=:AA==:")]), Ok(None));
        for wrong in ["sha-256=47DE", "sha-256=:AA==:", "sha-256=:?:"] {
            assert_eq!(digest(&[("content-digest", wrong)]), Err("SK0728"), "{wrong}");
        }
        let other = ModuleDigest::of(b"other").to_string();
        assert_eq!(digest(&[("skein-digest", &other), ("content-digest", base64)]), Err("SK0728"));
        assert_eq!(digest(&[("skein-digest", "sha256:00")]), Err("SK0728"));
    }

    #[test]
    fn a_wait_is_a_preference_among_others_and_has_a_most() {
        let wait = |text: &str| read(&[("prefer", text)]).unwrap().wait;
        assert_eq!(wait("wait=10"), Some(Duration::from_secs(10)));
        assert_eq!(wait("respond-async, Wait=\"3\""), Some(Duration::from_secs(3)));
        assert_eq!(wait("wait=99999"), Some(WAIT_TIME));
        for none in ["respond-async", "wait", "wait=x", ""] {
            assert_eq!(wait(none), None, "{none}");
        }
    }
}
