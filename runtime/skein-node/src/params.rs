//! Parameters of a run: canonical JSON, secrets apart, one digest.
//!
//! A secret stands in the parameters as `{"$secret": "name"}` and nowhere else: the JSON that guests, plans and
//! records see never holds its value. The digest covers a keyed hash of the value instead, so that a changed secret is
//! a changed migration, while a short secret cannot be guessed from the record without the key.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use skein_api::secret_names;
use skein_sandbox::GuestConfig;
use skein_types::{Blake3, Code, ErrorClass, ParamsDigest, codes, nearest};

use crate::mask::Mask;

const DEPTH_MAX: usize = 64;
const BYTES_MAX: usize = 1 << 20;

/// Parameters ready for a run.
#[derive(Clone)]
pub struct Params {
    json: String,
    value: Value,
    secrets: BTreeMap<String, Vec<u8>>,
    digest: ParamsDigest,
}

/// Why parameters cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum ParamsError {
    #[error("the parameters are not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("the parameters are larger than 1 MiB")]
    TooLarge,
    #[error("the parameters are nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("secret {name:?} is named by the parameters and was not given")]
    SecretMissing { name: String, near: Option<String> },
    #[error("secret {name:?} was given and the parameters do not name it")]
    SecretUnused { name: String },
}

impl ParamsError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotJson(_) | Self::TooLarge | Self::TooDeep => codes::PARAMS_INVALID,
            Self::SecretMissing { .. } => codes::SECRET_MISSING,
            Self::SecretUnused { .. } => codes::USAGE,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SecretMissing { name, near: Some(near) } => {
                Some(format!("{near:?} was given: is it the same? then let both say {name:?}"))
            }
            Self::SecretMissing { name, near: None } => Some(format!("give it with --secret {name}=@FILE")),
            Self::SecretUnused { name } => Some(format!(
                "write {{\"$secret\":\"{name}\"}} where the parameters need it, or leave it out"
            )),
            Self::NotJson(_) | Self::TooLarge | Self::TooDeep => None,
        }
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Params")
            .field("json", &self.json)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Params {
    /// From JSON text; `{}` if there is none.
    pub fn from_json(
        text: Option<&str>,
        secrets: BTreeMap<String, Vec<u8>>,
        digest_key: &[u8; 32],
    ) -> Result<Self, ParamsError> {
        let text = text.unwrap_or("{}");
        if text.len() > BYTES_MAX {
            return Err(ParamsError::TooLarge);
        }
        Self::new(serde_json::from_str(text).map_err(ParamsError::NotJson)?, secrets, digest_key)
    }

    /// From a value and the secrets that it names: exactly those.
    pub fn new(
        value: Value,
        secrets: BTreeMap<String, Vec<u8>>,
        digest_key: &[u8; 32],
    ) -> Result<Self, ParamsError> {
        let value = sorted(value, 0)?;
        let named = secret_names(&value);
        if let Some(name) = named.iter().find(|name| !secrets.contains_key(**name)) {
            let unnamed = secrets.keys().map(String::as_str).filter(|given| !named.contains(given));
            let near = nearest(name, unnamed).map(str::to_owned);
            return Err(ParamsError::SecretMissing { name: (*name).to_owned(), near });
        }
        if let Some(name) = secrets.keys().find(|name| !named.contains(name.as_str())) {
            return Err(ParamsError::SecretUnused { name: name.clone() });
        }
        let json = value.to_string();
        if json.len() > BYTES_MAX {
            return Err(ParamsError::TooLarge);
        }
        let digest = digest(&json, &secrets, digest_key);
        Ok(Self { json, value, secrets, digest })
    }

    /// Canonical JSON: no spaces, keys sorted, secrets by name.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The key that somebody wrote who meant this one, perhaps.
    pub(crate) fn nearest_key(&self, key: &str) -> Option<&str> {
        let keys = self.value.as_object().into_iter().flat_map(Map::keys);
        nearest(key, keys.map(String::as_str))
    }

    /// A string at the top level, such as the migration's name in a `columns` spec.
    pub fn string(&self, key: &str) -> Option<&str> {
        self.value.get(key).and_then(Value::as_str)
    }

    /// What guests get through `config`: the values of the secrets.
    pub(crate) fn guest_config(&self) -> Arc<GuestConfig> {
        Arc::new(GuestConfig { settings: BTreeMap::new(), secrets: self.secrets.clone() })
    }

    /// Takes the values that must not show out of words.
    pub(crate) fn mask(&self) -> Mask {
        Mask::new(self.secrets.values().map(Vec::as_slice))
    }

    /// The same under the digest that another process, with another key, knows it by.
    #[must_use]
    pub(crate) fn known_as(self, digest: ParamsDigest) -> Self {
        Self { digest, ..self }
    }

    /// What records name.
    pub const fn digest(&self) -> ParamsDigest {
        self.digest
    }
}

/// Keys in byte order at every level, whatever map type serde_json was built with.
fn sorted(value: Value, depth: usize) -> Result<Value, ParamsError> {
    if depth > DEPTH_MAX {
        return Err(ParamsError::TooDeep);
    }
    Ok(match value {
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| sorted(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let entries = entries.into_iter().map(|(key, item)| Ok((key, sorted(item, depth + 1)?)));
            Value::Object(entries.collect::<Result<Map<_, _>, ParamsError>>()?)
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    })
}

fn digest(json: &str, secrets: &BTreeMap<String, Vec<u8>>, key: &[u8; 32]) -> ParamsDigest {
    let keyed = secrets.iter().map(|(name, value)| (name.as_str(), Blake3::of_secret(key, name, value)));
    ParamsDigest::with_secrets(json, keyed)
}

#[cfg(test)]
mod tests {
    use super::{Params, ParamsError};
    use std::collections::BTreeMap;

    const KEY: [u8; 32] = [7; 32];

    fn params(json: &str, secrets: &[(&str, &str)]) -> Result<Params, ParamsError> {
        let secrets = secrets.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        Params::from_json(Some(json), secrets.collect::<BTreeMap<_, _>>(), &KEY)
    }

    #[test]
    fn spelling_does_not_change_the_digest_and_content_does() {
        let one = params(r#"{"b": 1, "a": {"y": 2, "x": 3}}"#, &[]).unwrap();
        let same = params(r#"{"a":{"x":3,"y":2},"b":1}"#, &[]).unwrap();
        assert_eq!(one.json(), r#"{"a":{"x":3,"y":2},"b":1}"#);
        assert_eq!(one.digest(), same.digest());
        assert_ne!(one.digest(), params(r#"{"a":{"x":3,"y":2},"b":2}"#, &[]).unwrap().digest());
    }

    #[test]
    fn a_secret_changes_the_digest_and_is_in_no_text() {
        let json = r#"{"key":{"$secret":"k"}}"#;
        let one = params(json, &[("k", "hunter2")]).unwrap();
        assert_ne!(one.digest(), params(json, &[("k", "hunter3")]).unwrap().digest());
        assert!(!format!("{one:?}{}", one.json()).contains("hunter2"));
        assert_eq!(one.guest_config().secrets["k"], b"hunter2");
    }

    #[test]
    fn missing_and_unused_secrets_are_refused_by_name() {
        let missing = params(r#"{"a":[{"$secret":"k"}]}"#, &[]).expect_err("not given");
        assert_eq!(missing.to_string(), "secret \"k\" is named by the parameters and was not given");
        let unused = params("{}", &[("k", "v")]).expect_err("not named");
        assert_eq!(unused.code().id, "SK0003");
    }

    #[test]
    fn bottomless_parameters_are_refused() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(matches!(params(&deep, &[]), Err(ParamsError::TooDeep)));
    }
}
